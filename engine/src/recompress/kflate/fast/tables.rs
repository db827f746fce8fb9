//! Hash tables of positions.

use super::super::history::WINDOW;

/// The window as positions count.
#[expect(clippy::cast_possible_truncation, reason = "it is 32 KiB")]
pub(super) const REACH: u32 = WINDOW as u32;
/// What is added to positions in tables: the 0 that fills new tables is then out of reach.
const FIRST: usize = 2 * WINDOW;

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
