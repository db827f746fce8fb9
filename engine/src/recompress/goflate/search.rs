//! What the two ways of encoding ask of a match finder, and the plain way to find a match.

use super::params::{MAX_MATCH, MIN_MATCH};
use crate::recompress::coding::matches::{Found, HALF_POSITION, Limits};
use crate::recompress::coding::strings::{Bytes, Tail};

/// A match of four bytes from farther away is not taken.
const TOO_FAR: u16 = 4096;

/// Nothing found.
pub(super) const NOTHING: Found = Found { len: MIN_MATCH - 1, distance: 0 };

/// Bounds of a search where so many bytes of input are left.
#[inline(always)]
pub(super) fn limits(candidates: usize, nice: usize, lookahead: usize) -> Limits {
    let longest = lookahead.min(MAX_MATCH);
    Limits { candidates, nice: nice.min(longest), longest }
}

/// Nothing, if this is a match that is too far away for its four bytes.
///
/// Go skips such candidates, which comes to the same: only longer ones could follow them.
#[inline(always)]
pub(super) fn unless_too_far(found: Found) -> Found {
    if found.len == MIN_MATCH && found.distance > TOO_FAR { NOTHING } else { found }
}

/// A match finder that finds what Go's finds.
pub(super) trait Search {
    fn new() -> Self;

    /// Enters the string at `at`, of which four bytes at least are input, and returns the newest position that was in its bucket.
    fn insert(&mut self, bytes: Bytes<'_>, at: u16) -> u16;

    /// The match Go would take: longer than `longer_than` (at least 3), nearest of the longest.
    ///
    /// `head` came from inserting `at`; of later positions only the next may have been inserted. `longer_than` is below
    /// `limits.longest`.
    fn longest(&self, bytes: Bytes<'_>, at: u16, head: u16, longer_than: usize, limits: Limits) -> Found;

    /// Follows `Window::slide`.
    fn slide(&mut self);
}

/// The position up to which (inclusive) candidates are out of reach from `at`.
#[inline(always)]
pub(super) fn floor(at: u16) -> u16 {
    at.saturating_sub(HALF_POSITION + 1)
}

/// The first of the longest matches along one chain, newest candidate first.
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
    let floor = floor(at);
    let mut tail = Tail::new(bytes, at, longer_than);
    let mut candidate = head;
    for _ in 0..limits.candidates {
        if candidate <= floor {
            break;
        }
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
    }
    best
}
