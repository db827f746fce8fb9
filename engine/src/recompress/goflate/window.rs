//! The bytes that matches may reach back to and the bytes not yet encoded.

use super::params::{MAX_MATCH, MIN_MATCH};

/// Half of the buffer; how far one slide moves everything.
pub(super) const HALF: usize = HALF_POSITION as usize;
/// The same as a position; also the greatest distance.
pub(super) const HALF_POSITION: u16 = 32 << 10;
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
/// Room for loads that start anywhere a `u16` points, go a match further and take 8 bytes.
const PADDED: usize = ORIGIN + CAPACITY + 512 + 8;

/// A buffer of two halves. Positions at which a string of four bytes starts fit `u16`.
pub(super) struct Window {
    bytes: Box<[u8; PADDED]>,
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
        Bytes(&self.bytes)
    }
}

/// Read access to the buffer by position.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(&'a [u8; PADDED]);

impl Bytes<'_> {
    /// The byte at `at`, which is in the buffer.
    #[inline(always)]
    pub(super) fn byte(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }

    /// Four bytes from `at`, little-endian.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a u16 and 4 are within the array")]
    pub(super) fn load4(self, at: u16) -> u32 {
        self.0[usize::from(at)..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// Eight bytes from `offset` (below 512) behind `at`, little-endian.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a u16, 511 and 8 are within the array")]
    pub(super) fn load8(self, at: u16, offset: usize) -> u64 {
        self.0[usize::from(at) + (offset & 511)..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// How many bytes agree from `a` and `b` on, at most `limit` (up to 258).
    #[inline(always)]
    pub(super) fn common(self, a: u16, b: u16, limit: usize) -> usize {
        let mut len = 0;
        while len < limit {
            let differ = self.load8(a, len) ^ self.load8(b, len);
            if differ != 0 {
                return limit.min(len + (differ.trailing_zeros() / 8) as usize);
            }
            len += 8;
        }
        limit
    }
}

/// An array on the heap that never was on the stack in optimised builds, and is small enough for it otherwise.
pub(super) fn boxed<T: Copy, const N: usize>(array: [T; N]) -> Box<[T; N]> {
    Box::new(array)
}
