//! Which chunks the files of which image have.

use std::collections::HashMap;

use super::Summary;
use crate::error::Error;
use crate::id::ChunkId;
use crate::read::OpenImage;
use crate::tree::Node;

/// Of the first image, of the second.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    First = 1,
    Second = 2,
}

/// Every chunk seen: its length, and the sides that have it as bits.
#[derive(Default)]
pub(super) struct Chunks(HashMap<ChunkId, (u32, u8)>);

impl Chunks {
    /// Notes the chunks of a file.
    pub(super) fn note(&mut self, side: Side, image: &OpenImage, node: &Node) -> Result<(), Error> {
        if let Some(content) = node.content {
            for chunk in image.chunk_refs(content)? {
                let chunk = chunk?;
                self.0.entry(chunk.id).or_insert((chunk.len, 0)).1 |= side as u8;
            }
        }
        Ok(())
    }

    pub(super) fn sum(&self, summary: &mut Summary) {
        for (len, sides) in self.0.values() {
            let sum = match sides {
                1 => &mut summary.only_first_bytes,
                2 => &mut summary.only_second_bytes,
                _ => &mut summary.shared_bytes,
            };
            *sum += u64::from(*len);
        }
    }
}
