//! Level 2: one table by five bytes and one by eight.

use super::finder::{Finder, Table};
use super::history::Source;
use super::parsed::{OFFSET, Parsed};
use crate::recompress::coding::hashes::{hash5, hash8, low};

/// Bytes at the end of a block where no match starts.
const MARGIN: usize = 10;
/// Bytes a block needs for any match to be looked for.
const LEAST: usize = 16;
/// One byte more is passed over for each so many without a match, as a power of two.
const STRIDE: u32 = 7;

const LONG: u32 = 17;
const SHORT: u32 = 15;

pub(super) struct Double {
    long: Table<{ 1 << LONG }>,
    short: Table<{ 1 << SHORT }>,
}

impl Double {
    pub(super) fn new() -> Self {
        Self { long: Table::new(), short: Table::new() }
    }

    /// Blocks that are a frame of their own may use repeated distances one match sooner, and enter some places differently.
    #[inline(always)]
    fn parse<const ALONE: bool>(&mut self, source: Source<'_>, parsed: &mut Parsed) {
        let limit = source.end - MARGIN;
        let (mut at, mut emitted) = (source.start, source.start);
        let mut bytes = source.load8(at);
        // Distances of the two latest matches; not asked for before there are any.
        let mut latest = 1;
        let mut second;
        'block: loop {
            let repeats = parsed.may_repeat();
            let from = loop {
                let (long_row, short_row) = (hash8::<LONG>(bytes), hash5::<SHORT>(bytes));
                let long = self.long.swap(long_row, source.position(at), bytes);
                let short = self.short.swap(short_row, source.position(at), bytes);
                let from = (at + 1).wrapping_sub(latest);
                if repeats && source.load4(from) == low(bytes >> 8) {
                    let end = at + 5 + source.common(at + 5, from + 4);
                    let (start, _) = source.extend_back(at, at + 1, from, emitted + 1);
                    parsed.push(source, emitted, start, end - start, 1);
                    (at, emitted) = (end, end);
                    if at >= limit {
                        break 'block;
                    }
                    bytes = source.load8(at);
                    continue;
                }
                if let Some(distance) = long.distance(source, at, bytes) {
                    break at - distance;
                }
                if let Some(distance) = short.distance(source, at, bytes) {
                    // A longer match may start at the next byte.
                    let bytes = source.load8(at + 1);
                    let long = self.long.swap(hash8::<LONG>(bytes), source.position(at + 1), bytes);
                    if let Some(distance) = long.distance(source, at + 1, bytes) {
                        at += 1;
                        break at - distance;
                    }
                    break at - distance;
                }
                at += 1 + ((at - emitted) >> STRIDE);
                if at >= limit {
                    break 'block;
                }
                bytes = source.load8(at);
            };
            (latest, second) = (at - from, latest);
            let end = at + 4 + source.common(at + 4, from + 4);
            let (start, _) = source.extend_back(at, at, from, emitted);
            parsed.push(source, emitted, start, end - start, latest + OFFSET);
            (at, emitted) = (end, end);
            if at >= limit {
                break;
            }
            for near in [start + 1, end - 2] {
                let bytes = source.load8(near);
                self.long.enter(hash8::<LONG>(bytes), source.position(near), bytes);
            }
            for near in [start + 1, end - 2] {
                let bytes = source.load8(near) >> 8;
                self.short.enter(hash5::<SHORT>(bytes), source.position(near + 1), bytes);
            }
            bytes = source.load8(at);
            let repeats = if ALONE { parsed.may_repeat() } else { repeats };
            let behind = hash5::<SHORT>(bytes);
            while repeats && source.load4(at - second) == low(bytes) {
                let len = 4 + source.common(at + 4, at + 4 - second);
                let short_row = if ALONE { behind } else { hash5::<SHORT>(bytes) };
                self.long.enter(hash8::<LONG>(bytes), source.position(at), bytes);
                self.short.enter(short_row, source.position(at), bytes);
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
}

impl Finder for Double {
    fn parse(&mut self, source: Source<'_>, alone: bool, parsed: &mut Parsed) {
        match (source.end - source.start < LEAST, alone) {
            (true, _) => {}
            (false, true) => self.parse::<true>(source, parsed),
            (false, false) => self.parse::<false>(source, parsed),
        }
    }

    fn lower(&mut self, by: u32) {
        self.long.lower(by);
        self.short.lower(by);
    }
}
