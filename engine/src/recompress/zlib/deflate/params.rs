//! What a level means: zlib's published tuning table.

pub(in crate::recompress) use crate::recompress::coding::alphabet::{MAX_MATCH, MIN_MATCH};

/// How hard one level searches.
#[derive(Debug, Clone, Copy)]
pub(in crate::recompress) struct Effort {
    /// A previous match of this length or more makes the lazy search look at a quarter of the candidates.
    pub(in crate::recompress) good: usize,
    /// Lazy levels: a match of this length or more is taken without looking at the next position.
    /// Greedy levels: only matches up to this length have their inner positions inserted.
    pub(in crate::recompress) lazy: usize,
    /// A match of this length or more ends a search.
    pub(in crate::recompress) nice: usize,
    /// Most candidates that one search looks at.
    pub(in crate::recompress) chain: usize,
}

impl Effort {
    /// `None` unless `level` is 1 to 9.
    pub(in crate::recompress) fn of(level: u8) -> Option<Self> {
        let (good, lazy, nice, chain) = match level {
            1 => (4, 4, 8, 4),
            2 => (4, 5, 16, 8),
            3 => (4, 6, 32, 32),
            4 => (4, 4, 16, 16),
            5 => (8, 16, 32, 32),
            6 => (8, 16, 128, 128),
            7 => (8, 32, 128, 256),
            8 => (32, 128, 258, 1024),
            9 => (32, 258, 258, 4096),
            _ => return None,
        };
        Some(Self { good, lazy, nice, chain })
    }
}

/// The hash of three bytes by which zlib groups positions.
///
/// Which positions share a bucket decides how many candidates a search gets to see, so the function is part of the output.
#[derive(Debug, Clone, Copy)]
pub(super) struct ZlibHash {
    /// Two to the power of the shift per byte, and its square: multiplying by a variable is faster than shifting by one.
    one: u32,
    two: u32,
    mask: u32,
}

impl ZlibHash {
    /// `mem_level` is 1 to 9: tables of 2^8 to 2^16 buckets.
    pub(super) fn new(mem_level: u8) -> Self {
        let bits = u32::from(mem_level) + 7;
        let shift = bits.div_ceil(3);
        Self { one: 1 << shift, two: 1 << (2 * shift), mask: (1 << bits) - 1 }
    }

    /// Number of buckets.
    pub(super) fn buckets(self) -> usize {
        self.mask as usize + 1
    }

    /// Bucket of the three low bytes of `bytes` (little-endian load).
    ///
    /// zlib rolls the hash along; three shifts push a byte out of the mask, so only three bytes ever count.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the mask has at most 16 bits")]
    pub(super) fn of(self, bytes: u32) -> u16 {
        let rolled = ((bytes & 0xff) * self.two) ^ ((bytes >> 8 & 0xff) * self.one) ^ (bytes >> 16 & 0xff);
        (rolled & self.mask) as u16
    }
}
