//! What a level from 2 to 9 means: Go's published tuning table, without what has no effect.

pub(super) use crate::recompress::coding::alphabet::MAX_MATCH;

/// Shortest match that Go looks for.
pub(super) const MIN_MATCH: usize = 4;

/// How hard one level searches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// A match of this length or more is taken without looking at the next position; 0 on greedy levels.
    pub(super) lazy: usize,
    /// A match of this length or more ends a search.
    pub(super) nice: usize,
    /// Most candidates that one search looks at.
    pub(super) chain: usize,
    /// Greedy levels: only matches up to this length have their inner positions inserted.
    pub(super) insert: usize,
}

impl Effort {
    /// `None` unless `level` is 2 to 9.
    pub(super) fn of(level: i8) -> Option<Self> {
        let (lazy, nice, chain, insert) = match level {
            2 => (0, 16, 8, 5),
            3 => (0, 32, 32, 6),
            4 => (4, 16, 16, 0),
            5 => (16, 32, 32, 0),
            6 => (16, 128, 128, 0),
            7 => (32, 128, 256, 0),
            8 => (128, 258, 1024, 0),
            9 => (258, 258, 4096, 0),
            _ => return None,
        };
        Some(Self { lazy, nice, chain, insert })
    }
}

/// The bucket of a string of four bytes (loaded little-endian), below 2^17.
///
/// Which positions share a bucket decides how many candidates a search gets to see, so the function is part of the output.
#[inline(always)]
pub(super) fn bucket(string: u32) -> usize {
    (string.swap_bytes().wrapping_mul(0x1e35_a7bd) >> (32 - BUCKET_BITS)) as usize
}

const BUCKET_BITS: u32 = 17;
/// Number of buckets.
pub(super) const BUCKETS: usize = 1 << BUCKET_BITS;
