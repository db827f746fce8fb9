//! Where finished blocks go.

use super::block::{Block, FIXED};
use super::window::Window;
use crate::recompress::coding::bits::BitWriter;
use crate::recompress::coding::codes::store;

/// The output of one call.
pub(in crate::recompress) struct Sink<'a> {
    pub(in crate::recompress) bits: &'a mut BitWriter,
    pub(in crate::recompress) out: &'a mut Vec<u8>,
}

impl Sink<'_> {
    /// Ends the block before the window's current position.
    pub(in crate::recompress) fn flush(&mut self, window: &mut Window, block: &mut Block, last: bool) {
        let (len, bytes) = window.block();
        block.flush(len, bytes, last, self.bits, self.out);
        window.block_start = window.start as isize;
    }

    /// An empty stored block, which ends at a byte's end.
    pub(in crate::recompress) fn empty_stored(&mut self) {
        store(&[], false, self.bits, self.out);
    }

    /// An empty block of the fixed codes: ten bits.
    pub(in crate::recompress) fn empty_fixed(&mut self) {
        self.bits.put(FIXED << 1, 10);
        self.bits.flush(self.out);
    }

    /// Bits of the last byte that is not complete.
    pub(in crate::recompress) fn odd_bits(&self) -> u32 {
        self.bits.waiting()
    }
}
