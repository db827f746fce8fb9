//! What one inode becomes: its attributes, and its data or where they would be.

use super::disk::{BLOCK, INODE_LEN, Inode, Layout, NOWHERE};
use super::error::ErofsError;
use super::xattrs::Encoded;
use super::{Objects, directory};
use crate::engine::{Ino, Node, NodeKind, Tree};
use crate::fs::{encoded_device, shown_name};

/// Marks of overlayfs: the data of this file are in a layer of data, under this path.
const METACOPY: &[u8] = b"trusted.overlay.metacopy";
const REDIRECT: &[u8] = b"trusted.overlay.redirect";

/// Chunks are at most 2^31 blocks.
const MAX_CHUNK_BITS: u32 = 31;
/// Entries of a table of chunks: enough for 512 TiB. A larger file can only be one hole.
const MAX_CHUNKS: usize = 64;
/// Bytes of such an entry.
const CHUNK_LEN: usize = 4;

/// An inode with everything that belongs to it.
pub(super) struct Body {
    ino: Ino,
    node: Node,
    xattrs: Encoded,
    data: Data,
}

enum Data {
    /// None; devices have their number instead.
    None(u32),
    /// A file that is one hole here, of so many chunks of 2^`bits` blocks.
    Hole { bits: u32, chunks: usize },
    /// Entries of a directory, target of a link.
    Bytes(Vec<u8>),
}

impl Body {
    /// Everything about inode `ino`, which is `node`; directories take the slots of their entries from `slot`.
    pub(super) fn of(
        tree: &Tree,
        (ino, node): (Ino, Node),
        objects: Objects<'_>,
        slot: impl Fn(Ino) -> u32,
    ) -> Result<Body, ErofsError> {
        let mut xattrs = Encoded::default();
        if node.has_xattrs {
            for xattr in tree.xattrs(ino)? {
                let (name, value) = xattr?;
                if let Some(name) = shown_name(name) {
                    xattrs.add(ino, &name, value)?;
                }
            }
        }
        let data = match node.kind {
            NodeKind::Directory => Data::Bytes(directory::encode(tree, ino, slot)?),
            NodeKind::Symlink => Data::Bytes(tree.link_target(ino)?.to_vec()),
            NodeKind::CharDevice | NodeKind::BlockDevice => Data::None(encoded_device(&node)),
            NodeKind::Fifo => Data::None(0),
            NodeKind::File if node.size == 0 => Data::None(NOWHERE),
            NodeKind::File => {
                if node.content.is_some() {
                    let object = objects(ino).map_err(|source| ErofsError::Name { ino: ino.0, source })?;
                    xattrs.add(ino, METACOPY, b"")?;
                    xattrs.add(ino, REDIRECT, format!("/{object}").as_bytes())?;
                }
                hole(ino, node.size)?
            }
        };
        Ok(Body { ino, node, xattrs, data })
    }

    /// Bytes of the inode, its attributes, and what of its data stands behind them.
    pub(super) fn len(&self) -> usize {
        INODE_LEN + self.xattrs.bytes.len() + self.behind_len()
    }

    /// Whether it may stand at this position: the kernel reads neither an inode nor the data behind it across two blocks.
    pub(super) fn fits_at(&self, position: u64) -> bool {
        let within = |at: u64, len: usize| at % BLOCK as u64 + len as u64 <= BLOCK as u64;
        let behind = position + (INODE_LEN + self.xattrs.bytes.len()) as u64;
        within(position, INODE_LEN) && within(behind, self.behind_len())
    }

    /// The data that stand in blocks elsewhere.
    pub(super) fn elsewhere(&self) -> &[u8] {
        match &self.data {
            Data::Bytes(bytes) => bytes.get(..bytes.len() - self.tail_len()).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The encoded inode and what stands behind it; data elsewhere start at block `block`.
    pub(super) fn encode(&self, block: u32) -> Vec<u8> {
        let (layout, size, place) = match &self.data {
            Data::None(place) => (Layout::Plain, 0, *place),
            Data::Hole { bits, .. } => (Layout::Chunks, self.node.size, *bits),
            Data::Bytes(bytes) => {
                let layout = if self.tail_len() > 0 { Layout::Inline } else { Layout::Plain };
                let place = if self.elsewhere().is_empty() { NOWHERE } else { block };
                (layout, bytes.len() as u64, place)
            }
        };
        let number = u32::try_from(self.ino.0).unwrap_or(0);
        let inode = Inode { node: &self.node, layout, size, place, xattrs: self.xattrs.count(), number };
        [&inode.encode(), &self.xattrs.bytes[..], &self.behind()].concat()
    }

    fn behind_len(&self) -> usize {
        match &self.data {
            Data::None(_) => 0,
            Data::Hole { chunks, .. } => *chunks * CHUNK_LEN,
            Data::Bytes(_) => self.tail_len(),
        }
    }

    fn behind(&self) -> Vec<u8> {
        match &self.data {
            Data::None(_) => Vec::new(),
            Data::Hole { chunks, .. } => (0..*chunks).flat_map(|_| NOWHERE.to_le_bytes()).collect(),
            Data::Bytes(bytes) => bytes.get(bytes.len() - self.tail_len()..).unwrap_or_default().to_vec(),
        }
    }

    /// Bytes of the data that stand behind the inode: what does not fill a block, if it fits a block together with the inode.
    fn tail_len(&self) -> usize {
        let Data::Bytes(bytes) = &self.data else { return 0 };
        let tail = bytes.len() % BLOCK;
        if INODE_LEN + tail <= BLOCK { tail } else { 0 }
    }
}

/// The fewest chunks that a file of this size takes.
fn hole(ino: Ino, size: u64) -> Result<Data, ErofsError> {
    let blocks = size.div_ceil(BLOCK as u64);
    let bits = blocks.next_power_of_two().trailing_zeros().min(MAX_CHUNK_BITS);
    match usize::try_from(blocks.div_ceil(1 << bits)) {
        Ok(chunks @ ..=MAX_CHUNKS) => Ok(Data::Hole { bits, chunks }),
        _ => Err(ErofsError::Unsupported { ino: ino.0, what: format!("a file of {size} bytes") }),
    }
}
