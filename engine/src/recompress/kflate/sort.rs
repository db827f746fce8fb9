//! The order in which symbols enter package-merge.

use super::huffman::Leaf;

/// Sorts by frequency, then by symbol.
pub(super) fn sort_by_frequency(leaves: &mut [Leaf]) {
    leaves.sort_unstable_by_key(|leaf| u32::from(leaf.frequency) << 16 | u32::from(leaf.symbol));
}
