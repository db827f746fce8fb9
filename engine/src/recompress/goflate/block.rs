//! Collects the symbols of a block and writes it in one of the three forms.

use super::huffman::code_lengths;
use crate::recompress::coding::alphabet::{
    Class, DISTANCE_CLASSES, DISTANCE_SYMBOLS, END_OF_BLOCK, FIRST_LENGTH, LENGTH_CLASS_OF, LENGTH_CLASSES,
    LITERAL_SYMBOLS, distance_symbol,
};
use crate::recompress::coding::bits::BitWriter;
use crate::recompress::coding::codes::{
    self, Code, FIXED_DISTANCE, FIXED_LITERALS, MAX_BITS, SymbolCodes, codes, with_room,
};
use crate::recompress::coding::header::{Header, MAX_LENGTH_BITS, Runs};
use crate::recompress::place::Bits;

const FIXED: u64 = 1;
const DYNAMIC: u64 = 2;
/// Most bytes of a stored block.
pub(super) const MAX_STORED: usize = 65535;

/// Where finished blocks go.
pub(super) struct Sink<'a> {
    pub(super) bits: &'a mut BitWriter,
    pub(super) out: &'a mut Vec<u8>,
}

/// A block in the making.
pub(super) struct Block {
    /// Distance (0 for a literal) above 8 bits of literal or length - 3.
    symbols: Box<[u32]>,
    count: usize,
    /// By literal or length symbol; longer than the alphabet so that 257 plus any byte is an index.
    literals: [u32; 513],
    distances: [u32; 32],
    /// The block is not to be written: the stream goes on behind it, with these bits before it in its first byte.
    unwritten: Option<Bits>,
}

impl Block {
    /// `capacity` is the number of symbols after which a block is full.
    pub(super) fn new(capacity: usize) -> Self {
        let symbols = vec![0; capacity].into_boxed_slice();
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

    /// Number of symbols so far.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Adds a literal; true if the block is full.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a byte is within the array")]
    pub(super) fn literal(&mut self, byte: u8) -> bool {
        self.literals[usize::from(byte)] += 1;
        self.push(u32::from(byte))
    }

    /// Adds a match of 4 to 258 bytes at a distance of 1 to 32768; true if the block is full.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "257 plus a byte, and a number below 32, are within the arrays")]
    #[expect(clippy::cast_possible_truncation, reason = "the ranges given fit")]
    pub(super) fn matched(&mut self, len: usize, distance: usize) -> bool {
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

    /// Writes the block in the shortest form and starts the next; without `bytes` it cannot be stored.
    ///
    /// Sizes are compared in bits. Ties go to the fixed codes, and to coding over storing, whose size counts a whole byte for the
    /// block type.
    #[cold]
    #[inline(never)]
    pub(super) fn write_shortest(&mut self, bytes: Option<&[u8]>, sink: &mut Sink<'_>) {
        if let Some(lead) = self.unwritten.take() {
            *sink.bits = BitWriter::starting_with(lead);
            self.clear();
            return;
        }
        let coded = self.code();
        let fixed = self.cost(&FIXED_LITERALS, &FIXED_DISTANCES) + 3;
        let size = fixed.min(coded.size);
        match bytes {
            Some(bytes) if bytes.len() <= MAX_STORED && stored_size(bytes) < size => store(bytes, false, sink),
            _ if fixed <= coded.size => {
                sink.bits.put(FIXED << 1, 3);
                self.write_symbols(&codes(&FIXED_LITERALS), &codes(&FIXED_DISTANCES), fixed, sink);
            }
            _ => self.write_coded(&coded, sink),
        }
        self.clear();
    }

    /// Writes the block, which encodes `bytes` (at most 65535), with codes of its own if that saves a sixteenth or more, else
    /// stored; and starts the next. Extra bits are left out of that account.
    #[cold]
    #[inline(never)]
    pub(super) fn write_coded_or_stored(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let coded = self.code();
        let size = coded.size - self.extra_bits();
        if stored_size(bytes) < size + (size >> 4) {
            store(bytes, false, sink);
        } else {
            self.write_coded(&coded, sink);
        }
        self.clear();
    }

    /// Forgets the symbols.
    pub(super) fn discard(&mut self) {
        self.clear();
    }

    fn code(&mut self) -> Coded {
        // A block without matches gets a code for the first distance, so that there is one.
        if self.distances.iter().all(|&frequency| frequency == 0)
            && let Some(first) = self.distances.first_mut()
        {
            *first = 1;
        }
        let literals = code_lengths(self.literal_frequencies(), MAX_BITS);
        let distances = code_lengths(self.distance_frequencies(), MAX_BITS);
        let header = header(&literals, &distances);
        let size = 3 + header.size + self.cost(&literals, &distances);
        Coded { literals, distances, header, size }
    }

    fn literal_frequencies(&self) -> &[u32; LITERAL_SYMBOLS] {
        self.literals.first_chunk().unwrap_or(&[0; LITERAL_SYMBOLS])
    }

    fn distance_frequencies(&self) -> &[u32; DISTANCE_SYMBOLS] {
        self.distances.first_chunk().unwrap_or(&[0; DISTANCE_SYMBOLS])
    }

    /// Bits that the symbols take with these code lengths, extra bits included.
    fn cost(&self, literals: &[u8], distances: &[u8]) -> u64 {
        let codes = |frequencies: &[u32], lengths: &[u8]| -> u64 {
            frequencies.iter().zip(lengths).map(|(&f, &len)| u64::from(f) * u64::from(len)).sum()
        };
        codes(self.literal_frequencies(), literals) + codes(self.distance_frequencies(), distances) + self.extra_bits()
    }

    fn extra_bits(&self) -> u64 {
        let extra = |frequencies: &[u32], classes: &[Class]| -> u64 {
            frequencies.iter().zip(classes).map(|(&f, class)| u64::from(f) * u64::from(class.extra)).sum()
        };
        let lengths = self.literals.get(FIRST_LENGTH..).unwrap_or_default();
        extra(lengths, &LENGTH_CLASSES) + extra(&self.distances, &DISTANCE_CLASSES)
    }

    fn write_coded(&self, coded: &Coded, sink: &mut Sink<'_>) {
        sink.bits.put(DYNAMIC << 1, 3);
        coded.header.write(sink.bits, sink.out);
        self.write_symbols(&codes(&coded.literals), &codes(&coded.distances), coded.size, sink);
    }

    /// Writes the symbols and the end of the block, at most `size` bits.
    fn write_symbols(&self, literals: &[Code], distances: &[Code], size: u64, sink: &mut Sink<'_>) {
        let symbols = self.symbols.get(..self.count).unwrap_or_default();
        let codes = SymbolCodes::new(literals, distances);
        with_room(size, sink.bits, sink.out, |bits, out, mut at| {
            for &symbol in symbols {
                at = codes.write(symbol, bits, out, at);
            }
            codes.put_end(bits);
            bits.flush_into(out, at)
        });
    }
}

/// A block's own codes.
struct Coded {
    literals: [u8; LITERAL_SYMBOLS],
    distances: [u8; DISTANCE_SYMBOLS],
    header: Header,
    /// Bits of the whole block.
    size: u64,
}

/// Writes `bytes` (at most 65535) as literals with codes of their own if that saves a sixteenth or more, else stored.
pub(super) fn write_literals(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut literals = [0u32; LITERAL_SYMBOLS];
    count_bytes(bytes, &mut literals);
    if let Some(end) = literals.get_mut(END_OF_BLOCK) {
        *end = 1;
    }
    let lengths = code_lengths(&literals, MAX_BITS);
    let mut distances = [0; DISTANCE_SYMBOLS];
    if let Some(first) = distances.first_mut() {
        *first = 1;
    }
    let header = header(&lengths, &distances);
    let body: u64 = literals.iter().zip(&lengths).map(|(&f, &len)| u64::from(f) * u64::from(len)).sum();
    // The one distance code counts as if used once.
    let size = 3 + header.size + body + 1;
    if stored_size(bytes) < size + (size >> 4) {
        store(bytes, false, sink);
        return;
    }
    sink.bits.put(DYNAMIC << 1, 3);
    header.write(sink.bits, sink.out);
    let codes = SymbolCodes::new(&codes(&lengths), &[]);
    with_room(size, sink.bits, sink.out, |bits, out, mut at| {
        // Three codes are 45 bits at most.
        for three in bytes.chunks(3) {
            for &byte in three {
                codes.put_byte(byte, bits);
            }
            at = bits.flush_into(out, at);
        }
        codes.put_end(bits);
        bits.flush_into(out, at)
    });
}

/// Adds up in four tables at once, as equal bytes in a row would wait for one another.
fn count_bytes(bytes: &[u8], frequencies: &mut [u32]) {
    let mut tables = [[0u32; 256]; 4];
    for four in bytes.chunks(4) {
        for (table, &byte) in tables.iter_mut().zip(four) {
            if let Some(count) = table.get_mut(usize::from(byte)) {
                *count += 1;
            }
        }
    }
    for table in &tables {
        for (sum, count) in frequencies.iter_mut().zip(table) {
            *sum += count;
        }
    }
}

/// Bits of a stored block, as Go reckons them.
fn stored_size(bytes: &[u8]) -> u64 {
    (bytes.len() as u64 + 5) * 8
}

/// Writes `bytes` (at most 65535) stored.
pub(super) fn store(bytes: &[u8], last: bool, sink: &mut Sink<'_>) {
    codes::store(bytes, last, sink.bits, sink.out);
}

/// Trailing symbols without a code are left out. There is one of either alphabet at least.
fn header(literals: &[u8; LITERAL_SYMBOLS], distances: &[u8; DISTANCE_SYMBOLS]) -> Header {
    let assign = |frequencies: &[u16; _]| code_lengths(&frequencies.map(u32::from), MAX_LENGTH_BITS);
    Header::new(used(literals), used(distances), Runs::Join, assign)
}

/// The lengths up to the last that is not zero.
fn used(lengths: &[u8]) -> &[u8] {
    let end = lengths.iter().rposition(|&len| len != 0).map_or(1, |last| last + 1);
    lengths.get(..end).unwrap_or_default()
}

/// Lengths of the fixed distance codes, but for two that never occur and come last.
const FIXED_DISTANCES: [u8; DISTANCE_SYMBOLS] = [FIXED_DISTANCE; DISTANCE_SYMBOLS];
