//! What the two ways of encoding ask of a match finder.

use super::params::MIN_MATCH;
use super::window::Window;
use crate::recompress::coding::matches::{Found, Limits};
use crate::recompress::coding::strings::Bytes;

/// A match finder that finds what zlib's finds.
pub(in crate::recompress) trait Search {
    /// What an insertion learns about the strings inserted before.
    type Head: Copy + Default;

    fn new(mem_level: u8) -> Self;

    /// Enters the string at `at`, of which three bytes at least are input.
    fn insert(&mut self, bytes: Bytes<'_>, at: u16) -> Self::Head;

    /// Enters the string at `at`, of which three bytes are input and the fourth is not known yet.
    fn insert_short(&mut self, bytes: Bytes<'_>, at: u16) -> Self::Head {
        self.insert(bytes, at)
    }

    /// The fourth byte of the string at `at` is known by now; it is the newest that was entered, and by `insert_short`.
    fn complete(&mut self, _bytes: Bytes<'_>, _at: u16) {}

    /// Forgets everything.
    fn clear(&mut self);

    /// A head as if inserted after the slide.
    fn slide_head(head: Self::Head) -> Self::Head;

    /// The newest position with the same hash; 0 if there is none.
    fn newest(head: Self::Head) -> u16;

    /// The match zlib would take: longer than `longer_than` (at least 2), nearest of the longest.
    /// `head` came from inserting `at`; its newest position is not 0 and at most `MAX_DISTANCE` away.
    fn longest(&self, bytes: Bytes<'_>, at: u16, head: Self::Head, longer_than: usize, limits: Limits) -> Found;

    /// Follows `Window::slide`.
    fn slide(&mut self);
}

/// Enters the string at `at`, of which `known` bytes, three at least, are input.
#[inline(always)]
pub(super) fn enter<S: Search>(search: &mut S, bytes: Bytes<'_>, at: u16, known: usize) -> S::Head {
    if known > MIN_MATCH { search.insert(bytes, at) } else { search.insert_short(bytes, at) }
}

/// Enters the whole of a dictionary, of which the window holds nothing but.
pub(super) fn learn<S: Search>(search: &mut S, window: &Window) {
    search.clear();
    for at in (0..window.position()).take(window.start.saturating_sub(MIN_MATCH - 1)) {
        enter(search, window.bytes(), at, window.start - usize::from(at));
    }
}

/// Enters the strings that had gone beyond the input at the last pause, as far as they are known now.
pub(super) fn resume<S: Search>(search: &mut S, window: &mut Window) {
    let ahead = window.lookahead();
    if window.unseen == 0 || ahead == 0 {
        return;
    }
    if let Some(at) = window.position().checked_sub(3) {
        search.complete(window.bytes(), at);
    }
    while let Some(at) = window.unseen_position()
        && window.unseen + ahead >= MIN_MATCH
    {
        enter(search, window.bytes(), at, window.unseen + ahead);
        window.unseen -= 1;
    }
}
