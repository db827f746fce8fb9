//! What the two ways of encoding ask of a match finder.

use super::window::Bytes;

/// Bounds of one search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Most candidates that zlib would look at.
    pub(super) candidates: usize,
    /// A match of this length or more ends the search; never above `longest`.
    pub(super) nice: usize,
    /// Longest match possible here: 258, or what is left of the input.
    pub(super) longest: usize,
}

/// The best match of a search; `distance` is 0 if nothing longer than asked for was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) len: usize,
    pub(super) distance: u16,
}

/// A match finder that finds what zlib's finds.
pub(super) trait Search {
    /// What an insertion learns about the strings inserted before.
    type Head: Copy + Default;

    fn new(mem_level: u8) -> Self;

    /// Enters the string at `at`, of which three bytes at least are input.
    fn insert(&mut self, bytes: Bytes<'_>, at: u16) -> Self::Head;

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
