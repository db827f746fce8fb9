//! Owners, modes, extended attributes and times, in the order in which they do not undo each other.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{AtFlags, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::at::{self, Name};
use crate::error::Error;
use crate::restore::walk::damaged;
use crate::tree::{Ino, Node, NodeKind, Tree, escaped_xattr};

/// Set-user-ID and set-group-ID.
const SET_ID: u32 = 0o6000;

/// What this user or that filesystem did not allow, in numbers of entries; attributes are counted one by one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Owners or groups that could not be set.
    pub owners: u64,
    /// Set-user-ID and set-group-ID bits left out, because under another owner they would give away that owner's rights.
    pub set_ids: u64,
    /// Devices that could not be made.
    pub devices: u64,
    /// Extended attributes that could not be set.
    pub xattrs: u64,
}

impl Skipped {
    /// Whether everything was restored.
    pub fn is_empty(&self) -> bool {
        *self == Skipped::default()
    }
}

/// Sets attributes and counts what is not allowed.
pub(super) struct Attributes<'t> {
    tree: &'t Tree,
    pub(super) skipped: Skipped,
}

impl<'t> Attributes<'t> {
    pub(super) fn new(tree: &'t Tree) -> Self {
        Attributes { tree, skipped: Skipped::default() }
    }

    /// A file or directory that is open.
    pub(super) fn of_open(&mut self, fd: BorrowedFd<'_>, path: &[u8], ino: Ino, node: &Node) -> Result<(), Error> {
        let (uid, gid) = owner(node);
        // Changing the owner clears set-user-ID bits and capabilities: it comes first.
        let is_owned = self.allowed_owner(rustix::fs::fchown(fd, uid, gid), path)?;
        let mode = self.mode(node, is_owned);
        rustix::fs::fchmod(fd, mode).map_err(|errno| failed("the mode", path, errno))?;
        self.xattrs(ino, node, path, |name, value| rustix::fs::fsetxattr(fd, name, value, XattrFlags::empty()))?;
        rustix::fs::futimens(fd, &times(node)).map_err(|errno| failed("the time", path, errno))
    }

    /// Anything that can't be opened without side effects: symbolic links, devices, named pipes.
    pub(super) fn of_name(
        &mut self,
        dir: BorrowedFd<'_>,
        name: &Name,
        path: &[u8],
        ino: Ino,
        node: &Node,
    ) -> Result<(), Error> {
        let (uid, gid) = owner(node);
        let owned = rustix::fs::chownat(dir, &**name, uid, gid, AtFlags::SYMLINK_NOFOLLOW);
        let is_owned = self.allowed_owner(owned, path)?;
        if node.kind != NodeKind::Symlink {
            let mode = self.mode(node, is_owned);
            at::set_mode(dir, name, mode).map_err(|errno| failed("the mode", path, errno))?;
        }
        // No call sets an attribute below an open directory: the kernel's link to that stands for it.
        let whole = [format!("/proc/self/fd/{}/", dir.as_raw_fd()).as_bytes(), name.as_bytes()].concat();
        self.xattrs(ino, node, path, |name, value| {
            rustix::fs::lsetxattr(whole.as_slice(), name, value, XattrFlags::empty())
        })?;
        rustix::fs::utimensat(dir, &**name, &times(node), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| failed("the time", path, errno))
    }

    fn allowed_owner(&mut self, done: Result<(), Errno>, path: &[u8]) -> Result<bool, Error> {
        match done {
            Ok(()) => Ok(true),
            // EINVAL: the user namespace does not know the owner.
            Err(Errno::PERM | Errno::INVAL) => {
                self.skipped.owners += 1;
                Ok(false)
            }
            Err(errno) => Err(failed("the owner", path, errno)),
        }
    }

    fn mode(&mut self, node: &Node, is_owned: bool) -> Mode {
        // A directory's set-group-ID bit only passes its group on.
        let dropped = if is_owned || node.kind == NodeKind::Directory { 0 } else { node.mode & SET_ID };
        self.skipped.set_ids += u64::from(dropped != 0);
        Mode::from_raw_mode(node.mode & !dropped)
    }

    fn xattrs(
        &mut self,
        ino: Ino,
        node: &Node,
        path: &[u8],
        set: impl Fn(&[u8], &[u8]) -> Result<(), Errno>,
    ) -> Result<(), Error> {
        if !node.has_xattrs {
            return Ok(());
        }
        for xattr in self.tree.xattrs(ino).map_err(damaged)? {
            let (name, value) = xattr.map_err(damaged)?;
            match set(&escaped_xattr(name), value) {
                Ok(()) => {}
                // Not this user's to set, nothing this filesystem or kernel knows, or (ACLs) not for this kind of file.
                Err(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP | Errno::INVAL) => self.skipped.xattrs += 1,
                Err(errno) => return Err(failed(&format!("attribute {}", name.escape_ascii()), path, errno)),
            }
        }
        Ok(())
    }
}

fn failed(what: &str, path: &[u8], errno: Errno) -> Error {
    let shown = path.get(path.len().saturating_sub(300)..).unwrap_or(path).escape_ascii();
    Error::system(format!("setting {what} of {shown}"))(errno.into())
}

fn owner(node: &Node) -> (Option<Uid>, Option<Gid>) {
    // The largest number means "leave it" to the kernel.
    let id = |id: u32| (id != u32::MAX).then_some(id);
    (id(node.uid).map(Uid::from_raw), id(node.gid).map(Gid::from_raw))
}

fn times(node: &Node) -> Timestamps {
    let time = Timespec { tv_sec: node.mtime.secs, tv_nsec: node.mtime.nanos.into() };
    Timestamps { last_access: time, last_modification: time }
}
