//! Levels 4 to 9: a match is taken only if the next position has no longer one.

use super::block::Block;
use super::params::{Effort, MAX_MATCH, MIN_MATCH};
use super::search::{Search, enter, resume};
use super::sink::Sink;
use super::window::{MAX_DISTANCE, MIN_LOOKAHEAD, SLIDE_AT, Window};
use crate::recompress::coding::matches::Limits;

/// A match of three bytes from farther away costs more than its literals.
pub(in crate::recompress) const TOO_FAR: u16 = 4096;

/// Where a lazy encoder stands between two calls.
#[derive(Debug, Default)]
pub(super) struct Progress<H> {
    previous: Pending,
    /// The head of the current position, which is inserted one position early: its look-ups in large tables are then under
    /// way while the search before it runs.
    head: H,
    started: bool,
}

impl<H> Progress<H> {
    /// Nothing is pending, and the current position is inserted.
    pub(super) fn at_match_end(head: H) -> Self {
        Self { previous: Pending::NOTHING, head, started: true }
    }
}

/// What the position before the current one left undecided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    /// Length of the match there, 2 if there is none.
    len: usize,
    distance: u16,
    /// The byte there has not been encoded.
    open: bool,
}

impl Default for Pending {
    fn default() -> Self {
        Self::NOTHING
    }
}

impl Pending {
    pub(super) const NOTHING: Self = Self { len: MIN_MATCH - 1, distance: 0, open: false };
}

/// Encodes until a refill is due, or everything if `finish`.
pub(super) fn encode<S: Search>(
    effort: &Effort,
    window: &mut Window,
    search: &mut S,
    progress: &mut Progress<S::Head>,
    block: &mut Block,
    sink: &mut Sink<'_>,
    finish: bool,
) {
    let Progress { mut previous, mut head, started } = *progress;
    resume(search, window);
    if !started && window.lookahead() >= MIN_MATCH {
        head = enter(search, window.bytes(), window.position(), window.lookahead());
    }
    loop {
        let lookahead = window.lookahead();
        if lookahead < MIN_LOOKAHEAD {
            if window.start >= SLIDE_AT {
                window.slide();
                search.slide();
                head = S::slide_head(head);
            }
            if !finish || lookahead == 0 {
                break;
            }
        }
        let bytes = window.bytes();
        let at = window.position();
        let mut current = Pending { open: true, ..Pending::NOTHING };
        if lookahead >= MIN_MATCH {
            let inserted = head;
            if lookahead > MIN_MATCH {
                head = enter(search, bytes, at + 1, lookahead - 1);
            }
            let newest = S::newest(inserted);
            if newest != 0 && previous.len < effort.lazy && at - newest <= MAX_DISTANCE {
                let longest = lookahead.min(MAX_MATCH);
                let candidates = if previous.len >= effort.good { effort.chain / 4 } else { effort.chain };
                let limits = Limits { candidates, nice: effort.nice.min(longest), longest };
                let found = search.longest(bytes, at, inserted, previous.len, limits);
                if found.distance != 0 && (found.len > MIN_MATCH || found.distance <= TOO_FAR) {
                    current.len = found.len;
                    current.distance = found.distance;
                }
            }
        }
        if previous.len >= MIN_MATCH && current.len <= previous.len {
            // The match began one position back. That, this and the next position are inserted already; the others follow, and
            // the one behind the match for the next round. Strings that the input's end cuts short are not inserted.
            let (wanted, known) = (previous.len - 2, lookahead.saturating_sub(MIN_MATCH + 2));
            for inner in (at + 2..).take(wanted.min(known)) {
                head = search.insert(bytes, inner);
            }
            if wanted > known && lookahead > MIN_MATCH + 1 {
                #[expect(clippy::cast_possible_truncation, reason = "less than the length of a match")]
                let last = at + 2 + known as u16;
                head = search.insert_short(bytes, last);
            }
            window.start += previous.len - 1;
            let full = block.matched(previous.len, usize::from(previous.distance));
            previous = Pending::NOTHING;
            if full {
                sink.flush(window, block, false);
            }
        } else {
            if previous.open && block.literal(bytes.byte(at - 1)) {
                sink.flush(window, block, false);
            }
            window.start += 1;
            previous = current;
        }
    }
    if finish && previous.open {
        // Full or not, the last block is flushed next.
        block.literal(window.bytes().byte(window.position().wrapping_sub(1)));
        previous = Pending::NOTHING;
    }
    *progress = Progress { previous, head, started: !finish };
}
