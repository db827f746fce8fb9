//! Go's searches without looking at most of Go's candidates.
//!
//! Go follows the chain of the string's first four bytes and looks at a limited number of candidates, nearly all of which agree
//! in hardly more. Here a search that has a match goes on along the chain of *other* four bytes that a longer match needs,
//! whichever leads farthest. Every position remembers its rank: how many strings were inserted into its bucket before it. From
//! the ranks follows whether Go's search would have come as far as a candidate, so the same candidates count and the nearest of
//! the longest is the same. This needs every position to be inserted, which lazy levels do.

use super::params::{BUCKETS, bucket};
use super::search::{Search, floor, longest, unless_too_far};
use crate::recompress::coding::matches::{Found, FourByteChains, HALF, Limits, slide, slide_first};
use crate::recompress::coding::strings::{Bytes, boxed};

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
        let ends = (head, floor(at));
        let late = |candidate| self.turn(at, candidate) > limits.candidates;
        let found = match self.longest_by_rarest(bytes, at, ends, longer_than, limits, late) {
            Some(found) => found,
            None => self.longest_gos_way(bytes, at, head, longer_than, limits),
        };
        unless_too_far(found)
    }

    fn slide(&mut self) {
        slide(&mut self.head[..]);
        self.links.copy_within(HALF.., 0);
        slide_first(self.links.get_mut(..HALF).unwrap_or_default());
    }
}

#[expect(clippy::indexing_slicing, reason = "a bucket and a u16 are within the arrays")]
impl FourByteChains for RankedChains {
    #[inline(always)]
    fn previous(&self, position: u16) -> u16 {
        self.links[usize::from(position)][0]
    }

    #[inline(always)]
    fn head(&self, string: u32) -> u16 {
        self.head[bucket(string)]
    }
}

#[expect(clippy::indexing_slicing, reason = "a bucket and a u16 are within the arrays")]
impl RankedChains {
    #[inline(always)]
    fn rank(&self, position: u16) -> u16 {
        self.links[usize::from(position)][1]
    }

    /// As which candidate Go's search from `at` would look at `candidate`, which is in the same bucket; counts from 1.
    #[inline(always)]
    fn turn(&self, at: u16, candidate: u16) -> usize {
        usize::from(self.rank(at).wrapping_sub(self.rank(candidate)))
    }

    #[cold]
    #[inline(never)]
    fn longest_gos_way(&self, bytes: Bytes<'_>, at: u16, head: u16, longer_than: usize, limits: Limits) -> Found {
        longest(bytes, at, head, longer_than, limits, |candidate| self.previous(candidate))
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation)]
mod tests {
    use super::super::chains::Chains;
    use super::super::search::limits;
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
            let limits = limits(candidates, 100, data.len() + 1 - at);
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
