//! Levels without matches: stored blocks, and literals with Huffman codes.

use super::block::{MAX_STORED, Sink, store, write_literals};

/// Collects blocks of 65535 bytes.
pub(super) struct Plain {
    block: Vec<u8>,
    write_block: fn(&[u8], &mut Sink<'_>),
}

impl Plain {
    /// Level 0.
    pub(super) fn stored() -> Self {
        Self::new(|bytes, sink| store(bytes, false, sink))
    }

    /// Level -2.
    pub(super) fn huffman_only() -> Self {
        Self::new(write_literals)
    }

    fn new(write_block: fn(&[u8], &mut Sink<'_>)) -> Self {
        Self { block: Vec::with_capacity(MAX_STORED), write_block }
    }

    pub(super) fn write(&mut self, mut input: &[u8], sink: &mut Sink<'_>) {
        while !input.is_empty() {
            let (taken, rest) = input.split_at(input.len().min(MAX_STORED - self.block.len()));
            self.block.extend_from_slice(taken);
            input = rest;
            if self.block.len() == MAX_STORED {
                (self.write_block)(&self.block, sink);
                self.block.clear();
            }
        }
    }

    /// Writes the block begun, unless it is empty.
    pub(super) fn flush(&mut self, sink: &mut Sink<'_>) {
        if !self.block.is_empty() {
            (self.write_block)(&self.block, sink);
            self.block.clear();
        }
    }
}
