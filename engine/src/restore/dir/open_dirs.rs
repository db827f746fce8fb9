//! The directories on the way to where a walk is, open as far as descriptors allow.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::at::{self, Name};
use crate::error::Error;
use crate::restore::walk::directory_names;
use crate::tree::{Ino, Tree};

/// Directories kept open at once, the deepest ones; a tree may be 2,048 deep, a process have 1,024 files.
const MAX_OPEN: usize = 128;

pub(super) struct OpenDirs<'t> {
    tree: &'t Tree,
    root: OwnedFd,
    /// Below the root, outermost first. Descriptors further up than [`MAX_OPEN`] levels are given back.
    levels: Vec<(Ino, Option<OwnedFd>)>,
    /// The directory that was asked for last by number.
    last: Option<(Ino, OwnedFd)>,
}

impl<'t> OpenDirs<'t> {
    pub(super) fn new(tree: &'t Tree, root: OwnedFd) -> Self {
        OpenDirs { tree, root, levels: Vec::new(), last: None }
    }

    /// Goes down into a directory of the current one.
    pub(super) fn enter(&mut self, ino: Ino, fd: OwnedFd) {
        let far = self.levels.len().checked_sub(MAX_OPEN).and_then(|far| self.levels.get_mut(far));
        if let Some((_, fd)) = far {
            *fd = None;
        }
        self.levels.push((ino, Some(fd)));
    }

    /// Goes up again.
    pub(super) fn leave(&mut self) {
        self.levels.pop();
    }

    /// The current directory.
    pub(super) fn current(&mut self) -> Result<BorrowedFd<'_>, Error> {
        if let Some((ino, None)) = self.levels.last() {
            self.reopen(*ino)?;
        }
        let fd = self.levels.last().and_then(|(_, fd)| fd.as_ref());
        Ok(fd.unwrap_or(&self.root).as_fd())
    }

    /// Opens the way to the current directory anew, and keeps the last part of it: going further up stays cheap.
    fn reopen(&mut self, ino: Ino) -> Result<(), Error> {
        let keep_from = self.levels.len().saturating_sub(MAX_OPEN);
        let mut level = 0;
        let levels = &mut self.levels;
        walk_down(self.tree, &self.root, ino, |fd| {
            if level >= keep_from
                && let Some((_, kept)) = levels.get_mut(level)
            {
                *kept = Some(fd.try_clone().map_err(Error::system("opening a directory"))?);
            }
            level += 1;
            Ok(())
        })?;
        Ok(())
    }

    /// Any directory that was made already.
    pub(super) fn open(&mut self, ino: Ino) -> Result<OwnedFd, Error> {
        let clone = |fd: &OwnedFd| fd.try_clone().map_err(Error::system("opening a directory"));
        let known = self.levels.iter().rev().take(MAX_OPEN).find(|(level, _)| *level == ino);
        let known = known.and_then(|(_, fd)| fd.as_ref());
        let last = self.last.as_ref().filter(|(last, _)| *last == ino).map(|(_, fd)| fd);
        if let Some(fd) = known.or(last) {
            return clone(fd);
        }
        let fd = walk_down(self.tree, &self.root, ino, |_| Ok(()))?;
        self.last = Some((ino, clone(&fd)?));
        Ok(fd)
    }
}

/// Opens a directory name by name from the root, and shows each on the way.
fn walk_down(
    tree: &Tree,
    root: &OwnedFd,
    ino: Ino,
    mut each: impl FnMut(&OwnedFd) -> Result<(), Error>,
) -> Result<OwnedFd, Error> {
    let failed = |name: &[u8]| Error::system(format!("opening directory {} again", name.escape_ascii()));
    let mut at = root.try_clone().map_err(failed(b""))?;
    for name in directory_names(tree, ino)? {
        at = at::open_dir(at.as_fd(), &Name::new(name)?).map_err(|errno| failed(name)(errno.into()))?;
        each(&at)?;
    }
    Ok(at)
}
