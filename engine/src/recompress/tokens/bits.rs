//! Bits of the stream, least significant first, from input that comes in slices.

/// Bits left over between two slices. They belong to an item that is not complete: nothing is ever read ahead of need.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Leftover {
    buffer: u64,
    count: u32,
    /// Bytes of the stream taken so far.
    taken: u64,
}

/// A slice of the stream being read.
pub(super) struct Bits<'a> {
    pub(super) input: &'a [u8],
    /// Next byte of `input` to load.
    pub(super) at: usize,
    /// The `count` low bits come next; the others are zero.
    pub(super) buffer: u64,
    pub(super) count: u32,
    /// Bytes of the stream before `input`.
    before: u64,
}

impl<'a> Bits<'a> {
    pub(super) fn new(left: Leftover, input: &'a [u8]) -> Self {
        Self { input, at: 0, buffer: left.buffer, count: left.count, before: left.taken }
    }

    pub(super) fn leftover(&self) -> Leftover {
        Leftover { buffer: self.buffer, count: self.count, taken: self.before + self.at as u64 }
    }

    /// Offset of the next bit in the stream.
    pub(super) fn position(&self) -> u64 {
        (self.before + self.at as u64) * 8 - u64::from(self.count)
    }

    /// Loads whole bytes until more than 55 bits are there or the slice is used up.
    pub(super) fn fill(&mut self) {
        while self.count < 56 {
            let Some(&byte) = self.input.get(self.at) else { return };
            self.buffer |= u64::from(byte) << self.count;
            self.count += 8;
            self.at += 1;
        }
    }

    /// Whether `n` (up to 56) bits are there.
    pub(super) fn have(&mut self, n: u32) -> bool {
        if self.count < n {
            self.fill();
        }
        self.count >= n
    }

    /// The next `n` (up to 16) bits without taking them; zeros where the slice has ended.
    #[expect(clippy::cast_possible_truncation, reason = "16 bits at most")]
    pub(super) fn peek(&self, n: u32) -> u16 {
        (self.buffer & ((1 << n) - 1)) as u16
    }

    /// Takes `n` bits, which are there.
    pub(super) fn drop(&mut self, n: u32) {
        self.buffer >>= n;
        self.count -= n;
    }

    /// Takes up to 7 bits to the next byte of the stream and returns them.
    #[expect(clippy::cast_possible_truncation, reason = "7 bits at most")]
    pub(super) fn align(&mut self) -> u8 {
        let n = self.count % 8;
        let padding = self.peek(n) as u8;
        self.drop(n);
        padding
    }

    /// Takes up to `limit` bytes at a byte's edge; as many as the bit buffer or the slice can give at once.
    pub(super) fn bytes(&mut self, limit: usize) -> Run<'a> {
        if self.count >= 8 && limit > 0 {
            let byte = self.buffer.to_le_bytes()[0];
            self.drop(8);
            return Run::One(byte);
        }
        let rest = self.input.get(self.at..).unwrap_or_default();
        let run = rest.get(..limit).unwrap_or(rest);
        self.at += run.len();
        Run::Slice(run)
    }

    /// Gives whole bytes that were loaded and not used back to the slice.
    pub(super) fn give_back(&mut self) {
        let bytes = self.count / 8;
        self.count %= 8;
        self.buffer &= (1 << self.count) - 1;
        self.at = self.at.saturating_sub(bytes as usize);
    }
}

/// Bytes of a stored block.
pub(super) enum Run<'a> {
    One(u8),
    Slice(&'a [u8]),
}
