//! A block as literals and sequences.

use super::history::{BLOCK, Source};
use crate::recompress::coding::strings::boxed;

/// Literals and a match behind them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence {
    pub(super) literals: u32,
    /// Length of the match, less 3.
    pub(super) len: u32,
    /// 1 to 3 for a repeated distance, else the distance and 3.
    pub(super) offset: u32,
}

/// Shortest match of the format; what a length counts from.
pub(super) const MIN_MATCH: usize = 3;
/// What a distance is raised by to tell it from the three repeated ones.
pub(super) const OFFSET: usize = 3;

/// What a match finder makes of a block.
pub(super) struct Parsed {
    literals: Box<[u8; 2 * BLOCK + 16]>,
    len: usize,
    pub(super) sequences: Vec<Sequence>,
}

impl Parsed {
    pub(super) fn new() -> Self {
        Self { literals: boxed([0; 2 * BLOCK + 16]), len: 0, sequences: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.sequences.clear();
    }

    /// All literals, in a block that has a match.
    pub(super) fn literals(&self) -> &[u8] {
        self.literals.get(..self.len).unwrap_or_default()
    }

    /// Whether repeated distances can be used: earlier, they could be those of a block before.
    #[inline(always)]
    pub(super) fn may_repeat(&self) -> bool {
        self.sequences.len() > 2
    }

    /// Adds the literals from `from` to `to` and a match of `len` bytes.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "lengths within a block, distances within a window")]
    pub(super) fn push(&mut self, source: Source<'_>, from: usize, to: usize, len: usize, offset: usize) {
        self.copy(source, from, to);
        let (literals, len) = ((to - from) as u32, (len - MIN_MATCH) as u32);
        self.sequences.push(Sequence { literals, len, offset: offset as u32 });
    }

    /// Makes the block its first byte and a match of all others.
    pub(super) fn push_run(&mut self, source: Source<'_>) {
        self.push(source, source.start, source.start + 1, source.end - source.start - 1, 1 + OFFSET);
    }

    /// Adds what comes after the last match, unless there was none: then the block itself is the literals.
    pub(super) fn rest(&mut self, source: Source<'_>, from: usize) {
        if !self.sequences.is_empty() {
            self.copy(source, from, source.end);
        }
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "the place is masked and the buffer padded")]
    fn copy(&mut self, source: Source<'_>, from: usize, to: usize) {
        let (mut at, mut from, end) = (self.len, from, self.len + to.saturating_sub(from));
        loop {
            if let Some(room) = self.literals[at % (2 * BLOCK)..].first_chunk_mut() {
                *room = source.load16(from);
            }
            (at, from) = (at + 16, from + 16);
            if at >= end {
                break;
            }
        }
        self.len = end;
    }
}
