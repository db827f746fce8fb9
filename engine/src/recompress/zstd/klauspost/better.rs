//! Level 3: one table by five bytes, and one by eight that keeps two places; the longer match wins.

use super::finder::{Finder, Pairs, Table, is_run};
use super::history::Source;
use super::params::Release;
use super::parsed::{OFFSET, Parsed};
use crate::recompress::coding::hashes::{hash5, hash8, low};

/// Bytes at the end of a block where no match starts.
const MARGIN: usize = 10;
/// Bytes a block needs for any match to be looked for.
const LEAST: usize = 16;
/// One byte more is passed over for each so many without a match, as a power of two.
const STRIDE: u32 = 8;
/// A match that ends where a longer one goes on may differ in so many bytes at its start.
const SKIPPED: usize = 3;

const LONG: u32 = 19;
const SHORT: u32 = 13;

pub(super) struct Better {
    release: Release,
    long: Pairs<{ 1 << LONG }>,
    short: Table<{ 1 << SHORT }>,
}

/// A match found.
#[derive(Clone, Copy)]
struct Match {
    at: usize,
    from: usize,
    len: usize,
}

impl Better {
    pub(super) fn new(release: Release) -> Self {
        Self { release, long: Pairs::new(), short: Table::new() }
    }

    fn block(&mut self, source: Source<'_>, parsed: &mut Parsed) {
        let limit = source.end - MARGIN;
        let early = self.release == Release::V1_15;
        let (mut at, mut emitted) = (source.start, source.start);
        let mut bytes = source.load8(at);
        // Distances of the two latest matches; not asked for before there are any.
        let mut latest = 1;
        let mut second;
        'block: loop {
            let repeats = parsed.may_repeat();
            let (origin, mut found) = loop {
                let long = self.long.enter(hash8::<LONG>(bytes), source.position(at));
                let short = self.short.swap(hash5::<SHORT>(bytes), source.position(at), bytes);
                let from = (at + 1).wrapping_sub(latest);
                if repeats && source.load4(from) == low(bytes >> 8) {
                    let end = at + 5 + source.common(at + 5, from + 4);
                    let (start, _) = source.extend_back(at, at + 1, from, emitted + 1);
                    parsed.push(source, emitted, start, end - start, 1);
                    let passed = at + 1;
                    (at, emitted) = (end, end);
                    if at >= limit {
                        break 'block;
                    }
                    self.enter(source, passed, at);
                    bytes = source.load8(at);
                    continue;
                }
                if let Some(found) = longer(source, at, bytes, long) {
                    break (at, found);
                }
                if let Some(distance) = short.distance(source, at, bytes) {
                    let from = at - distance;
                    let here = Match { at, from, len: 4 + source.common(at + 4, from + 4) };
                    break (at, self.next(source, here));
                }
                at += 1 + ((at - emitted) >> STRIDE);
                if at >= limit {
                    break 'block;
                }
                bytes = source.load8(at);
            };
            if found.at + found.len < limit {
                found = self.around(source, found);
            }
            (latest, second) = (found.at - found.from, latest);
            let (start, _) = source.extend_back(found.at, found.at, found.from, emitted);
            let end = found.at + found.len;
            parsed.push(source, emitted, start, end - start, latest + OFFSET);
            (at, emitted) = (end, end);
            if at >= limit {
                break;
            }
            self.enter(source, if early { start } else { origin } + 1, at);
            bytes = source.load8(at);
            while repeats && source.load4(at - second) == low(bytes) {
                let len = 4 + source.common(at + 4, at + 4 - second);
                self.long.enter(hash8::<LONG>(bytes), source.position(at));
                self.short.enter(hash5::<SHORT>(bytes), source.position(at), bytes);
                parsed.push(source, at, at, len, 1);
                (latest, second) = (second, latest);
                at += len;
                emitted = at;
                if at >= limit {
                    break 'block;
                }
                bytes = source.load8(at);
            }
        }
        parsed.rest(source, emitted);
    }

    /// Enters every second place by eight bytes and those between by five.
    #[inline(always)]
    fn enter(&mut self, source: Source<'_>, from: usize, to: usize) {
        for at in (from..to - 1).step_by(2) {
            let bytes = source.load8(at);
            self.long.enter(hash8::<LONG>(bytes), source.position(at));
            self.short.enter(hash5::<SHORT>(bytes >> 8), source.position(at + 1), bytes >> 8);
        }
    }

    /// A longer match at the next place, if there is one.
    #[inline(always)]
    fn next(&mut self, source: Source<'_>, here: Match) -> Match {
        let at = here.at + 1;
        let bytes = source.load8(at);
        let held = self.long.enter(hash8::<LONG>(bytes), source.position(at));
        for held in held {
            // The window counts from the place before.
            let Some(from) = source.place(here.at, held) else { continue };
            if source.load8(from) == bytes {
                let len = 8 + source.common(at + 8, from + 8);
                if len > here.len {
                    return Match { at, from, len };
                }
            }
        }
        here
    }

    /// A longer match that ends behind this one, looked for by what stands at its end.
    #[inline(always)]
    fn around(&self, source: Source<'_>, found: Match) -> Match {
        let held = self.long.get(hash8::<LONG>(source.load8(found.at + found.len)));
        let at = found.at + SKIPPED;
        let first = source.load4(at);
        let mut best = found;
        for held in held {
            // The second is looked for by what the first has become.
            let back = best.len;
            let Some(from) = source.earlier(held).and_then(|place| (place + SKIPPED).checked_sub(back)) else {
                continue;
            };
            let at = if best.at == found.at { at } else { best.at };
            if from < at && at - from < source.window as usize && source.load4(from) == first {
                let len = 4 + source.common(at + 4, from + 4);
                if len > best.len {
                    best = Match { at, from, len };
                }
            }
        }
        best
    }
}

/// The longer of the matches by eight bytes, the newer of equal ones.
#[inline(always)]
fn longer(source: Source<'_>, at: usize, bytes: u64, held: [u32; 2]) -> Option<Match> {
    let mut longest: Option<Match> = None;
    for held in held {
        let Some(from) = source.place(at, held).filter(|from| source.load8(*from) == bytes) else { continue };
        let len = 8 + source.common(at + 8, from + 8);
        if longest.is_none_or(|longest| len > longest.len) {
            longest = Some(Match { at, from, len });
        }
    }
    longest
}

impl Finder for Better {
    fn parse(&mut self, source: Source<'_>, _alone: bool, parsed: &mut Parsed) {
        if self.release > Release::V1_15 && is_run(source) {
            parsed.push_run(source);
        } else if source.end - source.start >= LEAST {
            self.block(source, parsed);
        }
    }

    fn lower(&mut self, by: u32) {
        self.long.lower(by);
        self.short.lower(by);
    }
}
