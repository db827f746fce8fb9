//! The bytes that matches may reach back to and the bytes not yet encoded.

use super::params::{MAX_MATCH, MIN_MATCH};
use crate::recompress::coding::matches::HALF;
use crate::recompress::coding::strings::{Buffer, Bytes, PADDED, boxed};

/// Input bytes the buffer holds.
const CAPACITY: usize = 2 * HALF;
/// Look-ahead that Go wants before it decides about a position, as long as more input may come.
const MIN_LOOKAHEAD: usize = MIN_MATCH + MAX_MATCH;
/// Position of the first byte: 0 means "none".
pub(super) const ORIGIN: usize = 1;
/// The first position that a full window leaves for later.
pub(super) const STOP: usize = ORIGIN + CAPACITY - MIN_LOOKAHEAD + 1;
/// The first position before which a window may slide without being full.
pub(super) const STOP_EARLY: usize = STOP - 1;

/// A buffer of two halves. Positions at which a string of four bytes starts fit `u16`.
pub(super) struct Window {
    bytes: Box<Buffer>,
    /// Next position to encode.
    pub(super) start: usize,
    /// End of the input taken so far.
    pub(super) end: usize,
    /// Where the block being collected began; `None` once that has slid out of the buffer.
    block_start: Option<usize>,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { bytes: boxed([0; PADDED]), start: ORIGIN, end: ORIGIN, block_start: Some(ORIGIN) }
    }

    /// Offset in the input of the buffer's first byte when `at` is the next position to encode: the buffer has slid as often as
    /// it takes for a whole look-ahead to fit behind `at`.
    pub(super) fn origin(at: u64) -> u64 {
        at.saturating_sub((STOP_EARLY - ORIGIN) as u64).next_multiple_of(HALF as u64)
    }

    /// The block being collected begins at the current position.
    pub(super) fn begin_block(&mut self) {
        self.block_start = Some(self.start);
    }

    /// Takes bytes from the front of `input` until the buffer is full.
    pub(super) fn fill(&mut self, input: &mut &[u8]) {
        let (taken, rest) = input.split_at(input.len().min(ORIGIN + CAPACITY - self.end));
        if let Some(room) = self.bytes.get_mut(self.end..self.end + taken.len()) {
            room.copy_from_slice(taken);
        }
        self.end += taken.len();
        *input = rest;
    }

    pub(super) fn is_full(&self) -> bool {
        self.end == ORIGIN + CAPACITY
    }

    /// Drops the older half.
    pub(super) fn slide(&mut self) {
        self.bytes.copy_within(ORIGIN + HALF..self.end, ORIGIN);
        self.start -= HALF;
        self.end -= HALF;
        self.block_start = self.block_start.and_then(|at| at.checked_sub(HALF)).filter(|&at| at >= ORIGIN);
    }

    /// The bytes before `start` that belong to the block being collected, unless some have slid out; the next block starts there.
    pub(super) fn end_block(&mut self) -> Option<&[u8]> {
        let from = self.block_start.replace(self.start);
        from.and_then(|from| self.bytes.get(from..self.start))
    }

    #[inline(always)]
    pub(super) fn bytes(&self) -> Bytes<'_> {
        Bytes::new(&self.bytes)
    }
}
