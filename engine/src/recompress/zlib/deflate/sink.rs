//! Where finished blocks go.

use super::bits::BitWriter;
use super::block::Block;
use super::window::Window;
use crate::recompress::place::Bits;

/// The output of one call.
pub(super) struct Sink<'a> {
    pub(super) bits: &'a mut BitWriter,
    pub(super) out: &'a mut Vec<u8>,
    /// The next block is not to be written: the stream goes on behind it, with these bits before it in its first byte.
    pub(super) unwritten: &'a mut Option<Bits>,
}

impl Sink<'_> {
    /// Ends the block before the window's current position.
    pub(super) fn flush(&mut self, window: &mut Window, block: &mut Block, last: bool) {
        if let Some(lead) = self.unwritten.take() {
            block.clear();
            *self.bits = BitWriter::starting_with(lead);
        } else {
            let (len, bytes) = window.block();
            block.flush(len, bytes, last, self.bits, self.out);
        }
        window.block_start = window.start as isize;
    }
}
