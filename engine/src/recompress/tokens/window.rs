//! The decoded bytes that matches may reach back to, and those not yet handed out.

use super::TokenSink;

/// Farthest a match reaches back.
const HISTORY: usize = 32 << 10;
/// Bytes decoded between two slides.
const PIECE: usize = 64 << 10;
/// Longest match.
const MAX_MATCH: usize = 258;
/// The loop over tokens starts an iteration below this position.
pub(super) const FULL: usize = HISTORY + PIECE;
/// An iteration writes some literals and a match, and a copy up to 31 bytes more than it should.
const LEN: usize = FULL + 8 + MAX_MATCH + 32;

/// A linear buffer that slides.
pub(super) struct Window {
    pub(super) bytes: Box<[u8; LEN]>,
    /// End of the decoded bytes.
    pub(super) end: usize,
    /// Start of those not handed out.
    fresh: usize,
    /// Bytes that have slid out.
    gone: u64,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { bytes: Box::new([0; LEN]), end: 0, fresh: 0, gone: 0 }
    }

    /// Bytes decoded so far.
    pub(super) fn decoded(&self) -> u64 {
        self.gone + self.end as u64
    }

    pub(super) fn is_full(&self) -> bool {
        self.end >= FULL
    }

    /// Gives the sink what it has not had.
    pub(super) fn hand_out(&mut self, sink: &mut impl TokenSink) {
        let fresh = self.bytes.get(self.fresh..self.end).unwrap_or_default();
        if !fresh.is_empty() {
            sink.decoded(fresh);
        }
        self.fresh = self.end;
    }

    /// Hands out, and keeps what matches can reach.
    pub(super) fn slide(&mut self, sink: &mut impl TokenSink) {
        self.hand_out(sink);
        let from = self.end.saturating_sub(HISTORY);
        self.bytes.copy_within(from..self.end, 0);
        self.gone += from as u64;
        self.end -= from;
        self.fresh = self.end;
    }

    /// Room for stored bytes; not 0 unless full.
    pub(super) fn room(&self) -> usize {
        FULL.saturating_sub(self.end)
    }

    /// Appends bytes, at most `room`.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        if let Some(to) = self.bytes.get_mut(self.end..self.end + bytes.len()) {
            to.copy_from_slice(bytes);
        }
        self.end += bytes.len();
    }

    /// Appends a match; `distance` is at most `end`, and the window is not full.
    pub(super) fn copy(&mut self, len: usize, distance: usize) {
        copy(&mut self.bytes, self.end, len, distance);
        self.end += len;
    }
}

/// Copies `len` (up to 258) bytes from `distance` (1 to `end`) before `end` to `end`, and leaves anything in the 31 behind.
#[inline(always)]
pub(super) fn copy(bytes: &mut [u8; LEN], end: usize, len: usize, distance: usize) {
    let from = end - distance;
    if distance >= 32 {
        copy_by::<32>(bytes, end, len, from);
    } else if distance >= 16 {
        copy_by::<16>(bytes, end, len, from);
    } else if distance >= 8 {
        copy_by::<8>(bytes, end, len, from);
    } else {
        repeat(bytes, end, len, distance);
    }
}

/// Copies in steps of `N`, at most the distance: what a step reads is written before.
#[inline(always)]
fn copy_by<const N: usize>(bytes: &mut [u8; LEN], end: usize, len: usize, from: usize) {
    let mut done = 0;
    loop {
        let Some(chunk) = load::<N>(bytes, from + done) else { return };
        store(bytes, end + done, chunk);
        done += N;
        if done >= len {
            return;
        }
    }
}

/// For distances below 8: the period, repeated over eight bytes, is written in steps of a multiple of it.
#[inline(always)]
fn repeat(bytes: &mut [u8; LEN], end: usize, len: usize, distance: usize) {
    const STEPS: [u8; 8] = [8, 8, 8, 6, 8, 5, 6, 7];
    let bits = 8 * (distance & 7);
    let mut period = load(bytes, end - distance).map_or(0, u64::from_le_bytes) & ((1 << bits) - 1);
    period |= period << bits;
    if distance < 4 {
        period |= period << (2 * bits);
    }
    if distance == 1 {
        period |= period << 32;
    }
    let step = STEPS.get(distance & 7).map_or(8, |&step| usize::from(step));
    let mut done = 0;
    while done < len {
        store(bytes, end + done, period.to_le_bytes());
        done += step;
    }
}

#[inline(always)]
fn load<const N: usize>(bytes: &[u8; LEN], at: usize) -> Option<[u8; N]> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied()
}

#[inline(always)]
fn store<const N: usize>(bytes: &mut [u8; LEN], at: usize, chunk: [u8; N]) {
    if let Some(to) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *to = chunk;
    }
}
