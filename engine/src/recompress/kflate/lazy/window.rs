//! The bytes that matches may reach back to and the bytes not yet encoded.

/// How far one slide moves everything, and the farthest a match reaches back.
pub(super) const HALF: usize = 32 << 10;
/// Input bytes the window holds.
pub(super) const CAPACITY: usize = 2 * HALF;
/// Room for loads that start anywhere in the window, go a match further and take 8 bytes.
const PADDED: usize = CAPACITY + 512 + 8;

pub(super) struct Window {
    bytes: Box<[u8; PADDED]>,
    /// Next position to encode.
    pub(super) start: usize,
    /// End of the input taken so far.
    pub(super) end: usize,
    /// Where the block being collected began, unless that has slid out.
    block_start: Option<usize>,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { bytes: Box::new([0; PADDED]), start: 0, end: 0, block_start: Some(0) }
    }

    /// Takes bytes from the front of `input` until the window is full.
    pub(super) fn fill(&mut self, input: &mut &[u8]) {
        let (taken, rest) = input.split_at(input.len().min(CAPACITY - self.end));
        if let Some(room) = self.bytes.get_mut(self.end..self.end + taken.len()) {
            room.copy_from_slice(taken);
        }
        self.end += taken.len();
        *input = rest;
    }

    pub(super) fn is_full(&self) -> bool {
        self.end == CAPACITY
    }

    /// Drops the older half, which is encoded.
    pub(super) fn slide(&mut self) {
        self.bytes.copy_within(HALF..self.end, 0);
        self.start -= HALF;
        self.end -= HALF;
        self.block_start = self.block_start.and_then(|start| start.checked_sub(HALF));
    }

    /// Keeps the last `len` bytes, as encoded. The next block is taken to begin with them if it is to be `with_tail`; that only
    /// makes storing it look worse than it is.
    pub(super) fn restart(&mut self, len: usize, with_tail: bool) {
        let from = self.end.saturating_sub(len);
        self.bytes.copy_within(from..self.end, 0);
        self.end -= from;
        self.start = self.end;
        self.block_start = Some(if with_tail { 0 } else { self.start });
    }

    /// The bytes of the block that ends before the next position, unless a part has slid out; starts the next.
    pub(super) fn take_block(&mut self) -> Option<&[u8]> {
        let from = self.block_start.replace(self.start)?;
        self.bytes.get(from..self.start)
    }

    /// What is not yet encoded.
    pub(super) fn ahead(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn bytes(&self) -> Bytes<'_> {
        Bytes(&self.bytes)
    }
}

/// Read access to the window; positions are below `CAPACITY`.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(&'a [u8; PADDED]);

#[expect(clippy::indexing_slicing, reason = "positions and offsets are masked, and the array is padded")]
impl Bytes<'_> {
    #[inline(always)]
    pub(super) fn byte(self, at: usize) -> u8 {
        self.0[at % CAPACITY]
    }

    /// Four bytes from `at`, little-endian.
    #[inline(always)]
    pub(super) fn load4(self, at: usize) -> u32 {
        self.0[at % CAPACITY..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// Eight bytes from `offset` (below 512) behind `at`, little-endian.
    #[inline(always)]
    pub(super) fn load8(self, at: usize, offset: usize) -> u64 {
        self.0[at % CAPACITY + offset % 512..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// How many bytes agree from `a` and `b` on, at most `limit` (up to 260).
    #[inline(always)]
    pub(super) fn common(self, a: usize, b: usize, limit: usize) -> usize {
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
