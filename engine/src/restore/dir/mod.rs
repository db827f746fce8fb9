//! The merged tree in a directory.
//!
//! Nothing is ever written outside that directory, whatever the tree says and whoever else is at work: every step takes one
//! checked name below an open directory, and no symbolic link is followed. Files, links and devices are made first;
//! directories get their owners, modes and times last, from the leaves up, so that neither a read-only mode nor an inherited
//! ACL is in the way.

mod at;
mod attributes;
mod open_dirs;

use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::fs::{FileType, Mode};
use rustix::io::Errno;

use self::at::Name;
use self::attributes::Attributes;
pub use self::attributes::Skipped;
use self::open_dirs::OpenDirs;
use super::content::pieces;
use super::tree_tar::TreeRestored;
use super::walk::{Place, Visit, Walk, damaged, sound_tree};
use crate::error::Error;
use crate::ingest::Meter;
use crate::read::OpenImage;
use crate::tree::{Ino, Node, NodeKind, Tree};

/// What a restore to a directory wrote, and what this user or that filesystem did not allow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirRestored {
    /// What was written.
    pub tree: TreeRestored,
    /// What was left out.
    pub skipped: Skipped,
}

/// An empty directory that only its owner can enter.
#[derive(Debug)]
pub struct EmptyDir {
    path: PathBuf,
    fd: OwnedFd,
}

impl EmptyDir {
    /// Opens `path`, or makes it where it does not exist; one that is not empty is refused. Until the restore is complete
    /// nobody else can enter it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = || Error::system(format!("opening {}", path.display()));
        if let Err(error) = fs::DirBuilder::new().mode(0o700).create(path)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(Error::system(format!("creating {}", path.display()))(error));
        }
        let fd = at::open_root(path).map_err(|errno| match errno {
            Errno::NOTDIR => Error::Usage(format!("{} is no directory", path.display())),
            errno => failed()(errno.into()),
        })?;
        if fs::read_dir(path).map_err(failed())?.next().is_some() {
            return Err(Error::Usage(format!("{} is not empty: choose an empty or a new directory", path.display())));
        }
        rustix::fs::fchmod(&fd, Mode::RWXU).map_err(|errno| failed()(errno.into()))?;
        // What would be made below it inherits nothing.
        let _ = rustix::fs::fremovexattr(&fd, "system.posix_acl_default");
        Ok(EmptyDir { path: path.to_owned(), fd })
    }
}

/// Writes the merged tree of an image into an empty directory. What takes root (owners, devices, some attributes) is done as
/// far as the system allows it, and the rest counted.
///
/// # Errors
/// [`Error::Incomplete`] tells what is left in the directory, and why.
pub fn restore_dir(image: &OpenImage, dir: EmptyDir, meter: &Meter) -> Result<DirRestored, Error> {
    let EmptyDir { path, fd } = dir;
    let mut done = TreeRestored::default();
    match restore_to(image, &path, fd, &mut done, meter) {
        Ok(skipped) => Ok(DirRestored { tree: done, skipped }),
        Err(error) => Err(Error::Incomplete { path, entries: done.entries, source: Box::new(error) }),
    }
}

fn restore_to(
    image: &OpenImage,
    path: &Path,
    fd: OwnedFd,
    done: &mut TreeRestored,
    meter: &Meter,
) -> Result<Skipped, Error> {
    let tree = sound_tree(image)?;
    meter.add_total(tree.totals().logical_bytes);
    let root = fd.try_clone().map_err(Error::system(format!("opening {}", path.display())))?;
    let (dirs, attributes) = (OpenDirs::new(tree, fd), Attributes::new(tree));
    let mut restore = Restore { image, tree, path, dirs, attributes, left_out: HashSet::new(), meter, done };
    restore.entries()?;
    restore.directories()?;
    rustix::fs::syncfs(&root).map_err(restore.failed(b""))?;
    Ok(restore.attributes.skipped)
}

struct Restore<'r> {
    image: &'r OpenImage,
    tree: &'r Tree,
    path: &'r Path,
    dirs: OpenDirs<'r>,
    attributes: Attributes<'r>,
    /// Devices that could not be made.
    left_out: HashSet<Ino>,
    meter: &'r Meter,
    done: &'r mut TreeRestored,
}

impl Restore<'_> {
    /// What failed, at a path of the tree.
    fn failed(&self, path: &[u8]) -> impl Fn(Errno) -> Error + use<> {
        let path = format!("{}/{}", self.path.display(), path.escape_ascii());
        move |errno| Error::system(format!("writing {path}"))(errno.into())
    }

    /// Everything but what directories are to look like in the end.
    fn entries(&mut self) -> Result<(), Error> {
        let mut walk = Walk::new(self.tree);
        while let Some(visit) = walk.next()? {
            match visit {
                Visit::Leave { .. } => {
                    self.dirs.leave();
                    continue;
                }
                Visit::Node { ino: Ino::ROOT, .. } => {}
                Visit::Node { name, ino, node } => self.node(walk.path(), name, ino, &node)?,
                Visit::Link { name, ino, first, .. } => self.link(walk.path(), name, ino, first)?,
            }
            self.done.entries += 1;
        }
        Ok(())
    }

    fn node(&mut self, path: &[u8], name: &[u8], ino: Ino, node: &Node) -> Result<(), Error> {
        let failed = self.failed(path);
        let name = Name::new(name)?;
        let dir = self.dirs.current()?;
        match node.kind {
            NodeKind::Directory => {
                rustix::fs::mkdirat(dir, &*name, Mode::RWXU).map_err(&failed)?;
                let opened = at::open_dir(dir, &name).map_err(failed)?;
                self.dirs.enter(ino, opened);
                return Ok(());
            }
            NodeKind::File => {
                let file = at::create_file(dir, &name).map_err(&failed)?;
                let (meter, done) = (self.meter, &mut self.done);
                let before = done.bytes;
                pieces(self.image, self.tree, ino, node, &mut |offset, bytes| {
                    at::write_all_at(&file, bytes, offset).map_err(&failed)?;
                    meter.add_done(bytes.len() as u64);
                    done.bytes += bytes.len() as u64;
                    Ok(())
                })?;
                meter.add_done(node.size.saturating_sub(done.bytes - before));
                if node.is_sparse {
                    rustix::fs::ftruncate(&file, node.size).map_err(&failed)?;
                }
                return self.attributes.of_open(file.as_fd(), path, ino, node);
            }
            NodeKind::Symlink => {
                let target = at::link_target(self.tree.link_target(ino).map_err(damaged)?)?;
                rustix::fs::symlinkat(target, dir, &*name).map_err(&failed)?;
            }
            NodeKind::CharDevice | NodeKind::BlockDevice | NodeKind::Fifo => {
                let kind = match node.kind {
                    NodeKind::CharDevice => FileType::CharacterDevice,
                    NodeKind::BlockDevice => FileType::BlockDevice,
                    _ => FileType::Fifo,
                };
                let device = rustix::fs::makedev(node.rdev_major, node.rdev_minor);
                match rustix::fs::mknodat(dir, &*name, kind, Mode::RUSR | Mode::WUSR, device) {
                    Err(Errno::PERM) => {
                        self.left_out.insert(ino);
                        self.attributes.skipped.devices += 1;
                        return Ok(());
                    }
                    made => made.map_err(&failed)?,
                }
            }
        }
        self.attributes.of_name(dir, &name, path, ino, node)
    }

    fn link(&mut self, path: &[u8], name: &[u8], ino: Ino, first: Place) -> Result<(), Error> {
        if self.left_out.contains(&ino) {
            self.attributes.skipped.devices += 1;
            return Ok(());
        }
        let failed = self.failed(path);
        let (name, old) = (Name::new(name)?, Name::new(first.name(self.tree)?)?);
        let from = self.dirs.open(first.dir)?;
        at::link(from.as_fd(), &old, self.dirs.current()?, &name).map_err(failed)
    }

    /// Owners, modes, attributes and times of directories, from the leaves up.
    fn directories(&mut self) -> Result<(), Error> {
        let mut walk = Walk::new(self.tree);
        while let Some(visit) = walk.next()? {
            match visit {
                Visit::Node { name, ino, node } if node.kind == NodeKind::Directory && ino != Ino::ROOT => {
                    let name = Name::new(name)?;
                    let opened = at::open_dir(self.dirs.current()?, &name).map_err(self.failed(walk.path()))?;
                    self.dirs.enter(ino, opened);
                }
                Visit::Leave { ino, node } => {
                    let dir = self.dirs.current()?;
                    self.attributes.of_open(dir, walk.path(), ino, &node)?;
                    self.dirs.leave();
                }
                _ => {}
            }
        }
        Ok(())
    }
}
