//! Places in the middle of a deflate stream from which an encoder can go on.

/// Fewer than 8 bits, the first one lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bits {
    /// The bits; others are 0.
    pub(super) value: u8,
    /// How many, 0 to 7.
    pub(super) count: u8,
}

/// A block's start, and what an encoder has to know to write that block and those behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Decoded bytes before the place and behind it.
    pub(super) plain: &'a [u8],
    /// Offset of `plain` in the decoded stream.
    pub(super) plain_at: u64,
    /// Offset in the decoded stream where the last match before the block ends; only literals lie between.
    pub(super) clean: u64,
    /// Offset in the decoded stream where the block starts.
    pub(super) block: u64,
    /// Bits of the byte in which the block starts that belong to the block before.
    pub(super) lead: Bits,
}

impl<'a> Place<'a> {
    /// The decoded bytes before the block, and from there on.
    pub(super) fn split(&self) -> Option<(&'a [u8], &'a [u8])> {
        self.plain.split_at_checked(usize::try_from(self.block.checked_sub(self.plain_at)?).ok()?)
    }
}

/// What a program did with its encoder that the data does not tell.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Habits<'a> {
    /// Slides of Go's window, from 0 and in order, that happened one position early: `goflate` tells when they do.
    pub(super) slides: &'a [u32],
    /// Whether it flushed anywhere.
    pub(super) flushes: bool,
}

/// A flush: the block ends, and an empty one shows where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Flush {
    /// An empty stored block: zlib's `Z_SYNC_FLUSH`, Go's `Flush`.
    Sync = 0,
    /// The same, and everything before is forgotten: `Z_FULL_FLUSH`.
    Full = 1,
    /// An empty block of the fixed codes: `Z_PARTIAL_FLUSH`.
    Partial = 2,
}
