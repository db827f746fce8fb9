//! Level 4, output as of 1.18: two places by four bytes and two by eight, and whatever saves most bits.

use super::entropy::bits_per_byte;
use super::finder::{Finder, Pairs, is_run};
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
const GOOD: usize = 250;
/// From this length on a match is compared near its end before it is measured.
const LONG_MATCH: usize = 16;
/// A match that ends where a longer one goes on may differ in so many bytes at its start.
const SKIPPED: usize = 2;
/// The estimate of no match.
const NONE: i32 = 131_074 * 8;

const LONG: u32 = 22;
const SHORT: u32 = 18;

pub(super) struct Best {
    long: Pairs<{ 1 << LONG }>,
    short: Pairs<{ 1 << SHORT }>,
    prices: Prices,
}

/// What a match's distance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// There is no match.
    None,
    New,
    /// One of the three latest, with literals before it.
    Repeated(u8),
    /// The same straight behind a match, where the first is the second latest, and the third the latest less 1.
    Behind(u8),
}

#[derive(Clone, Copy)]
struct Match {
    at: usize,
    from: usize,
    len: usize,
    kind: Kind,
    /// Bits that it takes, less those it saves.
    bits: i32,
}

/// What is the same for all places of a search.
#[derive(Clone, Copy)]
struct Search<'a> {
    source: Source<'a>,
    prices: &'a Prices,
    emitted: usize,
    byte_bits: i32,
}

impl Match {
    fn is_repeat(&self) -> bool {
        matches!(self.kind, Kind::Repeated(_) | Kind::Behind(_))
    }
}

impl Search<'_> {
    /// Takes a match at `at` and `from` instead if that looks like less.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "lengths within a block, distances within a window")]
    fn improve(&self, best: &mut Match, at: usize, from: Option<usize>, first: u32, kind: Kind) {
        let source = self.source;
        let Some(mut from) = from.filter(|from| *from < at && at - from < source.window as usize) else { return };
        if source.load4(from) != first {
            return;
        }
        if best.len > LONG_MATCH {
            let left = source.end.saturating_sub(best.at + best.len);
            if left == 0 {
                return;
            }
            // Four bytes near the end of the best so far.
            let end = (best.at + best.len).checked_sub(at + 8).filter(|end| left > 2 && *end > 4);
            if end.is_some_and(|end| source.load4(from + end) != source.load4(at + end)) {
                return;
            }
        }
        let end = at + 4 + source.common(at + 4, from + 4);
        let mut at = at;
        if !best.is_repeat() {
            (at, from) = source.extend_back(at, at, from, self.emitted);
        }
        let mut len = end - at;
        let offset = match kind {
            Kind::Repeated(which) | Kind::Behind(which) => u32::from(which),
            Kind::None | Kind::New => (at - from + OFFSET) as u32,
        };
        let mut bits = self.prices.of(offset, (len - MIN_MATCH) as u32);
        bits -= (len as i32).wrapping_mul(self.byte_bits) >> 10;
        if bits > 0 {
            (len, bits) = (0, NONE);
        }
        let farther = at as i32 - best.at as i32;
        if best.bits >= NONE || bits - best.bits + (farther.wrapping_mul(self.byte_bits) >> 10) < 0 {
            *best = Match { at, from, len, kind, bits };
        }
    }
}

impl Best {
    pub(super) fn new() -> Self {
        Self { long: Pairs::new(), short: Pairs::new(), prices: Prices::new() }
    }

    fn block(&mut self, source: Source<'_>, byte_bits: i32, parsed: &mut Parsed) {
        let limit = source.end - MARGIN;
        let (mut at, mut emitted) = (source.start, source.start);
        // Not asked for before there are any.
        let mut latest = [1usize; 3];
        loop {
            let bytes = source.load8(at);
            let repeats = parsed.may_repeat();
            let (long_row, short_row) = (hash8::<LONG>(bytes), hash4::<SHORT>(bytes));
            let best = self.search(source, (at, emitted), byte_bits, latest.map(|distance| (distance, repeats)));
            self.long.enter(long_row, source.position(at));
            self.short.enter(short_row, source.position(at));
            let passed = at + 1;
            let best = if best.len >= GOOD {
                best
            } else if best.len < 4 {
                at += 1 + ((at - emitted) >> STRIDE);
                if at >= limit {
                    break;
                }
                continue;
            } else {
                self.ahead(source, (at, emitted), byte_bits, best)
            };
            let offset = match best.kind {
                Kind::Repeated(which) | Kind::Behind(which) => usize::from(which),
                Kind::None | Kind::New => best.at - best.from + OFFSET,
            };
            parsed.push(source, emitted, best.at, best.len, offset);
            at = best.at + best.len;
            emitted = at;
            let [one, two, three] = latest;
            latest = match best.kind {
                Kind::Repeated(2) | Kind::Behind(1) => [two, one, three],
                Kind::Repeated(3) | Kind::Behind(2) => [three, one, two],
                Kind::Behind(3) => [one - 1, one, two],
                Kind::Repeated(_) | Kind::Behind(_) => latest,
                Kind::None | Kind::New => [best.at - best.from, one, two],
            };
            let end = if best.is_repeat() { limit + 4 } else { limit - 4 };
            for passed in passed..at.min(end) {
                let bytes = source.load8(passed);
                self.long.enter(hash8::<LONG>(bytes), source.position(passed));
                self.short.enter(hash4::<SHORT>(bytes), source.position(passed));
            }
            if at >= limit {
                break;
            }
        }
        parsed.rest(source, emitted);
    }

    /// The best match that starts at `at` or, with a repeated distance, soon behind it.
    #[inline(always)]
    fn search(
        &self,
        source: Source<'_>,
        (at, emitted): (usize, usize),
        byte_bits: i32,
        [(one, repeats), (two, _), (three, _)]: [(usize, bool); 3],
    ) -> Match {
        let search = Search { source, prices: &self.prices, emitted, byte_bits };
        let bytes = source.load8(at);
        let mut best = Match { at, from: 0, len: 0, kind: Kind::None, bits: NONE };
        for held in [self.long.get(hash8::<LONG>(bytes)), self.short.get(hash4::<SHORT>(bytes))].into_iter().flatten() {
            search.improve(&mut best, at, source.place(at, held), low(bytes), Kind::New);
        }
        if !repeats || best.len >= GOOD {
            return best;
        }
        if at == emitted {
            search.improve(&mut best, at, at.checked_sub(two), low(bytes), Kind::Behind(1));
            search.improve(&mut best, at, at.checked_sub(three), low(bytes), Kind::Behind(2));
            if one > 1 {
                search.improve(&mut best, at, at.checked_sub(one - 1), low(bytes), Kind::Behind(3));
            }
        }
        if best.is_repeat() {
            return best;
        }
        for (ahead, goes_on) in [(1, Kind::None), (3, Kind::New)] {
            if goes_on == Kind::New && best.kind != Kind::New {
                break;
            }
            let first = low(bytes >> (8 * ahead));
            let at = at + ahead;
            for (which, distance) in [(1, one), (2, two), (3, three)] {
                search.improve(&mut best, at, at.checked_sub(distance), first, Kind::Repeated(which));
            }
        }
        best
    }

    /// A better match than one that was found, at the next two places or by where that one ends.
    #[inline(always)]
    fn ahead(&self, source: Source<'_>, (at, emitted): (usize, usize), byte_bits: i32, mut best: Match) -> Match {
        let search = Search { source, prices: &self.prices, emitted, byte_bits };
        let limit = source.end - MARGIN;
        let (next, second) = (source.load8(at + 1), source.load8(at + 2));
        let [short, _] = self.short.get(hash4::<SHORT>(source.load8(at) >> 8));
        let (long, long2) = (self.long.get(hash8::<LONG>(next)), self.long.get(hash8::<LONG>(second)));
        search.improve(&mut best, at + 1, source.place(at + 1, short), low(next), Kind::New);
        for held in long {
            search.improve(&mut best, at + 1, source.place(at + 1, held), low(next), Kind::New);
        }
        for held in long2 {
            search.improve(&mut best, at + 2, source.place(at + 2, held), low(second), Kind::New);
        }
        let end = best.at + best.len;
        if best.at + SKIPPED > at && end < limit {
            for held in self.long.get(hash8::<LONG>(source.load8(end))) {
                let Some(from) = source.earlier(held).and_then(|place| (place + SKIPPED).checked_sub(best.len)) else {
                    break;
                };
                let at = best.at + SKIPPED;
                search.improve(&mut best, at, Some(from), source.load4(at), Kind::New);
            }
        }
        best
    }
}

impl Finder for Best {
    fn parse(&mut self, source: Source<'_>, _alone: bool, parsed: &mut Parsed) {
        if is_run(source) {
            parsed.push_run(source);
        } else if source.end - source.start >= LEAST {
            self.block(source, bits_per_byte(source.block()), parsed);
        }
    }

    fn lower(&mut self, by: u32) {
        self.long.lower(by);
        self.short.lower(by);
    }
}
