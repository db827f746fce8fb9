//! Pairs of Huffman codes, and what blocks cost with them.

use super::huffman::{code_lengths, cost, cost_if_covered};
use super::tokens::Frequencies;
use crate::recompress::coding::alphabet::{
    Class, DISTANCE_CLASSES, DISTANCE_SYMBOLS, END_OF_BLOCK, FIRST_LENGTH, LENGTH_CLASSES, LITERAL_SYMBOLS,
};
use crate::recompress::coding::codes::{Code, FIXED_DISTANCE, FIXED_LITERALS, MAX_BITS, codes};

/// Codes of both alphabets.
pub(super) struct Table {
    pub(super) literals: [Code; LITERAL_SYMBOLS],
    pub(super) distances: [Code; DISTANCE_SYMBOLS],
}

impl Table {
    /// The best codes for these frequencies.
    pub(super) fn of(frequencies: &Frequencies) -> Self {
        Self {
            literals: codes(&code_lengths(&frequencies.literals, MAX_BITS)),
            distances: codes(&code_lengths(&frequencies.distances, MAX_BITS)),
        }
    }

    /// Codes for literals and the end of the block. One distance has a code, as decoders want one.
    pub(super) fn of_literals(codes: &[Code; END_OF_BLOCK + 1]) -> Self {
        let mut table =
            Self { literals: [Code::default(); LITERAL_SYMBOLS], distances: [Code::default(); DISTANCE_SYMBOLS] };
        for (to, from) in table.literals.iter_mut().zip(codes) {
            *to = *from;
        }
        if let Some(first) = table.distances.first_mut() {
            first.len = 1;
        }
        table
    }

    /// The fixed codes (RFC 1951, 3.2.6), without those that never occur.
    pub(super) fn fixed() -> Self {
        let literals = codes(&FIXED_LITERALS).first_chunk().copied();
        let distances = codes(&[FIXED_DISTANCE; 32]).first_chunk().copied();
        Self {
            literals: literals.unwrap_or([Code::default(); LITERAL_SYMBOLS]),
            distances: distances.unwrap_or([Code::default(); DISTANCE_SYMBOLS]),
        }
    }

    /// Bits for all symbols, without their extra bits.
    pub(super) fn cost(&self, frequencies: &Frequencies) -> usize {
        cost(&frequencies.literals, &self.literals) + cost(&frequencies.distances, &self.distances)
    }

    /// Whether there is a code for every symbol.
    pub(super) fn covers(&self, frequencies: &Frequencies) -> bool {
        cost_if_covered(&frequencies.literals, &self.literals).is_some()
            && cost_if_covered(&frequencies.distances, &self.distances).is_some()
    }

    /// The code of the end of the block.
    pub(super) fn end(&self) -> Code {
        self.literals.get(END_OF_BLOCK).copied().unwrap_or_default()
    }
}

/// Extra bits of all symbols.
pub(super) fn extra_cost(frequencies: &Frequencies) -> usize {
    let sum = |frequencies: &[u16], classes: &[Class]| -> usize {
        frequencies.iter().zip(classes).map(|(&f, class)| usize::from(f) * usize::from(class.extra)).sum()
    };
    sum(frequencies.literals.get(FIRST_LENGTH..).unwrap_or_default(), &LENGTH_CLASSES)
        + sum(&frequencies.distances, &DISTANCE_CLASSES)
}
