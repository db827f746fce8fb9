//! The bytes a match may refer to, and the block that follows them.

use super::params::Params;

/// Most bytes of a block.
pub(super) const BLOCK: usize = 128 << 10;
/// Two of the longest windows; a power of two, so that positions can be masked. What is not used is never touched.
const CAPACITY: usize = 64 << 20;
/// Room for loads that start anywhere in the buffer.
const PADDED: usize = CAPACITY + 32;
/// Tables hold positions of 32 bits; from here on they are lowered.
const HIGH: u32 = 3 << 30;

/// A window and the block being filled behind it.
///
/// Places count from the start of the buffer, *positions* are what tables hold of them: higher by `base`. Every frame raises
/// `base` so far that what tables still hold of earlier ones is out of reach, and so is the 0 that fills new tables.
pub(super) struct History {
    bytes: Box<[u8; PADDED]>,
    window: usize,
    block: usize,
    base: u32,
    start: usize,
    end: usize,
}

impl History {
    pub(super) fn new(params: Params) -> Self {
        let Ok(bytes) = vec![0; PADDED].into_boxed_slice().try_into() else { unreachable!("it has this length") };
        Self { bytes, window: params.window(), block: params.block(), base: 0, start: 0, end: 0 }
    }

    /// As after so many bytes that positions are about to be lowered.
    #[cfg(test)]
    pub(super) fn raise(&mut self) {
        self.base = HIGH - 300_000;
    }

    /// Forgets everything. Returns by how much positions in tables have to be lowered, all to 0 if it is the highest number.
    pub(super) fn begin(&mut self) -> u32 {
        let raised = self.base.saturating_add(position(self.window + self.end));
        (self.start, self.end) = (0, 0);
        let lower = raised > HIGH;
        self.base = if lower { position(self.window) } else { raised };
        if lower { u32::MAX } else { 0 }
    }

    /// Takes bytes from the front of `input` until the block is full.
    pub(super) fn fill(&mut self, input: &mut &[u8]) {
        let room = self.block - (self.end - self.start);
        let (taken, rest) = input.split_at(input.len().min(room));
        if let Some(room) = self.bytes.get_mut(self.end..self.end + taken.len()) {
            room.copy_from_slice(taken);
        }
        self.end += taken.len();
        *input = rest;
    }

    pub(super) fn is_full(&self) -> bool {
        self.end - self.start == self.block
    }

    /// The block.
    pub(super) fn block(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Makes the block part of the window and starts the next. Returns by how much positions in tables have to be lowered.
    pub(super) fn advance(&mut self) -> u32 {
        self.start = self.end;
        if self.end + self.block > 2 * self.window {
            let moved = self.end - self.window;
            self.bytes.copy_within(moved..self.end, 0);
            (self.start, self.end) = (self.window, self.window);
            self.base += position(moved);
        }
        if self.base <= HIGH {
            return 0;
        }
        let by = self.base - position(self.window);
        self.base -= by;
        by
    }

    #[inline(always)]
    pub(super) fn source(&self) -> Source<'_> {
        let window = position(self.window);
        Source { bytes: &self.bytes, start: self.start, end: self.end, base: self.base, window }
    }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "places are below 64 MiB")]
fn position(place: usize) -> u32 {
    place as u32
}

/// Read access to the buffer.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    bytes: &'a [u8; PADDED],
    /// Where the block starts.
    pub(super) start: usize,
    /// Where the block ends.
    pub(super) end: usize,
    base: u32,
    /// Matches reach less far back.
    pub(super) window: u32,
}

#[expect(clippy::indexing_slicing, reason = "places are masked, and the buffer is padded for the longest load")]
impl<'a> Source<'a> {
    pub(super) fn block(self) -> &'a [u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// What tables hold of a place.
    #[inline(always)]
    pub(super) fn position(self, at: usize) -> u32 {
        self.base.wrapping_add(position(at))
    }

    /// How far before `at` what a table holds lies, if that is within the window.
    #[inline(always)]
    pub(super) fn distance(self, at: usize, held: u32) -> Option<usize> {
        let distance = self.position(at).wrapping_sub(held);
        (distance < self.window).then_some(distance as usize)
    }

    /// The place of what a table holds, if it is less than a window before `at`.
    #[inline(always)]
    pub(super) fn place(self, at: usize, held: u32) -> Option<usize> {
        self.distance(at, held).and_then(|distance| at.checked_sub(distance))
    }

    /// The place of what a table holds, however far back, but not before the buffer.
    #[inline(always)]
    pub(super) fn earlier(self, held: u32) -> Option<usize> {
        held.checked_sub(self.base).map(|place| place as usize)
    }

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
        self.bytes[at % CAPACITY..].first_chunk().copied().unwrap_or([0; 16])
    }

    /// How many bytes agree from `later` and `earlier` on, up to the block's end.
    #[inline(always)]
    pub(super) fn common(self, later: usize, earlier: usize) -> usize {
        let limit = self.end - later.min(self.end);
        let mut len = 0;
        while len < limit {
            let first = self.load8(later + len) ^ self.load8(earlier + len);
            let second = self.load8(later + len + 8) ^ self.load8(earlier + len + 8);
            if first | second != 0 {
                // Without a branch: how far they agree is hard to foretell.
                let (base, differ) = if first == 0 { (8, second) } else { (0, first) };
                return limit.min(len + base + (differ.trailing_zeros() / 8) as usize);
            }
            len += 16;
        }
        limit
    }

    /// Where a match found at `at` and `from` starts if it also takes in what agrees before it: not before `floor`, and not
    /// farther than a window before `origin`.
    #[inline(always)]
    pub(super) fn extend_back(self, origin: usize, at: usize, from: usize, floor: usize) -> (usize, usize) {
        let low = origin.saturating_sub(self.window as usize);
        let limit = from.saturating_sub(low).min(at.saturating_sub(floor));
        let mut len = 0;
        if from >= 8 {
            let differ = self.load8(at - 8) ^ self.load8(from - 8);
            len = limit.min((differ.leading_zeros() / 8) as usize);
            if len < 8 {
                return (at - len, from - len);
            }
        }
        while len < limit && self.byte(from - len - 1) == self.byte(at - len - 1) {
            len += 1;
        }
        (at - len, from - len)
    }
}
