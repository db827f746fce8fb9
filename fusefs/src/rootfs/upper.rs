//! The directories of a writable layer.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, Timespec, Timestamps, Uid, XattrFlags, chown, setxattr, utimensat};

use super::error::RootfsError;
use crate::engine::{Ino, Tree};
use crate::fs::shown_name;

/// The directory for changes. The root of an overlay is what this directory is, so a new one is made like the image's root; one that is
/// there already is left as it is.
pub(super) fn directory(path: &Path, tree: &Tree) -> Result<PathBuf, RootfsError> {
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    // Until it is like the root it is nobody's.
    let making = path.with_extension("making");
    let _ = fs::remove_dir(&making);
    private_directory(&making).map_err(RootfsError::cache(&making))?;
    let root = tree.node(Ino::ROOT)?;
    let times = Timespec { tv_sec: root.mtime.secs, tv_nsec: root.mtime.nanos.into() };
    let finish = || -> io::Result<()> {
        chown(&making, Some(Uid::from_raw(root.uid)), Some(Gid::from_raw(root.gid)))?;
        fs::set_permissions(&making, Permissions::from_mode(root.mode))?;
        for xattr in tree.xattrs(Ino::ROOT).map_err(io::Error::other)? {
            let (name, value) = xattr.map_err(io::Error::other)?;
            if let Some(name) = shown_name(name) {
                setxattr(&making, &*name, value, XattrFlags::empty())?;
            }
        }
        let times = Timestamps { last_access: times, last_modification: times };
        utimensat(CWD, &making, &times, AtFlags::empty())?;
        fs::rename(&making, path)
    };
    finish().map_err(RootfsError::cache(path))?;
    Ok(path.to_owned())
}

/// The directory for the kernel's own use.
pub(super) fn work(path: &Path) -> Result<PathBuf, RootfsError> {
    match private_directory(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(RootfsError::cache(path)(error)),
        _ => Ok(path.to_owned()),
    }
}

fn private_directory(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    DirBuilder::new().mode(0o700).create(path)
}
