//! Looking at a mount point before anything is mounted on it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::error::MountError;
use super::table;
use crate::sys;

/// How long a firn mount may take to answer before it counts as alive but slow.
const PATIENCE: Duration = Duration::from_secs(2);

/// The mount point without links, if something can be mounted there.
pub(crate) fn check(path: &Path) -> Result<PathBuf, MountError> {
    let point = path.canonicalize().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => MountError::NoMountPoint(path.to_owned()),
        _ => MountError::BadMountPoint { path: path.to_owned(), source },
    })?;
    let bad = |source| MountError::BadMountPoint { path: point.clone(), source };
    // Before `stat`, which a mount without its process may no longer answer.
    if let Some(mount) = table::mount_at(&point).map_err(bad)?.filter(table::MountEntry::is_firn) {
        return Err(if is_dead(&point) {
            MountError::Stale { path: point }
        } else {
            MountError::AlreadyMounted { path: point, what: mount.source.to_string_lossy().into_owned() }
        });
    }
    match point.metadata().map_err(bad)?.is_dir() {
        true => Ok(point),
        false => Err(MountError::NotADirectory(point)),
    }
}

/// Whether the process behind a mount is gone. A process that is there but does not answer in time is
/// not: asking happens on a thread of its own, which is left behind then.
fn is_dead(point: &Path) -> bool {
    let Ok(path) = sys::c_path(point) else {
        return false;
    };
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(sys::statfs(&path)));
    match told.recv_timeout(PATIENCE) {
        Ok(Err(error)) => {
            matches!(error.raw_os_error(), Some(libc::ENOTCONN | libc::ECONNABORTED))
        }
        Ok(Ok(())) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_will_do() {
        assert!(check(Path::new("/tmp")).is_ok());
        assert!(matches!(check(Path::new("/no/such/place")), Err(MountError::NoMountPoint(_))));
        assert!(matches!(check(Path::new("/proc/self/exe")), Err(MountError::NotADirectory(_))));
        let through_a_file = check(Path::new("/proc/self/exe/x"));
        assert!(matches!(through_a_file, Err(MountError::BadMountPoint { .. })));
    }
}
