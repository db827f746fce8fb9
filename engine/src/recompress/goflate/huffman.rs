//! Code lengths as Go assigns them: the optimal ones of limited length, by the package-merge method.
//!
//! Many sets of lengths are equally short. Two rules decide: where a leaf and a package weigh the same, the package is taken
//! first; and among symbols of the same frequency the higher ones get the shorter codes.

use crate::recompress::coding::alphabet::LITERAL_SYMBOLS;
use crate::recompress::coding::codes::MAX_BITS;

/// Most items of one package-merge list: all leaves, and one package for every two items of the list before.
const ITEMS: usize = 2 * LITERAL_SYMBOLS;

/// Code lengths of at most `limit` bits for symbols with these frequencies; 0 for symbols that do not occur.
///
/// Frequencies add up to less than 2^17; at most `LITERAL_SYMBOLS` of them; `limit` is 7 to 15, which is enough for as many
/// symbols as the alphabets have. Up to two symbols get a bit each.
#[expect(clippy::indexing_slicing, reason = "symbols come from a range over the arrays, lengths are at most `limit`")]
pub(super) fn code_lengths<const N: usize>(frequencies: &[u32; N], limit: usize) -> [u8; N] {
    const { assert!(N <= LITERAL_SYMBOLS) };
    // Frequency above symbol, so that one comparison orders by both.
    let mut leaves = [0u32; N];
    let mut count = 0;
    for (symbol, &frequency) in (0u32..).zip(frequencies) {
        if frequency != 0 {
            leaves[count] = frequency << SYMBOL_BITS | symbol;
            count += 1;
        }
    }
    let leaves = &mut leaves[..count];
    let mut lengths = [0; N];
    if leaves.len() <= 2 {
        leaves.iter().for_each(|&leaf| lengths[symbol_of(leaf)] = 1);
        return lengths;
    }
    leaves.sort_unstable();
    // A symbol's code is as long as there are lists among whose chosen items it is.
    for chosen in leaves_per_list(leaves, limit.min(leaves.len() - 1)) {
        leaves.iter().take(chosen).for_each(|&leaf| lengths[symbol_of(leaf)] += 1);
    }
    lengths
}

const SYMBOL_BITS: u32 = 9;

fn symbol_of(leaf: u32) -> usize {
    leaf as usize % (1 << SYMBOL_BITS)
}

/// How many of the rarest leaves each of `limit` lists contributes; the order of the lists does not matter to the caller.
///
/// Each list holds the leaves and the packages of two that the list before gives, by weight. The cheapest `2 n - 2` items of the
/// last list are the code; packages among them stand for items of the list before, and so on.
#[expect(clippy::indexing_slicing, reason = "at most ITEMS items a list, at most MAX_BITS lists")]
fn leaves_per_list(leaves: &[u32], limit: usize) -> [usize; MAX_BITS] {
    let mut is_leaf = [[false; ITEMS]; MAX_BITS];
    let (mut before, mut list) = ([0u32; ITEMS], [0u32; ITEMS]);
    let mut len = 0;
    for is_leaf in &mut is_leaf[..limit] {
        let packages = len / 2;
        let (mut leaf, mut package) = (0, 0);
        len = leaves.len() + packages;
        for (item, is_leaf) in list.iter_mut().zip(is_leaf).take(len) {
            let packed = if package < packages { before[2 * package] + before[2 * package + 1] } else { u32::MAX };
            let weight = leaves.get(leaf).map_or(u32::MAX, |leaf| leaf >> SYMBOL_BITS);
            *is_leaf = weight < packed;
            *item = weight.min(packed);
            if *is_leaf {
                leaf += 1;
            } else {
                package += 1;
            }
        }
        std::mem::swap(&mut before, &mut list);
    }
    let mut chosen = [0; MAX_BITS];
    let mut items = 2 * leaves.len() - 2;
    for (chosen, is_leaf) in chosen[..limit].iter_mut().zip(&is_leaf[..limit]).rev() {
        *chosen = is_leaf.iter().take(items).filter(|&&is_leaf| is_leaf).count();
        items = 2 * (items - *chosen);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Cost of the best code of at most `limit` bits, by package-merge on whole packages.
    fn best_cost(frequencies: &[u32], limit: usize) -> u64 {
        let mut leaves: Vec<u64> = frequencies.iter().filter(|&&f| f != 0).map(|&f| f.into()).collect();
        leaves.sort_unstable();
        let mut list: Vec<u64> = Vec::new();
        for _ in 0..limit {
            list = list.chunks_exact(2).map(|pair| pair.iter().sum()).chain(leaves.iter().copied()).collect();
            list.sort_unstable();
        }
        list.iter().take(2 * leaves.len() - 2).sum()
    }

    proptest! {
        #[test]
        fn codes_are_complete_limited_and_the_shortest(
            frequencies in prop::array::uniform32(prop_oneof![Just(0u32), 1u32..4, 1u32..2000]),
            limit in prop::sample::select(&[7usize, 15][..]),
        ) {
            let lengths = code_lengths(&frequencies, limit);
            let used = frequencies.iter().filter(|&&f| f != 0).count();
            prop_assume!(used >= 2);
            prop_assert!(lengths.iter().zip(&frequencies).all(|(&len, &f)| (len == 0) == (f == 0) && usize::from(len) <= limit));
            let kraft: u32 = lengths.iter().filter(|&&len| len > 0).map(|&len| 1 << (15 - len)).sum();
            prop_assert_eq!(kraft, 1 << 15);
            let cost: u64 = lengths.iter().zip(&frequencies).map(|(&len, &f)| u64::from(len) * u64::from(f)).sum();
            prop_assert_eq!(cost, best_cost(&frequencies, limit));
        }
    }

    #[test]
    fn among_equals_the_higher_symbols_get_the_shorter_codes() {
        assert_eq!(code_lengths(&[5, 5, 5], 15), [2, 2, 1]);
        assert_eq!(code_lengths(&[0, 9, 0, 1], 15), [0, 1, 0, 1]);
        assert_eq!(code_lengths(&[0, 9, 0, 0], 15), [0, 1, 0, 0]);
    }
}
