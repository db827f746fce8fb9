//! Level 3: one table of five bytes with two positions each.

use super::super::history::Source;
use super::super::tokens::Tokens;
use super::probe::Probe;
use super::tables::{NewestTwo, REACH, enter, lower};
use super::{Level, MARGIN, extend_back, rest};
use crate::recompress::coding::hashes::hash5;

const BITS: u32 = 16;
const SIZE: usize = 1 << BITS;
/// Strides grow by one every 2^this bytes without a match.
const STRIDE: u32 = 7;
/// This level keeps four bytes off the window's end, in some comparisons inclusive and in others not.
const NEAR: u32 = REACH - 4;

pub(super) struct Level3 {
    table: NewestTwo<SIZE>,
}

impl Level3 {
    pub(super) fn new() -> Self {
        Self { table: Box::new([[0; 2]; SIZE]) }
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a hash of so many bits")]
    fn enter(&mut self, at: usize, bytes: u64) -> [u32; 2] {
        enter(&mut self.table[hash5::<BITS>(bytes)], at)
    }

    /// The next match, from `at` on, where `bytes` (five of them at least) are; and the end of the last stride.
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
            let [newest, older] = self.enter(at, bytes);
            let ahead = source.load8(next);
            let probe = Probe::new(source, at, bytes);
            if probe.distance(newest) <= NEAR {
                let first = probe.place(newest);
                if probe.is_same(newest) {
                    if probe.distance(older) > NEAR || !probe.is_same(older) {
                        return Some((at, first, next));
                    }
                    let second = probe.place(older);
                    let longer = probe.length(second) > probe.length(first);
                    return Some((at, if longer { second } else { first }, next));
                }
                if probe.distance(older) < NEAR && probe.is_same(older) {
                    return Some((at, probe.place(older), next));
                }
            }
            (at, bytes) = (next, ahead);
        }
    }
}

impl Level for Level3 {
    fn encode(&mut self, source: Source<'_>, start: usize, tokens: &mut Tokens) {
        let end = source.end;
        let limit = end - MARGIN;
        let mut emitted = start;
        let mut at = start;
        let mut bytes = source.load8(at);
        'block: while let Some((mut s, mut t, next)) = self.search(source, emitted, at, bytes, limit) {
            loop {
                let end_of_match = s + 4 + source.common(s + 4, t + 4, end);
                (s, t) = extend_back(source, s, t, emitted);
                let len = end_of_match - s;
                tokens.literals(source, emitted, s);
                tokens.long_match(len, s - t);
                emitted = end_of_match;
                s = emitted.max(next + 1);
                if s >= limit {
                    // What follows the string that the match refers to becomes the newest again.
                    if t + len + 8 < end {
                        self.enter(t + len, source.load8(t + len));
                    }
                    break 'block;
                }
                let mut inside = s - len + 2;
                while inside + 5 < s {
                    self.enter(inside, source.load8(inside));
                    inside += 6;
                }
                let before = source.load8(s - 2);
                self.enter(s - 2, before);
                self.enter(s - 1, before >> 8);
                let here = before >> 16;
                let probe = Probe::new(source, s, here);
                let mut near = self.enter(s, here).into_iter().take_while(|&position| probe.distance(position) < NEAR);
                let Some(position) = near.find(|&position| probe.is_same(position)) else {
                    (at, bytes) = (s + 1, before >> 24);
                    break;
                };
                t = probe.place(position);
            }
        }
        rest(source, emitted, tokens);
    }

    fn lower(&mut self, by: u32) {
        lower(self.table.as_flattened_mut(), by);
    }

    fn clear(&mut self) {
        self.table.fill([0; 2]);
    }
}
