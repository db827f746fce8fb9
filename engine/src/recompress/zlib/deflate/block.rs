//! Collects the symbols of a block and writes it in the shortest of the three forms.

use super::header::Header;
use super::huffman::{Code, Lengths, MAX_BITS, code_lengths};
use crate::recompress::coding::alphabet::{
    Class, DISTANCE_CLASSES, DISTANCE_SYMBOLS, END_OF_BLOCK, FIRST_LENGTH, LENGTH_CLASS_OF, LENGTH_CLASSES,
    LITERAL_SYMBOLS, distance_symbol,
};
use crate::recompress::coding::bits::BitWriter;
use crate::recompress::place::Bits;

const STORED: u64 = 0;
/// Type of a block with the fixed codes.
pub(super) const FIXED: u64 = 1;
const DYNAMIC: u64 = 2;

/// A block in the making.
pub(in crate::recompress) struct Block {
    /// Distance (0 for a literal) above 8 bits of literal or length - 3.
    symbols: Box<[u32]>,
    count: usize,
    /// By literal or length symbol; longer than the alphabet so that 257 plus any byte is an index.
    literals: [u16; 513],
    distances: [u16; 32],
    /// The block is not to be written: the stream goes on behind it, with these bits before it in its first byte.
    unwritten: Option<Bits>,
}

impl Block {
    /// `mem_level` is 1 to 9. A block ends one symbol before its buffer of 2^(`mem_level` + 6) would be full.
    pub(in crate::recompress) fn new(mem_level: u8) -> Self {
        let symbols = vec![0; (1 << (u32::from(mem_level) + 6)) - 1].into_boxed_slice();
        let mut block = Self { symbols, count: 0, literals: [0; 513], distances: [0; 32], unwritten: None };
        block.clear();
        block
    }

    /// Goes on with a block that lacks `missing` symbols to be full; what the others were is not known, so it is left out of the
    /// stream, which goes on with `lead` behind it. False if no block can be like that.
    pub(super) fn begin_unwritten(&mut self, missing: u64, lead: Bits) -> bool {
        self.count = usize::try_from(missing).ok().and_then(|n| self.symbols.len().checked_sub(n)).unwrap_or(0);
        self.unwritten = Some(lead);
        self.count > 0
    }

    fn clear(&mut self) {
        self.count = 0;
        self.literals = [0; 513];
        self.distances = [0; 32];
        if let Some(end) = self.literals.get_mut(END_OF_BLOCK) {
            *end = 1;
        }
    }

    /// Symbols collected so far.
    #[inline(always)]
    pub(in crate::recompress) fn count(&self) -> usize {
        self.count
    }

    /// How often each distance symbol occurred so far, with the symbol's number of extra bits.
    pub(in crate::recompress) fn distances(&self) -> impl Iterator<Item = (u16, u8)> {
        self.distances.iter().zip(&DISTANCE_CLASSES).map(|(&frequency, class)| (frequency, class.extra))
    }

    /// Adds a literal; true if the block is full.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a byte is within the array")]
    pub(in crate::recompress) fn literal(&mut self, byte: u8) -> bool {
        self.literals[usize::from(byte)] += 1;
        self.push(u32::from(byte))
    }

    /// Adds a match of 3 to 258 bytes at a distance of 1 to 32768; true if the block is full.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "257 plus a byte, and a number below 32, are within the arrays")]
    #[expect(clippy::cast_possible_truncation, reason = "the ranges given fit")]
    pub(in crate::recompress) fn matched(&mut self, len: usize, distance: usize) -> bool {
        let len = (len - 3) as u8;
        self.literals[FIRST_LENGTH + usize::from(LENGTH_CLASS_OF[usize::from(len)])] += 1;
        self.distances[usize::from(distance_symbol((distance - 1) as u16) & 31)] += 1;
        self.push((distance as u32) << 8 | u32::from(len))
    }

    #[inline(always)]
    fn push(&mut self, symbol: u32) -> bool {
        if let Some(place) = self.symbols.get_mut(self.count) {
            *place = symbol;
        }
        self.count += 1;
        self.count == self.symbols.len()
    }

    /// Writes the block, which encodes `len` bytes, and starts the next. Without `bytes` it cannot be stored.
    #[cold]
    #[inline(never)]
    pub(in crate::recompress) fn flush(
        &mut self,
        len: usize,
        bytes: Option<&[u8]>,
        last: bool,
        bits: &mut BitWriter,
        out: &mut Vec<u8>,
    ) {
        if let Some(lead) = self.unwritten.take() {
            *bits = BitWriter::starting_with(lead);
            self.clear();
            return;
        }
        let literals = self.literals.first_chunk().unwrap_or(&[0; LITERAL_SYMBOLS]);
        let distances = self.distances.first_chunk().unwrap_or(&[0; DISTANCE_SYMBOLS]);
        let cost = |literal_lengths: &[u8], distance_lengths: &[u8]| {
            cost(literals, literal_lengths, FIRST_LENGTH, &LENGTH_CLASSES)
                + cost(distances, distance_lengths, 0, &DISTANCE_CLASSES)
        };
        let literal_lengths = code_lengths(literals, MAX_BITS);
        let distance_lengths = code_lengths(distances, MAX_BITS);
        let header = Header::new(&literal_lengths, &distance_lengths);
        // In whole bytes, as zlib compares them: ties go to the fixed codes, and to storing by its four bytes of length.
        let dynamic = (cost(&literal_lengths.of, &distance_lengths.of) + header.size + 10) / 8;
        let fixed = (cost(&FIXED_LITERALS.of, &FIXED_DISTANCES.of) + 10) / 8;
        let size = dynamic.min(fixed);
        let last = u64::from(last);
        match bytes {
            Some(bytes) if len as u64 + 4 <= size => store(bytes, last, bits, out),
            _ if fixed <= dynamic => {
                bits.put(FIXED << 1 | last, 3);
                self.write(&FIXED_LITERALS.codes(), &FIXED_DISTANCES.codes(), size, bits, out);
            }
            _ => {
                bits.put(DYNAMIC << 1 | last, 3);
                header.write(bits, out);
                self.write(&literal_lengths.codes(), &distance_lengths.codes(), size, bits, out);
            }
        }
        if last == 1 {
            bits.align(out);
        }
        self.clear();
    }

    /// Writes the symbols and the end of the block, at most `size` bytes.
    fn write(&self, literals: &[Code], distances: &[Code], size: u64, bits: &mut BitWriter, out: &mut Vec<u8>) {
        let (lengths, distances) = (length_codes(literals), distance_codes(distances));
        let bytes: &[Code; 256] = literals.first_chunk().unwrap_or(&[Code { bits: 0, len: 0 }; 256]);
        let size = usize::try_from(size).unwrap_or(0);
        bits.flush(out);
        let mut at = out.len();
        // Each flush writes eight bytes, of which the last ones may be beyond the end.
        out.resize(at + size + 16, 0);
        for &symbol in self.symbols.iter().take(self.count) {
            at = put_symbol(symbol, bytes, &lengths, &distances, bits, out, at);
        }
        let end = literals.get(END_OF_BLOCK).copied().unwrap_or_default();
        bits.put(end.bits.into(), end.len.into());
        at = bits.flush_into(out, at);
        out.truncate(at);
    }
}

/// A code with what comes before its variable extra bits.
#[derive(Debug, Clone, Copy, Default)]
struct Prefix {
    bits: u32,
    len: u8,
    extra: u8,
    base: u16,
}

#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "bytes index 256 entries, distance symbols masked to 32")]
#[expect(clippy::cast_possible_truncation, reason = "a distance fits 16 bits, a literal 8")]
fn put_symbol(
    symbol: u32,
    literals: &[Code; 256],
    lengths: &[Prefix; 256],
    distances: &[Prefix; 32],
    bits: &mut BitWriter,
    out: &mut [u8],
    at: usize,
) -> usize {
    let low = usize::from(symbol as u8);
    let distance = symbol >> 8;
    if distance == 0 {
        let code = literals[low];
        bits.put(code.bits.into(), code.len.into());
    } else {
        let length = lengths[low];
        bits.put(length.bits.into(), length.len.into());
        let less_one = (distance - 1) as u16;
        let prefix = distances[usize::from(distance_symbol(less_one) & 31)];
        bits.put(prefix.bits.into(), prefix.len.into());
        bits.put(u64::from(less_one.wrapping_sub(prefix.base)), prefix.extra.into());
    }
    bits.flush_into(out, at)
}

/// Code and extra bits of every length, by length - 3.
fn length_codes(literals: &[Code]) -> [Prefix; 256] {
    let mut table = [Prefix::default(); 256];
    for ((value, prefix), &class) in (0u32..).zip(&mut table).zip(&LENGTH_CLASS_OF) {
        let code = literals.get(FIRST_LENGTH + usize::from(class)).copied().unwrap_or_default();
        let Class { extra, base } = LENGTH_CLASSES.get(usize::from(class)).copied().unwrap_or_default();
        let rest = value - u32::from(base);
        *prefix = Prefix { bits: u32::from(code.bits) | rest << code.len, len: code.len + extra, extra: 0, base: 0 };
    }
    table
}

fn distance_codes(codes: &[Code]) -> [Prefix; 32] {
    let mut table = [Prefix::default(); 32];
    for ((prefix, code), class) in table.iter_mut().zip(codes).zip(&DISTANCE_CLASSES) {
        *prefix = Prefix { bits: code.bits.into(), len: code.len, extra: class.extra, base: class.base };
    }
    table
}

/// Lengths of the fixed literal codes (RFC 1951, 3.2.6), with the two that never occur: they come before the longer ones.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const FIXED_LITERALS: Lengths<288> = {
    let mut of = [8; 288];
    let mut symbol = 144;
    while symbol < 280 {
        of[symbol] = if symbol < 256 { 9 } else { 7 };
        symbol += 1;
    }
    Lengths { of, used: 288 }
};
/// Lengths of the fixed distance codes, but for two that never occur and come last.
const FIXED_DISTANCES: Lengths<DISTANCE_SYMBOLS> = Lengths { of: [5; DISTANCE_SYMBOLS], used: DISTANCE_SYMBOLS };

/// Bits that symbols of these frequencies take with their extra bits.
fn cost(frequencies: &[u16], lengths: &[u8], first: usize, classes: &[Class]) -> u64 {
    let codes: u64 = frequencies.iter().zip(lengths).map(|(&f, &len)| u64::from(f) * u64::from(len)).sum();
    let extra: u64 =
        frequencies.iter().skip(first).zip(classes).map(|(&f, class)| u64::from(f) * u64::from(class.extra)).sum();
    codes + extra
}

pub(super) fn store(bytes: &[u8], last: u64, bits: &mut BitWriter, out: &mut Vec<u8>) {
    bits.put(STORED << 1 | last, 3);
    bits.align(out);
    // A block's bytes lie within the window below its last position, so their number fits 16 bits.
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&(!len).to_le_bytes());
    out.extend_from_slice(bytes);
}
