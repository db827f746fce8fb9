//! The cut rule for any processor, in loops over whole arrays that a compiler turns into vector code.

use super::rule::{self, INNER, OUTER, WINDOW};

/// Windows per block: long enough to hide the choice between blocks, short enough that re-reading one is cheap.
const BLOCK: usize = 128;
/// Bytes of a block's windows.
const BLOCK_BYTES: usize = BLOCK + WINDOW - 1;

/// The same answer as [`rule::last_max`].
///
/// First the highest score of each block, without regard to where in the block it is; then the place, in the last block
/// that has the highest of all.
pub(super) fn last_max(span: &[u8]) -> usize {
    let mut best = 0;
    let mut place = 0..span.len().min(BLOCK_BYTES);
    let mut start = 0;
    while let Some(bytes) = span.get(start..).and_then(<[u8]>::first_chunk) {
        let high = highest(bytes);
        if high >= best {
            best = high;
            place = start..start + BLOCK_BYTES;
        }
        start += BLOCK;
    }
    let rest = span.get(start..).unwrap_or_default();
    if rest.array_windows().any(|window| rule::score(window) >= best) {
        place = start..span.len();
    }
    place.start + rule::last_max(span.get(place).unwrap_or_default())
}

/// Highest score among the windows of one block.
///
/// Scores are linear, so a window's score is the hash of its first four bytes less that of its last four.
#[expect(clippy::indexing_slicing, reason = "every index is below the constant length of the array it goes into")]
fn highest(bytes: &[u8; BLOCK_BYTES]) -> u16 {
    let mut words = [0u16; BLOCK + 6];
    for i in 0..BLOCK + 6 {
        words[i] = u16::from(bytes[i]) | u16::from(bytes[i + 1]) << 8;
    }
    let mut hashes = [0u16; BLOCK + 4];
    for i in 0..BLOCK + 4 {
        hashes[i] = words[i].wrapping_mul(OUTER).wrapping_add(words[i + 2].wrapping_mul(INNER));
    }
    let mut high = 0;
    for i in 0..BLOCK {
        high = high.max(hashes[i].wrapping_sub(hashes[i + 4]));
    }
    high
}
