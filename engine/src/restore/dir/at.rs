//! System calls that take one name below an open directory.

use std::ffi::CString;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::error::Error;
use crate::tar::NAME_MAX;

/// Nothing on the way may lead elsewhere.
const RESOLVE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// A name that stays in its directory.
#[derive(Debug)]
pub(super) struct Name(CString);

impl Name {
    /// Checks a name: not empty, not `.` or `..`, no `/`, no NUL, at most 255 bytes.
    pub(super) fn new(name: &[u8]) -> Result<Self, Error> {
        let is_bad = matches!(name, b"" | b"." | b"..") || name.len() > NAME_MAX || name.contains(&b'/');
        match CString::new(name) {
            Ok(name) if !is_bad => Ok(Name(name)),
            _ => Err(not_a_name(name)),
        }
    }
}

impl Deref for Name {
    type Target = CString;

    fn deref(&self) -> &CString {
        &self.0
    }
}

fn not_a_name(name: &[u8]) -> Error {
    let shown = name.get(..60).unwrap_or(name).escape_ascii();
    let error = std::io::Error::new(std::io::ErrorKind::InvalidData, format!("'{shown}' is no name for a file"));
    Error::metadata("the merged tree")(error)
}

/// The target of a symbolic link, which is stored and never followed.
pub(super) fn link_target(target: &[u8]) -> Result<CString, Error> {
    CString::new(target).map_err(|_| not_a_name(target))
}

/// The directory to restore to: the user's own words, so links in them are followed.
pub(super) fn open_root(path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn open(dir: BorrowedFd<'_>, name: &Name, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat2(dir, &**name, flags, mode, RESOLVE) {
        // Before Linux 5.6, and under gVisor. For a single name O_NOFOLLOW says the same, but for mount points.
        Err(Errno::NOSYS) => rustix::fs::openat(dir, &**name, flags, mode),
        opened => opened,
    }
}

/// Opens a directory.
pub(super) fn open_dir(dir: BorrowedFd<'_>, name: &Name) -> Result<OwnedFd, Errno> {
    open(dir, name, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
}

/// Makes a file, which must not exist.
pub(super) fn create_file(dir: BorrowedFd<'_>, name: &Name) -> Result<OwnedFd, Errno> {
    open(dir, name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, Mode::RUSR | Mode::WUSR)
}

/// Sets the mode of something that can't be opened without side effects, and is no symbolic link.
pub(super) fn set_mode(dir: BorrowedFd<'_>, name: &Name, mode: Mode) -> Result<(), Errno> {
    // There is no call for a name that may not be followed: the kernel's link to what was opened leads to just that.
    let opened = open(dir, name, OFlags::PATH, Mode::empty())?;
    rustix::fs::chmod(format!("/proc/self/fd/{}", opened.as_raw_fd()), mode)
}

/// Gives an inode a further name.
pub(super) fn link(from: BorrowedFd<'_>, old: &Name, to: BorrowedFd<'_>, new: &Name) -> Result<(), Errno> {
    rustix::fs::linkat(from, &**old, to, &**new, AtFlags::empty())
}

/// Writes all of `bytes` at an offset.
pub(super) fn write_all_at(file: impl AsFd, mut bytes: &[u8], mut offset: u64) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::pwrite(file.as_fd(), bytes, offset) {
            Ok(0) => return Err(Errno::IO),
            Ok(len) => {
                bytes = bytes.get(len..).unwrap_or_default();
                offset += len as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for bad in [&b""[..], b".", b"..", b"a/b", b"/", b"a\0b", &[b'x'; 256]] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        for good in [&b"a"[..], b"...", b"-rf", b"\xff\n", &[b'x'; 255]] {
            assert!(Name::new(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn links_are_never_followed_and_files_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("inside"), dir.path().join("outside"));
        std::fs::create_dir_all(&inside).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        symlink(&outside, inside.join("dir")).unwrap();
        symlink(outside.join("file"), inside.join("file")).unwrap();
        let root = open_root(&inside).unwrap();
        let name = |text: &str| Name::new(text.as_bytes()).unwrap();
        assert!(open_dir(root.as_fd(), &name("dir")).is_err());
        assert!(create_file(root.as_fd(), &name("file")).is_err());
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        create_file(root.as_fd(), &name("new")).unwrap();
        assert_eq!(create_file(root.as_fd(), &name("new")).unwrap_err(), Errno::EXIST);
    }
}
