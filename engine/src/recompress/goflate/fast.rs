//! Level 1: one candidate per string, fewer looks the longer nothing is found.
//!
//! Blocks of 65535 bytes are searched one by one; matches reach back into the block before, and end with their block.

use super::block::{Block, MAX_STORED, Sink, store, write_literals};
use super::params::{MAX_MATCH, MIN_MATCH};
use crate::recompress::coding::strings::boxed;

/// Greatest distance of a match.
const MAX_DISTANCE: u32 = 32 << 10;
/// What is kept of earlier blocks.
const REACH: usize = MAX_DISTANCE as usize;
/// How far a full block moves the table's positions.
const BLOCK: u32 = 65535;
/// Bytes at a block's end where no match starts.
const MARGIN: usize = 15;
/// Shorter last blocks are not searched.
const MIN_SEARCHED: usize = 128;
/// Still shorter ones are stored without a look at their bytes.
const ALWAYS_STORED: usize = 17;
/// Room for loads that start in the buffer and take 8 bytes.
const PADDED: usize = REACH + MAX_STORED + 8;

const TABLE_BITS: u32 = 14;
/// A string of four bytes, and where it was last seen.
type Entry = (u32, u32);

/// Where a table starts to count: no entry that was never set is in reach.
const FIRST_BASE: u32 = MAX_DISTANCE + 1;
/// The table's positions are counted anew from here on, before they overflow.
const MAX_BASE: u32 = 1 << 31;

/// The encoder of level 1.
pub(super) struct Fast {
    /// `REACH` bytes of history, then the block.
    bytes: Box<[u8; PADDED]>,
    /// End of the block.
    end: usize,
    table: Box<[Entry; 1 << TABLE_BITS]>,
    /// The table's position of the block's start.
    base: u32,
    /// Bytes of the block before; a match in what came before that is not followed beyond its four bytes.
    before: usize,
    block: Block,
}

impl Fast {
    pub(super) fn new() -> Self {
        Self {
            bytes: boxed([0; PADDED]),
            end: REACH,
            table: boxed([(0, 0); 1 << TABLE_BITS]),
            base: FIRST_BASE,
            before: 0,
            block: Block::new(MAX_STORED + 1),
        }
    }

    /// Takes `input` and writes the blocks that are full and followed by more.
    pub(super) fn write(&mut self, mut input: &[u8], sink: &mut Sink<'_>) {
        while !input.is_empty() {
            if self.end == REACH + MAX_STORED {
                self.encode(sink);
                self.advance(MAX_STORED);
            }
            let (taken, rest) = input.split_at(input.len().min(REACH + MAX_STORED - self.end));
            if let Some(room) = self.bytes.get_mut(self.end..self.end + taken.len()) {
                room.copy_from_slice(taken);
            }
            self.end += taken.len();
            input = rest;
        }
    }

    /// Writes the block begun, unless it is empty; one that is too short to be searched makes all before it be forgotten.
    pub(super) fn flush(&mut self, sink: &mut Sink<'_>) {
        let bytes = self.bytes.get(REACH..self.end).unwrap_or_default();
        match bytes.len() {
            0 => return,
            1..ALWAYS_STORED => store(bytes, false, sink),
            ALWAYS_STORED..MIN_SEARCHED => write_literals(bytes, sink),
            len => {
                self.encode(sink);
                self.advance(len);
                return;
            }
        }
        self.end = REACH;
        self.before = 0;
        self.raise_base(MAX_DISTANCE);
    }

    fn encode(&mut self, sink: &mut Sink<'_>) {
        self.search();
        let bytes = self.bytes.get(REACH..self.end).unwrap_or_default();
        // With hardly any matches, literals alone are tried.
        if self.block.len() > bytes.len() - bytes.len() / 16 {
            self.block.discard();
            write_literals(bytes, sink);
        } else {
            self.block.write_coded_or_stored(bytes, sink);
        }
    }

    /// Makes room for the next block behind one of `len` bytes, at most [`MAX_STORED`].
    fn advance(&mut self, len: usize) {
        self.bytes.copy_within(len..len + REACH, 0);
        self.end = REACH;
        self.before = len;
        self.raise_base(u32::try_from(len).unwrap_or(BLOCK));
    }

    fn raise_base(&mut self, by: u32) {
        self.base += by;
        if self.base >= MAX_BASE {
            // Entries out of reach go to a place that is out of reach.
            for (_, position) in self.table.iter_mut() {
                *position = (*position + FIRST_BASE).saturating_sub(self.base);
            }
            self.base = FIRST_BASE;
        }
    }

    /// Turns the block into symbols.
    #[expect(clippy::cast_possible_truncation, reason = "places in the buffer are below 2^17")]
    fn search(&mut self) {
        let Self { bytes, end, table, base, before, block } = self;
        // Before this place nothing is compared.
        let floor = REACH.saturating_sub(*before);
        // What has to be added to a place in the buffer to get its position in the table.
        let base = *base - MAX_DISTANCE;
        let end = *end;
        let limit = end - MARGIN;
        let mut emitted = REACH;
        let mut at = REACH;
        'matches: loop {
            // Look at every position at first, then every second, and so on: one step farther after every 32 looks.
            let mut skip = 32;
            let (mut candidate, mut distance);
            loop {
                let next = at + (skip >> 5);
                skip += skip >> 5;
                if next > limit {
                    break 'matches;
                }
                let string = load4(bytes, at);
                let position = at as u32 + base;
                candidate = exchange(table, string, position);
                distance = position - candidate.1;
                if candidate.0 == string && distance <= MAX_DISTANCE {
                    break;
                }
                at = next;
            }
            for &byte in bytes.get(emitted..at).unwrap_or_default() {
                block.literal(byte);
            }
            loop {
                let distance_bytes = distance as usize;
                let from = at + MIN_MATCH - distance_bytes;
                let longest = if from < floor { 0 } else { (MAX_MATCH - MIN_MATCH).min(end - at - MIN_MATCH) };
                let len = MIN_MATCH + common(bytes, at + MIN_MATCH, from, longest);
                block.matched(len, distance_bytes);
                at += len;
                emitted = at;
                if at >= limit {
                    break 'matches;
                }
                // Of the strings that a match covers only the last is entered; a match right behind it is taken without a search.
                let position = at as u32 + base;
                exchange(table, load4(bytes, at - 1), position - 1);
                let string = load4(bytes, at);
                candidate = exchange(table, string, position);
                distance = position - candidate.1;
                if candidate.0 != string || distance > MAX_DISTANCE {
                    break;
                }
            }
            at += 1;
        }
        for &byte in bytes.get(emitted..end).unwrap_or_default() {
            block.literal(byte);
        }
    }
}

/// Enters a string and returns what was in its place.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "the hash has TABLE_BITS bits")]
fn exchange(table: &mut [Entry; 1 << TABLE_BITS], string: u32, position: u32) -> Entry {
    let hash = string.wrapping_mul(0x1e35_a7bd) >> (32 - TABLE_BITS);
    std::mem::replace(&mut table[hash as usize], (string, position))
}

#[inline(always)]
fn load4(bytes: &[u8; PADDED], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[inline(always)]
fn load8(bytes: &[u8; PADDED], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// How many bytes agree from `a` and `b` on, at most `limit`.
#[inline(always)]
fn common(bytes: &[u8; PADDED], a: usize, b: usize, limit: usize) -> usize {
    let mut len = 0;
    while len < limit {
        let differ = load8(bytes, a + len) ^ load8(bytes, b + len);
        if differ != 0 {
            return limit.min(len + (differ.trailing_zeros() / 8) as usize);
        }
        len += 8;
    }
    limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recompress::coding::bits::BitWriter;
    use crate::recompress::coding::samples::{Piece, build};

    fn encode(base: u32, data: &[u8]) -> Vec<u8> {
        let (mut bits, mut out) = (BitWriter::default(), Vec::new());
        let mut sink = Sink { bits: &mut bits, out: &mut out };
        let mut fast = Fast::new();
        fast.base = base;
        fast.write(data, &mut sink);
        fast.flush(&mut sink);
        out
    }

    #[test]
    fn counting_anew_changes_nothing() {
        let data =
            build(&[Piece::Tar(150_000), Piece::Random(40_000), Piece::Copy(32_768, 90_000), Piece::Words(90_000)], 3);
        for blocks in 0..5 {
            let base = MAX_BASE - blocks * BLOCK + 1;
            assert!(encode(base, &data) == encode(FIRST_BASE, &data), "{blocks} blocks before the count starts anew");
        }
    }
}
