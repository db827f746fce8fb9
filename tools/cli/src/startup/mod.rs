//! A start of an image, tried out: mounted, put below a layer for changes, and run by `runc` for a few seconds.
//!
//! All mounts are made in a mount namespace of this process, so they go when it goes, however it goes.

mod config;
mod spec;
mod users;

use std::fs::{DirBuilder, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use firn_engine::Archive;
use firn_engine::ErrorKind;
use firn_engine::format::{Filesystem, ImageRecord};
use firn_engine::read::OpenImage;
use firn_fusefs::fs::Fs;
use firn_fusefs::mount::{self, MountOptions, StopSignals};
use rustix::mount::{MountFlags, MountPropagationFlags};

use crate::failure::Failure;
use config::StartConfig;
use spec::Process;

/// Bytes that the program may write.
const CHANGES: &str = "size=1g,mode=700";
/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(50);
/// For so long it may take to end after it was told to.
const GRACE: Duration = Duration::from_secs(5);
/// And to be gone after it was killed.
const KILLED: Duration = Duration::from_secs(10);
/// Of what it said, as much is shown when it failed.
const LAST_WORDS: u64 = 2000;
const RUNTIME: &str = "runc";
const CONTAINER: &str = "firn-startup";

/// How a start ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The program ended by itself, well.
    Done,
    /// It ran as long as it was to.
    Stopped,
}

/// Starts the image's program, or `command`, lets it run for so long, and leaves in `image` which of its bytes were asked for.
///
/// # Errors
/// This is not root; there is no `runc`; the program fails; something that it reads sleeps.
pub fn try_out(
    archive: &Archive,
    record: &ImageRecord,
    filesystem: &Filesystem,
    image: &Arc<OpenImage>,
    command: &[String],
    run_for: Duration,
) -> Result<Ended, Failure> {
    if !rustix::process::geteuid().is_root() {
        return Err(Failure::usage("only root can start an image: mount it, use it, and say --from-mount instead"));
    }
    let config = StartConfig::of(archive, record, filesystem)?;
    let asleep: Arc<Mutex<Option<String>>> = Arc::default();
    let heard = Arc::clone(&asleep);
    let fs = Fs::new(Arc::clone(image.tree()), Arc::clone(image) as _).with_fault_hook(Box::new(move |_, fault| {
        if fault.asleep().is_some() {
            heard.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| fault.to_string());
        }
    }));
    let process = process(&fs, &config, command)?;
    let place = Place::make(archive.root())?;
    let run = run(&place, Arc::new(fs), &process, run_for);
    if let Some(first) = asleep.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let message = format!("the start reads what sleeps: {first}");
        return Err(Failure::Other { kind: ErrorKind::Frozen, message, source: None });
    }
    run
}

fn process(fs: &Fs, config: &StartConfig, command: &[String]) -> Result<Process, Failure> {
    let args = if command.is_empty() { config.program() } else { command.to_vec() };
    if args.is_empty() {
        return Err(Failure::usage("the image names no program to start: name one behind --"));
    }
    let user = config.user.as_deref().unwrap_or_default();
    let ids = users::ids(fs, user)
        .ok_or_else(|| Failure::usage(format!("the image runs as {user:?}, whom its /etc/passwd does not know")))?;
    let cwd = config.working_dir.clone().filter(|dir| dir.starts_with('/')).unwrap_or_else(|| "/".to_owned());
    // It goes to the runtime as a word of its command line, and must not be taken for an option.
    let stop_signal = config.stop_signal.clone().filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let stop_signal = stop_signal.filter(|name| !name.is_empty()).unwrap_or_else(|| "SIGTERM".to_owned());
    Ok(Process { args, env: config.env.clone().unwrap_or_default(), cwd, ids, stop_signal })
}

fn run(place: &Place, fs: Arc<Fs>, process: &Process, run_for: Duration) -> Result<Ended, Failure> {
    // From here on there is something to tidy up.
    let mut signals = StopSignals::install().map_err(Failure::system("setting up signals"))?;
    own_mounts().map_err(Failure::system("making a mount namespace"))?;
    // Programs that the image sets user ids on run as they do when it is started in earnest; devices are the runtime's.
    let options = MountOptions { allow_other: true, suid: true, ..MountOptions::default() };
    let failed = |error: mount::MountError| Failure::system("mounting the image")(error);
    let mut mounted = mount::mount(fs, &place.sub("image"), &options).map_err(failed)?;
    let rootfs = place.overlay()?;
    let json = spec::spec(&rootfs, process).to_string();
    std::fs::write(place.sub("bundle").join("config.json"), json)
        .map_err(Failure::system("describing the container"))?;
    let ended = place.run(run_for, &process.stop_signal, &mut signals);
    let unmounted = place.take_down();
    let outcome = ended?;
    unmounted?;
    mounted.unmount().map_err(failed)?;
    Ok(outcome)
}

/// From now on this process has mounts of its own, which nobody else sees.
fn own_mounts() -> std::io::Result<()> {
    // SAFETY: no file descriptor is affected, only what this thread and those it starts see as mounted; other threads of the
    // process are still to be started.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    Ok(rustix::mount::mount_change("/", private)?)
}

/// Directories for a start, below the archive's; gone when it is dropped.
struct Place {
    dir: PathBuf,
}

impl Place {
    fn make(archive: &Path) -> Result<Self, Failure> {
        let root = std::path::absolute(archive).map_err(Failure::system("finding the archive"))?.join("startup.tmp");
        clear(&root);
        let place = Place { dir: root.join(std::process::id().to_string()) };
        for name in ["image", "changes", "rootfs", "bundle", "runtime"] {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(place.sub(name));
            made.map_err(Failure::system("making directories for the start"))?;
        }
        Ok(place)
    }

    fn sub(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The image below a layer in memory.
    fn overlay(&self) -> Result<PathBuf, Failure> {
        let rootfs = self.sub("rootfs");
        let mounts = || -> std::io::Result<()> {
            let changes = self.sub("changes");
            let data = std::ffi::CString::new(CHANGES)?;
            rustix::mount::mount("tmpfs", &changes, "tmpfs", MountFlags::NODEV, data.as_c_str())?;
            for name in ["upper", "work"] {
                std::fs::create_dir(changes.join(name))?;
            }
            // Options are told apart by commas, and the archive may lie anywhere: relative paths have none.
            std::env::set_current_dir(&self.dir)?;
            let data = c"lowerdir=image,upperdir=changes/upper,workdir=changes/work";
            Ok(rustix::mount::mount("overlay", &rootfs, "overlay", MountFlags::empty(), data)?)
        };
        mounts().map_err(Failure::system("putting a layer for changes above the image"))?;
        Ok(rootfs)
    }

    fn runtime(&self, words: &[&str]) -> Command {
        let mut command = Command::new(RUNTIME);
        command.arg("--root").arg(self.sub("runtime")).args(words);
        command
    }

    fn run(&self, run_for: Duration, stop_signal: &str, signals: &mut StopSignals) -> Result<Ended, Failure> {
        let failed = || Failure::system("keeping what the program says");
        let mut said = tempfile::tempfile().map_err(failed())?;
        let (out, err) = (said.try_clone().map_err(failed())?, said.try_clone().map_err(failed())?);
        let mut command = self.runtime(&["run", "--bundle"]);
        command.arg(self.sub("bundle")).arg(CONTAINER);
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let mut child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::usage(
                "runc is needed to start an image, and is not installed: install it, or mount the image, use it, and say --from-mount",
            ),
            _ => Failure::system("starting runc")(error),
        })?;
        let waited = wait(&mut child, run_for, signals).map_err(Failure::system("waiting for the program"))?;
        match waited {
            Waited::Over | Waited::Interrupted => {
                let interrupted = waited == Waited::Interrupted;
                // How it ends belongs to the set: whoever starts it will stop it, too.
                for (signal, grace) in [(stop_signal, GRACE), ("SIGKILL", KILLED)] {
                    let _ = self.runtime(&["kill", CONTAINER, signal]).stderr(Stdio::null()).status();
                    let grace = if interrupted && signal == stop_signal { LOOK } else { grace };
                    if matches!(wait(&mut child, grace, signals), Ok(Waited::Ended(_))) {
                        break;
                    }
                }
                // The runtime ends with its container; should that not be there yet, it is ended itself.
                let _ = child.kill();
                let _ = child.wait();
                if interrupted { Err(Failure::usage("interrupted: nothing was pinned")) } else { Ok(Ended::Stopped) }
            }
            Waited::Ended(status) if status.success() => Ok(Ended::Done),
            Waited::Ended(status) => Err(Failure::Other {
                kind: ErrorKind::Usage,
                message: format!(
                    "the image's program failed ({}), so nothing was pinned{}",
                    how(status),
                    tail(&mut said)
                ),
                source: None,
            }),
        }
    }

    fn take_down(&self) -> Result<(), Failure> {
        let _ = self.runtime(&["delete", "--force", CONTAINER]).stderr(Stdio::null()).stdout(Stdio::null()).status();
        let _ = std::env::set_current_dir("/");
        for name in ["rootfs", "changes"] {
            let unmounted = rustix::mount::unmount(self.sub(name), rustix::mount::UnmountFlags::DETACH);
            unmounted.map_err(Failure::system("unmounting what the start needed"))?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Only what is empty by now: never into something that may still be mounted.
        let _ = std::fs::remove_dir_all(self.sub("bundle"));
        let _ = std::fs::remove_dir_all(self.sub("runtime"));
        for name in ["image", "changes", "rootfs", ""] {
            let _ = std::fs::remove_dir(self.sub(name));
        }
        let _ = self.dir.parent().map(std::fs::remove_dir);
    }
}

/// Ends containers that were left by starts whose process was killed, and removes their directories. Nothing is mounted there any
/// more: that went with the process.
fn clear(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let is_alive = Path::new("/proc").join(entry.file_name()).exists();
        if !is_alive {
            let place = Place { dir: entry.path() };
            let mut delete = place.runtime(&["delete", "--force", CONTAINER]);
            let _ = delete.stderr(Stdio::null()).stdout(Stdio::null()).status();
        }
    }
}

/// What came of waiting for a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    Ended(ExitStatus),
    /// It still runs, and its time is over.
    Over,
    /// It still runs, and somebody wants this to end.
    Interrupted,
}

/// Waits so long at most.
fn wait(child: &mut Child, at_most: Duration, signals: &mut StopSignals) -> std::io::Result<Waited> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Waited::Ended(status));
        }
        if start.elapsed() >= at_most {
            return Ok(Waited::Over);
        }
        if signals.came_within(LOOK)? {
            return Ok(Waited::Interrupted);
        }
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "in an unknown way".to_owned(),
    }
}

/// The last that was said, if anything was.
fn tail(said: &mut File) -> String {
    let len = said.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = Vec::new();
    let read = said
        .seek(SeekFrom::Start(len.saturating_sub(LAST_WORDS)))
        .and_then(|_| said.take(LAST_WORDS).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<String> = text.lines().map(crate::show::printable).collect();
    if read.is_err() || lines.is_empty() { String::new() } else { format!("; it said:\n{}", lines.join("\n")) }
}
