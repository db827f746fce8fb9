//! Code lengths to codes, and codes to what is written for a symbol.

use super::alphabet::{
    Class, DISTANCE_CLASSES, END_OF_BLOCK, FIRST_LENGTH, LENGTH_CLASS_OF, LENGTH_CLASSES, distance_symbol,
};
use super::bits::BitWriter;

/// Longest code of literals and distances.
pub(in crate::recompress) const MAX_BITS: usize = 15;

/// Lengths of the fixed literal codes (RFC 1951, 3.2.6), with the two that never occur: they come before the longer ones.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
pub(in crate::recompress) const FIXED_LITERALS: [u8; 288] = {
    let mut of = [8; 288];
    let mut symbol = 144;
    while symbol < 280 {
        of[symbol] = if symbol < END_OF_BLOCK { 9 } else { 7 };
        symbol += 1;
    }
    of
};
/// Length of the fixed distance codes.
pub(in crate::recompress) const FIXED_DISTANCE: u8 = 5;

/// A Huffman code as it is written: first bit lowest. Length 0 if the symbol has none.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::recompress) struct Code {
    pub(in crate::recompress) bits: u16,
    pub(in crate::recompress) len: u8,
}

/// Canonical codes (RFC 1951, 3.2.2), turned round to be written lowest bit first. Lengths are at most [`MAX_BITS`].
#[expect(clippy::indexing_slicing, reason = "lengths are at most MAX_BITS")]
pub(in crate::recompress) fn codes<const N: usize>(lengths: &[u8; N]) -> [Code; N] {
    let mut population = [0u16; MAX_BITS + 1];
    for &len in lengths {
        population[usize::from(len)] += 1;
    }
    let mut next = [0u16; MAX_BITS + 1];
    for len in 2..=MAX_BITS {
        next[len] = (next[len - 1] + population[len - 1]) << 1;
    }
    let mut codes = [Code::default(); N];
    for (code, &len) in codes.iter_mut().zip(lengths) {
        if len > 0 {
            let bits = next[usize::from(len)];
            next[usize::from(len)] = bits.wrapping_add(1);
            *code = Code { bits: bits.reverse_bits() >> (16 - u32::from(len)), len };
        }
    }
    codes
}

/// A code with what comes before its variable extra bits.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::recompress) struct Prefix {
    pub(in crate::recompress) bits: u32,
    pub(in crate::recompress) len: u8,
    pub(in crate::recompress) extra: u8,
    pub(in crate::recompress) base: u16,
}

/// Code and extra bits of every length, by length - 3.
pub(in crate::recompress) fn length_codes(literals: &[Code]) -> [Prefix; 256] {
    let mut table = [Prefix::default(); 256];
    for ((value, prefix), &class) in (0u32..).zip(&mut table).zip(&LENGTH_CLASS_OF) {
        let code = literals.get(FIRST_LENGTH + usize::from(class)).copied().unwrap_or_default();
        let Class { extra, base } = LENGTH_CLASSES.get(usize::from(class)).copied().unwrap_or_default();
        let rest = value - u32::from(base);
        *prefix = Prefix { bits: u32::from(code.bits) | rest << code.len, len: code.len + extra, extra: 0, base: 0 };
    }
    table
}

/// Code of every distance symbol, and its class.
pub(in crate::recompress) fn distance_codes(codes: &[Code]) -> [Prefix; 32] {
    let mut table = [Prefix::default(); 32];
    for ((prefix, code), class) in table.iter_mut().zip(codes).zip(&DISTANCE_CLASSES) {
        *prefix = Prefix { bits: code.bits.into(), len: code.len, extra: class.extra, base: class.base };
    }
    table
}

/// The codes of a block, arranged for writing symbols: literals as they are, matches as a distance above 8 bits of length - 3.
pub(in crate::recompress) struct SymbolCodes {
    bytes: [Code; 256],
    end: Code,
    lengths: [Prefix; 256],
    distances: [Prefix; 32],
}

impl SymbolCodes {
    pub(in crate::recompress) fn new(literals: &[Code], distances: &[Code]) -> Self {
        Self {
            bytes: literals.first_chunk().copied().unwrap_or([Code::default(); 256]),
            end: literals.get(END_OF_BLOCK).copied().unwrap_or_default(),
            lengths: length_codes(literals),
            distances: distance_codes(distances),
        }
    }

    /// Puts a literal: up to 15 bits.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a byte indexes 256 entries")]
    pub(in crate::recompress) fn put_byte(&self, byte: u8, bits: &mut BitWriter) {
        let code = self.bytes[usize::from(byte)];
        bits.put(code.bits.into(), code.len.into());
    }

    /// Puts the end of the block.
    pub(in crate::recompress) fn put_end(&self, bits: &mut BitWriter) {
        bits.put(self.end.bits.into(), self.end.len.into());
    }

    /// Writes a symbol at `at` of `out`, and returns the position behind it.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "bytes index 256 entries, distance symbols masked to 32")]
    #[expect(clippy::cast_possible_truncation, reason = "a distance fits 16 bits, a literal 8")]
    pub(in crate::recompress) fn write(&self, symbol: u32, bits: &mut BitWriter, out: &mut [u8], at: usize) -> usize {
        let distance = symbol >> 8;
        if distance == 0 {
            self.put_byte(symbol as u8, bits);
        } else {
            let length = self.lengths[usize::from(symbol as u8)];
            bits.put(length.bits.into(), length.len.into());
            let less_one = (distance - 1) as u16;
            let prefix = self.distances[usize::from(distance_symbol(less_one) & 31)];
            bits.put(prefix.bits.into(), prefix.len.into());
            bits.put(u64::from(less_one.wrapping_sub(prefix.base)), prefix.extra.into());
        }
        bits.flush_into(out, at)
    }
}

/// Lets `write` fill the end of `out` from a position on with at most `size` bits; it returns the position it came to.
pub(in crate::recompress) fn with_room(
    size: u64,
    bits: &mut BitWriter,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut BitWriter, &mut [u8], usize) -> usize,
) {
    bits.flush(out);
    let at = out.len();
    // Each flush writes eight bytes, of which the last ones may be beyond the end.
    out.resize(at + usize::try_from(size / 8).unwrap_or(0) + 16, 0);
    let at = write(bits, out, at);
    out.truncate(at);
}

/// Writes a stored block of `bytes`, of which there are at most 65535.
pub(in crate::recompress) fn store(bytes: &[u8], last: bool, bits: &mut BitWriter, out: &mut Vec<u8>) {
    // Type 0.
    bits.put(last.into(), 3);
    bits.align(out);
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&(!len).to_le_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_canonical() {
        let codes = codes(&[2, 1, 3, 3]).map(|code| (code.bits, code.len));
        assert_eq!(codes, [(0b01, 2), (0b0, 1), (0b011, 3), (0b111, 3)]);
    }
}
