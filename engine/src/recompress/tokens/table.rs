//! Decoding tables: the next bits of the stream to the symbol they begin with and what to do about it.
//!
//! An entry is a `u32`. Bits 0 to 7: how many bits the symbol takes, extra bits included. Bits 8 to 11: those of them that
//! are its code. Bits 16 to 30: the literal, the least length, or the least distance. The rest are flags.
#![expect(clippy::cast_possible_truncation, reason = "symbols, code lengths and places in a table fit 16 bits")]

use super::CodeFault;
use super::lengths::Lengths;

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
pub(super) const MAX_BITS: usize = 15;
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

    /// Tables for a block's codes.
    pub(super) fn build_literal(&mut self, lengths: &Lengths) -> Result<(), CodeFault> {
        build(&mut self.literal, LITERAL_BITS, lengths.literals(), literal_entry)
    }

    pub(super) fn build_distance(&mut self, lengths: &Lengths) -> Result<(), CodeFault> {
        build(&mut self.distance, DISTANCE_BITS, lengths.distances(), distance_entry)
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
fn second_index(entry: u32, bits: u64) -> usize {
    (entry >> 16) as usize + (bits & ((1 << (entry >> 8 & 15)) - 1)) as usize
}

/// The number an entry stands for: its least value plus the extra bits, which follow the code in `bits`.
#[inline(always)]
pub(super) fn value(entry: u32, bits: u64) -> u64 {
    let taken = bits & ((1 << (entry & 63)) - 1);
    u64::from(entry >> 16) + (taken >> (entry >> 8 & 15))
}

/// Fills `table`, of which the first 2^`first_bits` entries are the first table. `entry_of` gives a symbol's entry without
/// the lengths of its code.
#[expect(clippy::indexing_slicing, reason = "symbols count below 289, lengths below 16, other indices are masked")]
fn build<const N: usize>(
    table: &mut [u32; N],
    first_bits: u32,
    lengths: &[u8],
    entry_of: impl Fn(usize) -> u32,
) -> Result<(), CodeFault> {
    let mut left = [0u16; MAX_BITS + 1];
    for &len in lengths {
        left[usize::from(len & 15)] += 1;
    }
    left[0] = 0;
    let longest = left.iter().rposition(|&n| n > 0).unwrap_or(0);
    let free = free_codes(&left)?;
    if free > 0 && longest > 1 {
        return Err(CodeFault::Incomplete);
    }
    let sorted = sort(lengths, &left);
    let mut sorted = sorted.iter();
    // Codes are counted upwards with their bits in reverse, as the stream has them.
    let mut code = 0usize;
    // As far as the first table is filled; from there on it repeats.
    let mut filled = 1usize;
    table[0] = ODD | 0x0101;
    table[1] = ODD | 0x0101;
    let mut second = 1usize << first_bits;
    let mut prefix = None;
    for len in 1..=MAX_BITS {
        let short = len <= first_bits as usize;
        if short {
            table.copy_within(0..filled, filled & (N - 1));
            filled *= 2;
        }
        while left[len] > 0 {
            left[len] -= 1;
            let entry = entry_of(usize::from(sorted.next().copied().unwrap_or(0)));
            if short {
                table[code & (N - 1)] = entry + 0x0101 * len as u32;
            } else {
                let first = code & ((1 << first_bits) - 1);
                let (start, bits) = match prefix {
                    Some((of, start, bits)) if of == first => (start, bits),
                    _ => {
                        let bits = second_bits(&left, len, first_bits as usize);
                        let start = second;
                        second += 1 << bits;
                        prefix = Some((first, start, bits));
                        table[first & (N - 1)] = ODD | LONGER | (start as u32) << 16 | (bits as u32) << 8 | first_bits;
                        (start, bits)
                    }
                };
                let rest = len - first_bits as usize;
                let entry = entry + 0x0101 * rest as u32;
                for at in (code >> first_bits..1 << bits).step_by(1 << rest) {
                    table[(start + at) & (N - 1)] = entry;
                }
            }
            code = next_code(code, len);
        }
    }
    Ok(())
}

/// Unused code space in units of the longest code.
fn free_codes(counts: &[u16; MAX_BITS + 1]) -> Result<u32, CodeFault> {
    let mut free = 1u32;
    for &n in counts.iter().skip(1) {
        free = (2 * free).checked_sub(u32::from(n)).ok_or(CodeFault::OverSubscribed)?;
    }
    Ok(free)
}

/// Symbols with a code, by length and then by number.
#[expect(clippy::indexing_slicing, reason = "lengths are masked to 4 bits, places count symbols")]
#[expect(clippy::cast_possible_truncation, reason = "fewer than 289 symbols")]
fn sort(lengths: &[u8], counts: &[u16; MAX_BITS + 1]) -> [u16; 288] {
    let mut next = [0u16; MAX_BITS + 1];
    for len in 1..MAX_BITS {
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

/// Bits that index the second table which begins with a code of `len`, the last of them that was counted off `left`: codes
/// with a common beginning are neighbours, so the table ends where those that follow have used it up.
fn second_bits(left: &[u16; MAX_BITS + 1], len: usize, first_bits: usize) -> usize {
    let mut bits = len - first_bits;
    let mut used = usize::from(left.get(len).copied().unwrap_or(0)) + 1;
    while used < 1 << bits && bits + first_bits < MAX_BITS {
        bits += 1;
        used = 2 * used + usize::from(left.get(first_bits + bits).copied().unwrap_or(0));
    }
    bits
}

/// The next code of `len` bits, in reverse: one more at the highest bit, carried downwards.
fn next_code(code: usize, len: usize) -> usize {
    let zeros = !code & ((1 << len) - 1);
    match zeros.checked_ilog2() {
        Some(at) => code & ((1 << at) - 1) | 1 << at,
        // That was the last.
        None => code,
    }
}

fn literal_entry(symbol: usize) -> u32 {
    let symbol = symbol as u32;
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

fn distance_entry(symbol: usize) -> u32 {
    match symbol {
        0..30 => {
            let (extra, base) = class(symbol as u32, 1);
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
