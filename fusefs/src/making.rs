//! Directories in the making: under a name of their own until they are complete, and gone if they never are.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mount::{UnmountFlags, unmount};

const PREFIX: &str = ".making-";

/// A directory that is removed with all that is in it when this is dropped, unless it was renamed meanwhile. Mounts in it are taken out
/// of sight; they live on as long as somebody uses them.
#[derive(Debug)]
pub(crate) struct Making(PathBuf);

impl Making {
    /// A new one in `parent`, which is made if it is not there, for this user alone.
    pub(crate) fn in_dir(parent: &Path) -> io::Result<Making> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(parent)?;
        sweep(parent);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&dir)?;
        Ok(Making(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Removes a directory with what is in it and in directories in it. What is mounted there is taken out of sight first, and never gone into.
fn remove(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = unmount(&path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW);
            // Something is mounted here all the same.
            if device(&path) == device(dir) {
                remove(&path);
            }
        } else {
            let _ = fs::remove_file(path);
        }
    }
    let _ = fs::remove_dir(dir);
}

fn device(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).map(|metadata| metadata.dev()).ok()
}

/// Removes what processes left behind that are gone. Of a process whose number another one has by now, later.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse::<u32>().ok());
        // A number that was this process's before is taken by nobody else.
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            remove(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_finished_goes_now_or_with_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join(".making-4194305-0");
        fs::create_dir(&gone).unwrap();
        fs::write(gone.join("half"), b"x").unwrap();
        fs::create_dir(dir.path().join("ab")).unwrap();
        let one = Making::in_dir(dir.path()).unwrap();
        let other = Making::in_dir(dir.path()).unwrap();
        assert!(!gone.exists() && one.path().is_dir() && other.path().is_dir());
        fs::rename(one.path(), dir.path().join("done")).unwrap();
        drop((one, other));
        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["ab", "done"]);
    }
}
