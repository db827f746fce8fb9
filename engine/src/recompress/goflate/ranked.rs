//! Go's searches without looking at most of Go's candidates.
//!
//! Go follows the chain of the string's first four bytes and looks at a limited number of candidates, nearly all of which agree
//! in hardly more. Here a search that has a match goes on along the chain of *other* four bytes that a longer match needs,
//! whichever leads farthest. Every position remembers its rank: how many strings were inserted into its bucket before it. From
//! the ranks follows whether Go's search would have come as far as a candidate, so the same candidates count and the nearest of
//! the longest is the same. This needs every position to be inserted, which lazy levels do.

use super::chains::slide;
use super::params::{BUCKETS, MIN_MATCH, bucket};
use super::search::{Found, Limits, Search, floor, longest};
use super::window::{HALF, HALF_POSITION};
use crate::recompress::coding::strings::{Bytes, Tail, boxed};

/// How many four-byte strings of a match are considered for the next chain: more cost more than they save.
const REACH: u16 = 4;

/// Chains of the buckets over the window. Position 0 ends a chain.
pub(super) struct RankedChains {
    head: Box<[u16; BUCKETS]>,
    /// By position: its predecessor in its bucket, and one more than that one's rank (modulo 2^16, twice the window). Where the
    /// predecessor has slid out the rank is arbitrary, as only those of the same chain are compared.
    links: Box<[[u16; 2]; 2 * HALF]>,
}

#[expect(clippy::indexing_slicing, reason = "a bucket and a u16 are within the arrays")]
impl Search for RankedChains {
    fn new() -> Self {
        Self { head: boxed([0; BUCKETS]), links: boxed([[0; 2]; 2 * HALF]) }
    }

    #[inline(always)]
    fn insert(&mut self, bytes: Bytes<'_>, at: u16) -> u16 {
        let newest = std::mem::replace(&mut self.head[bucket(bytes.load4(at))], at);
        self.links[usize::from(at)] = [newest, self.rank(newest).wrapping_add(1)];
        newest
    }

    #[inline(always)]
    fn longest(&self, bytes: Bytes<'_>, at: u16, head: u16, longer_than: usize, limits: Limits) -> Found {
        if head <= floor(at) {
            return Found { len: longer_than, distance: 0 };
        }
        let found = match self.along_rarer_chains(bytes, at, head, longer_than, limits) {
            Some(found) => found,
            None => self.longest_gos_way(bytes, at, head, longer_than, limits),
        };
        found.unless_too_far()
    }

    fn slide(&mut self) {
        slide(&mut self.head[..]);
        self.links.copy_within(HALF.., 0);
        slide_first(self.links.get_mut(..HALF).unwrap_or_default());
    }
}

#[expect(clippy::indexing_slicing, reason = "a bucket and a u16 are within the arrays")]
impl RankedChains {
    #[inline(always)]
    fn previous(&self, position: u16) -> u16 {
        self.links[usize::from(position)][0]
    }

    #[inline(always)]
    fn rank(&self, position: u16) -> u16 {
        self.links[usize::from(position)][1]
    }

    /// As which candidate Go's search from `at` would look at `candidate`, which is in the same bucket; counts from 1.
    #[inline(always)]
    fn turn(&self, at: u16, candidate: u16) -> usize {
        usize::from(self.rank(at).wrapping_sub(self.rank(candidate)))
    }

    /// The newest position up to `at` whose four bytes are in the bucket of those `offset` behind `at`.
    #[inline(always)]
    fn newest(&self, bytes: Bytes<'_>, at: u16, offset: u16) -> u16 {
        let newest = self.head[bucket(bytes.load4(at.wrapping_add(offset)))];
        // The string behind the current one is inserted already.
        if newest > at { self.previous(newest) } else { newest }
    }

    /// `None` if following the chains takes more steps than Go's search would: then Go's own way is as good, and the worst case
    /// stays within twice Go's.
    #[inline(always)]
    fn along_rarer_chains(
        &self,
        bytes: Bytes<'_>,
        at: u16,
        head: u16,
        longer_than: usize,
        limits: Limits,
    ) -> Option<Found> {
        let mut best = Found { len: longer_than, distance: 0 };
        let floor = i32::from(floor(at));
        let mut tail = Tail::new(bytes, at, longer_than);
        let mut steps = limits.candidates;
        let mut trail = Trail { link: head, offset: 0 };
        // The last four bytes that a longer match needs are rarer than the first four. But their chain ends at the current
        // position, so candidates nearer than `ahead` are looked for among the first four.
        let ahead = last_four(longer_than);
        let mut near = if ahead > 0 { i32::from(at.saturating_sub(ahead)).max(floor) } else { floor };
        loop {
            let Some(candidate) = trail.candidate(near) else {
                if near == floor {
                    return Some(best);
                }
                near = floor;
                trail = Trail { link: self.newest(bytes, at, ahead), offset: ahead };
                continue;
            };
            if tail.agrees(bytes, candidate) {
                let len = bytes.common(at, candidate, limits.longest);
                if len > best.len {
                    if self.turn(at, candidate) > limits.candidates {
                        return Some(best);
                    }
                    best = Found { len, distance: at - candidate };
                    if len >= limits.nice {
                        return Some(best);
                    }
                    tail = Tail::new(bytes, at, len);
                    near = floor;
                    trail = self.farthest(bytes, at, best);
                    continue;
                }
            }
            steps -= 1;
            if steps == 0 {
                return None;
            }
            trail.link = self.previous(trail.link);
        }
    }

    /// Where to look for matches longer than `found` and farther away: the chain whose next candidate is the farthest.
    ///
    /// A longer match shares every four bytes of this one, so it is on the chain of each of them; and on that of the last four
    /// bytes it needs.
    #[inline(always)]
    fn farthest(&self, bytes: Bytes<'_>, at: u16, found: Found) -> Trail {
        let next = last_four(found.len);
        let candidate = at - found.distance;
        let mut farthest = Trail { link: candidate, offset: 0 };
        // The newest of that chain is of use if it is behind this match; positions after the current one are not on it yet.
        if found.distance >= next {
            farthest = farthest.or_farther(Trail { link: self.newest(bytes, at, next), offset: next });
        }
        let eligible = next.min(found.distance + 1);
        for offset in 0..REACH {
            let offset = if offset < eligible { offset } else { 0 };
            farthest = farthest.or_farther(Trail { link: self.previous(candidate + offset), offset });
        }
        farthest
    }

    #[cold]
    #[inline(never)]
    fn longest_gos_way(&self, bytes: Bytes<'_>, at: u16, head: u16, longer_than: usize, limits: Limits) -> Found {
        longest(bytes, at, head, longer_than, limits, |candidate| self.previous(candidate))
    }
}

/// A place on the chain of four bytes that are `offset` behind a candidate's start.
#[derive(Clone, Copy)]
struct Trail {
    link: u16,
    offset: u16,
}

impl Trail {
    /// The candidate, if it is above `floor`.
    #[inline(always)]
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "between a floor, which is not negative, and a link"
    )]
    fn candidate(self, floor: i32) -> Option<u16> {
        let start = self.start();
        if start > floor { Some(start as u16) } else { None }
    }

    /// Where the candidate is; negative if the string is too close to the window's start.
    #[inline(always)]
    fn start(self) -> i32 {
        i32::from(self.link) - i32::from(self.offset)
    }

    #[inline(always)]
    fn or_farther(self, other: Self) -> Self {
        if other.start() < self.start() { other } else { self }
    }
}

/// Offset of the last four bytes of a match one longer than `len`, which is 3 to 258.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the range given fits")]
fn last_four(len: usize) -> u16 {
    (len + 1 - MIN_MATCH) as u16
}

/// Slides the first of each pair; written for eight lanes at once.
fn slide_first(pairs: &mut [[u16; 2]]) {
    const BY: [u16; 8] = [HALF_POSITION, 0, HALF_POSITION, 0, HALF_POSITION, 0, HALF_POSITION, 0];
    for pairs in pairs.as_flattened_mut().chunks_exact_mut(BY.len()) {
        for (value, by) in pairs.iter_mut().zip(BY) {
            *value = value.saturating_sub(by);
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation)]
mod tests {
    use super::super::chains::Chains;
    use super::super::window::Window;
    use super::*;
    use crate::recompress::coding::samples::{Noise, Piece, build};

    /// Every position of `data` is searched by both.
    fn compare(data: &[u8], longer_than: impl Fn(usize) -> usize, candidates: usize) {
        let mut window = Window::new();
        window.fill(&mut &data[..]);
        let bytes = window.bytes();
        let (mut plain, mut ranked) = (Chains::new(), RankedChains::new());
        let mut head = (plain.insert(bytes, 1), ranked.insert(bytes, 1));
        for at in 1..data.len() - 4 {
            let now = at as u16;
            let (plain_head, ranked_head) = head;
            head = (plain.insert(bytes, now + 1), ranked.insert(bytes, now + 1));
            assert_eq!(plain_head, ranked_head);
            let limits = Limits::new(candidates, 100, data.len() + 1 - at);
            let wanted = longer_than(at).min(limits.longest - 1);
            let found = |found: Found| (found.distance != 0).then_some(found);
            assert_eq!(
                found(ranked.longest(bytes, now, ranked_head, wanted, limits)),
                found(plain.longest(bytes, now, plain_head, wanted, limits)),
                "position {at}, longer than {wanted}, {candidates} candidates"
            );
        }
    }

    #[test]
    fn finds_what_the_plain_chains_find() {
        for symbols in [2, 4, 16, 64] {
            let mut data = build(&[Piece::FewSymbols(symbols, 3000)], 1);
            let mut noise = Noise(symbols as u64 + 5);
            while data.len() < 60_000 {
                let from = noise.below(data.len());
                let len = noise.below(40).min(data.len() - from);
                data.extend_from_within(from..from + len);
                data.push(noise.below(symbols) as u8);
            }
            for candidates in [1, 4, 32, 128, 4096] {
                compare(&data, |_| 3, candidates);
                compare(&data, |at| 3 + at % 11, candidates);
            }
        }
    }
}
