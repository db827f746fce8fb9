//! Reading a flat tree in place.
//!
//! Nothing is unpacked and nothing read is believed: every offset is checked against its section, every reference between
//! entries points strictly backwards (parents, hard links) or strictly forwards (children), so that no walk can cycle.

mod check;
mod columns;
mod directory;

use columns::Columns;

use super::error::TreeError;
use super::format::{self, DIRECTORY_SIZE, EntryType, Section};
use super::node::{ContentRef, Ino, Node, NodeKind, Totals, Xattr};
use crate::tar::{DataRun, Timestamp};

/// The bytes of a tree file, mapped or in memory.
///
/// A mapped file must not be truncated while the tree is in use: the kernel would end the process (SIGBUS).
#[derive(Debug)]
pub struct TreeBytes(Backing);

#[derive(Debug)]
enum Backing {
    Heap(Vec<u8>),
    Mapped(memmap2::Mmap),
}

impl From<Vec<u8>> for TreeBytes {
    fn from(bytes: Vec<u8>) -> TreeBytes {
        TreeBytes(Backing::Heap(bytes))
    }
}

impl From<memmap2::Mmap> for TreeBytes {
    fn from(map: memmap2::Mmap) -> TreeBytes {
        TreeBytes(Backing::Mapped(map))
    }
}

impl TreeBytes {
    fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Backing::Heap(bytes) => bytes,
            Backing::Mapped(map) => map,
        }
    }
}

/// A merged filesystem, read where it lies. Cheap to ask, safe to share between threads, never panics on damaged bytes.
#[derive(Debug)]
pub struct Tree {
    bytes: TreeBytes,
    pub(super) header: format::Header,
    pub(super) layout: format::Layout,
}

impl Tree {
    /// Checks header, section bounds and the checksum over all bytes; O(1) in the number of entries apart from that.
    ///
    /// # Errors
    /// [`TreeError::BadMagic`], [`TreeError::UnsupportedVersion`], [`TreeError::Corrupt`], [`TreeError::ChecksumMismatch`].
    pub fn open(bytes: TreeBytes) -> Result<Tree, TreeError> {
        let tree = Tree::open_trusted(bytes)?;
        if !format::checksum_matches(tree.bytes()) {
            return Err(TreeError::ChecksumMismatch);
        }
        Ok(tree)
    }

    /// Like [`Tree::open`] without the checksum pass, for a local file that was verified when it was written: O(1).
    /// Damage then shows as [`TreeError::Corrupt`] or as wrong answers, never as a panic or an endless walk.
    ///
    /// # Errors
    /// Those of [`Tree::open`] but the checksum's.
    pub fn open_trusted(bytes: TreeBytes) -> Result<Tree, TreeError> {
        let (header, layout) = format::Header::decode(bytes.as_slice())?;
        Ok(Tree { bytes, header, layout })
    }

    /// The inode of this number.
    ///
    /// # Errors
    /// [`TreeError::NoSuchInode`], [`TreeError::Corrupt`].
    pub fn node(&self, ino: Ino) -> Result<Node, TreeError> {
        let (index, entry_type) = self.inode(ino)?;
        let columns = self.columns();
        let at = index as usize;
        let mut node = Node {
            kind: NodeKind::File,
            mode: u32::from(columns.mode_word(index)? & 0o7777),
            uid: columns.u32(Section::Uids, at)?,
            gid: columns.u32(Section::Gids, at)?,
            nlink: columns.u32(Section::Nlinks, at)?,
            rdev_major: 0,
            rdev_minor: 0,
            size: columns.u64(Section::Sizes, at)?,
            mtime: Timestamp {
                secs: columns.u64(Section::MtimeSecs, at)?.cast_signed(),
                nanos: columns.u32(Section::MtimeNanos, at)?,
            },
            content: None,
            is_sparse: entry_type == EntryType::SparseFile,
            has_xattrs: columns.u32(Section::XattrRefs, at)? != 0,
        };
        if node.mtime.nanos >= 1_000_000_000 {
            return Err(format::corrupt("nanoseconds of a billion or more", at));
        }
        match entry_type {
            EntryType::SparseFile | EntryType::Node(NodeKind::File) => node.content = self.content(index)?,
            EntryType::Node(kind @ (NodeKind::CharDevice | NodeKind::BlockDevice)) => {
                node.kind = kind;
                // A device has no size: its numbers lie in that column, the major one in the upper half.
                let rdev = std::mem::take(&mut node.size);
                node.rdev_major = u32::try_from(rdev >> 32).unwrap_or(u32::MAX);
                node.rdev_minor = u32::try_from(rdev & u64::from(u32::MAX)).unwrap_or(u32::MAX);
            }
            EntryType::Node(kind) => node.kind = kind,
            EntryType::Alias => return Err(TreeError::NoSuchInode { ino: ino.0 }),
        }
        if node.kind == NodeKind::Directory {
            node.size = DIRECTORY_SIZE;
        }
        Ok(node)
    }

    /// Every inode once, by number: the root, then one for each name that is not another name of an inode before it.
    ///
    /// # Errors
    /// Items may be [`TreeError::Corrupt`].
    pub fn inodes(&self) -> impl Iterator<Item = Result<(Ino, Node), TreeError>> {
        (0..self.header.counts.entries).map(Ino::from_index).filter_map(|ino| match self.node(ino) {
            Err(TreeError::NoSuchInode { .. }) => None,
            found => Some(found.map(|node| (ino, node))),
        })
    }

    fn content(&self, index: u32) -> Result<Option<ContentRef>, TreeError> {
        let columns = self.columns();
        let count = columns.u32(Section::Counts, index as usize)?;
        if count == 0 {
            return Ok(None);
        }
        let layer = u32::from(columns.u16(Section::Layers, index as usize)?);
        Ok(Some(ContentRef { layer, first: columns.first_chunk(index)?, count: u64::from(count) }))
    }

    /// The target of a symbolic link, as stored.
    ///
    /// # Errors
    /// [`TreeError::NotASymlink`], [`TreeError::NoSuchInode`], [`TreeError::Corrupt`].
    pub fn link_target(&self, ino: Ino) -> Result<&[u8], TreeError> {
        match self.inode(ino)? {
            (index, EntryType::Node(NodeKind::Symlink)) => self.columns().target(index),
            _ => Err(TreeError::NotASymlink { ino: ino.0 }),
        }
    }

    /// Extended attributes, names and values, sorted by name. Every attribute of the image is here, `trusted.overlay.*`
    /// and `user.overlay.*` too: a mount decides what it shows.
    ///
    /// # Errors
    /// [`TreeError::NoSuchInode`], [`TreeError::Corrupt`]; items may be [`TreeError::Corrupt`], after which there are no more.
    pub fn xattrs(&self, ino: Ino) -> Result<impl Iterator<Item = Result<Xattr<'_>, TreeError>>, TreeError> {
        let (index, _) = self.inode(ino)?;
        let mut rest = self.columns().xattr_set(index)?;
        Ok(std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let taken = columns::take_xattr(rest);
            rest = taken.as_ref().map_or(&[][..], |&(_, rest)| rest);
            Some(taken.map(|(pair, _)| pair))
        }))
    }

    /// Data runs of a sparse file, ascending; empty for every other inode (and for a file that is one hole:
    /// [`Node::is_sparse`] tells).
    ///
    /// # Errors
    /// [`TreeError::NoSuchInode`], [`TreeError::Corrupt`].
    pub fn sparse_runs(&self, ino: Ino) -> Result<Vec<DataRun>, TreeError> {
        match self.inode(ino)? {
            (index, EntryType::SparseFile) => self.columns().sparse_runs(index, self.header.counts.sparse_files),
            _ => Ok(Vec::new()),
        }
    }

    /// Counts over the whole tree, as its writer summed them.
    pub fn totals(&self) -> Totals {
        self.header.totals
    }

    /// The entry index and type of an inode number; aliases have no inode of their own.
    fn inode(&self, ino: Ino) -> Result<(u32, EntryType), TreeError> {
        let missing = TreeError::NoSuchInode { ino: ino.0 };
        let index = ino.index().filter(|&index| index < self.header.counts.entries);
        let Some(index) = index else {
            return Err(missing);
        };
        match self.columns().entry_type(index)? {
            EntryType::Alias => Err(missing),
            entry_type => Ok((index, entry_type)),
        }
    }

    /// The whole file.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    fn columns(&self) -> Columns<'_> {
        Columns { file: self.bytes(), layout: &self.layout }
    }
}
