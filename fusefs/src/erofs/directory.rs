//! The data of a directory: blocks of entries, each with its names behind them.
//!
//! The entries of a directory are in the order of their names' bytes, `.` and `..` among them. A block is read by itself: where its
//! first name starts tells how many entries it has.

use super::disk::{BLOCK, entry_type};
use super::error::ErofsError;
use crate::engine::{DirEntry, Ino, NodeKind, Tree};

/// Bytes of an entry without its name.
const ENTRY_LEN: usize = 12;

/// The data of directory `dir`; `slot` gives the number of an inode's slot.
pub(super) fn encode(tree: &Tree, dir: Ino, slot: impl Fn(Ino) -> u32) -> Result<Vec<u8>, ErofsError> {
    let mut entries = Vec::with_capacity(tree.entry_count(dir)? as usize + 2);
    while let Some(entry) = tree.entry(dir, u32::try_from(entries.len()).unwrap_or(u32::MAX))? {
        entries.push(entry);
    }
    for dot in [(&b"."[..], dir), (&b".."[..], tree.parent(dir)?)] {
        let at = entries.partition_point(|entry| entry.0 < dot.0);
        entries.insert(at, (dot.0, dot.1, NodeKind::Directory));
    }
    let mut out = Vec::new();
    let mut rest = &entries[..];
    while !rest.is_empty() {
        out.resize(out.len().next_multiple_of(BLOCK), 0);
        let (block, later) = rest.split_at(fitting(rest));
        put(&mut out, block, &slot);
        rest = later;
    }
    Ok(out)
}

/// How many of these entries a block takes; at least one, as no name is longer than 255 bytes.
fn fitting(entries: &[DirEntry<'_>]) -> usize {
    let mut left = BLOCK;
    let fits = entries.iter().take_while(|entry| {
        let len = ENTRY_LEN + entry.0.len();
        let fits = len <= left;
        left = left.saturating_sub(len);
        fits
    });
    fits.count().max(1)
}

fn put(out: &mut Vec<u8>, entries: &[DirEntry<'_>], slot: impl Fn(Ino) -> u32) {
    let mut name_at = entries.len() * ENTRY_LEN;
    for (name, ino, kind) in entries {
        out.extend_from_slice(&u64::from(slot(*ino)).to_le_bytes());
        // Below 4096: names lie within the block.
        out.extend_from_slice(&u16::try_from(name_at).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(&[entry_type(*kind), 0]);
        name_at += name.len();
    }
    for (name, _, _) in entries {
        out.extend_from_slice(name);
    }
}
