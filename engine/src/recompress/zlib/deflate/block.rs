//! Collects the symbols of a block and writes it in the shortest of the three forms.

use super::huffman::{Lengths, code_lengths};
use crate::recompress::coding::alphabet::{
    Class, DISTANCE_CLASSES, DISTANCE_SYMBOLS, END_OF_BLOCK, FIRST_LENGTH, LENGTH_CLASS_OF, LENGTH_CLASSES,
    LITERAL_SYMBOLS, distance_symbol,
};
use crate::recompress::coding::bits::BitWriter;
use crate::recompress::coding::codes::{
    Code, FIXED_DISTANCE, FIXED_LITERALS, MAX_BITS, SymbolCodes, codes, store, with_room,
};
use crate::recompress::coding::header::{Header, MAX_LENGTH_BITS, Runs};
use crate::recompress::place::Bits;

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
        let header = header(&literal_lengths, &distance_lengths);
        // In whole bytes, as zlib compares them: ties go to the fixed codes, and to storing by its four bytes of length.
        let dynamic = (cost(&literal_lengths.of, &distance_lengths.of) + header.size + 10) / 8;
        let fixed = (cost(&FIXED_LITERALS, &FIXED_DISTANCES) + 10) / 8;
        let size = dynamic.min(fixed);
        let last_bit = u64::from(last);
        match bytes {
            Some(bytes) if len as u64 + 4 <= size => store(bytes, last, bits, out),
            _ if fixed <= dynamic => {
                bits.put(FIXED << 1 | last_bit, 3);
                self.write(&codes(&FIXED_LITERALS), &codes(&FIXED_DISTANCES), size, bits, out);
            }
            _ => {
                bits.put(DYNAMIC << 1 | last_bit, 3);
                header.write(bits, out);
                self.write(&codes(&literal_lengths.of), &codes(&distance_lengths.of), size, bits, out);
            }
        }
        if last {
            bits.align(out);
        }
        self.clear();
    }

    /// Writes the symbols and the end of the block, at most `size` bytes.
    fn write(&self, literals: &[Code], distances: &[Code], size: u64, bits: &mut BitWriter, out: &mut Vec<u8>) {
        let codes = SymbolCodes::new(literals, distances);
        with_room(8 * size, bits, out, |bits, out, mut at| {
            for &symbol in self.symbols.iter().take(self.count) {
                at = codes.write(symbol, bits, out, at);
            }
            codes.put_end(bits);
            bits.flush_into(out, at)
        });
    }
}

/// Lengths of the fixed distance codes, but for two that never occur and come last.
const FIXED_DISTANCES: [u8; DISTANCE_SYMBOLS] = [FIXED_DISTANCE; DISTANCE_SYMBOLS];

/// The format would let a run go on from one alphabet into the next; zlib starts anew.
fn header<const L: usize, const D: usize>(literals: &Lengths<L>, distances: &Lengths<D>) -> Header {
    let assign = |frequencies: &[u16; _]| code_lengths(frequencies, MAX_LENGTH_BITS).of;
    Header::new(literals.up_to_last(), distances.up_to_last(), Runs::StartAnew, assign)
}

/// Bits that symbols of these frequencies take with their extra bits.
fn cost(frequencies: &[u16], lengths: &[u8], first: usize, classes: &[Class]) -> u64 {
    let codes: u64 = frequencies.iter().zip(lengths).map(|(&f, &len)| u64::from(f) * u64::from(len)).sum();
    let extra: u64 =
        frequencies.iter().skip(first).zip(classes).map(|(&f, class)| u64::from(f) * u64::from(class.extra)).sum();
    codes + extra
}
