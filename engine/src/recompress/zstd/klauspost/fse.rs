//! Finite state entropy: frequencies scaled to a table, the table, and how it is written down (RFC 8878, 4.1).

use crate::recompress::coding::bits::BitWriter;

/// Most symbols of any alphabet here: 53 lengths of matches, rounded up so that symbols can be masked.
pub(super) const SYMBOLS: usize = 64;
/// Most states.
const STATES: usize = 256;
/// Base-2 logarithm of the fewest states.
const LEAST_LOG: u32 = 5;

/// How a symbol changes the state.
#[derive(Debug, Clone, Copy, Default)]
struct Transform {
    /// The bits that are written, times 2^16, less the first state that writes so many.
    bits: u32,
    /// From a state without those bits to its successor in the table.
    find: i32,
}

/// How often each symbol was seen, without those behind the last.
#[derive(Clone, Copy)]
pub(super) struct Histogram<'a> {
    counts: &'a [u32],
    total: usize,
}

impl<'a> Histogram<'a> {
    /// Of `total` symbols, at least one.
    pub(super) fn new(counts: &'a [u32], total: usize) -> Self {
        let symbols = counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        Self { counts: counts.get(..symbols).unwrap_or_default(), total }
    }

    /// One more than the highest symbol.
    pub(super) fn symbols(self) -> usize {
        self.counts.len()
    }

    pub(super) fn highest_count(self) -> usize {
        self.counts.iter().max().map_or(0, |count| *count as usize)
    }

    /// The size of the table for it: not above `most`, and not wasted on few symbols. `least` bits are needed for their number.
    #[expect(clippy::cast_possible_truncation, reason = "numbers that wrap are part of the encoder")]
    pub(super) fn table_log(self, most: u32, least: u32) -> u32 {
        let least = least.min(log2(self.symbols() as u32 - 1).wrapping_add(2));
        let by_total = u32::from((log2(self.total as u32 - 1) as u8).wrapping_sub(2));
        by_total.min(most).max(least).clamp(LEAST_LOG, most.max(8))
    }
}

/// Base-2 logarithm, rounded down; one less than 0 for 0.
pub(super) fn log2(number: u32) -> u32 {
    31u32.wrapping_sub(number.leading_zeros())
}

/// Part of 2^20 that a small share must exceed its whole number by to be rounded up.
const ROUND_UP: [u64; 8] = [0, 473_195, 504_333, 520_860, 550_000, 700_000, 750_000, 830_000];

/// A table to encode with.
#[derive(Clone)]
pub(super) struct Table {
    log: u32,
    symbols: usize,
    /// States of each symbol; -1 for one state and a count that would not be worth it.
    shares: [i16; SYMBOLS],
    states: [u16; STATES],
    transforms: [Transform; SYMBOLS],
}

impl Table {
    /// For one symbol alone, which takes no bits.
    pub(super) fn single() -> Self {
        Self {
            log: 0,
            symbols: 0,
            shares: [0; SYMBOLS],
            states: [0; STATES],
            transforms: [Transform::default(); SYMBOLS],
        }
    }

    /// For a table of shares that add up to 2^`log` states.
    pub(super) fn fixed(shares: &[i16], log: u32) -> Option<Self> {
        let mut table = Self { log, symbols: shares.len(), ..Self::single() };
        table.shares.get_mut(..shares.len())?.copy_from_slice(shares);
        table.build()?;
        Some(table)
    }

    /// For two different symbols at least; `None` for a distribution that cannot be scaled.
    pub(super) fn new(histogram: Histogram<'_>, log: u32) -> Option<Self> {
        let shares = shares(histogram, log)?;
        Self::fixed(shares.get(..histogram.symbols())?, log)
    }

    /// Base-2 logarithm of the number of states.
    pub(super) fn log(&self) -> u32 {
        self.log
    }

    /// One more than the highest symbol.
    pub(super) fn symbols(&self) -> usize {
        self.symbols
    }

    fn build(&mut self) -> Option<()> {
        let size = 1usize << self.log;
        let shares = self.shares.get(..self.symbols)?;
        let total: usize = shares.iter().map(|share| usize::from(share.unsigned_abs())).sum();
        if total != size || size > STATES || shares.iter().any(|share| *share < -1) {
            return None;
        }
        // Symbols of little weight take the last places, from behind; the others are spread over the rest.
        let mut places = [0u8; STATES];
        let mut rest = size;
        for (symbol, _) in shares.iter().enumerate().filter(|(_, share)| **share == -1) {
            rest -= 1;
            *places.get_mut(rest)? = u8::try_from(symbol).ok()?;
        }
        let step = (size >> 1) + (size >> 3) + 3;
        let mut place = 0;
        for (symbol, share) in shares.iter().enumerate() {
            for _ in 0..(*share).max(0) {
                *places.get_mut(place)? = u8::try_from(symbol).ok()?;
                place = (place + step) % size;
                while place >= rest && rest > 0 {
                    place = (place + step) % size;
                }
            }
        }
        let mut starts = [0usize; SYMBOLS];
        let mut start = 0usize;
        for ((symbol, share), transform) in starts.iter_mut().zip(shares).zip(&mut self.transforms) {
            *symbol = start;
            let share = i32::from(*share).unsigned_abs();
            let at = i32::try_from(start).ok()?;
            *transform = match share {
                0 => Transform::default(),
                1 => Transform { bits: (self.log << 16) - (1 << self.log), find: at - 1 },
                _ => {
                    let bits = self.log - log2(share - 1);
                    Transform { bits: (bits << 16) - (share << bits), find: at - i32::try_from(share).ok()? }
                }
            };
            start += share as usize;
        }
        for (place, symbol) in places.iter().take(size).enumerate() {
            let next = starts.get_mut(usize::from(*symbol))?;
            *self.states.get_mut(*next)? = u16::try_from(size + place).ok()?;
            *next += 1;
        }
        Some(())
    }

    /// The state to start from with the last symbol.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "masked")]
    pub(super) fn first(&self, symbol: u8) -> u16 {
        let transform = self.transforms[usize::from(symbol) % SYMBOLS];
        let bits = transform.bits.wrapping_add(1 << 15) >> 16;
        let state = (bits << 16).wrapping_sub(transform.bits) >> (bits & 31);
        self.states[(state as i32).wrapping_add(transform.find) as usize % STATES]
    }

    /// Bits that a symbol takes at least.
    #[expect(clippy::cast_possible_truncation, reason = "at most 8")]
    pub(super) fn whole_bits(&self, symbol: u8) -> u8 {
        self.transforms.get(usize::from(symbol)).map_or(0, |transform| (transform.bits >> 16) as u8)
    }

    /// Writes what leads from `state` to the symbol; returns the state before it. At most eight bits.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "masked")]
    pub(super) fn step(&self, state: u16, symbol: u8, out: &mut BitWriter) -> u16 {
        let transform = self.transforms[usize::from(symbol) % SYMBOLS];
        let bits = (u32::from(state).wrapping_add(transform.bits) >> 16) & 15;
        out.put(u64::from(state) & ((1 << bits) - 1), bits);
        self.states[i32::from(state >> bits).wrapping_add(transform.find) as usize % STATES]
    }

    /// Writes the state that a reader starts from.
    pub(super) fn last(&self, state: u16, out: &mut BitWriter) {
        out.put(u64::from(state) & ((1 << self.log) - 1), self.log);
    }

    /// About how many bits the symbols take; `None` if one of them cannot be written.
    pub(super) fn cost(&self, histogram: Histogram<'_>) -> Option<u32> {
        if self.symbols < histogram.symbols() {
            return None;
        }
        let mut cost = 0u32;
        for ((count, share), transform) in histogram.counts.iter().zip(&self.shares).zip(&self.transforms) {
            if *count == 0 {
                continue;
            }
            let bits = (transform.bits >> 16) + 1;
            let short = (bits << 16).wrapping_sub(transform.bits.wrapping_add(1 << self.log));
            let each = (bits << 8).wrapping_sub((short << 8) >> self.log);
            if *share == 0 || each > (self.log + 1) << 8 {
                return None;
            }
            cost = cost.wrapping_add(count.wrapping_mul(each));
        }
        Some(cost >> 8)
    }

    /// Writes the shares down.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut bits = BitWriter::default();
        bits.put(u64::from(self.log - LEAST_LOG), 4);
        let mut left = (1i32 << self.log) + 1;
        let (mut threshold, mut width) = (1i32 << self.log, self.log + 1);
        let mut symbol = 0;
        let mut zero = false;
        while left > 1 {
            if zero {
                let start = symbol;
                while symbol < self.symbols && self.share(symbol) == 0 {
                    symbol += 1;
                }
                let run = symbol - start;
                for _ in 0..run / 3 {
                    bits.put(3, 2);
                    bits.flush(out);
                }
                bits.put((run % 3) as u64, 2);
            }
            if symbol >= self.symbols {
                break;
            }
            let share = i32::from(self.share(symbol));
            symbol += 1;
            let most = 2 * threshold - 1 - left;
            left -= share.abs();
            let mut value = share + 1;
            zero = value == 1;
            if value >= threshold {
                value += most;
            }
            bits.put(u64::from(value.unsigned_abs()), width - u32::from(value < most));
            bits.flush(out);
            while left < threshold && width > 1 {
                width -= 1;
                threshold >>= 1;
            }
        }
        bits.align(out);
    }

    fn share(&self, symbol: usize) -> i16 {
        self.shares.get(symbol).copied().unwrap_or(0)
    }
}

/// Scales the counts to 2^`log`; `None` where that fails.
#[expect(clippy::cast_possible_truncation, reason = "shares are at most 256")]
fn shares(histogram: Histogram<'_>, log: u32) -> Option<[i16; SYMBOLS]> {
    let scale = 62 - log;
    let step = (1u64 << 62) / histogram.total as u64;
    let rare = (histogram.total >> log) as u32;
    let mut shares = [0i16; SYMBOLS];
    let mut left = 1i16 << log;
    let (mut most, mut most_at) = (0, 0);
    for (symbol, (count, share)) in histogram.counts.iter().zip(&mut shares).enumerate() {
        if *count == 0 {
            continue;
        }
        if *count <= rare {
            *share = -1;
            left -= 1;
            continue;
        }
        let exact = u64::from(*count) * step;
        let mut rounded = exact >> scale;
        if let Some(beat) = ROUND_UP.get(rounded as usize)
            && exact - (rounded << scale) > (beat << (scale - 20))
        {
            rounded += 1;
        }
        *share = rounded as i16;
        if *share > most {
            (most, most_at) = (*share, symbol);
        }
        left -= *share;
    }
    let largest = shares.get_mut(most_at)?;
    if -left >= *largest >> 1 {
        return shares_of_many(histogram, log);
    }
    *largest += left;
    Some(shares)
}

/// The same where rounding up has taken too much: small counts get one state, the rest is shared out by the remainder.
#[expect(clippy::cast_possible_truncation, reason = "shares are at most 256")]
fn shares_of_many(histogram: Histogram<'_>, log: u32) -> Option<[i16; SYMBOLS]> {
    const OPEN: i16 = -2;
    let mut shares = [0i16; SYMBOLS];
    let mut total = histogram.total as u32;
    let (rare, mut single) = (total >> log, (total * 3) >> (log + 1));
    let mut given = 0u32;
    for (count, share) in histogram.counts.iter().zip(&mut shares) {
        *share = match *count {
            0 => continue,
            count if count <= rare => -1,
            count if count <= single => 1,
            _ => {
                *share = OPEN;
                continue;
            }
        };
        given += 1;
        total -= *count;
    }
    let mut left = (1u32 << log).checked_sub(given).filter(|left| *left > 0)?;
    if total / left > single {
        single = (total * 3) / (left * 2);
        for (count, share) in histogram.counts.iter().zip(&mut shares) {
            if *share == OPEN && *count <= single {
                *share = 1;
                given += 1;
                total -= *count;
            }
        }
        left = (1u32 << log).checked_sub(given)?;
    }
    if given as usize == histogram.symbols() + 1 {
        let highest = histogram.highest_count();
        let most = histogram.counts.iter().position(|count| *count as usize == highest)?;
        *shares.get_mut(most)? += left as i16;
        return Some(shares);
    }
    if total == 0 {
        let used = shares.get_mut(..histogram.symbols())?;
        while left > 0 {
            let before = left;
            for share in used.iter_mut().filter(|share| **share > 0) {
                if left > 0 {
                    left -= 1;
                    *share += 1;
                }
            }
            if left == before {
                return None;
            }
        }
        return Some(shares);
    }
    let scale = 62 - log;
    let half = (1u64 << (scale - 1)) - 1;
    let step = ((u64::from(left) << scale) + half) / u64::from(total);
    let mut at = half;
    for (count, share) in histogram.counts.iter().zip(&mut shares) {
        if *share == OPEN {
            let end = at + u64::from(*count) * step;
            *share = ((end >> scale) - (at >> scale)) as i16;
            if *share < 1 {
                return None;
            }
            at = end;
        }
    }
    Some(shares)
}
