//! A mount process of its own: this test program, started anew.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use firn_fusefs::mount::background::{self, BackgroundError, Parent};
use firn_fusefs::mount::{self, Ended, MountError, StopSignals};

use crate::view::everything;
use crate::world::{need_fuse, parsed};

/// Tells the child what to do; its value is the mount point.
const POINT: &str = "FIRN_IT_POINT";
const OPTIONS: &str = "FIRN_IT_OPTIONS";

/// Exit status by the way the mount ended.
pub(crate) fn status(ended: Ended) -> i32 {
    match ended {
        Ended::Unmounted => 10,
        Ended::Signalled => 11,
        Ended::Forced => 12,
    }
}

fn command(point: &Path, options: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child::the_child_refuses_to_run_without_a_parent", "--exact", "--nocapture"]);
    command.env(POINT, point).env(OPTIONS, options).stderr(Stdio::null());
    command
}

/// A process that has the tree [`everything`] mounted. Killed when dropped.
pub(crate) struct MountProcess(Child);

impl MountProcess {
    pub(crate) fn start(point: &Path, options: &str) -> Result<MountProcess, BackgroundError> {
        need_fuse();
        background::start(command(point, options)).map(|(child, _)| MountProcess(child))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Its exit status; `None` when a signal killed it.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for MountProcess {
    fn drop(&mut self) {
        // Already gone in most tests.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(parent: Parent, point: &Path) -> i32 {
    let work = || -> Result<_, MountError> {
        let signals = StopSignals::install().expect("signals can be caught");
        let options = parsed(&std::env::var(OPTIONS).unwrap());
        Ok((mount::mount(Arc::new(everything().0.fs()), point, &options)?, signals))
    };
    match work() {
        Err(error) => {
            parent.failed(&error.to_string(), 7);
            7
        }
        Ok((mounted, signals)) => match parent.ready("", None) {
            Err(_) => 8,
            Ok(()) => mounted.wait(signals).map_or(9, status),
        },
    }
}

/// Both the entry of the child and a test: without a socket on its standard input it must not go on.
#[test]
fn the_child_refuses_to_run_without_a_parent() {
    if let Some(point) = std::env::var_os(POINT) {
        std::process::exit(match Parent::attach() {
            Ok(parent) => serve(parent, &PathBuf::from(point)),
            Err(BackgroundError::NoParent(_)) => 6,
            Err(_) => 5,
        });
    }
    let alone = command(Path::new("/"), "").stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
    assert_eq!(alone.code(), Some(6));
}
