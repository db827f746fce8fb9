//! Where finished blocks go.

use super::bits::BitWriter;
use super::block::Block;
use super::window::Window;

/// The output of one call.
pub(super) struct Sink<'a> {
    pub(super) bits: &'a mut BitWriter,
    pub(super) out: &'a mut Vec<u8>,
}

impl Sink<'_> {
    /// Ends the block before the window's current position.
    pub(super) fn flush(&mut self, window: &mut Window, block: &mut Block, last: bool) {
        let (len, bytes) = window.block();
        block.flush(len, bytes, last, self.bits, self.out);
        window.block_start = window.start as isize;
    }
}
