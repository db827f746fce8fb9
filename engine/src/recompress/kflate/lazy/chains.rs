//! Hash chains over the window.

use super::effort::{Effort, Gain};
use super::window::{Bytes, HALF};
use crate::recompress::coding::alphabet::{DISTANCE_CLASSES, LENGTH_CLASS_OF, LENGTH_CLASSES, distance_symbol};
use crate::recompress::coding::hashes::hash4;

const BITS: u32 = 17;
/// The shortest match that is looked for.
pub(super) const SHORTEST: usize = 4;

/// A position + 1, or 0 for none.
pub(super) type Link = u16;

/// Newest position of each four-byte hash, and the one before it for each position.
pub(super) struct Chains {
    heads: Box<[Link; 1 << BITS]>,
    previous: Box<[Link; HALF]>,
}

/// The best match of a search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) len: usize,
    pub(super) distance: usize,
}

impl Chains {
    pub(super) fn new() -> Self {
        Self { heads: Box::new([0; 1 << BITS]), previous: Box::new([0; HALF]) }
    }

    /// Enters the string at `at`; returns what was the newest with its hash.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a hash of 17 bits, and a position modulo the length")]
    #[expect(clippy::cast_possible_truncation, reason = "strings of four bytes start below 65,533")]
    pub(super) fn enter(&mut self, bytes: Bytes<'_>, at: usize) -> Link {
        let head = std::mem::replace(&mut self.heads[hash(bytes.load4(at))], at as Link + 1);
        self.previous[at % HALF] = head;
        head
    }

    /// The newest position with the hash of the string at `at`.
    #[expect(clippy::indexing_slicing, reason = "a hash of 17 bits")]
    pub(super) fn newest(&self, bytes: Bytes<'_>, at: usize) -> Option<usize> {
        usize::from(self.heads[hash(bytes.load4(at))]).checked_sub(1)
    }

    /// Follows `Window::slide`.
    pub(super) fn slide(&mut self) {
        slide(&mut self.heads[..]);
        slide(&mut self.previous[..]);
    }

    /// Forgets everything and enters the strings of the first `len` bytes.
    pub(super) fn restart(&mut self, bytes: Bytes<'_>, len: usize) {
        self.heads.fill(0);
        self.previous.fill(0);
        for at in 0..len.saturating_sub(SHORTEST - 1) {
            self.enter(bytes, at);
        }
    }

    /// The match to take at `at`, of `head` or older positions and at most `lookahead` (4 at least) long.
    #[inline(always)]
    pub(super) fn search(
        &self,
        effort: &Effort,
        lengths: &[u8; 256],
        bytes: Bytes<'_>,
        at: usize,
        head: Link,
        lookahead: usize,
    ) -> Option<Found> {
        match effort.gain {
            None => self.longest(bytes, at, head, lookahead, effort, |_, _| true),
            Some(Gain { cost, least, .. }) => {
                let mut most = least;
                self.longest(bytes, at, head, lookahead, effort, |len, distance| {
                    let gain = literal_bits(lengths, bytes, at, len) - extra_bits(len, distance) - cost;
                    let better = gain > most;
                    most = most.max(gain);
                    better
                })
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a position modulo the length")]
    fn longest(
        &self,
        bytes: Bytes<'_>,
        at: usize,
        head: Link,
        lookahead: usize,
        effort: &Effort,
        mut accept: impl FnMut(usize, usize) -> bool,
    ) -> Option<Found> {
        let most = lookahead.min(258);
        let nice = effort.nice.min(most);
        // As links count: positions + 1, so that none is below all.
        let floor = at.saturating_sub(HALF) + 1;
        let previous = &*self.previous;
        let mut best = Found { len: SHORTEST - 1, distance: 0 };
        // A longer match has these four bytes too: those that end one byte behind the best so far.
        let mut tail = bytes.load4(at);
        let mut offset = 0;
        let mut link = usize::from(head);
        let mut left = effort.chain;
        while link >= floor && left > 0 {
            let candidate = link - 1;
            if bytes.load4(candidate + offset) == tail {
                let len = bytes.common(at, candidate, most);
                if len > best.len && accept(len, at - candidate) {
                    best = Found { len, distance: at - candidate };
                    if len >= nice {
                        break;
                    }
                    offset = len - 3;
                    tail = bytes.load4(at + offset);
                }
            }
            // What is a whole window back has lost its predecessor to the current position.
            if link == floor {
                break;
            }
            link = usize::from(previous[candidate % HALF]);
            left -= 1;
        }
        (best.distance != 0).then_some(best)
    }
}

fn slide(links: &mut [Link]) {
    for link in links {
        *link = link.saturating_sub(1 << 15);
    }
}

#[inline(always)]
fn hash(string: u32) -> usize {
    hash4::<BITS>(string.into())
}

/// Bits of `len` literals from `at` on.
#[expect(clippy::indexing_slicing, reason = "a byte is within the array")]
fn literal_bits(lengths: &[u8; 256], bytes: Bytes<'_>, at: usize, len: usize) -> i64 {
    (at..at + len).map(|at| i64::from(lengths[usize::from(bytes.byte(at))])).sum()
}

/// Extra bits of a match, as the original counts them: by the class of the distance itself instead of the distance less one,
/// and for the greatest by a class that its table happens to have there.
fn extra_bits(len: usize, distance: usize) -> i64 {
    const AT_GREATEST: u8 = 14;
    let class = LENGTH_CLASS_OF.get(len - 3).and_then(|&class| LENGTH_CLASSES.get(usize::from(class)));
    let symbol = match u16::try_from(distance) {
        Ok(distance) if usize::from(distance) < HALF => distance_symbol(distance),
        _ => AT_GREATEST,
    };
    let extra = class.map_or(0, |class| class.extra);
    i64::from(extra) + i64::from(DISTANCE_CLASSES.get(usize::from(symbol)).map_or(0, |class| class.extra))
}
