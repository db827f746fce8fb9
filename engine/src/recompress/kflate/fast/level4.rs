//! Level 4: tables of four and of seven bytes.

use super::super::history::Source;
use super::super::params::Revision;
use super::super::tokens::Tokens;
use super::probe::Probe;
use super::tables::{Newest, entry, lower};
use super::{Level, MARGIN, extend_back, rest};
use crate::recompress::coding::hashes::{hash4, hash7};

const BITS: u32 = 15;
const SIZE: usize = 1 << BITS;
/// Strides grow by one every 2^this bytes without a match.
const STRIDE: u32 = 6;

pub(super) struct Level4 {
    short: Newest<SIZE>,
    long: Newest<SIZE>,
    revision: Revision,
}

impl Level4 {
    pub(super) fn new(revision: Revision) -> Self {
        Self { short: Box::new([0; SIZE]), long: Box::new([0; SIZE]), revision }
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a hash of so many bits")]
    fn enter_short(&mut self, bytes: u64, at: usize) -> u32 {
        std::mem::replace(&mut self.short[hash4::<BITS>(bytes)], entry(at))
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a hash of so many bits")]
    fn enter_long(&mut self, bytes: u64, at: usize) -> u32 {
        std::mem::replace(&mut self.long[hash7::<BITS>(bytes)], entry(at))
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a hash of so many bits")]
    fn newest_long(&self, bytes: u64) -> u32 {
        self.long[hash7::<BITS>(bytes)]
    }

    /// The next match, from `at` on, where `bytes` (seven of them at least) are; and the end of the last stride.
    #[inline(always)]
    fn search(
        &mut self,
        source: Source<'_>,
        emitted: usize,
        mut at: usize,
        mut bytes: u64,
        limit: usize,
    ) -> Option<(usize, usize, usize)> {
        loop {
            let next = at + 1 + ((at - emitted) >> STRIDE);
            if next > limit {
                return None;
            }
            let short = self.enter_short(bytes, at);
            let long = self.enter_long(bytes, at);
            let ahead = source.load8(next);
            let probe = Probe::new(source, at, bytes);
            let long_matches = probe.matches(long);
            if !(long_matches | probe.matches(short)) {
                (at, bytes) = (next, ahead);
                continue;
            }
            if long_matches {
                return Some((at, probe.place(long), next));
            }
            let from = probe.place(short);
            // A longer match one stride ahead is better.
            let position = self.newest_long(ahead);
            let other = Probe::new(source, next, ahead);
            if other.matches(position) {
                let start = other.place(position);
                // Later releases take the distance for a position here.
                let judged = if self.revision < Revision::V1_18 { start } else { next - start };
                if other.length(judged) > probe.length(from) {
                    return Some((next, start, next));
                }
            }
            return Some((at, from, next));
        }
    }
}

impl Level for Level4 {
    fn encode(&mut self, source: Source<'_>, start: usize, tokens: &mut Tokens) {
        let end = source.end;
        let limit = end - MARGIN;
        let mut emitted = start;
        let mut at = start;
        let mut bytes = source.load8(at);
        while let Some((mut s, mut t, next)) = self.search(source, emitted, at, bytes, limit) {
            let end_of_match = s + 4 + source.common(s + 4, t + 4, end);
            (s, t) = extend_back(source, s, t, emitted);
            let len = end_of_match - s;
            tokens.literals(source, emitted, s);
            tokens.long_match(len, s - t);
            emitted = end_of_match;
            at = emitted.max(next + 1);
            if at >= limit {
                if at + 8 < end {
                    self.enter_short(source.load8(at), at);
                    self.enter_long(source.load8(at), at);
                }
                break;
            }
            let mut inside = next;
            while inside + 1 < at {
                let bytes = source.load8(inside);
                self.enter_long(bytes, inside);
                self.enter_long(bytes >> 8, inside + 1);
                self.enter_short(bytes >> 8, inside + 1);
                inside += 3;
            }
            let previous = source.load8(at - 1);
            self.enter_short(previous, at - 1);
            self.enter_long(previous, at - 1);
            bytes = previous >> 8;
        }
        rest(source, emitted, tokens);
    }

    fn lower(&mut self, by: u32) {
        lower(&mut self.short[..], by);
        lower(&mut self.long[..], by);
    }

    fn clear(&mut self) {
        self.short.fill(0);
        self.long.fill(0);
    }
}
