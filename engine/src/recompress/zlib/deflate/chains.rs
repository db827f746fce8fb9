//! Where the strings of three bytes that share a hash last occurred, newest first: zlib's own structure.

use super::params::ZlibHash;
use super::search::Search;
use super::window::MAX_DISTANCE;
use crate::recompress::coding::matches::{Found, HALF, HALF_POSITION, Limits, slide};
use crate::recompress::coding::strings::{Bytes, Tail, boxed};

/// Hash chains over the window. Position 0 ends a chain.
pub(in crate::recompress) struct Chains {
    hash: ZlibHash,
    head: Box<[u16; 1 << 16]>,
    previous: Box<[u16; HALF]>,
}

impl Search for Chains {
    type Head = u16;

    fn new(mem_level: u8) -> Self {
        Self { hash: ZlibHash::new(mem_level), head: boxed([0; 1 << 16]), previous: boxed([0; HALF]) }
    }

    #[inline(always)]
    #[expect(
        clippy::indexing_slicing,
        reason = "a u16, and a position modulo the array's length, are within the arrays"
    )]
    fn insert(&mut self, bytes: Bytes<'_>, at: u16) -> u16 {
        let head = &mut self.head[usize::from(self.hash.of(bytes.load4(at)))];
        let newest = std::mem::replace(head, at);
        self.previous[usize::from(at) % HALF] = newest;
        newest
    }

    fn clear(&mut self) {
        // Links are reached from heads only, so what they hold does not matter.
        self.head.fill(0);
    }

    fn slide_head(head: u16) -> u16 {
        head.saturating_sub(HALF_POSITION)
    }

    #[inline(always)]
    fn newest(head: u16) -> u16 {
        head
    }

    #[inline(always)]
    fn longest(&self, bytes: Bytes<'_>, at: u16, head: u16, longer_than: usize, limits: Limits) -> Found {
        longest(
            bytes,
            at,
            head,
            longer_than,
            limits,
            #[expect(clippy::indexing_slicing, reason = "modulo the length")]
            |c| self.previous[usize::from(c) % HALF],
        )
    }

    fn slide(&mut self) {
        slide(self.head.get_mut(..self.hash.buckets()).unwrap_or_default());
        slide(&mut self.previous[..]);
    }
}

/// The first of the longest matches along one chain, as zlib picks it.
///
/// A search may look at `limits.candidates` positions of the chain; the first may be `MAX_DISTANCE` away, the others must be nearer.
#[inline(always)]
pub(super) fn longest(
    bytes: Bytes<'_>,
    at: u16,
    head: u16,
    longer_than: usize,
    limits: Limits,
    previous: impl Fn(u16) -> u16,
) -> Found {
    let mut best = Found { len: longer_than, distance: 0 };
    if longer_than >= limits.longest {
        return best;
    }
    let floor = at.saturating_sub(MAX_DISTANCE);
    let mut tail = Tail::new(bytes, at, longer_than);
    let mut candidate = head;
    for _ in 0..limits.candidates {
        if tail.agrees(bytes, candidate) {
            let len = bytes.common(at, candidate, limits.longest);
            if len > best.len {
                best = Found { len, distance: at - candidate };
                if len >= limits.nice {
                    break;
                }
                tail = Tail::new(bytes, at, len);
            }
        }
        candidate = previous(candidate);
        if candidate <= floor {
            break;
        }
    }
    best
}
