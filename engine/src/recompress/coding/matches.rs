//! Searches for the longest match, as zlib and Go define it, and how to find it sooner than they do.

use super::strings::{Bytes, Tail};

/// Half of a window; how far one slide moves everything.
pub(in crate::recompress) const HALF: usize = HALF_POSITION as usize;
/// The same as a position.
pub(in crate::recompress) const HALF_POSITION: u16 = 32 << 10;
/// How many four-byte strings of a match are considered for the next chain: more cost more than they save.
const REACH: u16 = 4;

/// Bounds of one search.
#[derive(Debug, Clone, Copy)]
pub(in crate::recompress) struct Limits {
    /// Most candidates that the original would look at.
    pub(in crate::recompress) candidates: usize,
    /// A match of this length or more ends the search; never above `longest`.
    pub(in crate::recompress) nice: usize,
    /// Longest match possible here: 258, or what is left of the input.
    pub(in crate::recompress) longest: usize,
}

/// The best match of a search; `distance` is 0 if nothing longer than asked for was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recompress) struct Found {
    pub(in crate::recompress) len: usize,
    pub(in crate::recompress) distance: u16,
}

/// Chains of the positions whose next four bytes share a hash, newest first. Position 0 ends a chain.
pub(in crate::recompress) trait FourByteChains {
    /// The position before this one in its chain.
    fn previous(&self, position: u16) -> u16;

    /// The newest position of the chain on which four bytes are.
    fn head(&self, string: u32) -> u16;

    /// The match longer than `longer_than` (3 at least, below `limits.longest`) that following the chain of the current string
    /// would find: the nearest of the longest. It begins at `first` of that chain and goes on along the chain of *other* four
    /// bytes that a longer match needs, whichever leads farthest; candidates up to `floor` are out of reach, and one that
    /// `comes_too_late` ends the search, as the original would not have got there.
    ///
    /// `None` if that takes more steps than the original's search would: then its own way is as good, and the worst case stays
    /// within twice the original's.
    #[inline(always)]
    fn longest_by_rarest(
        &self,
        bytes: Bytes<'_>,
        at: u16,
        (first, floor): (u16, u16),
        longer_than: usize,
        limits: Limits,
        comes_too_late: impl Fn(u16) -> bool,
    ) -> Option<Found> {
        let mut best = Found { len: longer_than, distance: 0 };
        let floor = i32::from(floor);
        let mut tail = Tail::new(bytes, at, longer_than);
        let mut steps = limits.candidates;
        let mut trail = Trail { link: first, offset: 0 };
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
                trail = Trail { link: self.newest_before(bytes, at, ahead), offset: ahead };
                continue;
            };
            if tail.agrees(bytes, candidate) {
                let len = bytes.common(at, candidate, limits.longest);
                if len > best.len {
                    if comes_too_late(candidate) {
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

    /// The newest position up to `at` on the chain of the four bytes `offset` behind `at`.
    #[inline(always)]
    fn newest_before(&self, bytes: Bytes<'_>, at: u16, offset: u16) -> u16 {
        let newest = self.head(bytes.load4(at.wrapping_add(offset)));
        // The string behind the current one is inserted already.
        if newest > at { self.previous(newest) } else { newest }
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
            farthest = farthest.or_farther(Trail { link: self.newest_before(bytes, at, next), offset: next });
        }
        let eligible = next.min(found.distance + 1);
        for offset in 0..REACH {
            let offset = if offset < eligible { offset } else { 0 };
            farthest = farthest.or_farther(Trail { link: self.previous(candidate + offset), offset });
        }
        farthest
    }
}

/// A place on the chain of four bytes that are `offset` behind a candidate's start.
#[derive(Clone, Copy)]
pub(in crate::recompress) struct Trail {
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
    len as u16 - 3
}

/// Moves positions down by half a window; those that drop out, and the one that becomes 0, end their chains.
pub(in crate::recompress) fn slide(positions: &mut [u16]) {
    for position in positions {
        *position = position.saturating_sub(HALF_POSITION);
    }
}

/// Slides the first of each pair; written for eight lanes at once.
pub(in crate::recompress) fn slide_first(pairs: &mut [[u16; 2]]) {
    const BY: [u16; 8] = [HALF_POSITION, 0, HALF_POSITION, 0, HALF_POSITION, 0, HALF_POSITION, 0];
    for pairs in pairs.as_flattened_mut().chunks_exact_mut(BY.len()) {
        for (value, by) in pairs.iter_mut().zip(BY) {
            *value = value.saturating_sub(by);
        }
    }
}
