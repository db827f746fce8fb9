//! Level 6: as level 5, with the last distance as one more candidate and more strings entered.

use super::super::history::Source;
use super::super::tokens::Tokens;
use super::pair::{Found, Pair, Start};
use super::tables::{REACH, entry};
use super::{Level, MARGIN, extend_back, rest};
use crate::recompress::coding::alphabet::MAX_MATCH;

/// Strides grow by one every 2^this bytes without a match.
const STRIDE: u32 = 7;
/// Bytes at a match's start that a match found at its end may lack.
const SKIP: usize = 2;

pub(super) struct Level6(Pair);

impl Level6 {
    pub(super) fn new() -> Self {
        Self(Pair::new())
    }

    /// A longer match, found by the string behind `found`.
    #[inline(always)]
    fn improve(&self, source: Source<'_>, found: &mut Found) {
        let two = self.0.newest_two(source.load8(found.at + found.len));
        let at = found.at + SKIP;
        let start_of = |position: u32, len: usize| i64::from(position) - i64::from(entry(len)) + SKIP as i64;
        // Both positions may be ahead. The older is aligned by the length that the newest may just have improved.
        if at as i64 - start_of(two[0], found.len) >= i64::from(REACH) {
            return;
        }
        for position in two {
            let Ok(from) = usize::try_from(start_of(position, found.len)) else { continue };
            if from < at && at - from < REACH as usize {
                let len = source.common(at, from, source.end);
                if len > found.len {
                    *found = Found { at, from, len, next: found.next };
                }
            }
        }
    }
}

impl Level for Level6 {
    fn encode(&mut self, source: Source<'_>, start: usize, tokens: &mut Tokens) {
        let end = source.end;
        let limit = end - MARGIN;
        // Before there is a last distance it is 1.
        let mut place = Start { emitted: start, at: start, limit, repeat: Some(1) };
        while let Some(mut found) = self.0.search::<STRIDE>(source, place, source.load8(place.at)) {
            if found.len == 0 {
                found.len = 4 + source.common(found.at + 4, found.from + 4, end);
            } else if found.len == MAX_MATCH {
                found.len += source.common(found.at + MAX_MATCH, found.from + MAX_MATCH, end);
            }
            if found.at + found.len < limit {
                self.improve(source, &mut found);
            }
            let (at, from) = extend_back(source, found.at, found.from, place.emitted);
            let len = found.len + found.at - at;
            tokens.literals(source, place.emitted, at);
            tokens.long_match(len, at - from);
            place.repeat = Some(at - from);
            place.emitted = at + len;
            place.at = place.emitted.max(found.next + 1);
            let mut inside = found.next + 1;
            if place.at >= limit {
                while inside + 8 < end {
                    let bytes = source.load8(inside);
                    self.0.enter_short(bytes, inside);
                    self.0.enter_long(bytes, inside);
                    inside += 2;
                }
                break;
            }
            while inside + 1 < place.at {
                let bytes = source.load8(inside);
                self.0.enter_short(bytes, inside);
                self.0.enter_long(bytes, inside);
                self.0.enter_long(bytes >> 8, inside + 1);
                inside += 2;
            }
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
