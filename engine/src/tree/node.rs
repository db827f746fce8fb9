//! What a tree tells about one inode.

use crate::tar::Timestamp;

/// Inode number: entry index + 1; the root is 1. A pure function of the tree's bytes.
///
/// Not every number up to the entry count is an inode: a further name of a hard-linked inode takes an index of its own,
/// and asking for that number is [`super::TreeError::NoSuchInode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ino(pub u64);

impl Ino {
    /// The root directory.
    pub const ROOT: Ino = Ino(1);

    /// The entry index, if the number is in the range any tree can have.
    pub(super) fn index(self) -> Option<u32> {
        u32::try_from(self.0.checked_sub(1)?).ok()
    }

    pub(super) fn from_index(index: u32) -> Ino {
        Ino(u64::from(index) + 1)
    }
}

/// File type of an inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// Regular file, sparse or not.
    File,
    /// Directory.
    Directory,
    /// Symbolic link.
    Symlink,
    /// Character device.
    CharDevice,
    /// Block device.
    BlockDevice,
    /// Named pipe.
    Fifo,
}

/// Where a file's stored bytes are: `count` consecutive chunk references of layer `layer`'s recipe, from `first` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentRef {
    /// Index of the layer in its chain, lowest first; below 65,536.
    pub layer: u32,
    /// Index of the first chunk reference in that layer's recipe.
    pub first: u64,
    /// Number of chunk references, below 2^32.
    pub count: u64,
}

/// One name of a directory: its raw bytes, the inode behind it, and what that is.
pub type DirEntry<'a> = (&'a [u8], Ino, NodeKind);

/// One extended attribute: name and value.
pub type Xattr<'a> = (&'a [u8], &'a [u8]);

/// One inode. Plain data, copied out of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// File type.
    pub kind: NodeKind,
    /// Permission bits, `0..=0o7777`; always `0o777` for symbolic links, as Linux reports them.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Names of this inode; for a directory 2 plus its subdirectories.
    pub nlink: u32,
    /// Device major number; 0 unless a device.
    pub rdev_major: u32,
    /// Device minor number; 0 unless a device.
    pub rdev_minor: u32,
    /// File: logical bytes; symbolic link: bytes of its target; directory: 4096; else 0.
    pub size: u64,
    /// Modification time.
    pub mtime: Timestamp,
    /// Files with stored bytes only.
    pub content: Option<ContentRef>,
    /// Whether holes are recorded: ask [`super::Tree::sparse_runs`].
    pub is_sparse: bool,
    /// Whether [`super::Tree::xattrs`] gives anything.
    pub has_xattrs: bool,
}

/// Counts over a whole tree, kept in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Inodes, the root included.
    pub inodes: u64,
    /// Names in all directories: every path below the root, hard links counted once per name.
    pub entries: u64,
    /// Regular files, counted by inode.
    pub files: u64,
    /// Sum of the logical sizes of those files, in bytes.
    pub logical_bytes: u64,
    /// Whether any inode has an extended attribute.
    pub any_xattrs: bool,
}
