//! Levels 1 and 2: one table of five bytes. Level 2 has a larger one and enters more strings.

use super::super::history::Source;
use super::super::tokens::Tokens;
use super::probe::Probe;
use super::tables::{Newest, REACH, entry, lower};
use super::{Level, MARGIN, extend_back, rest};
use crate::recompress::coding::hashes::hash5;

/// Strides grow by one every 2^this bytes without a match.
const STRIDE: u32 = 5;

pub(super) type Level1 = Single<15, { 1 << 15 }, false>;
pub(super) type Level2 = Single<17, { 1 << 17 }, true>;

/// A level with one table of `SIZE`, which is 2^`BITS`; it is `DENSE` if strings inside a match are entered.
pub(super) struct Single<const BITS: u32, const SIZE: usize, const DENSE: bool>(Newest<SIZE>);

/// What a search found.
#[derive(Debug, Clone, Copy)]
struct Found {
    at: usize,
    from: usize,
    /// The last position that was looked at or entered.
    next: usize,
}

impl<const BITS: u32, const SIZE: usize, const DENSE: bool> Single<BITS, SIZE, DENSE> {
    pub(super) fn new() -> Self {
        const { assert!(SIZE == 1 << BITS) };
        Self(Box::new([0; SIZE]))
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a hash of so many bits")]
    fn enter(&mut self, bytes: u64, at: usize) -> u32 {
        std::mem::replace(&mut self.0[hash5::<BITS>(bytes)], entry(at))
    }

    /// The next match, of strings from `at` on, where `bytes` (five of them at least) are.
    #[inline(always)]
    fn search(
        &mut self,
        source: Source<'_>,
        emitted: usize,
        mut at: usize,
        mut bytes: u64,
        limit: usize,
    ) -> Option<Found> {
        loop {
            let next = at + 2 + ((at - emitted) >> STRIDE);
            if next > limit {
                return None;
            }
            let candidate = self.enter(bytes, at);
            let ahead = source.load8(next);
            let probe = Probe::new(source, at, bytes);
            if probe.matches(candidate) {
                self.enter(ahead, next);
                return Some(Found { at, from: probe.place(candidate), next });
            }
            // The string at the end of the stride, and on with the one behind it.
            let candidate = self.enter(ahead, next);
            let probe = Probe::new(source, next, ahead);
            if probe.matches(candidate) {
                if !DENSE {
                    // The position behind this one goes under this one's hash.
                    self.enter(ahead, next + 1);
                }
                return Some(Found { at: next, from: probe.place(candidate), next: next + 1 });
            }
            (at, bytes) = (next + 1, ahead >> 8);
        }
    }

    /// Enters some of the strings inside a match, up to `to`.
    #[inline(always)]
    fn enter_inside(&mut self, source: Source<'_>, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            let bytes = source.load8(at);
            self.enter(bytes, at);
            self.enter(bytes >> 16, at + 2);
            // Of the last string's fifth byte nothing is left but zeros.
            self.enter(bytes >> 32, at + 4);
            at += 7;
        }
    }
}

impl<const BITS: u32, const SIZE: usize, const DENSE: bool> Level for Single<BITS, SIZE, DENSE> {
    fn encode(&mut self, source: Source<'_>, start: usize, tokens: &mut Tokens) {
        let end = source.end;
        let limit = end - MARGIN;
        let mut emitted = start;
        let mut at = start;
        let mut bytes = source.load8(at);
        'block: while let Some(Found { at: mut s, from: mut t, next }) = self.search(source, emitted, at, bytes, limit)
        {
            loop {
                let end_of_match = s + 4 + source.common(s + 4, t + 4, end);
                (s, t) = extend_back(source, s, t, emitted);
                let len = end_of_match - s;
                tokens.literals(source, emitted, s);
                tokens.long_match(len, s - t);
                emitted = end_of_match;
                s = emitted.max(next + 1);
                if s >= limit {
                    if s + len + 8 < end {
                        self.enter(source.load8(s), s);
                    }
                    break 'block;
                }
                if DENSE {
                    self.enter_inside(source, s - len + 2, s.saturating_sub(5));
                }
                let before = source.load8(s - 2);
                self.enter(before, s - 2);
                if DENSE {
                    self.enter(before >> 8, s - 1);
                }
                let candidate = self.enter(before >> 16, s);
                let probe = Probe::new(source, s, before >> 16);
                // Here, and only here, a match may reach back a whole window.
                if probe.distance(candidate) > REACH || !probe.is_same(candidate) {
                    (at, bytes) = (s + 1, before >> 24);
                    break;
                }
                t = probe.place(candidate);
            }
        }
        rest(source, emitted, tokens);
    }

    fn lower(&mut self, by: u32) {
        lower(&mut self.0[..], by);
    }

    fn clear(&mut self) {
        self.0.fill(0);
    }
}
