//! Writes blocks: stored, with the fixed codes, with a table of their own, or with the table of the block before.
//!
//! A table is kept while it serves: further tokens go on in the block that is open, and its end is written only when
//! something else has to be.

use super::estimate::estimated_bits;
use super::huffman::{code_lengths, cost, cost_if_covered};
use super::params::Revision;
use super::symbols::{write_literals, write_tokens};
use super::table::{Table, extra_cost};
use super::tokens::{Frequencies, Tokens, histogram};
use crate::recompress::coding::alphabet::{DISTANCE_SYMBOLS, END_OF_BLOCK, LITERAL_SYMBOLS};
use crate::recompress::coding::bits::BitWriter;
use crate::recompress::coding::codes::{Code, MAX_BITS, codes, store};
use crate::recompress::coding::header::{Header, MAX_LENGTH_BITS, Runs};

const FIXED: u64 = 1;
const DYNAMIC: u64 = 2;
/// Tokens from which on the fixed codes are not considered.
const FEW_TOKENS: usize = 250;
/// What the header of a table of literals is taken to cost if there is none to go by.
const GUESSED_HEADER: usize = 70 * 8;
/// Longest block that can be stored.
const MAX_STORED: usize = 65_535;
/// Bytes above which a flat histogram is enough to store them.
const ENOUGH_TO_JUDGE: usize = 1024;

/// A block whose end has not been written.
struct Open {
    table: Table,
    /// Bits of its header.
    header: usize,
    /// It has no distances.
    literals_only: bool,
}

/// Writes blocks one after the other, none of them the last of the stream.
pub(super) struct BlockWriter {
    bits: BitWriter,
    open: Option<Open>,
    fixed: Table,
    /// A new table is taken to cost more than its estimate by the estimate shifted right by this.
    penalty: u32,
    /// Of later releases: [`Revision::has_short_tables`].
    short_tables: bool,
}

/// Tokens to be written, and what decides how.
struct Candidate<'a> {
    tokens: &'a Tokens,
    count: usize,
    /// A table for them lists only the symbols that occur, up to the last of them.
    lists_used: bool,
    frequencies: Frequencies,
    extra: usize,
    /// What could be stored instead.
    bytes: Option<&'a [u8]>,
}

impl Candidate<'_> {
    /// Whether storing takes no more than `size` bits.
    fn better_stored(&self, size: usize) -> Option<&[u8]> {
        self.bytes.filter(|bytes| stored_size(bytes) <= size)
    }
}

impl BlockWriter {
    pub(super) fn new(penalty: u32, revision: Revision) -> Self {
        let short_tables = revision.has_short_tables();
        Self { bits: BitWriter::default(), open: None, fixed: Table::fixed(), penalty, short_tables }
    }

    /// Writes `tokens`, which stand for `bytes` if these are still at hand. With `end`, the block is closed.
    pub(super) fn tokens(&mut self, tokens: &Tokens, bytes: Option<&[u8]>, end: bool, out: &mut Vec<u8>) {
        let frequencies = tokens.frequencies();
        let extra = extra_cost(&frequencies);
        let bytes = bytes.filter(|bytes| bytes.len() <= MAX_STORED);
        let count = tokens.len() + usize::from(end);
        let lists_used = end || self.short_tables;
        let mut block = Candidate { tokens, count, lists_used, frequencies, extra, bytes };
        if self.open.as_ref().is_some_and(|open| open.literals_only || !open.table.covers(&block.frequencies)) {
            self.close(out);
        }
        set_end(&mut block.frequencies, lists_used);
        if lists_used && block.frequencies.distances == [0; DISTANCE_SYMBOLS] {
            // A table has one distance at least.
            if let Some(first) = block.frequencies.distances.first_mut() {
                *first = 1;
            }
        }
        let was_open = self.open.is_some();
        if was_open && self.written_without_table(&block, out) {
            return;
        }
        if self.open.is_none() && !self.start_table(&mut block, was_open, out) {
            return;
        }
        if let Some(open) = &self.open {
            let size = open.table.cost(&block.frequencies) + extra;
            write_tokens(tokens, &open.table, size, &mut self.bits, out);
        }
        if end {
            self.close(out);
        }
    }

    /// Decides whether the open table is kept or closed; true if the block was written without any table.
    fn written_without_table(&mut self, block: &Candidate<'_>, out: &mut Vec<u8>) -> bool {
        let Some(open) = &self.open else { return false };
        let estimate = open.header + estimated_bits(&block.frequencies, block.count);
        let new = estimate + usize::from(open.table.end().len) + (estimate >> self.penalty);
        let kept = open.table.cost(&block.frequencies) + block.extra;
        if new < kept {
            self.close(out);
        }
        let size = new.min(kept);
        let fixed = 3 + self.fixed.cost(&block.frequencies) + block.extra + 7;
        if let Some(bytes) = block.better_stored(size) {
            self.stored(bytes, out);
            return true;
        }
        if block.count < FEW_TOKENS && fixed < size {
            self.fixed(block, out);
            return true;
        }
        false
    }

    /// Opens a block with a table for these tokens; false if they were written without.
    fn start_table(&mut self, block: &mut Candidate<'_>, was_open: bool, out: &mut Vec<u8>) -> bool {
        set_end(&mut block.frequencies, true);
        let table = Table::of(&block.frequencies);
        // A table that may be kept for later tokens lists all symbols in releases before 1.20.
        let (literals, distances) = match block.lists_used {
            true => (used(&block.frequencies.literals), used(&block.frequencies.distances)),
            false => (LITERAL_SYMBOLS, DISTANCE_SYMBOLS),
        };
        let header = header(
            table.literals.get(..literals).unwrap_or_default(),
            table.distances.get(..distances).unwrap_or_default(),
        );
        // Extra bits are left out of both sizes where there is nothing else to compare them with.
        let extra = if block.bytes.is_some() || was_open { block.extra } else { 0 };
        let size = header_size(&header) + table.cost(&block.frequencies) + extra;
        let fixed = 3 + self.fixed.cost(&block.frequencies) + extra;
        let fixed_is_best = block.count < FEW_TOKENS && fixed <= size;
        if let Some(bytes) = block.better_stored(if fixed_is_best { fixed } else { size }) {
            self.stored(bytes, out);
            return false;
        }
        if fixed_is_best {
            self.fixed(block, out);
            return false;
        }
        self.open(table, &header, false, out);
        true
    }

    /// Writes `bytes`, at most 65,535, as literals, or stores them if that gains too little. With `end`, the block is closed.
    pub(super) fn literals(&mut self, bytes: &[u8], end: bool, out: &mut Vec<u8>) {
        let counts = histogram(bytes);
        if bytes.len() > ENOUGH_TO_JUDGE && is_flat(&counts, bytes.len()) {
            return self.stored(bytes, out);
        }
        let mut frequencies = [1; END_OF_BLOCK + 1];
        for (to, from) in frequencies.iter_mut().zip(counts) {
            *to = from;
        }
        let own = codes(&code_lengths(&frequencies, MAX_BITS));
        let estimate = cost(&frequencies, &own) + self.open.as_ref().map_or(GUESSED_HEADER, |open| open.header);
        let estimate = estimate + (estimate >> self.penalty);
        if stored_size(bytes) <= estimate {
            return self.stored(bytes, out);
        }
        let kept = self.open.as_ref().and_then(|open| cost_if_covered(&counts, &open.table.literals));
        if kept.is_none_or(|kept| estimate < kept) {
            self.close(out);
            let table = Table::of_literals(&own);
            let header = header(&own, table.distances.get(..1).unwrap_or_default());
            self.open(table, &header, true, out);
        }
        if let Some(open) = &self.open {
            write_literals(bytes, &open.table, cost(&counts, &open.table.literals), &mut self.bits, out);
        }
        if end {
            self.close(out);
        }
    }

    /// Writes a stored block of at most 65,535 bytes.
    pub(super) fn stored(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.close(out);
        store(bytes, false, &mut self.bits, out);
    }

    /// Ends the stream with an empty block of fixed codes.
    pub(super) fn last(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        self.bits.put(FIXED << 1 | 1, 3);
        self.bits.put(0, 7);
        self.bits.align(out);
    }

    fn fixed(&mut self, block: &Candidate<'_>, out: &mut Vec<u8>) {
        self.close(out);
        self.bits.put(FIXED << 1, 3);
        let size = self.fixed.cost(&block.frequencies) + block.extra;
        write_tokens(block.tokens, &self.fixed, size, &mut self.bits, out);
        let end = self.fixed.end();
        self.bits.put(end.bits.into(), end.len.into());
        self.bits.flush(out);
    }

    /// Begins a block with a table of its own.
    fn open(&mut self, table: Table, header: &Header, literals_only: bool, out: &mut Vec<u8>) {
        self.bits.put(DYNAMIC << 1, 3);
        header.write(&mut self.bits, out);
        self.open = Some(Open { table, header: header_size(header), literals_only });
    }

    /// Writes the end of the open block, if there is one.
    fn close(&mut self, out: &mut Vec<u8>) {
        if let Some(open) = self.open.take() {
            let end = open.table.end();
            self.bits.put(end.bits.into(), end.len.into());
            self.bits.flush(out);
        }
    }
}

/// The header that lists these codes: 257 literals at least, and one distance.
fn header(literals: &[Code], distances: &[Code]) -> Header {
    let lengths = |codes: &[Code]| -> Vec<u8> { codes.iter().map(|code| code.len).collect() };
    let assign = |frequencies: &[u16; _]| code_lengths(frequencies, MAX_LENGTH_BITS);
    Header::new(&lengths(literals), &lengths(distances), Runs::Join, assign)
}

/// Bits of a header with the three of the block type.
fn header_size(header: &Header) -> usize {
    3 + usize::try_from(header.size).unwrap_or(usize::MAX)
}

fn stored_size(bytes: &[u8]) -> usize {
    8 * (bytes.len() + 5)
}

fn set_end(frequencies: &mut Frequencies, occurs: bool) {
    if let Some(end) = frequencies.literals.get_mut(END_OF_BLOCK) {
        *end = occurs.into();
    }
}

/// Number of symbols up to the last that occurs.
fn used(frequencies: &[u16]) -> usize {
    frequencies.iter().rposition(|&f| f != 0).map_or(0, |last| last + 1)
}

/// Whether bytes differ in frequency by so little that coding them gains nothing: the sum of squared differences from the mean
/// is below twice their number. (Multiplied by 256 squared, so that the mean is a whole number.)
fn is_flat(counts: &[u16; 256], len: usize) -> bool {
    let len = len as u64;
    let sum: u64 = counts.iter().map(|&count| (256 * u64::from(count)).abs_diff(len).pow(2)).sum();
    sum < (2 * len) << 16
}
