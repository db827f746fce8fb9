//! The cut rule in AVX2 and AVX-512: the only unsafe code of the chunker. The tests hold it against `rule::last_max`.
//!
//! Scores are linear, so a window's score is the hash of its first four bytes less that of its last four. One hash per
//! offset therefore does for two windows. Sixteen-bit lanes hold every second offset, hence an even and an odd vector.
//! Blocks of steps are scored first, with only the best block remembered; then the place is looked up, from
//! that block's end back.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::Kernel;
use super::rule::{self, INNER, OUTER, WINDOW};

/// Steps per block: enough to hide the choice between blocks, few enough that re-reading one block is cheap. Of 4, 8 and
/// 16, four were as fast as eight, and sixteen slower.
const BLOCK_STEPS: usize = 4;

/// How far ahead to fetch, in bytes: about a chunk. Skipping a minimum at a time defeats the processor's own prefetcher,
/// and without this, data that comes from main memory is cut a fifth more slowly.
const AHEAD: usize = 16 << 10;

/// The fastest kernel that this processor can run, if it can run any of this module's.
pub(super) fn kernel() -> Option<Kernel> {
    avx512_kernel().or_else(avx2_kernel)
}

pub(super) fn avx512_kernel() -> Option<Kernel> {
    fn last_max(span: &[u8]) -> usize {
        // SAFETY: handed out only after AVX-512BW, which implies AVX-512F and AVX2, was seen.
        unsafe { avx512::last_max(span) }
    }
    is_x86_feature_detected!("avx512bw").then_some(last_max)
}

pub(super) fn avx2_kernel() -> Option<Kernel> {
    fn last_max(span: &[u8]) -> usize {
        // SAFETY: handed out only after AVX2 was seen.
        unsafe { avx2::last_max(span) }
    }
    is_x86_feature_detected!("avx2").then_some(last_max)
}

/// Writes `last_max` once for all vector widths, over the vector operations that the calling module defines.
macro_rules! define_last_max {
    ($features:literal) => {
        /// Windows per step: one vector of even and one of odd offsets.
        const STEP: usize = size_of::<Vector>();
        const BLOCK: usize = BLOCK_STEPS * STEP;

        /// The same answer as [`rule::last_max`].
        #[target_feature(enable = $features)]
        pub(super) fn last_max(span: &[u8]) -> usize {
            let windows = (span.len() + 1).saturating_sub(WINDOW);
            if windows < STEP {
                return rule::last_max(span);
            }
            let (outer, inner) = (splat(OUTER), splat(INNER));
            let load = |offset: usize| {
                debug_assert!(offset + STEP <= span.len());
                // SAFETY: every caller below keeps offset + STEP within the span.
                unsafe { load(span.as_ptr().add(offset)) }
            };
            // Hashes of the four bytes at offset, offset + 2, …; reads STEP + 2 bytes.
            let hashes = |offset: usize| add(mul(load(offset), outer), mul(load(offset + 2), inner));
            // Scores of the windows at offset, offset + 1, …; reads STEP + 7 bytes, just those of STEP windows.
            let scores = |offset: usize| {
                let even = sub(hashes(offset), hashes(offset + 4));
                let odd = sub(hashes(offset + 1), hashes(offset + 5));
                (even, odd)
            };

            // `end`: where the search for the place of `best` has to start, going back.
            let (mut best, mut end, mut start) = (0, windows, 0);
            if BLOCK + STEP + 3 <= span.len() {
                let (mut even, mut odd) = (hashes(0), hashes(1));
                // A block reads one step ahead of itself: the hashes that its last windows end with.
                while start + BLOCK + STEP + 3 <= span.len() {
                    let mut high = splat(0);
                    for step in 1..=BLOCK_STEPS {
                        // Only a hint: the address need not exist, and wrapping arithmetic needs no promise.
                        _mm_prefetch::<_MM_HINT_T0>(span.as_ptr().wrapping_add(start + step * STEP + AHEAD).cast());
                        let next_even = hashes(start + step * STEP);
                        let next_odd = hashes(start + step * STEP + 1);
                        let even_scores = sub(even, four_bytes_on(even, next_even));
                        let odd_scores = sub(odd, four_bytes_on(odd, next_odd));
                        high = max(high, max(even_scores, odd_scores));
                        (even, odd) = (next_even, next_odd);
                    }
                    let high = highest(high);
                    if high >= best {
                        (best, end) = (high, start + BLOCK);
                    }
                    start += BLOCK;
                }
            }
            // The rest, its last step moved back to end with the span. What it sees twice can do no harm: the search
            // below takes the last window of that score wherever it is.
            let mut high = splat(0);
            let mut offset = start;
            while offset < windows {
                let (even, odd) = scores(offset.min(windows - STEP));
                high = max(high, max(even, odd));
                offset += STEP;
            }
            if start < windows && highest(high) >= best {
                (best, end) = (highest(high), windows);
            }

            loop {
                let offset = end.saturating_sub(STEP);
                let (even, odd) = scores(offset);
                if let Some(lane) = last_equal(even, odd, splat(best)) {
                    return offset + lane;
                }
                // Some window has that score, so offset 0 is never passed; the test keeps the loop finite all the same.
                if offset == 0 {
                    return 0;
                }
                end = offset;
            }
        }
    };
}

mod avx512 {
    use super::*;

    type Vector = __m512i;
    define_last_max!("avx512bw,avx512f,avx2");

    /// # Safety
    /// 64 bytes can be read from `from`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn load(from: *const u8) -> Vector {
        // SAFETY: the caller's promise; the instruction needs no alignment.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn splat(x: u16) -> Vector {
        _mm512_set1_epi16(x.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn mul(a: Vector, b: Vector) -> Vector {
        _mm512_mullo_epi16(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn add(a: Vector, b: Vector) -> Vector {
        _mm512_add_epi16(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn sub(a: Vector, b: Vector) -> Vector {
        _mm512_sub_epi16(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn max(a: Vector, b: Vector) -> Vector {
        _mm512_max_epu16(a, b)
    }

    /// The lanes of `low` followed by those of `high`, from the third lane on.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn four_bytes_on(low: Vector, high: Vector) -> Vector {
        _mm512_alignr_epi32::<1>(high, low)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx2")]
    fn highest(v: Vector) -> u16 {
        avx2::highest(_mm256_max_epu16(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64::<1>(v)))
    }

    /// Place of the last lane that equals `best`, even and odd lanes interleaved.
    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn last_equal(even: Vector, odd: Vector, best: Vector) -> Option<usize> {
        let even = _mm512_cmpeq_epi16_mask(even, best).checked_ilog2().map(|lane| 2 * lane);
        let odd = _mm512_cmpeq_epi16_mask(odd, best).checked_ilog2().map(|lane| 2 * lane + 1);
        even.max(odd).map(|place| place as usize)
    }
}

mod avx2 {
    use super::*;

    type Vector = __m256i;
    define_last_max!("avx2");

    /// # Safety
    /// 32 bytes can be read from `from`.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn load(from: *const u8) -> Vector {
        // SAFETY: the caller's promise; the instruction needs no alignment.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn splat(x: u16) -> Vector {
        _mm256_set1_epi16(x.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn mul(a: Vector, b: Vector) -> Vector {
        _mm256_mullo_epi16(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(a: Vector, b: Vector) -> Vector {
        _mm256_add_epi16(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn sub(a: Vector, b: Vector) -> Vector {
        _mm256_sub_epi16(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn max(a: Vector, b: Vector) -> Vector {
        _mm256_max_epu16(a, b)
    }

    /// The lanes of `low` followed by those of `high`, from the third lane on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn four_bytes_on(low: Vector, high: Vector) -> Vector {
        // The instruction works in halves of 16 bytes, so bring the half that follows into place first.
        _mm256_alignr_epi8::<4>(_mm256_permute2x128_si256::<0x21>(low, high), low)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn highest(v: Vector) -> u16 {
        let half = _mm_max_epu16(_mm256_castsi256_si128(v), _mm256_extracti128_si256::<1>(v));
        // The one horizontal instruction there is finds a minimum: turn the order round, and back.
        let lowest = _mm_minpos_epu16(_mm_xor_si128(half, _mm_set1_epi16(-1)));
        #[expect(clippy::cast_possible_truncation, reason = "the low 16 bits are the value")]
        let lowest = _mm_cvtsi128_si32(lowest) as u16;
        !lowest
    }

    /// Place of the last lane that equals `best`, even and odd lanes interleaved.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn last_equal(even: Vector, odd: Vector, best: Vector) -> Option<usize> {
        // Two bits a lane, so the higher one of lane n is bit 2n + 1.
        let even = _mm256_movemask_epi8(_mm256_cmpeq_epi16(even, best)).cast_unsigned();
        let odd = _mm256_movemask_epi8(_mm256_cmpeq_epi16(odd, best)).cast_unsigned();
        even.checked_ilog2().map(|bit| bit - 1).max(odd.checked_ilog2()).map(|place| place as usize)
    }
}
