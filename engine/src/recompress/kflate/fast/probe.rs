//! Comparing a string with earlier ones.

use super::super::history::Source;
use super::tables::{REACH, entry};

/// The four bytes at a position, for which a match is wanted.
#[derive(Clone, Copy)]
pub(super) struct Probe<'a> {
    source: Source<'a>,
    at: usize,
    string: u32,
}

impl<'a> Probe<'a> {
    /// `bytes` holds the string in its low four bytes.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "four bytes are meant")]
    pub(super) fn new(source: Source<'a>, at: usize, bytes: u64) -> Self {
        Self { source, at, string: bytes as u32 }
    }

    /// How far back a position of a table is; far too much if it is none.
    #[inline(always)]
    pub(super) fn distance(self, position: u32) -> u32 {
        entry(self.at).wrapping_sub(position)
    }

    #[inline(always)]
    pub(super) fn is_near(self, position: u32) -> bool {
        self.distance(position) < REACH
    }

    /// Where a position of a table is in the buffer; anywhere if it is none.
    #[inline(always)]
    pub(super) fn place(self, position: u32) -> usize {
        self.at.wrapping_sub(self.distance(position) as usize)
    }

    /// Whether the same string is there, wherever that is.
    #[inline(always)]
    pub(super) fn is_same(self, position: u32) -> bool {
        self.source.load4(self.place(position)) == self.string
    }

    /// Whether the same string is there, less than a window back.
    #[inline(always)]
    pub(super) fn matches(self, position: u32) -> bool {
        // Without a branch: both are about as hard to predict as the whole.
        self.is_near(position) & self.is_same(position)
    }

    /// Length of the match with `from`, of which four bytes are known: up to the end of the block.
    #[inline(always)]
    pub(super) fn length(self, from: usize) -> usize {
        4 + self.source.common(self.at + 4, from + 4, self.source.end)
    }
}
