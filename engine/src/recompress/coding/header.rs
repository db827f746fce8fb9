//! How a dynamic block says its code lengths (RFC 1951, 3.2.7).

use super::bits::BitWriter;
use super::codes::{Code, codes};

/// Symbols that code lengths are said with.
pub(in crate::recompress) const SYMBOLS: usize = 19;
/// Longest code of such a symbol.
pub(in crate::recompress) const MAX_LENGTH_BITS: usize = 7;
const REPEAT: u8 = 16;
const ZEROS: u8 = 17;
const MANY_ZEROS: u8 = 18;
/// The order in which lengths of codes for code lengths are written.
const ORDER: [u8; SYMBOLS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

#[derive(Debug, Clone, Copy)]
struct Item {
    symbol: u8,
    extra: u8,
}

/// Whether a run of equal lengths goes on from the literals' alphabet into the distances'. The format lets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recompress) enum Runs {
    Join,
    StartAnew,
}

/// A dynamic block's header, ready to be priced and written.
pub(in crate::recompress) struct Header {
    literals: usize,
    distances: usize,
    items: Vec<Item>,
    codes: [Code; SYMBOLS],
    listed: usize,
    /// Size in bits, without the three of the block type.
    pub(in crate::recompress) size: u64,
}

impl Header {
    /// For these code lengths, as many as are to be listed: 257 literals at least, and one distance. How often each of the
    /// symbols occurs goes to `assign`, which gives the lengths of their codes.
    pub(in crate::recompress) fn new(
        literals: &[u8],
        distances: &[u8],
        runs: Runs,
        assign: impl FnOnce(&[u16; SYMBOLS]) -> [u8; SYMBOLS],
    ) -> Self {
        let mut items = Vec::with_capacity(literals.len() + distances.len());
        if runs == Runs::Join {
            run_lengths(&[literals, distances].concat(), &mut items);
        } else {
            run_lengths(literals, &mut items);
            run_lengths(distances, &mut items);
        }
        let mut frequencies = [0u16; SYMBOLS];
        for item in &items {
            if let Some(frequency) = frequencies.get_mut(usize::from(item.symbol)) {
                *frequency += 1;
            }
        }
        let lengths = assign(&frequencies);
        let len_of = |symbol: u8| lengths.get(usize::from(symbol)).copied().unwrap_or(0);
        let listed = ORDER.iter().rposition(|&symbol| len_of(symbol) != 0).map_or(4, |last| last + 1).max(4);
        let body: u64 =
            items.iter().map(|item| u64::from(len_of(item.symbol)) + u64::from(extra_bits(item.symbol))).sum();
        let size = 5 + 5 + 4 + 3 * listed as u64 + body;
        Self { literals: literals.len(), distances: distances.len(), items, codes: codes(&lengths), listed, size }
    }

    /// Writes it behind the block type.
    pub(in crate::recompress) fn write(&self, bits: &mut BitWriter, out: &mut Vec<u8>) {
        bits.put(self.literals as u64 - 257, 5);
        bits.put(self.distances as u64 - 1, 5);
        bits.put(self.listed as u64 - 4, 4);
        for &symbol in ORDER.iter().take(self.listed) {
            bits.put(self.code(symbol).len.into(), 3);
            bits.flush(out);
        }
        for item in &self.items {
            let Code { bits: code, len } = self.code(item.symbol);
            bits.put(code.into(), len.into());
            bits.put(item.extra.into(), extra_bits(item.symbol));
            bits.flush(out);
        }
    }

    fn code(&self, symbol: u8) -> Code {
        self.codes.get(usize::from(symbol)).copied().unwrap_or_default()
    }
}

fn extra_bits(symbol: u8) -> u32 {
    match symbol {
        REPEAT => 2,
        ZEROS => 3,
        MANY_ZEROS => 7,
        _ => 0,
    }
}

/// Says `lengths` with repeats, each as long as it can be.
fn run_lengths(lengths: &[u8], items: &mut Vec<Item>) {
    for run in lengths.chunk_by(|a, b| a == b) {
        let Some(&value) = run.first() else { continue };
        let mut rest = run.len();
        if value != 0 {
            // A repeat refers to the length before it, so the first has to be said; fewer than three more are said too.
            items.push(Item { symbol: value, extra: 0 });
            rest -= 1;
        }
        let most = if value == 0 { 138 } else { 6 };
        while rest > 0 {
            let count = rest.min(most);
            rest -= count;
            let extra = u8::try_from(count).unwrap_or(u8::MAX);
            match (count, value) {
                (0..3, _) => items.extend(std::iter::repeat_n(Item { symbol: value, extra: 0 }, count)),
                (_, 1..) => items.push(Item { symbol: REPEAT, extra: extra - 3 }),
                (3..=10, 0) => items.push(Item { symbol: ZEROS, extra: extra - 3 }),
                (_, 0) => items.push(Item { symbol: MANY_ZEROS, extra: extra - 11 }),
            }
        }
    }
}
