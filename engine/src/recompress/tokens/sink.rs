use super::BlockHeader;

/// Takes what a [`super::TokenReader`] finds, in stream order; methods not needed cost nothing.
pub trait TokenSink {
    /// A block begins; its header is complete and valid.
    fn block(&mut self, header: &BlockHeader<'_>) {
        let _ = header;
    }

    /// A literal.
    #[inline(always)]
    fn literal(&mut self, byte: u8) {
        let _ = byte;
    }

    /// A match: `len` is 3 to 258, `distance` 1 to 32768.
    #[inline(always)]
    fn matched(&mut self, len: u16, distance: u16) {
        let _ = (len, distance);
    }

    /// A match of 258 bytes sent as symbol 284 with extra bits 31 instead of symbol 285. RFC 1951 gives that bit string no
    /// meaning, zlib takes it, and no known encoder writes it; whoever wants the stream's bits back has to tell them apart.
    #[inline(always)]
    fn matched_in_full(&mut self, distance: u16) {
        self.matched(258, distance);
    }

    /// The next decoded bytes, of tokens and stored blocks alike. They come in pieces of up to 64 KiB, later than the tokens
    /// they came from, and are complete when a call of the reader returns, be it with an error.
    fn decoded(&mut self, bytes: &[u8]) {
        let _ = bytes;
    }

    /// The block that began last ends.
    fn end_block(&mut self, end: &BlockEnd) {
        let _ = end;
    }
}

/// For those who want to know only whether a stream is one.
impl TokenSink for () {}

/// Where a block ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockEnd {
    /// First bit behind the block, counted from the stream's start.
    pub bit: u64,
    /// Bytes decoded from the stream up to here.
    pub decoded: u64,
    /// Literals and matches in the block, without the end of block; 0 for a stored one.
    pub tokens: u64,
}
