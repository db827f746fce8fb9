//! Hash tables of positions.

use super::super::history::WINDOW;

const PRIME_4: u32 = 2_654_435_761;
const PRIME_5: u64 = 889_523_592_379;
const PRIME_7: u64 = 58_295_818_150_454_627;
/// The window as positions count.
#[expect(clippy::cast_possible_truncation, reason = "it is 32 KiB")]
pub(super) const REACH: u32 = WINDOW as u32;
/// What is added to positions in tables: the 0 that fills new tables is then out of reach.
const FIRST: usize = 2 * WINDOW;

/// Hash of the four low bytes of `bytes`.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "four bytes are meant")]
pub(super) fn hash4<const BITS: u32>(bytes: u64) -> usize {
    ((bytes as u32).wrapping_mul(PRIME_4) >> (32 - BITS)) as usize
}

/// Hash of the five low bytes of `bytes`.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the shift leaves few bits")]
pub(super) fn hash5<const BITS: u32>(bytes: u64) -> usize {
    ((bytes << 24).wrapping_mul(PRIME_5) >> (64 - BITS)) as usize
}

/// Hash of the seven low bytes of `bytes`.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the shift leaves few bits")]
pub(super) fn hash7<const BITS: u32>(bytes: u64) -> usize {
    ((bytes << 8).wrapping_mul(PRIME_7) >> (64 - BITS)) as usize
}

/// A position in the buffer as tables hold it.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the buffer is far smaller than 4 GiB")]
pub(super) fn entry(at: usize) -> u32 {
    (at + FIRST) as u32
}

/// Newest position of each hash.
pub(super) type Newest<const N: usize> = Box<[u32; N]>;
/// The two newest positions of each hash, the newest first.
pub(super) type NewestTwo<const N: usize> = Box<[[u32; 2]; N]>;

/// Enters a position as the newest of two; returns what they were.
#[inline(always)]
pub(super) fn enter(two: &mut [u32; 2], at: usize) -> [u32; 2] {
    let before = *two;
    *two = [entry(at), before[0]];
    before
}

/// Lowers all positions by `by`, or as far as 0.
pub(super) fn lower(positions: &mut [u32], by: u32) {
    for position in positions {
        *position = position.saturating_sub(by);
    }
}
