//! Where the strings of four bytes that share a bucket last occurred, newest first: Go's own structure.

use super::params::{BUCKETS, bucket};
use super::search::{Search, longest, unless_too_far};
use crate::recompress::coding::matches::{Found, HALF, Limits, slide};
use crate::recompress::coding::strings::{Bytes, boxed};

/// Hash chains over the window. Position 0 ends a chain.
pub(super) struct Chains {
    head: Box<[u16; BUCKETS]>,
    /// By position: the one before it in its bucket.
    previous: Box<[u16; 2 * HALF]>,
}

impl Search for Chains {
    fn new() -> Self {
        Self { head: boxed([0; BUCKETS]), previous: boxed([0; 2 * HALF]) }
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a bucket and a u16 are within the arrays")]
    fn insert(&mut self, bytes: Bytes<'_>, at: u16) -> u16 {
        let newest = std::mem::replace(&mut self.head[bucket(bytes.load4(at))], at);
        self.previous[usize::from(at)] = newest;
        newest
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a u16 is within the array")]
    fn longest(&self, bytes: Bytes<'_>, at: u16, head: u16, longer_than: usize, limits: Limits) -> Found {
        unless_too_far(longest(bytes, at, head, longer_than, limits, |c| self.previous[usize::from(c)]))
    }

    fn slide(&mut self) {
        slide(&mut self.head[..]);
        self.previous.copy_within(HALF.., 0);
        slide(self.previous.get_mut(..HALF).unwrap_or_default());
    }
}
