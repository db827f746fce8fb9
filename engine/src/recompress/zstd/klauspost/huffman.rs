//! Huffman codes for literals: lengths of at most eleven bits, and how they are written down (RFC 8878, 4.2).

use super::fse::{Histogram, Table as StateTable, log2};
use crate::recompress::coding::bits::BitWriter;

/// Longest code.
const LONGEST: u32 = 11;
/// States of a table of weights, as a power of two.
const WEIGHTS_LOG: u32 = 6;
/// No symbol of a rank.
const NONE: u32 = u32::MAX;

/// Codes by symbol.
#[derive(Clone)]
pub(super) struct Codes {
    /// The code, and its length from bit 16 on; 0 for a symbol without.
    codes: [u32; 256],
    symbols: usize,
    longest: u32,
}

impl Codes {
    /// For `total` bytes of two different values at least.
    #[expect(clippy::cast_possible_truncation, reason = "at most 2^17 bytes, and codes of eleven bits")]
    pub(super) fn new(counts: &[u32; 256], total: usize) -> Self {
        let symbols = counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        // Descending by count, then ascending by symbol.
        let mut order: Vec<(u32, u8)> = (0..=255u8).zip(counts).map(|(symbol, count)| (*count, symbol)).collect();
        order.retain(|(count, _)| *count > 0);
        order.sort_unstable_by_key(|(count, symbol)| (u32::MAX - count, *symbol));
        let mut lengths = depths(&order);
        let most = {
            let least = (log2(total as u32) + 1).min(log2((symbols as u32).wrapping_sub(1)).wrapping_add(2));
            let by_total = u32::from((log2(total as u32 - 1) as u8).wrapping_sub(1));
            by_total.min(LONGEST).max(least).clamp(5, LONGEST)
        };
        let longest = limit(&mut lengths, &order, most);

        let mut by_symbol = [0u8; 256];
        let mut of_length = [0u32; LONGEST as usize + 1];
        for ((_, symbol), length) in order.iter().zip(&lengths) {
            if let (Some(slot), Some(count)) =
                (by_symbol.get_mut(usize::from(*symbol)), of_length.get_mut(usize::from(*length)))
            {
                *slot = *length;
                *count += 1;
            }
        }
        let mut next = [0u32; LONGEST as usize + 1];
        let mut first = 0;
        for (next, count) in next.iter_mut().zip(of_length).skip(1).rev() {
            *next = first;
            first = (first + count) >> 1;
        }
        let mut codes = [0; 256];
        for (code, length) in codes.iter_mut().zip(by_symbol).filter(|(_, length)| *length > 0) {
            if let Some(next) = next.get_mut(usize::from(length)) {
                *code = *next | u32::from(length) << 16;
                *next += 1;
            }
        }
        Self { codes, symbols, longest }
    }

    /// Whether every symbol that was seen has a code.
    pub(super) fn cover(&self, counts: &[u32; 256]) -> bool {
        counts.iter().zip(&self.codes).all(|(count, code)| *count == 0 || *code != 0)
    }

    /// Bytes that the symbols take.
    pub(super) fn size(&self, counts: &[u32; 256]) -> usize {
        let bits = counts.iter().zip(&self.codes).map(|(count, code)| *count as usize * (*code >> 16) as usize);
        (bits.sum::<usize>() + 7) >> 3
    }

    /// Writes the lengths; false if they cannot be written.
    #[expect(clippy::cast_possible_truncation, reason = "a weight is at most 11, and there are at most 255")]
    pub(super) fn write(&self, out: &mut Vec<u8>) -> bool {
        let mut weights = [0u8; 256];
        for (weight, code) in weights.iter_mut().zip(&self.codes).filter(|(_, code)| **code > 0) {
            *weight = (self.longest + 1 - (*code >> 16)) as u8;
        }
        // The last symbol's is known from the others.
        let count = self.symbols - 1;
        let used = weights.get(..count).unwrap_or_default();
        if count >= 2
            && let Some(packed) = pack(used)
            && packed.len() < self.symbols >> 1
        {
            out.push(packed.len() as u8);
            out.extend_from_slice(&packed);
            return true;
        }
        if count > 128 {
            return false;
        }
        out.push(127 + count as u8);
        if let Some(last) = weights.get_mut(count) {
            *last = 0;
        }
        let pairs = weights.chunks_exact(2).take(count.div_ceil(2));
        out.extend(pairs.map(|pair| pair.first().map_or(0, |weight| weight << 4) | pair.last().copied().unwrap_or(0)));
        true
    }

    /// Appends the codes of `literals`, last to first, and the mark of the end.
    #[expect(clippy::indexing_slicing, reason = "the table has all bytes")]
    pub(super) fn encode(&self, literals: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + literals.len() * LONGEST as usize / 8 + 16, 0);
        let room = out.get_mut(start..).unwrap_or_default();
        let (mut bits, mut at) = (BitWriter::default(), 0);
        let codes = &self.codes;
        let (fours, rest) = literals.as_chunks::<4>();
        for byte in rest.iter().rev() {
            let code = codes[usize::from(*byte)];
            bits.put(u64::from(code & 0xffff), code >> 16);
        }
        at = bits.flush_into(room, at);
        for [a, b, c, d] in fours.iter().rev() {
            let (d, c) = (codes[usize::from(*d)], codes[usize::from(*c)]);
            let (b, a) = (codes[usize::from(*b)], codes[usize::from(*a)]);
            let dc = u64::from(d & 0xffff) | u64::from(c & 0xffff) << (d >> 16 & 63);
            let ba = u64::from(b & 0xffff) | u64::from(a & 0xffff) << (b >> 16 & 63);
            let (first, second) = ((d >> 16) + (c >> 16), (b >> 16) + (a >> 16));
            bits.put(dc | ba << (first & 63), first + second);
            at = bits.flush_into(room, at);
        }
        out.truncate(start + at);
        bits.put(1, 1);
        bits.align(out);
    }
}

/// Lengths of codes without a limit, in the order of the symbols, which is descending by count.
fn depths(order: &[(u32, u8)]) -> Vec<u8> {
    let count = order.len();
    let inner = count.saturating_sub(1);
    let mut weights: Vec<u32> = Vec::with_capacity(inner);
    let (mut leaf_parents, mut parents) = (vec![0usize; count], vec![0usize; inner]);
    let (mut leaves, mut next) = (count, 0usize);
    for node in 0..inner {
        let mut weight = 0;
        for _ in 0..2 {
            let leaf = leaves.checked_sub(1).and_then(|last| order.get(last)).map(|(count, _)| *count);
            let built = weights.get(next).copied();
            // Of equal ones, the one that was put together.
            match (leaf, built) {
                (Some(leaf), built) if built.is_none_or(|built| leaf < built) => {
                    leaves -= 1;
                    leaf_parents.get_mut(leaves).into_iter().for_each(|parent| *parent = node);
                    weight += leaf;
                }
                (_, built) => {
                    parents.get_mut(next).into_iter().for_each(|parent| *parent = node);
                    next += 1;
                    weight += built.unwrap_or(0);
                }
            }
        }
        weights.push(weight);
    }
    let mut inner_depths = vec![0u8; inner];
    for node in (0..inner.saturating_sub(1)).rev() {
        let above = parents.get(node).and_then(|parent| inner_depths.get(*parent)).copied().unwrap_or(0);
        inner_depths.get_mut(node).into_iter().for_each(|depth| *depth = above + 1);
    }
    leaf_parents.iter().map(|parent| inner_depths.get(*parent).map_or(1, |depth| depth + 1)).collect()
}

/// Shortens codes to `most` bits and pays for that with longer ones where it costs least. Returns the longest length.
#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "ranks and symbols are counted in arrays of their number"
)]
fn limit(lengths: &mut [u8], order: &[(u32, u8)], most: u32) -> u32 {
    let Some(longest) = lengths.last().map(|length| u32::from(*length)) else { return 0 };
    if longest <= most {
        return longest;
    }
    let most_bits = most as u8;
    // What codes that are too long owe, in codes of the longest length allowed.
    let mut debt = 0i64;
    let mut last = lengths.len() - 1;
    while lengths[last] > most_bits && last > 0 {
        debt += (1i64 << (longest - most)) - (1i64 << (longest - u32::from(lengths[last])));
        lengths[last] = most_bits;
        last -= 1;
    }
    while lengths[last] == most_bits && last > 0 {
        last -= 1;
    }
    debt >>= longest - most;
    // The last, so the rarest, symbol of those whose codes are so much shorter than allowed.
    let mut rarest = [NONE; LONGEST as usize + 2];
    let mut bits = most_bits;
    for at in (0..=last).rev() {
        if lengths[at] < bits {
            bits = lengths[at];
            rarest[usize::from(most_bits - bits)] = at as u32;
        }
    }
    while debt > 0 {
        let mut by = (log2(debt as u32) + 1) as usize;
        by = by.min(LONGEST as usize + 1);
        while by > 1 {
            let (high, low) = (rarest[by], rarest[by - 1]);
            if high != NONE && (low == NONE || order[high as usize].0 <= 2 * order[low as usize].0) {
                break;
            }
            by -= 1;
        }
        while by <= LONGEST as usize && rarest[by] == NONE {
            by += 1;
        }
        let at = rarest[by];
        if at == NONE {
            break;
        }
        debt -= 1 << (by - 1);
        if rarest[by - 1] == NONE {
            rarest[by - 1] = at;
        }
        lengths[at as usize] += 1;
        rarest[by] = match at.checked_sub(1) {
            Some(before) if usize::from(most_bits - lengths[before as usize]) == by => before,
            _ => NONE,
        };
    }
    while debt < 0 {
        if rarest[1] == NONE {
            while lengths[last] == most_bits && last > 0 {
                last -= 1;
            }
            rarest[1] = last as u32;
        }
        let Some(length) = lengths.get_mut(rarest[1] as usize + 1) else { break };
        *length -= 1;
        rarest[1] += 1;
        debt += 1;
    }
    most
}

/// Weights by two interleaved states; `None` if that is not shorter.
fn pack(weights: &[u8]) -> Option<Vec<u8>> {
    let mut counts = [0u32; 16];
    weights.iter().filter_map(|weight| counts.get_mut(usize::from(*weight)).map(|count| *count += 1)).for_each(drop);
    let histogram = Histogram::new(&counts, weights.len());
    let highest = histogram.highest_count();
    if weights.len() < 3 || highest == weights.len() || highest == 1 {
        return None;
    }
    let least = log2(u32::try_from(weights.len() - 1).ok()?) + 1;
    let table = StateTable::new(histogram, histogram.table_log(WEIGHTS_LOG, least))?;
    let mut out = Vec::new();
    table.write(&mut out);
    let mut bits = BitWriter::default();
    // The state of even places, and of odd ones.
    let mut states = [None; 2];
    for (at, weight) in weights.iter().enumerate().rev() {
        let state = states.get_mut(at % 2)?;
        *state = Some(match *state {
            None => table.first(*weight),
            Some(state) => table.step(state, *weight, &mut bits),
        });
        bits.flush(&mut out);
    }
    for state in states.into_iter().rev() {
        table.last(state?, &mut bits);
        bits.flush(&mut out);
    }
    bits.put(1, 1);
    bits.align(&mut out);
    (out.len() < weights.len()).then_some(out)
}
