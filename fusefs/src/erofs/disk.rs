//! The structures of an EROFS image, little-endian, as Linux `fs/erofs/erofs_fs.h` lays them out.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use crate::engine::{Node, NodeKind};

/// Bytes of a block.
pub(super) const BLOCK: usize = 4096;
const BLOCK_BITS: u8 = 12;
/// Where the superblock stands, and how long it is, in bytes.
pub(super) const SUPERBLOCK_AT: usize = 1024;
const SUPERBLOCK_LEN: usize = 128;
/// Inodes are numbered by where they stand, in units of so many bytes.
pub(super) const SLOT: usize = 32;
/// Bytes of an extended inode, the only kind used here: it alone holds the time of a file and large owners.
pub(super) const INODE_LEN: usize = 64;
/// The first inode stands behind the superblock.
pub(super) const FIRST_INODE: usize = SUPERBLOCK_AT + SUPERBLOCK_LEN;

const MAGIC: u32 = 0xe0f5_e1e2;
/// Where a superblock counts the image's blocks.
const BLOCKS_AT: usize = 36;
/// "Some files are made of chunks": the only feature a kernel has to know.
const CHUNKED_FILES: u32 = 0x4;
/// An address that says "nothing is stored here".
pub(super) const NOWHERE: u32 = u32::MAX;

/// How an inode's data are found: the value of bits 1 to 3 of its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// In blocks elsewhere.
    Plain = 0,
    /// Whole blocks elsewhere, what is left behind the inode.
    Inline = 2,
    /// By a table of chunks behind the inode.
    Chunks = 4,
}

/// What is known once everything has its place.
pub(super) struct Superblock {
    /// Number of the root directory.
    pub(super) root: u16,
    /// Inodes.
    pub(super) inodes: u64,
    /// Blocks of the whole image.
    pub(super) blocks: u32,
    /// Tells images apart.
    pub(super) uuid: [u8; 16],
}

impl Superblock {
    pub(super) fn encode(&self) -> [u8; SUPERBLOCK_LEN] {
        let mut out = Fields::new();
        out.u32(MAGIC);
        out.u32(0); // no checksum
        out.u32(0); // no features that a kernel may ignore
        out.put(&[BLOCK_BITS, 0]);
        out.u16(self.root);
        out.u64(self.inodes);
        out.u64(0); // when it was built: the same tree gives the same image
        out.u32(0);
        out.u32(self.blocks);
        out.u32(0); // inodes are counted from the image's first byte
        out.u32(0); // no shared attributes
        out.put(&self.uuid);
        out.put(b"firn\0\0\0\0\0\0\0\0\0\0\0\0");
        out.u32(CHUNKED_FILES);
        out.finish()
    }
}

/// Whether a file is an image of which nothing is cut off. What is in it is not looked at.
pub fn is_whole(file: &File) -> bool {
    let mut head = [0; SUPERBLOCK_LEN];
    let field = |head: &[u8], at: usize| head.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let len = file.metadata().map_or(0, |metadata| metadata.len());
    file.read_exact_at(&mut head, SUPERBLOCK_AT as u64).is_ok()
        && field(&head, 0) == Some(MAGIC)
        && field(&head, BLOCKS_AT).is_some_and(|blocks| u64::from(blocks) * BLOCK as u64 == len)
}

/// Fields put one behind the other; the rest is zeros.
struct Fields<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> Fields<N> {
    fn new() -> Self {
        Fields { bytes: [0; N], at: 0 }
    }

    fn put(&mut self, bytes: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.at..self.at + bytes.len()) {
            room.copy_from_slice(bytes);
        }
        self.at += bytes.len();
    }

    fn u16(&mut self, value: u16) {
        self.put(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }

    fn finish(self) -> [u8; N] {
        debug_assert!(self.at <= N, "more fields than room");
        self.bytes
    }
}

/// An inode, without what stands behind it.
pub(super) struct Inode<'n> {
    /// Kind, owner, times.
    pub(super) node: &'n Node,
    /// Where its data are.
    pub(super) layout: Layout,
    /// Bytes of its data.
    pub(super) size: u64,
    /// First block, chunk format or device number, as layout and kind have it.
    pub(super) place: u32,
    /// Units of its attributes: see [`super::xattrs::Encoded::count`].
    pub(super) xattrs: u16,
    /// A number for people; the kernel shows that of its slot.
    pub(super) number: u32,
}

impl Inode<'_> {
    pub(super) fn encode(&self) -> [u8; INODE_LEN] {
        let mode = u16::try_from(self.node.mode & 0o7777).unwrap_or(0) | type_bits(self.node.kind);
        let mut out = Fields::new();
        out.u16(1 | (self.layout as u16) << 1);
        out.u16(self.xattrs);
        out.u16(mode);
        out.u16(0);
        out.u64(self.size);
        out.u32(self.place);
        out.u32(self.number);
        out.u32(self.node.uid);
        out.u32(self.node.gid);
        out.u64(self.node.mtime.secs.cast_unsigned());
        out.u32(self.node.mtime.nanos);
        out.u32(self.node.nlink);
        out.finish()
    }
}

fn type_bits(kind: NodeKind) -> u16 {
    match kind {
        NodeKind::Fifo => 0o010_000,
        NodeKind::CharDevice => 0o020_000,
        NodeKind::Directory => 0o040_000,
        NodeKind::BlockDevice => 0o060_000,
        NodeKind::File => 0o100_000,
        NodeKind::Symlink => 0o120_000,
    }
}

/// The type that a directory entry gives.
pub(super) fn entry_type(kind: NodeKind) -> u8 {
    match kind {
        NodeKind::File => 1,
        NodeKind::Directory => 2,
        NodeKind::CharDevice => 3,
        NodeKind::BlockDevice => 4,
        NodeKind::Fifo => 5,
        NodeKind::Symlink => 7,
    }
}
