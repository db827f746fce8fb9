//! When a block ends, and how.

use crate::recompress::coding::bits::BitWriter;
use crate::recompress::zlib::deflate::block::Block;
use crate::recompress::zlib::deflate::sink::Sink;
use crate::recompress::zlib::deflate::window::Window;

/// How many symbols there are between two looks at whether a block pays.
const LOOK: usize = 4096;

/// The block being collected and the stream it goes to.
pub(super) struct Output<'a> {
    sink: Sink<'a>,
    block: &'a mut Block,
    splits: bool,
}

impl<'a> Output<'a> {
    /// With `splits` a block may end before it is full.
    pub(super) fn new(bits: &'a mut BitWriter, out: &'a mut Vec<u8>, block: &'a mut Block, splits: bool) -> Self {
        Self { sink: Sink { bits, out }, block, splits }
    }

    /// Adds a literal; true if the block ends here. `len` is the number of bytes from the block's start to gzip's position.
    #[inline(always)]
    pub(super) fn literal(&mut self, byte: u8, len: usize) -> bool {
        self.block.literal(byte) || self.pays(len)
    }

    /// Adds a match; otherwise as `literal`.
    #[inline(always)]
    pub(super) fn matched(&mut self, match_len: usize, distance: u16, len: usize) -> bool {
        self.block.matched(match_len, usize::from(distance)) || self.pays(len)
    }

    /// The block is good enough to end: fewer matches than literals, and under half of the bytes even if every length and every
    /// literal took eight bits and every distance code five.
    #[inline(always)]
    fn pays(&self, len: usize) -> bool {
        self.block.count().is_multiple_of(LOOK) && self.splits && self.shrinks(len)
    }

    #[cold]
    fn shrinks(&self, len: usize) -> bool {
        let symbols = self.block.count();
        let (mut matches, mut bits) = (0, 8 * symbols);
        for (frequency, extra) in self.block.distances() {
            matches += usize::from(frequency);
            bits += usize::from(frequency) * (5 + usize::from(extra));
        }
        matches < symbols / 2 && bits / 8 < len / 2
    }

    /// Ends the block before the window's position, with `padded` at the end of a byte.
    pub(super) fn flush(&mut self, window: &mut Window, padded: bool) {
        self.sink.flush(window, self.block, false);
        if padded && self.sink.odd_bits() != 0 {
            self.sink.empty_stored();
        }
    }

    /// Ends the stream.
    pub(super) fn end(&mut self, window: &mut Window) {
        self.sink.flush(window, self.block, true);
    }
}
