//! The bytes that matches may reach back to and the bytes not yet encoded.

use super::params::{MAX_MATCH, MIN_MATCH};
use crate::recompress::coding::matches::{HALF, HALF_POSITION};
use crate::recompress::coding::strings::{Buffer, Bytes, PADDED, boxed};

/// Input bytes the buffer holds.
const CAPACITY: usize = 2 * HALF;
/// Look-ahead below which zlib refills: a whole match and the string behind it.
pub(in crate::recompress) const MIN_LOOKAHEAD: usize = MAX_MATCH + MIN_MATCH + 1;
/// Farthest distance zlib uses, so that what a refill overwrites is never needed.
#[expect(clippy::cast_possible_truncation, reason = "it is 262")]
pub(in crate::recompress) const MAX_DISTANCE: u16 = HALF_POSITION - MIN_LOOKAHEAD as u16;
/// Position from which a refill slides the buffer first.
pub(in crate::recompress) const SLIDE_AT: usize = HALF + MAX_DISTANCE as usize;

/// A buffer of two halves; positions in it fit `u16`, and position 0 means "none" as in zlib.
pub(in crate::recompress) struct Window {
    bytes: Box<Buffer>,
    /// Next position to encode.
    pub(in crate::recompress) start: usize,
    /// End of the input taken so far.
    pub(super) end: usize,
    /// Where the block being collected began; negative once that has slid out of the buffer.
    pub(in crate::recompress) block_start: isize,
    /// Positions before `start` that the match finder has not seen, as the string there went beyond the end of a piece.
    pub(in crate::recompress) unseen: usize,
}

impl Window {
    pub(in crate::recompress) fn new() -> Self {
        Self { bytes: boxed([0; PADDED]), start: 0, end: 0, block_start: 0, unseen: 0 }
    }

    /// Takes bytes from the front of `input` until the buffer is full.
    pub(in crate::recompress) fn fill(&mut self, input: &mut &[u8]) {
        let (taken, rest) = input.split_at(input.len().min(CAPACITY - self.end));
        if let Some(room) = self.bytes.get_mut(self.end..self.end + taken.len()) {
            room.copy_from_slice(taken);
        }
        self.end += taken.len();
        *input = rest;
    }

    /// Start of the buffer when `at` is the next position to encode, both as offsets in the input: the buffer has slid as
    /// often as it takes for a whole look-ahead to fit behind `at`.
    pub(super) fn origin(at: u64) -> u64 {
        at.saturating_sub((CAPACITY - MIN_LOOKAHEAD) as u64).next_multiple_of(HALF as u64)
    }

    pub(in crate::recompress) fn is_full(&self) -> bool {
        self.end == CAPACITY
    }

    /// Bytes taken but not yet encoded.
    #[inline(always)]
    pub(in crate::recompress) fn lookahead(&self) -> usize {
        self.end - self.start
    }

    /// Where the next byte to encode is; below 2^16, as a full buffer slides before its end is reached.
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the buffer holds 2^16 bytes and the last 261 are never reached"
    )]
    pub(in crate::recompress) fn position(&self) -> u16 {
        self.start as u16
    }

    /// Starts over with the end of `dictionary`, at most half a window of it, as what matches may reach back to.
    pub(in crate::recompress) fn restart(&mut self, dictionary: &[u8]) {
        let mut kept = dictionary.get(dictionary.len().saturating_sub(HALF)..).unwrap_or_default();
        self.end = 0;
        self.fill(&mut kept);
        self.start = self.end;
        self.block_start = self.start as isize;
        self.pause();
    }

    /// All input was encoded, and more may come: the last two strings are known only then.
    pub(in crate::recompress) fn pause(&mut self) {
        self.unseen = self.start.min(MIN_MATCH - 1);
    }

    /// The first position that was left out at the last pause, if any still is.
    #[expect(clippy::cast_possible_truncation, reason = "at most 2")]
    pub(in crate::recompress) fn unseen_position(&self) -> Option<u16> {
        if self.unseen == 0 { None } else { self.position().checked_sub(self.unseen as u16) }
    }

    /// Puts two zeros behind the end of all input, which GNU gzip's last strings see.
    pub(in crate::recompress) fn pad(&mut self) {
        if let Some(behind) = self.bytes.get_mut(self.end..self.end + MIN_MATCH - 1) {
            behind.fill(0);
        }
    }

    /// Drops the older half. What is behind the end moves too, for GNU gzip sees it.
    pub(in crate::recompress) fn slide(&mut self) {
        self.bytes.copy_within(HALF..CAPACITY, 0);
        self.start -= HALF;
        self.end -= HALF;
        self.block_start -= HALF as isize;
    }

    /// Length of the block being collected, and its bytes unless a part has slid out.
    pub(in crate::recompress) fn block(&self) -> (usize, Option<&[u8]>) {
        let len = self.block_len();
        let bytes = usize::try_from(self.block_start).ok().and_then(|from| self.bytes.get(from..self.start));
        (len, bytes)
    }

    /// Length of the block being collected.
    #[inline(always)]
    pub(in crate::recompress) fn block_len(&self) -> usize {
        usize::try_from(self.start as isize - self.block_start).unwrap_or(0)
    }

    #[inline(always)]
    pub(in crate::recompress) fn bytes(&self) -> Bytes<'_> {
        Bytes::new(&self.bytes)
    }
}
