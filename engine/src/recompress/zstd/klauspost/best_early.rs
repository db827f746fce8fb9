//! Level 4, output as of 1.15: two places by four bytes and two by eight, and whatever saves most bits.

use super::entropy::bits_per_byte;
use super::finder::{Finder, Pairs};
use super::history::Source;
use super::parsed::{MIN_MATCH, OFFSET, Parsed};
use super::prices::Prices;
use crate::recompress::coding::hashes::{hash4, hash8, low};

/// Bytes at the end of a block where no match starts.
const MARGIN: usize = 12;
/// Bytes a block needs for any match to be looked for.
const LEAST: usize = 16;
/// One byte more is passed over for each so many without a match, as a power of two.
const STRIDE: u32 = 9;
/// A match of this length is taken without looking farther.
const GOOD: usize = 100;
/// The estimate of no match.
const NONE: i32 = 25_000;

const LONG: u32 = 22;
const SHORT: u32 = 18;

pub(super) struct BestEarly {
    long: Pairs<{ 1 << LONG }>,
    short: Pairs<{ 1 << SHORT }>,
    prices: Prices,
}

#[derive(Clone, Copy)]
struct Match {
    at: usize,
    from: usize,
    /// 0 if there is none.
    len: usize,
    /// Which of the latest distances it has, from 1 on; 0 for another.
    repeated: u8,
    /// Bits that it takes, less those it saves.
    bits: i32,
}

/// What is the same for all places of a search.
#[derive(Clone, Copy)]
struct Search<'a> {
    source: Source<'a>,
    prices: &'a Prices,
    byte_bits: i32,
}

impl Search<'_> {
    /// The match at `at` and `from`.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "lengths within a block, distances within a window")]
    fn at(&self, at: usize, from: Option<usize>, first: u32, repeated: u8) -> Match {
        let source = self.source;
        let none = Match { at, from: 0, len: 0, repeated: 0, bits: NONE };
        let Some(from) = from.filter(|from| *from < at && at - from < source.window as usize) else { return none };
        if source.load4(from) != first {
            return none;
        }
        let len = 4 + source.common(at + 4, from + 4);
        let offset = if repeated > 0 { u32::from(repeated) } else { (at - from + OFFSET) as u32 };
        let bits = self.prices.of(offset, (len - MIN_MATCH) as u32) - ((len as i32).wrapping_mul(self.byte_bits) >> 10);
        let (len, bits) = if bits > 0 { (0, NONE) } else { (len, bits) };
        Match { at, from, len, repeated, bits }
    }

    /// The better of two, of equal ones the second.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "places are near each other")]
    fn better(&self, a: Match, b: Match) -> Match {
        let farther = (a.at as i32 - b.at as i32).wrapping_mul(self.byte_bits) >> 10;
        let nearer = (b.at as i32 - a.at as i32).wrapping_mul(self.byte_bits) >> 10;
        if a.bits + farther < b.bits + nearer { a } else { b }
    }
}

impl BestEarly {
    pub(super) fn new() -> Self {
        Self { long: Pairs::new(), short: Pairs::new(), prices: Prices::new() }
    }

    fn block(&mut self, source: Source<'_>, byte_bits: i32, parsed: &mut Parsed) {
        let limit = source.end - MARGIN;
        let (mut at, mut emitted) = (source.start, source.start);
        // Not asked for before there are any.
        let mut latest = [1usize; 3];
        'block: loop {
            let repeats = parsed.may_repeat();
            let bytes = source.load8(at);
            let mut best = self.search(source, at, byte_bits, latest, repeats);
            self.enter(source, at, bytes);
            if best.len < GOOD {
                if best.len < 4 {
                    at += 1 + ((at - emitted) >> STRIDE);
                    if at >= limit {
                        break;
                    }
                    continue;
                }
                best = self.ahead(source, at, byte_bits, best);
            }
            let end = best.at + best.len;
            let floor = emitted + usize::from(best.repeated > 0);
            let (start, _) = source.extend_back(best.at, best.at, best.from, floor);
            let [one, two, three] = latest;
            if best.repeated > 0 {
                parsed.push(source, emitted, start, end - start, usize::from(best.repeated));
            } else {
                let distance = best.at - best.from;
                parsed.push(source, emitted, start, end - start, distance + OFFSET);
                latest = [distance, one, two];
            }
            (at, emitted) = (end, end);
            if at >= limit {
                break;
            }
            let passed = if best.repeated > 0 { best.at } else { start + 1 };
            for passed in passed..at - 1 {
                self.enter(source, passed, source.load8(passed));
            }
            match best.repeated {
                2 => latest = [two, one, three],
                3 => latest = [three, one, two],
                _ => {}
            }
            let [one, two, _] = &mut latest;
            while repeats && best.repeated == 0 && source.load4(at - *two) == source.load4(at) {
                let bytes = source.load8(at);
                let len = 4 + source.common(at + 4, at + 4 - *two);
                self.enter(source, at, bytes);
                parsed.push(source, at, at, len, 1);
                std::mem::swap(one, two);
                at += len;
                emitted = at;
                if at >= limit {
                    break 'block;
                }
            }
        }
        parsed.rest(source, emitted);
    }

    #[inline(always)]
    fn enter(&mut self, source: Source<'_>, at: usize, bytes: u64) {
        self.long.enter(hash8::<LONG>(bytes), source.position(at));
        self.short.enter(hash4::<SHORT>(bytes), source.position(at));
    }

    /// The best match that starts at `at` or, with a repeated distance, soon behind it.
    #[inline(always)]
    fn search(&self, source: Source<'_>, at: usize, byte_bits: i32, latest: [usize; 3], repeats: bool) -> Match {
        let search = Search { source, prices: &self.prices, byte_bits };
        let bytes = source.load8(at);
        let [long, long2] = self.long.get(hash8::<LONG>(bytes));
        let first = |held| search.at(at, source.place(at, held), low(bytes), 0);
        let mut best = search.better(first(long), first(long2));
        for held in self.short.get(hash4::<SHORT>(bytes)) {
            best = search.better(best, first(held));
        }
        if !repeats || best.len >= GOOD {
            return best;
        }
        for ahead in [1, 3] {
            if ahead == 3 && best.len == 0 {
                break;
            }
            for (which, distance) in (1..).zip(latest) {
                let at = at + ahead;
                best = search.better(best, search.at(at, at.checked_sub(distance), low(bytes >> (8 * ahead)), which));
            }
        }
        best
    }

    /// A better match than one that was found, at the next two places or by where that one ends.
    #[inline(always)]
    fn ahead(&self, source: Source<'_>, at: usize, byte_bits: i32, mut best: Match) -> Match {
        let search = Search { source, prices: &self.prices, byte_bits };
        let limit = source.end - MARGIN;
        let (next, second) = (source.load8(at + 1), source.load8(at + 2));
        let [short, _] = self.short.get(hash4::<SHORT>(source.load8(at) >> 8));
        best = search.better(best, search.at(at + 1, source.place(at + 1, short), low(next), 0));
        for held in self.long.get(hash8::<LONG>(next)) {
            best = search.better(best, search.at(at + 1, source.place(at + 1, held), low(next), 0));
        }
        for held in self.long.get(hash8::<LONG>(second)) {
            best = search.better(best, search.at(at + 2, source.place(at + 2, held), low(second), 0));
        }
        let end = best.at + best.len;
        if end < limit {
            let (at, back) = (best.at, best.len);
            for held in self.long.get(hash8::<LONG>(source.load8(end))) {
                let Some(from) = source.earlier(held).and_then(|place| place.checked_sub(back)) else { break };
                best = search.better(best, search.at(at, Some(from), source.load4(at), 0));
            }
        }
        best
    }
}

impl Finder for BestEarly {
    fn parse(&mut self, source: Source<'_>, _alone: bool, parsed: &mut Parsed) {
        if source.end - source.start >= LEAST {
            self.block(source, bits_per_byte(source.block()), parsed);
        }
    }

    fn lower(&mut self, by: u32) {
        self.long.lower(by);
        self.short.lower(by);
    }
}
