//! Level 5, which is also the default.

use super::super::history::Source;
use super::super::tokens::Tokens;
use super::pair::{Found, Pair, Start};
use super::probe::Probe;
use super::tables::REACH;
use super::{Level, MARGIN, extend_back, rest};
use crate::recompress::coding::alphabet::MAX_MATCH;

/// Strides grow by one every 2^this bytes without a match.
const STRIDE: u32 = 6;
/// Bytes at a match's start that a match found at its end may lack.
const SKIP: usize = 2;
/// Matches of this length and more are not tried to be improved at their end.
const LONG_ENOUGH: usize = 30;

pub(super) struct Level5(Pair);

impl Level5 {
    pub(super) fn new() -> Self {
        Self(Pair::new())
    }

    /// A longer match, found by the string behind `found`.
    #[inline(always)]
    fn improve(&self, source: Source<'_>, found: &mut Found) {
        let behind = found.at + found.len;
        let bytes = source.load8(behind);
        let [newest, _] = self.0.newest_two(bytes);
        // 0 would be the position ahead, which has been entered.
        let distance = Probe::new(source, behind, bytes).distance(newest);
        if distance.wrapping_sub(1) < REACH - 1 && distance as usize <= found.at + SKIP {
            let at = found.at + SKIP;
            let from = at - distance as usize;
            let len = source.common(at, from, source.end);
            if len > found.len {
                *found = Found { at, from, len, next: found.next };
            }
        }
    }

    /// Enters some of the strings inside a match, up to `to`.
    #[inline(always)]
    fn enter_inside(&mut self, source: Source<'_>, from: usize, to: usize) {
        if from >= to {
            return;
        }
        let bytes = source.load8(from);
        self.0.enter_short(bytes, from);
        self.0.enter_long(bytes, from);
        self.0.enter_long(bytes >> 8, from + 1);
        self.0.enter_short(bytes >> 16, from + 2);
        let mut at = from + 4;
        while at < to {
            let bytes = source.load8(at);
            self.0.enter_long(bytes, at);
            self.0.enter_short(bytes >> 8, at + 1);
            at += 3;
        }
    }
}

impl Level for Level5 {
    fn encode(&mut self, source: Source<'_>, start: usize, tokens: &mut Tokens) {
        let limit = source.end - MARGIN;
        let mut place = Start { emitted: start, at: start, limit, repeat: None };
        let mut bytes = source.load8(start);
        while let Some(mut found) = self.0.search::<STRIDE>(source, place, bytes) {
            if found.len == 0 {
                found.len = 4 + source.common(found.at + 4, found.from + 4, source.end);
            } else if found.len == MAX_MATCH {
                found.len += source.common(found.at + MAX_MATCH, found.from + MAX_MATCH, source.end);
            }
            if found.len < LONG_ENOUGH && found.at + found.len < limit {
                self.improve(source, &mut found);
            }
            let (at, from) = extend_back(source, found.at, found.from, place.emitted);
            let len = found.len + found.at - at;
            tokens.literals(source, place.emitted, at);
            tokens.long_match(len, at - from);
            place.emitted = at + len;
            place.at = place.emitted.max(found.next + 1);
            if place.at >= limit {
                break;
            }
            self.enter_inside(source, place.at - len + 1, place.at - 1);
            let previous = source.load8(place.at - 1);
            self.0.enter_short(previous, place.at - 1);
            self.0.enter_long(previous, place.at - 1);
            bytes = previous >> 8;
        }
        rest(source, place.emitted, tokens);
    }

    fn lower(&mut self, by: u32) {
        self.0.lower(by);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}
