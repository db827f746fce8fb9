//! Names: from a directory to its entries, and up again.

use super::Tree;
use crate::tree::error::TreeError;
use crate::tree::format::{EntryType, Section, corrupt};
use crate::tree::node::{DirEntry, Ino, NodeKind};

impl Tree {
    /// The directory a directory lies in; the root's parent is the root.
    ///
    /// # Errors
    /// [`TreeError::NotADirectory`], [`TreeError::NoSuchInode`], [`TreeError::Corrupt`].
    pub fn parent(&self, dir: Ino) -> Result<Ino, TreeError> {
        let index = self.directory(dir)?;
        if index == 0 {
            return Ok(Ino::ROOT);
        }
        let columns = self.columns();
        let back = columns.u32(Section::DirParents, columns.dir_row(index)?)?;
        match index.checked_sub(back) {
            // Strictly backwards: whoever walks up arrives at the root.
            Some(parent) if back > 0 => Ok(Ino::from_index(parent)),
            _ => Err(corrupt("a directory that does not lie behind its parent", index as usize)),
        }
    }

    /// The inode of a name in a directory, if it is there. O(log n) in the size of the directory. `.` and `..` are not
    /// names here.
    ///
    /// # Errors
    /// [`TreeError::NotADirectory`], [`TreeError::NoSuchInode`], [`TreeError::Corrupt`].
    pub fn lookup(&self, dir: Ino, name: &[u8]) -> Result<Option<Ino>, TreeError> {
        let (first, count) = self.children(dir)?;
        let columns = self.columns();
        let (mut low, mut high) = (first, first + count);
        while low < high {
            let middle = low + (high - low) / 2;
            match columns.name(middle)?.cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => {
                    return Ok(Some(self.child(dir, middle)?.0));
                }
            }
        }
        Ok(None)
    }

    /// Number of names in a directory, `.` and `..` not counted.
    ///
    /// # Errors
    /// [`TreeError::NotADirectory`], [`TreeError::NoSuchInode`], [`TreeError::Corrupt`].
    pub fn entry_count(&self, dir: Ino) -> Result<u32, TreeError> {
        Ok(self.children(dir)?.1)
    }

    /// Name, inode and type of the `index`-th entry of a directory, in order of raw name bytes; `None` past the end.
    ///
    /// # Errors
    /// [`TreeError::NotADirectory`], [`TreeError::NoSuchInode`], [`TreeError::Corrupt`].
    pub fn entry(&self, dir: Ino, index: u32) -> Result<Option<DirEntry<'_>>, TreeError> {
        let (first, count) = self.children(dir)?;
        if index >= count {
            return Ok(None);
        }
        let (ino, kind) = self.child(dir, first + index)?;
        Ok(Some((self.columns().name(first + index)?, ino, kind)))
    }

    /// The name of an inode: a directory's only one, a hard-linked inode's first in the order of the tree's entries, the
    /// root's empty one.
    ///
    /// # Errors
    /// [`TreeError::NoSuchInode`], [`TreeError::Corrupt`].
    pub fn name(&self, ino: Ino) -> Result<&[u8], TreeError> {
        let (index, _) = self.inode(ino)?;
        self.columns().name(index)
    }

    /// Walks `/a/b` from the root without following symbolic links: empty and `.` components are skipped, `..` stays
    /// inside the root. `None` when a component is missing or something on the way is not a directory.
    ///
    /// # Errors
    /// [`TreeError::Corrupt`].
    pub fn resolve(&self, path: &[u8]) -> Result<Option<Ino>, TreeError> {
        let mut at = Ino::ROOT;
        for component in path.split(|&byte| byte == b'/') {
            if component.is_empty() || component == b"." {
                continue;
            }
            let next = match self.inode(at)?.1 {
                EntryType::Node(NodeKind::Directory) if component == b".." => Some(self.parent(at)?),
                EntryType::Node(NodeKind::Directory) => self.lookup(at, component)?,
                _ => None,
            };
            match next {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn directory(&self, dir: Ino) -> Result<u32, TreeError> {
        match self.inode(dir)? {
            (index, EntryType::Node(NodeKind::Directory)) => Ok(index),
            _ => Err(TreeError::NotADirectory { ino: dir.0 }),
        }
    }

    /// First entry index and number of a directory's names; the range lies inside the tree and behind the directory.
    pub(super) fn children(&self, dir: Ino) -> Result<(u32, u32), TreeError> {
        let index = self.directory(dir)?;
        let columns = self.columns();
        let row = columns.dir_row(index)?;
        let ahead = columns.u32(Section::DirFirsts, row)?;
        let count = columns.u32(Section::DirCounts, row)?;
        let first = index.checked_add(ahead);
        let end = first.and_then(|first| first.checked_add(count));
        match (first, end) {
            // Strictly forwards: whoever walks down arrives at leaves.
            (Some(first), Some(end)) if (ahead > 0 || count == 0) && end <= self.header.counts.entries => {
                Ok((first, count))
            }
            _ => Err(corrupt("a directory whose entries do not lie behind it", index as usize)),
        }
    }

    /// The inode behind an entry of `dir`. A directory must agree on who its parent is: damaged bytes cannot make it the
    /// child of several, which would let a walk take exponential time.
    fn child(&self, dir: Ino, index: u32) -> Result<(Ino, NodeKind), TreeError> {
        let (inode, kind) = self.behind(index)?;
        let ino = Ino::from_index(inode);
        if kind == NodeKind::Directory && self.parent(ino)? != dir {
            return Err(corrupt("a directory listed by another than its parent", index as usize));
        }
        Ok((ino, kind))
    }

    /// The inode behind a name: the entry itself, or the one an alias refers back to.
    pub(super) fn behind(&self, index: u32) -> Result<(u32, NodeKind), TreeError> {
        let columns = self.columns();
        let index_of = match columns.entry_type(index)? {
            EntryType::Alias => {
                let back = columns.u64(Section::Sizes, index as usize)?;
                let target = u32::try_from(back).ok().filter(|&back| back > 0).and_then(|back| index.checked_sub(back));
                target.ok_or_else(|| corrupt("a hard link that does not point backwards", index as usize))?
            }
            _ => index,
        };
        match columns.entry_type(index_of)? {
            EntryType::Node(NodeKind::Directory) if index_of != index => {
                Err(corrupt("a hard link to a directory", index as usize))
            }
            EntryType::Node(kind) => Ok((index_of, kind)),
            EntryType::SparseFile => Ok((index_of, NodeKind::File)),
            EntryType::Alias => Err(corrupt("a hard link to a hard link", index as usize)),
        }
    }
}
