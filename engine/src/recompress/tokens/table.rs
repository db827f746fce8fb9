//! Decoding tables: the next bits of the stream to the symbol they begin with and what to do about it.
//!
//! An entry is a `u32`. Bits 0 to 7: how many bits the symbol takes, extra bits included. Bits 8 to 11: those of them that
//! are its code. Bits 16 to 30: the literal, the least length, or the least distance. The rest are flags.

use super::lengths::Lengths;
use super::{CodeFault, Fault};

/// The symbol is a literal.
pub(super) const LITERAL: u32 = 1 << 31;
/// Not for the fast loop.
pub(super) const ODD: u32 = 1 << 15;
/// It is odd: the code goes on in a second table that starts at bits 16 to 30 and is indexed by as many bits as bits 8 to 11 say.
pub(super) const LONGER: u32 = 1 << 14;
/// It is odd: the end of the block.
pub(super) const END: u32 = 1 << 13;
/// It is odd: symbol 284, whose extra bits can say 258, too.
pub(super) const ALMOST_LONGEST: u32 = 1 << 12;

/// Longest code.
pub(super) const MAX_BITS: u32 = 15;
/// Numbers of codes by length.
const COUNTS: usize = MAX_BITS as usize + 1;
/// Bits that index the first table of literals and lengths, and of distances.
pub(super) const LITERAL_BITS: u32 = 11;
pub(super) const DISTANCE_BITS: u32 = 8;
/// Entries: for 288 and 32 symbols, 2342 and 402 are the most a complete code of 15 bits can need (zlib's `enough.c`
/// computes them). Powers of two, so that a mask keeps any index inside.
const LITERAL_LEN: usize = 4096;
const DISTANCE_LEN: usize = 512;

/// Both tables of a block.
pub(super) struct Tables {
    pub(super) literal: [u32; LITERAL_LEN],
    pub(super) distance: [u32; DISTANCE_LEN],
}

impl Tables {
    pub(super) fn new() -> Self {
        Self { literal: [0; LITERAL_LEN], distance: [0; DISTANCE_LEN] }
    }

    /// Makes the tables of a block's codes.
    pub(super) fn build(&mut self, lengths: &Lengths) -> Result<(), Fault> {
        build(&mut self.literal, LITERAL_BITS, lengths.literals(), literal_entry).map_err(Fault::LiteralCode)?;
        build(&mut self.distance, DISTANCE_BITS, lengths.distances(), distance_entry).map_err(Fault::DistanceCode)
    }

    /// What the low bits of `bits` begin with, by literals and lengths.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "masked to the array's length")]
    pub(super) fn literal_first(&self, bits: u64) -> u32 {
        self.literal[(bits & ((1 << LITERAL_BITS) - 1)) as usize]
    }

    /// The same in the second table that `entry` leads to; `bits` begin behind those of the first.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "masked to the array's length")]
    pub(super) fn literal_second(&self, entry: u32, bits: u64) -> u32 {
        self.literal[second_index(entry, bits) & (LITERAL_LEN - 1)]
    }

    /// What the low bits of `bits` begin with, by distances.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "masked to the array's length")]
    pub(super) fn distance_first(&self, bits: u64) -> u32 {
        self.distance[(bits & ((1 << DISTANCE_BITS) - 1)) as usize]
    }

    /// The same in the second table that `entry` leads to.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "masked to the array's length")]
    pub(super) fn distance_second(&self, entry: u32, bits: u64) -> u32 {
        self.distance[second_index(entry, bits) & (DISTANCE_LEN - 1)]
    }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "at most 2^15 + 2^15")]
fn second_index(entry: u32, bits: u64) -> usize {
    (u64::from(entry >> 16) + (bits & ((1 << (entry >> 8 & 15)) - 1))) as usize
}

/// The number an entry stands for: its least value plus the extra bits, which follow the code in `bits`.
#[inline(always)]
pub(super) fn value(entry: u32, bits: u64) -> u64 {
    let taken = bits & ((1 << (entry & 63)) - 1);
    u64::from(entry >> 16) + (taken >> (entry >> 8 & 15))
}

/// Fills `table`, of which the first 2^`first_bits` entries are the first table. `entry_of` gives a symbol's entry without
/// the lengths of its code.
fn build<const N: usize>(
    table: &mut [u32; N],
    first_bits: u32,
    lengths: &[u8],
    entry_of: impl Fn(u32) -> u32,
) -> Result<(), CodeFault> {
    let counts = count(lengths);
    let longest = counts.iter().rposition(|&n| n > 0).unwrap_or(0);
    if free_codes(&counts)? > 0 && longest > 1 {
        return Err(CodeFault::Incomplete);
    }
    let sorted = sort(lengths, &counts);
    let mut entries = sorted.iter().map(|&symbol| entry_of(symbol.into()));
    table.iter_mut().take(2).for_each(|entry| *entry = ODD | with_code(1));
    let mut filler = Filler { table, first_bits, filled: 1, second: 1 << first_bits, open: None };
    let mut code = 0;
    for (len, &n) in (1..).zip(counts.iter().skip(1)) {
        filler.double(len);
        for left in (1..=n).rev() {
            let entry = entries.next().unwrap_or(ODD);
            if len <= first_bits {
                filler.put(code, entry + with_code(len));
            } else {
                let bits = || second_bits(&counts, left.into(), len, first_bits);
                filler.put_second(code, len, entry + with_code(len - first_bits), bits);
            }
            code = next_code(code, len);
        }
    }
    Ok(())
}

/// What a code of `len` bits adds to an entry.
fn with_code(len: u32) -> u32 {
    len << 8 | len
}

/// A table in the making. Codes have their bits in reverse, as the stream has them, and come by length.
struct Filler<'a, const N: usize> {
    table: &'a mut [u32; N],
    first_bits: u32,
    /// Entries of the first table in use for the present length; behind them it repeats.
    filled: usize,
    /// Where the next second table begins.
    second: u32,
    /// The second table begun last.
    open: Option<Second>,
}

#[derive(Clone, Copy)]
struct Second {
    prefix: u32,
    start: u32,
    bits: u32,
}

impl<const N: usize> Filler<'_, N> {
    /// Goes from codes of `len` - 1 bits to those of `len`.
    fn double(&mut self, len: u32) {
        if len <= self.first_bits && self.filled < N / 2 {
            self.table.copy_within(..self.filled, self.filled);
            self.filled *= 2;
        }
    }

    /// `bits` is asked when this code begins a second table.
    fn put_second(&mut self, code: u32, len: u32, entry: u32, bits: impl Fn() -> u32) {
        let prefix = code & ((1 << self.first_bits) - 1);
        let table = match self.open {
            Some(open) if open.prefix == prefix => open,
            _ => self.begin_second(prefix, bits()),
        };
        for at in (code >> self.first_bits..1 << table.bits).step_by(1 << (len - self.first_bits)) {
            self.put(table.start + at, entry);
        }
    }

    fn begin_second(&mut self, prefix: u32, bits: u32) -> Second {
        let table = Second { prefix, start: self.second, bits };
        self.put(prefix, ODD | LONGER | table.start << 16 | bits << 8 | self.first_bits);
        self.second += 1 << bits;
        self.open = Some(table);
        table
    }

    #[expect(clippy::indexing_slicing, reason = "masked to the array's length, a power of two")]
    fn put(&mut self, at: u32, entry: u32) {
        self.table[at as usize & (N - 1)] = entry;
    }
}

/// Codes by length.
#[expect(clippy::indexing_slicing, reason = "masked to 4 bits")]
fn count(lengths: &[u8]) -> [u16; COUNTS] {
    let mut counts = [0u16; COUNTS];
    for &len in lengths {
        counts[usize::from(len & 15)] += 1;
    }
    counts[0] = 0;
    counts
}

/// Unused code space in units of the longest code.
fn free_codes(counts: &[u16; COUNTS]) -> Result<u32, CodeFault> {
    let mut free = 1u32;
    for &n in counts.iter().skip(1) {
        free = (2 * free).checked_sub(u32::from(n)).ok_or(CodeFault::OverSubscribed)?;
    }
    Ok(free)
}

/// Symbols with a code, by length and then by number.
#[expect(clippy::indexing_slicing, reason = "lengths are masked to 4 bits, places count symbols")]
#[expect(clippy::cast_possible_truncation, reason = "fewer than 289 symbols")]
fn sort(lengths: &[u8], counts: &[u16; COUNTS]) -> [u16; 288] {
    let mut next = [0u16; COUNTS];
    for len in 1..COUNTS - 1 {
        next[len + 1] = next[len] + counts[len];
    }
    let mut sorted = [0; 288];
    for (symbol, &len) in lengths.iter().enumerate() {
        if len > 0 {
            let place = &mut next[usize::from(len & 15)];
            sorted[usize::from(*place)] = symbol as u16;
            *place += 1;
        }
    }
    sorted
}

/// Bits that index the second table which begins with a code of `len`, one of `left` of that length still to come: codes
/// with a common beginning are neighbours, so the table ends where those that follow have used it up.
fn second_bits(counts: &[u16; COUNTS], left: u32, len: u32, first_bits: u32) -> u32 {
    let of_len = |len: u32| counts.get(len as usize).copied().map_or(0, u32::from);
    let mut bits = len - first_bits;
    let mut used = left;
    while used < 1 << bits && first_bits + bits < MAX_BITS {
        bits += 1;
        used = 2 * used + of_len(first_bits + bits);
    }
    bits
}

/// The next code of `len` bits, in reverse: one more at the highest bit, carried downwards.
fn next_code(code: u32, len: u32) -> u32 {
    let zeros = !code & ((1 << len) - 1);
    match zeros.checked_ilog2() {
        Some(at) => code & ((1 << at) - 1) | 1 << at,
        // That was the last.
        None => code,
    }
}

fn literal_entry(symbol: u32) -> u32 {
    match symbol {
        0..256 => LITERAL | symbol << 16,
        256 => ODD | END,
        257..285 => {
            let (extra, base) = class(symbol - 257, 2);
            let flag = if symbol == 284 { ODD | ALMOST_LONGEST } else { 0 };
            flag | (base + 3) << 16 | extra
        }
        285 => 258 << 16,
        _ => ODD,
    }
}

fn distance_entry(symbol: u32) -> u32 {
    match symbol {
        0..30 => {
            let (extra, base) = class(symbol, 1);
            (base + 1) << 16 | extra
        }
        _ => ODD,
    }
}

/// Extra bits and least value of a class, when classes double in size every 2^`log` (RFC 1951, 3.2.5).
fn class(number: u32, log: u32) -> (u32, u32) {
    let octave = number >> log;
    if octave < 2 {
        return (0, number);
    }
    let within = number & ((1 << log) - 1);
    (octave - 1, ((1 << log) + within) << (octave - 1))
}
