//! The tables and the search of levels 5 and 6: newest positions by four bytes, the two newest by seven.

use super::super::history::Source;
use super::probe::Probe;
use super::tables::{Newest, NewestTwo, enter, entry, lower};
use crate::recompress::coding::alphabet::MAX_MATCH;
use crate::recompress::coding::hashes::{hash4, hash7};

const BITS: u32 = 15;
const SIZE: usize = 1 << BITS;

pub(super) struct Pair {
    short: Newest<SIZE>,
    long: NewestTwo<SIZE>,
}

/// Where a search starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// End of the last match.
    pub(super) emitted: usize,
    pub(super) at: usize,
    /// No position behind this is looked at.
    pub(super) limit: usize,
    /// Distance of a match that is tried one byte ahead.
    pub(super) repeat: Option<usize>,
}

/// What a search found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) at: usize,
    pub(super) from: usize,
    /// Up to 258; 0 if only the first four bytes are known to agree.
    pub(super) len: usize,
    /// The position ahead that was entered too.
    pub(super) next: usize,
}

impl Pair {
    pub(super) fn new() -> Self {
        Self { short: Box::new([0; SIZE]), long: Box::new([[0; 2]; SIZE]) }
    }

    pub(super) fn lower(&mut self, by: u32) {
        lower(&mut self.short[..], by);
        lower(self.long.as_flattened_mut(), by);
    }

    pub(super) fn clear(&mut self) {
        self.short.fill(0);
        self.long.fill([0; 2]);
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a hash of so many bits")]
    pub(super) fn enter_short(&mut self, bytes: u64, at: usize) -> u32 {
        std::mem::replace(&mut self.short[hash4::<BITS>(bytes)], entry(at))
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a hash of so many bits")]
    pub(super) fn enter_long(&mut self, bytes: u64, at: usize) -> [u32; 2] {
        enter(&mut self.long[hash7::<BITS>(bytes)], at)
    }

    /// The two newest positions with the hash of seven bytes.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a hash of so many bits")]
    pub(super) fn newest_two(&self, bytes: u64) -> [u32; 2] {
        self.long[hash7::<BITS>(bytes)]
    }

    /// The next match, of strings from `start.at` on, where `bytes` (seven of them at least) are. Strides grow by one every
    /// 2^`STRIDE` bytes without a match. `None` if there is none up to the limit.
    #[inline(always)]
    pub(super) fn search<const STRIDE: u32>(
        &mut self,
        source: Source<'_>,
        start: Start,
        mut bytes: u64,
    ) -> Option<Found> {
        let mut at = start.at;
        loop {
            let next = at + 1 + ((at - start.emitted) >> STRIDE);
            if next > start.limit {
                return None;
            }
            let short = self.enter_short(bytes, at);
            let [newest, older] = self.enter_long(bytes, at);
            let ahead = source.load8(next);
            // All three candidates are compared before the one branch that is hard to predict.
            let probe = Probe::new(source, at, bytes);
            let first = probe.matches(newest);
            let second = probe.matches(older) & probe.is_near(newest);
            if !(first | second | probe.matches(short)) {
                (at, bytes) = (next, ahead);
                continue;
            }
            self.enter_short(ahead, next);
            let ahead_two = self.enter_long(ahead, next);
            if first & second {
                let (first, second) = (probe.place(newest), probe.place(older));
                let (len, other) = (length(source, at, first), length(source, at, second));
                let (from, len) = if other > len { (second, other) } else { (first, len) };
                return Some(Found { at, from, len, next });
            }
            if first | second {
                let from = probe.place(if first { newest } else { older });
                return Some(Found { at, from, len: 0, next });
            }
            let from = probe.place(short);
            let found = Found { at, from, len: length(source, at, from), next };
            return Some(longer_ahead(source, found, bytes, ahead, ahead_two, start.repeat));
        }
    }
}

/// A longer match than `found` of the last distance one byte ahead, or else one of the position ahead.
#[inline(always)]
fn longer_ahead(
    source: Source<'_>,
    mut found: Found,
    bytes: u64,
    ahead: u64,
    ahead_two: [u32; 2],
    repeat: Option<usize>,
) -> Found {
    let next = found.next;
    if let Some(distance) = repeat {
        let (at, from) = (found.at + 1, found.at + 1 - distance);
        if Probe::new(source, at, bytes >> 8).is_same(entry(from)) {
            let len = length(source, at, from);
            if len > found.len {
                return Found { at, from, len, next };
            }
        }
    }
    let probe = Probe::new(source, next, ahead);
    if probe.is_near(ahead_two[0]) {
        for position in ahead_two.into_iter().filter(|&position| probe.matches(position)) {
            let from = probe.place(position);
            let len = length(source, next, from);
            if len > found.len {
                found = Found { at: next, from, len, next };
                // Only the level that looks at the last distance goes on to the older one.
                if repeat.is_none() {
                    break;
                }
            }
        }
    }
    found
}

/// Length of a match of which four bytes are known, as far as one match can say it.
#[inline(always)]
fn length(source: Source<'_>, at: usize, from: usize) -> usize {
    4 + source.common(at + 4, from + 4, source.end.min(at + MAX_MATCH))
}
