//! Directories, mounts and processes of the tests, each taken away again even when a test panics.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use firn_fusefs::fs::Fs;
use firn_fusefs::mount::{self, Manner, MountOptions, Mounted};

use crate::sample::Sample;

/// A directory of its own on the file system of the build directory, which must not be tmpfs or overlayfs.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("it-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Scratch(path.canonicalize().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A new directory in it.
    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir(&path).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let inside = |path: &Path| path.starts_with(&self.0);
        let mounts = mount::mounts().unwrap_or_default();
        for mount in mounts.iter().rev().filter(|mount| inside(&mount.point)) {
            let _ = Command::new("umount").arg("-l").arg(&mount.point).status();
        }
        // Never into a file system that is still mounted.
        if !mount::mounts().unwrap_or_default().iter().any(|mount| inside(&mount.point)) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// A mounted tree, served by this process.
pub(crate) struct World {
    // Unmounted before the directory goes.
    pub(crate) mounted: Mounted,
    pub(crate) scratch: Scratch,
}

impl World {
    pub(crate) fn of(sample: Sample) -> World {
        World::with(sample.fs(), "allow_other")
    }

    pub(crate) fn with(fs: Fs, options: &str) -> World {
        World::mount(fs, &parsed(options))
    }

    pub(crate) fn mount(fs: Fs, options: &MountOptions) -> World {
        need_fuse();
        let scratch = Scratch::new();
        let point = scratch.dir("mnt");
        let mounted = mount::mount(Arc::new(fs), &point, options).unwrap();
        World { mounted, scratch }
    }

    pub(crate) fn root(&self) -> &Path {
        self.mounted.point()
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root().join(name)
    }
}

/// A mount made by the `mount` program.
pub(crate) struct Overlay(pub(crate) PathBuf);

impl Drop for Overlay {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

pub(crate) fn parsed(options: &str) -> MountOptions {
    let mut parsed = MountOptions::default();
    parsed.apply(options).unwrap();
    parsed
}

/// Fails, rather than passing silently, on a machine where nothing can be mounted.
pub(crate) fn need_fuse() {
    let device = fs::OpenOptions::new().read(true).write(true).open("/dev/fuse");
    if let Err(error) = device {
        panic!("these tests mount: they need root and /dev/fuse ({error})");
    }
}

/// Runs a program and gives its output.
pub(crate) fn run(program: &str, args: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(program);
    command.args(args.iter().map(AsRef::as_ref));
    command.output().unwrap_or_else(|error| panic!("{program} cannot be run: {error}"))
}

/// Runs a program that has to succeed.
pub(crate) fn ok(program: &str, args: &[&dyn AsRef<std::ffi::OsStr>]) -> String {
    let output = run(program, args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {} {said}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs `cat` as another user.
pub(crate) fn cat_as(uid: u32, path: &Path) -> Output {
    let uid = uid.to_string();
    run("setpriv", &[&"--reuid", &uid, &"--regid", &uid, &"--clear-groups", &"cat", &path])
}

/// Waits for something that happens in the background; panics after a time no working machine needs.
pub(crate) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn is_mounted(point: &Path) -> bool {
    mount::mounts().unwrap().iter().any(|mount| mount.point == point)
}

pub(crate) fn unmount(point: &Path) {
    mount::unmount(point, Manner::Now).unwrap();
}

/// The errno of an operation that has to fail.
pub(crate) fn errno<T>(result: std::io::Result<T>) -> i32 {
    match result {
        Ok(_) => panic!("it must not succeed"),
        Err(error) => error.raw_os_error().expect("an error of the kernel"),
    }
}
