//! Making a mount by the calls of Linux 5.2, which take any path and say why they refuse.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string,
    fsmount, fsopen, move_mount,
};

use super::error::RootfsError;

/// Longest value that the kernel takes, in bytes.
const MAX_VALUE: usize = 255;
/// Longest message of the kernel's that is asked for, in bytes.
const MAX_MESSAGE: usize = 1024;

/// A filesystem that is being set up.
pub(super) struct Setup {
    context: OwnedFd,
    what: String,
    /// Directories that are named by number, as their paths are too long.
    kept: Vec<OwnedFd>,
}

impl Setup {
    /// Begins with one of this type.
    pub(super) fn of(fs_type: &str) -> Result<Setup, RootfsError> {
        let what = fs_type.to_owned();
        match fsopen(fs_type, FsOpenFlags::FSOPEN_CLOEXEC) {
            Ok(context) => Ok(Setup { context, what, kept: Vec::new() }),
            Err(error) => Err(RootfsError::Refused { what, source: error.into() }),
        }
    }

    /// Sets an option to a text.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), RootfsError> {
        let set = fsconfig_set_string(self.context.as_fd(), key, value);
        set.map_err(|error| self.refused(&format!("{key}={value}"), error))
    }

    /// Sets an option that has no value.
    pub(super) fn set_flag(&mut self, key: &str) -> Result<(), RootfsError> {
        fsconfig_set_flag(self.context.as_fd(), key).map_err(|error| self.refused(key, error))
    }

    /// Sets an option to a path, whatever is in it.
    pub(super) fn set_path(&mut self, key: &str, path: &Path) -> Result<(), RootfsError> {
        match path.to_str().filter(|path| path.len() <= MAX_VALUE) {
            Some(path) => self.set(key, path),
            None => {
                let opened = std::fs::File::open(path).map_err(RootfsError::cache(path))?;
                let opened = OwnedFd::from(opened);
                let name = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&opened));
                self.kept.push(opened);
                self.set(key, &name)
            }
        }
    }

    /// Makes the mount at `point`.
    pub(super) fn mount_at(self, point: &Path, attributes: MountAttrFlags) -> Result<(), RootfsError> {
        let mount = || {
            fsconfig_create(self.context.as_fd())?;
            let made = fsmount(self.context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
            move_mount(made.as_fd(), "", CWD, point, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        };
        mount().map_err(|error| self.refused(&format!("at {}", point.display()), error))
    }

    /// The error, with what the kernel has to say about it.
    fn refused(&self, doing: &str, error: rustix::io::Errno) -> RootfsError {
        let mut what = format!("{} ({doing})", self.what);
        let mut message = [0; MAX_MESSAGE];
        while let Ok(len) = rustix::io::read(self.context.as_fd(), &mut message) {
            let text = String::from_utf8_lossy(message.get(..len).unwrap_or_default());
            // "e " before an error, "w " and "i " before the rest.
            if let Some(text) = text.strip_prefix("e ") {
                what = format!("{what}: {}", text.trim());
            }
        }
        RootfsError::Refused { what, source: io::Error::from(error) }
    }
}
