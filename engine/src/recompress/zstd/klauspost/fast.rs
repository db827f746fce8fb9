//! Level 1: one table by six bytes, two places at a time.

use super::finder::{Finder, Table};
use super::history::Source;
use super::parsed::{OFFSET, Parsed};
use crate::recompress::coding::hashes::{hash6, low};

/// Bytes at the end of a block where no match starts.
const MARGIN: usize = 8;
/// Bytes a block needs for any match to be looked for.
const LEAST: usize = 10;
/// One byte more is passed over for each so many without a match, as a power of two.
const STRIDE: u32 = 5;

const BITS: u32 = 15;

pub(super) struct Fast {
    table: Table<{ 1 << BITS }>,
}

impl Fast {
    pub(super) fn new() -> Self {
        Self { table: Table::new() }
    }

    /// Blocks that are a frame of their own may use repeated distances one match sooner.
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
                let one = self.table.get(hash6::<BITS>(bytes));
                let two = self.table.get(hash6::<BITS>(bytes >> 8));
                self.table.enter(hash6::<BITS>(bytes), source.position(at), bytes);
                self.table.enter(hash6::<BITS>(bytes >> 8), source.position(at + 1), bytes >> 8);
                let from = (at + 2).wrapping_sub(latest);
                if repeats && source.load4(from) == low(bytes >> 16) {
                    let end = at + 6 + source.common(at + 6, from + 4);
                    let (start, _) = source.extend_back(at, at + 2, from, emitted + 1);
                    parsed.push(source, emitted, start, end - start, 1);
                    (at, emitted) = (end, end);
                    if at >= limit {
                        break 'block;
                    }
                    bytes = source.load8(at);
                    continue;
                }
                if let Some(distance) = one.distance(source, at, bytes) {
                    break at - distance;
                }
                if let Some(distance) = two.distance(source, at + 1, bytes >> 8) {
                    at += 1;
                    break at - distance;
                }
                at += 2 + ((at - emitted) >> STRIDE);
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
            bytes = source.load8(at);
            let repeats = if ALONE { parsed.may_repeat() } else { repeats };
            if repeats && source.load4(at - second) == low(bytes) {
                let len = 4 + source.common(at + 4, at + 4 - second);
                self.table.enter(hash6::<BITS>(bytes), source.position(at), bytes);
                parsed.push(source, at, at, len, 1);
                latest = second;
                at += len;
                emitted = at;
                if at >= limit {
                    break;
                }
                bytes = source.load8(at);
            }
        }
        parsed.rest(source, emitted);
    }
}

impl Finder for Fast {
    fn parse(&mut self, source: Source<'_>, alone: bool, parsed: &mut Parsed) {
        match (source.end - source.start < LEAST, alone) {
            (true, _) => {}
            (false, true) => self.parse::<true>(source, parsed),
            (false, false) => self.parse::<false>(source, parsed),
        }
    }

    fn lower(&mut self, by: u32) {
        self.table.lower(by);
    }
}
