//! The bytes a match may refer to, and the block that follows them.

/// Farthest that a match reaches back.
pub(super) const WINDOW: usize = 32 << 10;
/// Input bytes that make a block; as many as fit a stored one.
pub(super) const BLOCK: usize = 65_535;
/// Bytes that a window and blocks fill before all but a window is dropped. One level compares bytes at positions that only
/// make sense with exactly this limit.
const LIMIT: usize = 5 * BLOCK;
/// The same and a block, rounded up so that positions can be masked.
const CAPACITY: usize = 512 << 10;
/// Room for loads that start anywhere in the buffer.
const PADDED: usize = CAPACITY + 16;

/// A window and the block being filled behind it.
///
/// Positions count from the start of the buffer. That is also the start of everything a match may refer to, unless a window
/// lies before the block.
pub(super) struct History {
    bytes: Box<[u8; PADDED]>,
    start: usize,
    end: usize,
}

impl History {
    pub(super) fn new() -> Self {
        Self { bytes: Box::new([0; PADDED]), start: 0, end: 0 }
    }

    /// Takes bytes from the front of `input` until the block has `limit` bytes.
    pub(super) fn fill(&mut self, input: &mut &[u8], limit: usize) {
        let room = limit.saturating_sub(self.block_len());
        let (taken, rest) = input.split_at(input.len().min(room));
        if let Some(room) = self.bytes.get_mut(self.end..self.end + taken.len()) {
            room.copy_from_slice(taken);
        }
        self.end += taken.len();
        *input = rest;
    }

    pub(super) fn block_len(&self) -> usize {
        self.end - self.start
    }

    /// The block.
    pub(super) fn block(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Where the block starts.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Makes the block part of the window and starts the next.
    pub(super) fn advance(&mut self) {
        self.start = self.end;
    }

    /// Drops all but a window before the block if they have become too much. Returns how far positions have moved down.
    pub(super) fn settle(&mut self) -> usize {
        if self.end <= LIMIT {
            return 0;
        }
        let moved = self.start - WINDOW;
        self.bytes.copy_within(moved..self.end, 0);
        (self.start, self.end) = (WINDOW, self.end - moved);
        moved
    }

    /// Makes the last `len` bytes a block of their own with nothing before it.
    pub(super) fn restart(&mut self, len: usize) {
        let from = self.end.saturating_sub(len);
        self.bytes.copy_within(from..self.end, 0);
        (self.start, self.end) = (0, self.end - from);
    }

    #[inline(always)]
    pub(super) fn source(&self) -> Source<'_> {
        Source { bytes: &self.bytes, end: self.end }
    }
}

/// Read access to the buffer.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    bytes: &'a [u8; PADDED],
    /// Where the input ends.
    pub(super) end: usize,
}

#[expect(clippy::indexing_slicing, reason = "positions are masked, and the buffer is padded for the longest load")]
impl<'a> Source<'a> {
    #[inline(always)]
    pub(super) fn byte(self, at: usize) -> u8 {
        self.bytes[at % CAPACITY]
    }

    /// Four bytes from `at`, little-endian.
    #[inline(always)]
    pub(super) fn load4(self, at: usize) -> u32 {
        self.bytes[at % CAPACITY..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// Eight bytes from `at`, little-endian.
    #[inline(always)]
    pub(super) fn load8(self, at: usize) -> u64 {
        self.bytes[at % CAPACITY..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    #[inline(always)]
    pub(super) fn load16(self, at: usize) -> [u8; 16] {
        self.bytes[at % CAPACITY..].first_chunk().copied().unwrap_or_default()
    }

    pub(super) fn slice(self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// How many bytes agree from `a` and `b` on, of which `a` is the later and stays below `end`.
    #[inline(always)]
    pub(super) fn common(self, a: usize, b: usize, end: usize) -> usize {
        let limit = end.saturating_sub(a);
        let mut len = 0;
        while len < limit {
            let differ = self.load8(a + len) ^ self.load8(b + len);
            if differ != 0 {
                return limit.min(len + (differ.trailing_zeros() / 8) as usize);
            }
            len += 8;
        }
        limit
    }
}
