//! Taking a mount down, also one whose process is dead.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::connect::HELPER;
use super::error::UnmountError;
use super::holders::holders;
use super::table;
use crate::sys;

/// Between two attempts at a mount that nobody is found to use, and how many there are: a second in all.
const PAUSE: Duration = Duration::from_millis(20);
const PATIENCE: u32 = 50;

/// How to unmount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// At once, or not at all when something uses the mount.
    Now,
    /// The name goes at once, the filesystem when its last user is gone.
    Lazy,
}

/// Removes the firn mount at `path`, dead or alive. Only the uppermost mount at that path is removed.
///
/// # Errors
/// [`UnmountError::NotMounted`], [`UnmountError::NotFirn`], [`UnmountError::Busy`] with those who use it,
/// and whatever else the kernel or `fusermount3` refuse.
pub fn unmount(path: &Path, manner: Manner) -> Result<(), UnmountError> {
    let point = resolve(path)?;
    let bad = |source| UnmountError::BadPath { path: path.to_owned(), source };
    match table::mount_at(&point).map_err(bad)? {
        None => Err(UnmountError::NotMounted(point)),
        Some(mount) if !mount.is_firn() => Err(UnmountError::NotFirn { path: point, fs_type: mount.fs_type }),
        Some(_) => detach(&point, manner),
    }
}

/// Unmounts whatever is at `point`, which is known to be ours.
///
/// A process that is just being started holds copies of its parent's files for a moment, and the kernel lets go of them a
/// little after it has ended: a mount that is busy and that nobody is found to use is tried again for a while.
pub(super) fn detach(point: &Path, manner: Manner) -> Result<(), UnmountError> {
    for _ in 0..PATIENCE {
        match try_detach(point, manner) {
            Err(UnmountError::Busy { holders, .. }) if holders.is_empty() => std::thread::sleep(PAUSE),
            other => return other,
        }
    }
    try_detach(point, manner)
}

fn try_detach(point: &Path, manner: Manner) -> Result<(), UnmountError> {
    let refused = |message| UnmountError::Refused { path: point.to_owned(), message };
    let lazy = if manner == Manner::Lazy { libc::MNT_DETACH } else { 0 };
    let target = sys::c_path(point).map_err(|error| refused(error.to_string()))?;
    match sys::umount(&target, libc::UMOUNT_NOFOLLOW | lazy) {
        Ok(()) => Ok(()),
        Err(error) => match error.raw_os_error() {
            Some(libc::EBUSY) => Err(UnmountError::Busy { path: point.to_owned(), holders: holders(point) }),
            Some(libc::EPERM) => by_helper(point, manner),
            _ => Err(refused(error.to_string())),
        },
    }
}

fn by_helper(point: &Path, manner: Manner) -> Result<(), UnmountError> {
    let mut command = Command::new(HELPER);
    command.arg("-u").args((manner == Manner::Lazy).then_some("-z")).arg("--").arg(point);
    let output = command.stdin(Stdio::null()).output();
    let refused = |message| UnmountError::Refused { path: point.to_owned(), message };
    let output = output.map_err(|error| refused(format!("{HELPER}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    // The helper has no exit status of its own for this.
    if said.contains("busy") {
        return Err(UnmountError::Busy { path: point.to_owned(), holders: holders(point) });
    }
    Err(refused(said))
}

/// The path without links. A dead mount may not be looked at any more, so that only what leads to it is
/// resolved then.
fn resolve(path: &Path) -> Result<PathBuf, UnmountError> {
    let bad = |source| UnmountError::BadPath { path: path.to_owned(), source };
    match path.canonicalize() {
        Err(error) if error.raw_os_error() == Some(libc::ENOTCONN) => {
            let path = std::path::absolute(path).map_err(bad)?;
            match (path.parent().map(Path::canonicalize), path.file_name()) {
                (Some(parent), Some(name)) => Ok(parent.map_err(bad)?.join(name)),
                _ => Err(bad(error)),
            }
        }
        other => other.map_err(bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_firn_mounts_are_removed() {
        assert!(matches!(unmount(Path::new("/proc"), Manner::Now), Err(UnmountError::NotFirn { .. })));
        assert!(matches!(unmount(Path::new("/proc/self"), Manner::Now), Err(UnmountError::NotMounted(_))));
        assert!(matches!(unmount(Path::new("/no/such"), Manner::Now), Err(UnmountError::BadPath { .. })));
    }
}
