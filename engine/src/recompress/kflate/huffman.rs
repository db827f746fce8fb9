//! Code lengths as the Go packages assign them: optimal under the length limit, by package-merge.
//!
//! Many sets of lengths are equally short. Which one comes out follows from two rules: symbols are taken in order of
//! frequency, then of value; and where a leaf and a package weigh the same, the package comes first.

use crate::recompress::coding::alphabet::LITERAL_SYMBOLS;
use crate::recompress::coding::codes::{Code, MAX_BITS};

/// Items that a level of package-merge may need.
const ITEMS: usize = 2 * LITERAL_SYMBOLS;
const WORDS: usize = ITEMS.div_ceil(64);

/// A symbol that occurs.
#[derive(Debug, Clone, Copy, Default)]
struct Leaf {
    symbol: u16,
    frequency: u16,
}

/// Code lengths of at most `limit` (up to 15) bits for symbols with these frequencies; 0 for those that do not occur.
///
/// One or two symbols get one bit each, whatever their frequencies.
#[expect(clippy::indexing_slicing, reason = "symbols are below N, ranks below the number of leaves")]
#[expect(clippy::cast_possible_truncation, reason = "N fits 16 bits, the limit 8")]
pub(super) fn code_lengths<const N: usize>(frequencies: &[u16; N], limit: usize) -> [u8; N] {
    const { assert!(N <= LITERAL_SYMBOLS) };
    let mut leaves = [Leaf::default(); N];
    let mut count = 0;
    for (symbol, &frequency) in frequencies.iter().enumerate() {
        leaves[count] = Leaf { symbol: symbol as u16, frequency };
        count += usize::from(frequency != 0);
        if count == N {
            break;
        }
    }
    let mut lengths = [0; N];
    let leaves = &mut leaves[..count];
    if count <= 2 {
        for leaf in leaves {
            lengths[usize::from(leaf.symbol)] = 1;
        }
        return lengths;
    }
    leaves.sort_unstable_by_key(|leaf| u32::from(leaf.frequency) << 16 | u32::from(leaf.symbol));
    let limit = limit.min(count - 1).min(MAX_BITS);
    let counts = leaves_per_level(leaves, limit);
    // A leaf among the first `counts[level]` has a bit for this level, and the levels above hold it too.
    for window in (1..=limit).rev() {
        let bits = (limit + 1 - window) as u8;
        for leaf in &leaves[counts[window - 1]..counts[window].max(counts[window - 1])] {
            lengths[usize::from(leaf.symbol)] = bits;
        }
    }
    lengths
}

/// How many leaves, rarest first, each of the `limit` levels contributes to the solution; level 0 has none.
#[expect(clippy::indexing_slicing, reason = "levels are at most MAX_BITS, items and leaves below the arrays' lengths")]
fn leaves_per_level(leaves: &[Leaf], limit: usize) -> [usize; MAX_BITS + 1] {
    let wanted = 2 * leaves.len() - 2;
    let mut weights = [u32::MAX; LITERAL_SYMBOLS + 1];
    for (weight, leaf) in weights.iter_mut().zip(leaves) {
        *weight = u32::from(leaf.frequency);
    }
    // Items of the level below, joined in pairs; padded so that it never runs out.
    let mut packages = [u32::MAX; ITEMS];
    let mut is_leaf = [[0u64; WORDS]; MAX_BITS + 1];
    for flags in is_leaf.iter_mut().take(limit + 1).skip(1) {
        let mut items = [u32::MAX; ITEMS];
        let (mut leaf, mut package) = (0, 0);
        for (word, items) in flags.iter_mut().zip(items[..wanted].chunks_mut(64)) {
            let mut bits = 0u64;
            for (i, item) in items.iter_mut().enumerate() {
                let (single, pair) = (weights[leaf], packages[package]);
                let take = single < pair;
                *item = if take { single } else { pair };
                bits |= u64::from(take) << i;
                leaf += usize::from(take);
                package += usize::from(!take);
            }
            *word = bits;
        }
        for (package, pair) in packages.iter_mut().zip(items[..wanted].chunks_exact(2)) {
            *package = pair[0].saturating_add(pair[1]);
        }
    }
    let mut counts = [0; MAX_BITS + 1];
    let mut needed = wanted;
    for level in (1..=limit).rev() {
        counts[level] = ones(&is_leaf[level], needed);
        needed = 2 * (needed - counts[level]);
    }
    counts
}

/// Ones among the first `count` bits.
fn ones(words: &[u64; WORDS], count: usize) -> usize {
    let whole: u32 = words.iter().take(count / 64).map(|word| word.count_ones()).sum();
    let rest = words.get(count / 64).map_or(0, |word| (word & ((1 << (count % 64)) - 1)).count_ones());
    (whole + rest) as usize
}

/// Bits that symbols of these frequencies take without their extra bits.
pub(super) fn cost(frequencies: &[u16], codes: &[Code]) -> usize {
    frequencies.iter().zip(codes).map(|(&f, code)| usize::from(f) * usize::from(code.len)).sum()
}

/// The same, or `None` if one of the symbols has no code.
pub(super) fn cost_if_covered(frequencies: &[u16], codes: &[Code]) -> Option<usize> {
    let covered = frequencies.iter().zip(codes).all(|(&f, code)| f == 0 || code.len != 0);
    covered.then(|| cost(frequencies, codes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sum of 2^-length over all codes, in units of 2^-15: decoders want exactly one.
    fn kraft(lengths: &[u8]) -> u32 {
        lengths.iter().filter(|&&len| len > 0).map(|&len| 1 << (15 - len)).sum()
    }

    #[test]
    fn one_or_two_symbols_take_a_bit_each() {
        assert_eq!(code_lengths(&[0, 0, 0], 15), [0, 0, 0]);
        assert_eq!(code_lengths(&[0, 7, 0], 15), [0, 1, 0]);
        assert_eq!(code_lengths(&[900, 0, 1], 15), [1, 0, 1]);
    }

    #[test]
    fn lengths_are_optimal_and_within_the_limit() {
        // By hand: 1 and 1 join, then 2, then 4 and so on; the limit of 3 makes the four rarest equal.
        assert_eq!(code_lengths(&[1, 1, 2, 4, 8], 15), [4, 4, 3, 2, 1]);
        assert_eq!(code_lengths(&[1, 1, 2, 4, 8], 3), [3, 3, 3, 3, 1]);
        let mut steep = [0; 24];
        let (mut a, mut b) = (1u16, 1u16);
        for frequency in &mut steep {
            *frequency = a;
            (a, b) = (b, a.saturating_add(b));
        }
        for limit in [5, 7, 10, 15] {
            let lengths = code_lengths(&steep, limit);
            assert_eq!(lengths.iter().max().map(|&len| usize::from(len)), Some(limit));
            assert_eq!(kraft(&lengths), 1 << 15);
        }
    }

    /// The package of the two rarest weighs as much as the leaves that follow, and comes first: the steepest code results.
    #[test]
    fn packages_come_before_leaves_of_equal_weight() {
        assert_eq!(code_lengths(&[1, 1, 2, 2], 15), [3, 3, 2, 1]);
        assert_eq!(code_lengths(&[1, 1, 1, 2, 2], 15), [3, 3, 2, 2, 2]);
    }
}
