//! zlib's searches without looking at most of zlib's candidates.
//!
//! zlib follows the chain of a three-byte hash and looks at a limited number of candidates. On real data nearly all of them
//! agree in three bytes and no more. Here a second chain links only strings with the same hash of *four* bytes, and every
//! position remembers its rank: how many strings were inserted into its three-byte bucket before it. From the ranks follows
//! whether zlib's search would have come as far as a candidate of the second chain, so the same candidates count and the
//! nearest of the longest is the same. This needs every position to be inserted, which lazy levels do.

use super::chains::longest;
use super::lazy::TOO_FAR;
use super::params::{MIN_MATCH, ZlibHash};
use super::search::Search;
use super::window::MAX_DISTANCE;
use crate::recompress::coding::matches::{Found, FourByteChains, HALF, HALF_POSITION, Limits, slide, slide_first};
use crate::recompress::coding::strings::{Bytes, boxed};

/// Bits of the four-byte hash.
const LONG_BITS: u32 = 16;

/// The newest position of a bucket, and how many strings were inserted into it so far (modulo 2^16, twice the window).
type Bucket = [u16; 2];
/// A position's predecessor in its bucket, and its rank there.
type Link = [u16; 2];

/// What was in both hash tables before an insertion.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::recompress) struct Heads {
    bucket: Bucket,
    long: u16,
}

/// Chains of three-byte and of four-byte hashes over the window. Position 0 ends a chain.
pub(in crate::recompress) struct RankedChains {
    hash: ZlibHash,
    buckets: Box<[Bucket; 1 << 16]>,
    links: Box<[Link; HALF]>,
    long_head: Box<[u16; 1 << LONG_BITS]>,
    long_previous: Box<[u16; HALF]>,
}

impl Search for RankedChains {
    type Head = Heads;

    fn new(mem_level: u8) -> Self {
        Self {
            hash: ZlibHash::new(mem_level),
            buckets: boxed([[0; 2]; 1 << 16]),
            links: boxed([[0; 2]; HALF]),
            long_head: boxed([0; 1 << LONG_BITS]),
            long_previous: boxed([0; HALF]),
        }
    }

    #[inline(always)]
    fn insert(&mut self, bytes: Bytes<'_>, at: u16) -> Heads {
        let string = bytes.load4(at);
        let bucket = self.insert_three(string, at);
        Heads { bucket, long: self.insert_four(string, at) }
    }

    fn insert_short(&mut self, bytes: Bytes<'_>, at: u16) -> Heads {
        Heads { bucket: self.insert_three(bytes.load4(at), at), long: 0 }
    }

    fn complete(&mut self, bytes: Bytes<'_>, at: u16) {
        self.insert_four(bytes.load4(at), at);
    }

    fn clear(&mut self) {
        // Links are reached from heads only, so what they hold does not matter.
        self.buckets.fill([0; 2]);
        self.long_head.fill(0);
    }

    fn slide_head(head: Heads) -> Heads {
        let [newest, inserted] = head.bucket;
        Heads {
            bucket: [newest.saturating_sub(HALF_POSITION), inserted],
            long: head.long.saturating_sub(HALF_POSITION),
        }
    }

    #[inline(always)]
    fn newest(head: Heads) -> u16 {
        head.bucket[0]
    }

    #[inline(always)]
    fn longest(&self, bytes: Bytes<'_>, at: u16, heads: Heads, longer_than: usize, limits: Limits) -> Found {
        let found = self.longest_of_four(bytes, at, heads, longer_than.max(MIN_MATCH), limits);
        match found {
            Some(found) if found.distance != 0 || longer_than >= MIN_MATCH => found,
            Some(_) => self.nearest_of_three(bytes, at, heads, limits),
            None => self.longest_zlibs_way(bytes, at, heads, longer_than, limits),
        }
    }

    fn slide(&mut self) {
        slide_first(self.buckets.get_mut(..self.hash.buckets()).unwrap_or_default());
        slide_first(&mut self.links[..]);
        slide(&mut self.long_head[..]);
        slide(&mut self.long_previous[..]);
    }
}

#[expect(clippy::indexing_slicing, reason = "16-bit hashes, and positions modulo the arrays' length")]
impl RankedChains {
    /// Enters `at` into the bucket of its three bytes; returns what was there.
    #[inline(always)]
    fn insert_three(&mut self, string: u32, at: u16) -> Bucket {
        let slot = &mut self.buckets[usize::from(self.hash.of(string))];
        let bucket = *slot;
        *slot = [at, bucket[1].wrapping_add(1)];
        self.links[usize::from(at) % HALF] = bucket;
        bucket
    }

    /// Enters `at` into the chain of its four bytes; returns the newest position there.
    #[inline(always)]
    fn insert_four(&mut self, string: u32, at: u16) -> u16 {
        let newest = std::mem::replace(&mut self.long_head[long_hash(string)], at);
        self.long_previous[usize::from(at) % HALF] = newest;
        newest
    }

    /// As which candidate zlib's search would look at `candidate`, which is in the current string's bucket; counts from 1.
    #[inline(always)]
    fn turn(&self, heads: Heads, candidate: u16) -> usize {
        usize::from(heads.bucket[1].wrapping_sub(self.links[usize::from(candidate) % HALF][1]))
    }

    /// The match longer than `longer_than`, which is 3 at least; `None` if zlib's own way is as good.
    #[inline(always)]
    fn longest_of_four(
        &self,
        bytes: Bytes<'_>,
        at: u16,
        heads: Heads,
        longer_than: usize,
        limits: Limits,
    ) -> Option<Found> {
        if longer_than >= limits.longest {
            return Some(Found { len: longer_than, distance: 0 });
        }
        let ends = (heads.long, at.saturating_sub(MAX_DISTANCE + 1));
        self.longest_by_rarest(bytes, at, ends, longer_than, limits, |candidate| {
            let turn = self.turn(heads, candidate);
            // zlib accepts the greatest distance from a bucket's newest position only.
            turn > limits.candidates || (at - candidate == MAX_DISTANCE && turn > 1)
        })
    }

    /// The nearest match of three bytes, when there is none of four.
    #[inline(always)]
    fn nearest_of_three(&self, bytes: Bytes<'_>, at: u16, heads: Heads, limits: Limits) -> Found {
        // Lazy levels refuse three bytes from farther away.
        let floor = at.saturating_sub(TOO_FAR + 1);
        let string = bytes.load4(at);
        let mut candidate = heads.bucket[0];
        for _ in 0..limits.candidates {
            if candidate <= floor {
                break;
            }
            if (bytes.load4(candidate) ^ string) << 8 == 0 {
                return Found { len: MIN_MATCH, distance: at - candidate };
            }
            candidate = self.links[usize::from(candidate) % HALF][0];
        }
        Found { len: MIN_MATCH - 1, distance: 0 }
    }

    #[cold]
    #[inline(never)]
    fn longest_zlibs_way(&self, bytes: Bytes<'_>, at: u16, heads: Heads, longer_than: usize, limits: Limits) -> Found {
        longest(bytes, at, heads.bucket[0], longer_than, limits, |c| self.links[usize::from(c) % HALF][0])
    }
}

#[expect(clippy::indexing_slicing, reason = "16-bit hashes, and positions modulo the array's length")]
impl FourByteChains for RankedChains {
    #[inline(always)]
    fn previous(&self, position: u16) -> u16 {
        self.long_previous[usize::from(position) % HALF]
    }

    #[inline(always)]
    fn head(&self, string: u32) -> u16 {
        self.long_head[long_hash(string)]
    }
}

/// Spreads four bytes by Fibonacci hashing.
#[inline(always)]
fn long_hash(string: u32) -> usize {
    (string.wrapping_mul(0x9e37_79b1) >> (32 - LONG_BITS)) as usize
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation)]
mod tests {
    use super::super::chains::Chains;
    use super::super::window::Window;
    use super::*;

    /// Every position of `data` is searched by both; matches of three bytes that lazy levels refuse count as none.
    fn compare(data: &[u8], longer_than: impl Fn(usize) -> usize, candidates: usize) {
        let mut window = Window::new();
        window.fill(&mut &data[..]);
        let bytes = window.bytes();
        let (mut plain, mut ranked) = (Chains::new(8), RankedChains::new(8));
        let mut head = (plain.insert(bytes, 0), ranked.insert(bytes, 0));
        for at in 0..data.len() - 4 {
            let left = data.len() - at;
            let now = at as u16;
            let (plain_head, ranked_head) = head;
            head = (plain.insert(bytes, now + 1), ranked.insert(bytes, now + 1));
            assert_eq!(plain_head, RankedChains::newest(ranked_head));
            if plain_head == 0 || now - plain_head > MAX_DISTANCE {
                continue;
            }
            let limits = Limits { candidates, nice: left.min(100), longest: left.min(258) };
            let wanted = longer_than(at);
            let taken = |found: Found| {
                (found.distance != 0 && (found.len > MIN_MATCH || found.distance <= TOO_FAR))
                    .then_some((found.len, found.distance))
            };
            assert_eq!(
                taken(ranked.longest(bytes, now, ranked_head, wanted, limits)),
                taken(plain.longest(bytes, now, plain_head, wanted, limits)),
                "position {at}, longer than {wanted}, {candidates} candidates"
            );
        }
    }

    #[test]
    fn finds_what_the_plain_chains_find() {
        let mut state = 1u32;
        let mut noise = |limit: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % limit
        };
        for symbols in [2, 4, 16, 64] {
            let mut data: Vec<u8> = (0..3000).map(|_| noise(symbols) as u8).collect();
            while data.len() < 60_000 {
                let from = noise(data.len() as u32) as usize;
                let len = (noise(40) as usize).min(data.len() - from);
                data.extend_from_within(from..from + len);
                data.push(noise(symbols) as u8);
            }
            for candidates in [1, 4, 32, 128, 4096] {
                compare(&data, |_| 2, candidates);
                compare(&data, |at| 2 + at % 11, candidates);
            }
        }
    }
}
