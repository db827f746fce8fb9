//! Strings in a window of 64 KiB: loads, comparisons, and a quick look at where a longer match has to end.

/// Room for 64 KiB from position 0 or 1 on, and for loads that start anywhere a `u16` points, go a match further and take 8 bytes.
pub(in crate::recompress) const PADDED: usize = (64 << 10) + 1 + 512 + 8;

/// What a window's bytes lie in.
pub(in crate::recompress) type Buffer = [u8; PADDED];

/// Read access to the buffer by `u16` position.
#[derive(Clone, Copy)]
pub(in crate::recompress) struct Bytes<'a>(&'a Buffer);

impl<'a> Bytes<'a> {
    pub(in crate::recompress) fn new(buffer: &'a Buffer) -> Self {
        Self(buffer)
    }

    /// The byte at `at`, which is in the buffer.
    #[inline(always)]
    pub(in crate::recompress) fn byte(self, at: impl Into<usize>) -> u8 {
        self.0.get(at.into()).copied().unwrap_or(0)
    }

    /// Four bytes from `at`, little-endian.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a u16 and 4 are within the array")]
    pub(in crate::recompress) fn load4(self, at: u16) -> u32 {
        self.0[usize::from(at)..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// Eight bytes from `offset` (below 512) behind `at`, little-endian.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a u16, 511 and 8 are within the array")]
    pub(in crate::recompress) fn load8(self, at: u16, offset: usize) -> u64 {
        self.0[usize::from(at) + (offset & 511)..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// How many bytes agree from `a` and `b` on, at most `limit` (up to 258).
    #[inline(always)]
    pub(in crate::recompress) fn common(self, a: u16, b: u16, limit: usize) -> usize {
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

/// The up to eight bytes of the current string that end where a longer match has to reach to.
#[derive(Clone, Copy)]
pub(in crate::recompress) struct Tail {
    value: u64,
    mask: u64,
    offset: usize,
}

impl Tail {
    /// For matches longer than `len`.
    #[inline(always)]
    pub(in crate::recompress) fn new(bytes: Bytes<'_>, at: u16, len: usize) -> Self {
        let offset = len.saturating_sub(7);
        let unused = 56usize.saturating_sub(8 * len);
        let mask = u64::MAX >> (unused & 63);
        Self { value: bytes.load8(at, offset) & mask, mask, offset }
    }

    #[inline(always)]
    pub(in crate::recompress) fn agrees(&self, bytes: Bytes<'_>, candidate: u16) -> bool {
        bytes.load8(candidate, self.offset) & self.mask == self.value
    }
}

/// An array on the heap that never was on the stack in optimised builds, and is small enough for it otherwise.
pub(in crate::recompress) fn boxed<T: Copy, const N: usize>(array: [T; N]) -> Box<[T; N]> {
    Box::new(array)
}
