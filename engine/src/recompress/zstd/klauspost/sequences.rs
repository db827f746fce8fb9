//! The sequences section: codes, the choice of tables, and the stream (RFC 8878, 3.1.1.3.2).

use super::fse::{Histogram, SYMBOLS, Table, log2};
use super::params::Release;
use super::parsed::Sequence;
use crate::recompress::coding::bits::BitWriter;

/// Most states of a table, as a power of two.
const MOST_LOG: u32 = 8;

/// Shares of the tables that need not be written: of literals' lengths, of distances, of matches' lengths.
const LITERALS: [i16; 36] =
    [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1];
const OFFSETS: [i16; 29] = [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1];
const MATCHES: [i16; 53] = [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
];

/// Bits behind the code of a number of literals.
const LITERALS_BITS: [u8; SYMBOLS] = behind(16, &[1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
/// Bits behind the code of a match's length.
const MATCHES_BITS: [u8; SYMBOLS] = behind(32, &[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);

/// No bits for the first `plain` codes, then these.
#[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
const fn behind(plain: usize, tail: &[u8]) -> [u8; SYMBOLS] {
    let mut bits = [0; SYMBOLS];
    let mut at = 0;
    while at < tail.len() {
        bits[plain + at] = tail[at];
        at += 1;
    }
    bits
}

/// Codes of small numbers of literals.
const LITERALS_CODES: [u8; 64] = codes(LITERALS_BITS);
/// Codes of short matches.
const MATCHES_CODES: [u8; 128] = codes(MATCHES_BITS);

/// Codes of the numbers from 0 on, by the bits behind each code.
#[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
const fn codes<const N: usize>(bits: [u8; SYMBOLS]) -> [u8; N] {
    let mut codes = [0; N];
    let (mut number, mut code) = (0, 0);
    while number < N {
        let mut covered = 0;
        while number < N && covered < 1 << bits[code as usize] {
            codes[number] = code;
            number += 1;
            covered += 1;
        }
        code += 1;
    }
    codes
}

#[inline(always)]
#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "compared before")]
fn literals_code(number: u32) -> u8 {
    if number < 64 { LITERALS_CODES[number as usize] } else { (log2(number) + 19) as u8 }
}

#[inline(always)]
#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "compared before")]
pub(super) fn match_code(len: u32) -> u8 {
    if len < 128 { MATCHES_CODES[len as usize] } else { (log2(len) + 36) as u8 }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "at most 31")]
pub(super) fn offset_code(offset: u32) -> u8 {
    log2(offset) as u8
}

/// Bits of a match's offset by its code, and of its length, in the tables that need not be written: whole bits of the code,
/// and what is behind it.
pub(super) fn predefined_bits() -> ([u8; 32], [u8; SYMBOLS]) {
    let (offsets, matches) = (Kind::new(&OFFSETS, 5), Kind::new(&MATCHES, 6));
    let (mut by_offset, mut by_len) = ([0; 32], MATCHES_BITS);
    for (code, bits) in (0u8..).zip(&mut by_offset) {
        *bits = offsets.predefined.whole_bits(code) + if usize::from(code) < OFFSETS.len() { code } else { 0 };
    }
    for (code, bits) in (0u8..).zip(&mut by_len) {
        *bits += matches.predefined.whole_bits(code);
    }
    (by_offset, by_len)
}

/// A table of one kind, and the one that the last block used for it.
struct Kind {
    predefined: Table,
    previous: Option<Table>,
    current: Choice,
}

/// What a block's table is.
enum Choice {
    Predefined,
    Run(Table, u8),
    New(Table),
    Previous,
}

impl Kind {
    fn new(shares: &[i16], log: u32) -> Self {
        let Some(predefined) = Table::fixed(shares, log) else { unreachable!("the shares add up") };
        Self { predefined, previous: None, current: Choice::Predefined }
    }

    /// Chooses a table for `total` symbols; returns the mode. `None` if none can be made.
    fn choose(&mut self, counts: &[u32; SYMBOLS], total: usize, release: Release) -> Option<u8> {
        let histogram = Histogram::new(counts, total);
        if histogram.highest_count() == total {
            let symbol = u8::try_from(histogram.symbols() - 1).ok()?;
            self.current = Choice::Run(Table::single(), symbol);
            return Some(1);
        }
        let least = log2(u32::try_from(total).ok()?) + 1;
        let table = Table::new(histogram, histogram.table_log(MOST_LOG, least))?;
        let size = table.cost(histogram)?;
        #[expect(clippy::cast_possible_truncation, reason = "at most 64 symbols")]
        let head = (((table.symbols() as u32 * table.log()) >> 3) + 3) * 8;
        let mut new = size + head;
        // A table of its own must be worth it.
        new += (new + 256) >> 4;
        let mut new_to_previous = new;
        let mut predefined = self.predefined.cost(histogram).unwrap_or(u32::MAX);
        let mut previous = self.previous.as_ref().and_then(|previous| previous.cost(histogram)).unwrap_or(u32::MAX);
        if release >= Release::V1_20 {
            if previous != u32::MAX {
                let mut exact = Vec::new();
                table.write(&mut exact);
                new_to_previous = size + u32::try_from(exact.len() * 8).ok()?;
            }
            new += table.log();
            new_to_previous += table.log();
            predefined = predefined.saturating_add(self.predefined.log());
            previous = previous.saturating_add(self.previous.as_ref().map_or(0, Table::log));
        }
        let (choice, mode) = if predefined <= previous && predefined <= new {
            (Choice::Predefined, 0)
        } else if previous <= new_to_previous {
            (Choice::Previous, 3)
        } else {
            (Choice::New(table), 2)
        };
        self.current = choice;
        Some(mode)
    }

    fn table(&self) -> &Table {
        match &self.current {
            Choice::Predefined => &self.predefined,
            Choice::Run(table, _) | Choice::New(table) => table,
            Choice::Previous => self.previous.as_ref().unwrap_or(&self.predefined),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match &self.current {
            Choice::Run(_, symbol) => out.push(*symbol),
            Choice::New(table) => table.write(out),
            Choice::Predefined | Choice::Previous => {}
        }
    }

    /// Tells that the table has become part of a block.
    fn keep(&mut self) {
        match std::mem::replace(&mut self.current, Choice::Predefined) {
            Choice::New(table) => self.previous = Some(table),
            Choice::Previous => {}
            Choice::Run(..) | Choice::Predefined => self.previous = None,
        }
    }
}

/// Codes sequences, block by block.
pub(super) struct Coder {
    release: Release,
    literals: Kind,
    offsets: Kind,
    matches: Kind,
    codes: Vec<[u8; 3]>,
}

impl Coder {
    pub(super) fn new(release: Release) -> Self {
        Self {
            release,
            literals: Kind::new(&LITERALS, 6),
            offsets: Kind::new(&OFFSETS, 5),
            matches: Kind::new(&MATCHES, 6),
            codes: Vec::new(),
        }
    }

    /// Forgets the tables of earlier blocks.
    pub(super) fn forget(&mut self) {
        self.kinds().into_iter().for_each(|kind| kind.previous = None);
    }

    /// Tells that the section has become part of a block.
    pub(super) fn keep(&mut self) {
        self.kinds().into_iter().for_each(Kind::keep);
    }

    /// In the order of the format.
    fn kinds(&mut self) -> [&mut Kind; 3] {
        [&mut self.literals, &mut self.offsets, &mut self.matches]
    }

    /// Appends the section; `None` if it cannot be written. There is one sequence at least.
    pub(super) fn code(&mut self, sequences: &[Sequence], out: &mut Vec<u8>) -> Option<()> {
        let total = sequences.len();
        #[expect(clippy::cast_possible_truncation, reason = "bytes are meant")]
        match total {
            0..128 => out.push(total as u8),
            128..0x7f00 => out.extend_from_slice(&[128 + (total >> 8) as u8, total as u8]),
            _ => out.extend_from_slice(&[255, (total - 0x7f00) as u8, ((total - 0x7f00) >> 8) as u8]),
        }
        let counts = self.count(sequences);
        let release = self.release;
        let mut mode = 0;
        for (kind, counts) in self.kinds().into_iter().zip(&counts) {
            mode = mode << 2 | kind.choose(counts, total, release)?;
        }
        out.push(mode << 2);
        self.kinds().into_iter().for_each(|kind| kind.write(out));
        self.stream(sequences, out);
        Some(())
    }

    #[expect(clippy::indexing_slicing, reason = "symbols are masked")]
    fn count(&mut self, sequences: &[Sequence]) -> [[u32; SYMBOLS]; 3] {
        let mut counts = [[0; SYMBOLS]; 3];
        let [literals, offsets, matches] = &mut counts;
        self.codes.clear();
        self.codes.extend(sequences.iter().map(|sequence| {
            let (l, o, m) = (literals_code(sequence.literals), offset_code(sequence.offset), match_code(sequence.len));
            literals[usize::from(l) % SYMBOLS] += 1;
            offsets[usize::from(o) % SYMBOLS] += 1;
            matches[usize::from(m) % SYMBOLS] += 1;
            [l, o, m]
        }));
        counts
    }

    /// Last to first.
    #[expect(clippy::indexing_slicing, reason = "symbols are masked")]
    fn stream(&self, sequences: &[Sequence], out: &mut Vec<u8>) {
        /// Three states of eight bits at most and the bits behind three codes.
        const MOST: usize = (3 * 8 + 16 + 31 + 16) / 8 + 1;
        /// What there is room for behind three states and seven bits that wait.
        const ROOM: u8 = 33;
        let start = out.len();
        out.resize(start + sequences.len() * MOST + 24, 0);
        let room = out.get_mut(start..).unwrap_or_default();
        let (literals, offsets, matches) = (self.literals.table(), self.offsets.table(), self.matches.table());
        let (mut bits, mut at) = (BitWriter::default(), 0);
        let mut states = None;
        for (sequence, [l, o, m]) in sequences.iter().zip(&self.codes).rev() {
            let (l_bits, m_bits) = (LITERALS_BITS[usize::from(*l) % SYMBOLS], MATCHES_BITS[usize::from(*m) % SYMBOLS]);
            states = Some(match states {
                None => (literals.first(*l), offsets.first(*o), matches.first(*m)),
                Some((l_state, o_state, m_state)) => {
                    let o_state = offsets.step(o_state, *o, &mut bits);
                    let m_state = matches.step(m_state, *m, &mut bits);
                    let l_state = literals.step(l_state, *l, &mut bits);
                    (l_state, o_state, m_state)
                }
            });
            let lengths = u64::from(tail(sequence.literals, l_bits)) | u64::from(tail(sequence.len, m_bits)) << l_bits;
            let offset = u64::from(tail(sequence.offset, *o));
            if l_bits + m_bits + o <= ROOM {
                bits.put(lengths | offset << (l_bits + m_bits), u32::from(l_bits + m_bits + o));
            } else {
                at = bits.flush_into(room, at);
                bits.put(lengths, u32::from(l_bits + m_bits));
                at = bits.flush_into(room, at);
                bits.put(offset, u32::from(*o));
            }
            at = bits.flush_into(room, at);
        }
        out.truncate(start + at);
        if let Some((l_state, o_state, m_state)) = states {
            matches.last(m_state, &mut bits);
            offsets.last(o_state, &mut bits);
            literals.last(l_state, &mut bits);
        }
        bits.put(1, 1);
        bits.align(out);
    }
}

/// The low bits of a number.
#[inline(always)]
fn tail(number: u32, bits: u8) -> u32 {
    number & ((1u32 << (bits & 31)) - 1)
}
