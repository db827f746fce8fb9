//! A merged tree's metadata as an EROFS image: what the kernel answers by itself in rootfs mode.
//!
//! The image holds names, owners, times, links and attributes, and no file's bytes: a file is a hole of its size with the two
//! attributes by which overlayfs finds its data under another name in a layer of data (`metacopy` and `redirect`). So an image can be
//! written without reading anything that may be cold. It is laid out in two passes over the tree, the first to learn where each inode
//! stands, the second to write it. The same tree gives the same bytes.

mod body;
mod directory;
mod disk;
mod error;
#[cfg(test)]
mod tests;
mod xattrs;

use std::io::{BufWriter, Write};

pub use disk::is_whole;
pub use error::ErofsError;

use crate::engine::{Ino, Node, Tree};
use body::Body;
use disk::{BLOCK, FIRST_INODE, SLOT, SUPERBLOCK_AT, Superblock};

/// Says what path the bytes of a file have in the layers of data, without the slash before it. Asked for files with stored bytes only.
pub type Objects<'o> = &'o dyn Fn(Ino) -> Result<String, Box<dyn std::error::Error + Send + Sync>>;

/// Writes the image of `tree` to `out`. `uuid` is what the kernel tells images apart by.
///
/// Memory: four bytes for each entry of the tree, and the largest directory.
///
/// # Errors
/// See [`ErofsError`]. What was written by then is of no use.
pub fn write(tree: &Tree, uuid: [u8; 16], objects: Objects<'_>, out: impl Write) -> Result<(), ErofsError> {
    let plan = Plan::of(tree, objects)?;
    let mut out = Counted { out: BufWriter::with_capacity(1 << 20, out), at: 0 };
    out.pad_to(SUPERBLOCK_AT as u64)?;
    out.put(&plan.superblock(uuid)?.encode())?;
    let (mut block, mut with_blocks) = (plan.first_block, Vec::new());
    for inode in tree.inodes() {
        let inode = inode?;
        let body = plan.body(tree, inode, objects)?;
        out.pad_to(u64::from(plan.slot(inode.0)) * SLOT as u64)?;
        out.put(&body.encode(block))?;
        if !body.elsewhere().is_empty() {
            block += blocks(body.elsewhere());
            with_blocks.push(inode);
        }
    }
    out.pad_to(u64::from(plan.first_block) * BLOCK as u64)?;
    for inode in with_blocks {
        out.put(plan.body(tree, inode, objects)?.elsewhere())?;
        out.pad_to(out.at.next_multiple_of(BLOCK as u64))?;
    }
    out.out.flush()?;
    Ok(())
}

fn blocks(data: &[u8]) -> u32 {
    u32::try_from(data.len().div_ceil(BLOCK)).unwrap_or(u32::MAX)
}

/// Where everything stands.
struct Plan {
    /// Slots of the inodes by number, from 1 on.
    slots: Vec<u32>,
    inodes: u64,
    /// The first block behind the inodes.
    first_block: u32,
    /// Blocks in all.
    blocks: u32,
}

impl Plan {
    fn of(tree: &Tree, objects: Objects<'_>) -> Result<Plan, ErofsError> {
        let (mut slots, mut inodes, mut elsewhere) = (Vec::new(), 0, 0u64);
        let mut at = FIRST_INODE as u64;
        for inode in tree.inodes() {
            let inode = inode?;
            let body = Body::of(tree, inode, objects, |_| 0)?;
            inodes += 1;
            while !body.fits_at(at) {
                at += SLOT as u64;
            }
            let slot = u32::try_from(at / SLOT as u64).map_err(|_| too_large(inode.0))?;
            // Numbers ascend; those between are further names.
            slots.resize(index(inode.0), 0);
            slots.push(slot);
            at = (at + body.len() as u64).next_multiple_of(SLOT as u64);
            elsewhere += u64::from(blocks(body.elsewhere()));
        }
        let first_block = at.div_ceil(BLOCK as u64);
        let block = |block| u32::try_from(block).map_err(|_| too_large(Ino::ROOT));
        Ok(Plan { slots, inodes, first_block: block(first_block)?, blocks: block(first_block + elsewhere)? })
    }

    fn body(&self, tree: &Tree, inode: (Ino, Node), objects: Objects<'_>) -> Result<Body, ErofsError> {
        Body::of(tree, inode, objects, |ino| self.slot(ino))
    }

    fn slot(&self, ino: Ino) -> u32 {
        self.slots.get(index(ino)).copied().unwrap_or(0)
    }

    fn superblock(&self, uuid: [u8; 16]) -> Result<Superblock, ErofsError> {
        let root = u16::try_from(self.slot(Ino::ROOT)).map_err(|_| too_large(Ino::ROOT))?;
        Ok(Superblock { root, inodes: self.inodes, blocks: self.blocks, uuid })
    }
}

/// Where an inode is among all numbers.
fn index(ino: Ino) -> usize {
    usize::try_from(ino.0.saturating_sub(1)).unwrap_or(usize::MAX)
}

fn too_large(ino: Ino) -> ErofsError {
    ErofsError::Unsupported { ino: ino.0, what: "the tree is too large for the format".to_owned() }
}

/// Knows how much was written.
struct Counted<W> {
    out: W,
    at: u64,
}

impl<W: Write> Counted<W> {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn pad_to(&mut self, position: u64) -> std::io::Result<()> {
        static ZEROS: [u8; BLOCK] = [0; BLOCK];
        while self.at < position {
            let len = usize::try_from(position - self.at).unwrap_or(BLOCK).min(BLOCK);
            self.put(ZEROS.get(..len).unwrap_or_default())?;
        }
        debug_assert!(self.at == position, "the second pass goes as the first");
        Ok(())
    }
}
