//! Levels 4 to 9: a match is taken only if the next position has no longer one.

use super::rolling::Rolling;
use super::split::Output;
use crate::recompress::coding::matches::Limits;
use crate::recompress::zlib::deflate::lazy::TOO_FAR;
use crate::recompress::zlib::deflate::params::{Effort, MAX_MATCH, MIN_MATCH};
use crate::recompress::zlib::deflate::search::Search;
use crate::recompress::zlib::deflate::window::{MAX_DISTANCE, MIN_LOOKAHEAD, SLIDE_AT, Window};

/// Where the encoder stands between two calls.
#[derive(Debug, Default)]
pub(super) struct Progress<H> {
    previous: Pending,
    /// The head of the current position, which is inserted one position early: its look-ups in large tables are then under
    /// way while the search before it runs.
    head: H,
    started: bool,
}

/// What the position before the current one left undecided.
#[derive(Debug, Clone, Copy)]
struct Pending {
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
    const NOTHING: Self = Self { len: MIN_MATCH - 1, distance: 0, open: false };
}

/// Encodes until a refill is due, or if the input has `ended`, everything.
pub(super) fn encode<S: Search>(
    effort: &Effort,
    window: &mut Window,
    search: &mut S,
    progress: &mut Progress<S::Head>,
    output: &mut Output<'_>,
    mut rolling: Option<&mut Rolling>,
    ended: bool,
) {
    let Progress { mut previous, mut head, mut started } = *progress;
    if !started && (ended || window.lookahead() >= MIN_LOOKAHEAD) {
        head = search.insert(window.bytes(), window.position());
        started = true;
    }
    loop {
        let lookahead = window.lookahead();
        if lookahead < MIN_LOOKAHEAD {
            if !ended && window.start >= SLIDE_AT {
                window.slide();
                search.slide();
                head = S::slide_head(head);
                rolling.iter_mut().for_each(|rolling| rolling.slide());
            }
            if !ended || lookahead == 0 {
                break;
            }
        }
        let bytes = window.bytes();
        let at = window.position();
        let inserted = head;
        head = search.insert(bytes, at + 1);
        let newest = S::newest(inserted);
        let mut current = Pending { open: true, ..Pending::NOTHING };
        if newest != 0 && previous.len < effort.lazy && at - newest <= MAX_DISTANCE && window.start <= SLIDE_AT {
            let candidates = if previous.len >= effort.good { effort.chain / 4 } else { effort.chain };
            let limits = Limits { candidates, nice: effort.nice, longest: MAX_MATCH };
            let found = search.longest(bytes, at, inserted, previous.len, limits);
            let len = found.len.min(lookahead);
            if found.distance != 0 && len >= MIN_MATCH && (len > MIN_MATCH || found.distance <= TOO_FAR) {
                current.len = len;
                current.distance = found.distance;
            }
        }
        let before = window.block_len();
        if previous.len >= MIN_MATCH && current.len <= previous.len {
            // The match began one position back. That, this and the next position are inserted already; the others follow, and
            // the one behind the match for the next round.
            for inner in (at + 2..=u16::MAX).take(previous.len - 2) {
                head = search.insert(bytes, inner);
            }
            let full = output.matched(previous.len, previous.distance, before);
            let rest = previous.len - 1;
            rolling.iter_mut().for_each(|rolling| rolling.take(bytes, at, rest));
            window.start += rest;
            previous = Pending::NOTHING;
            let passed = rolling.as_mut().is_some_and(|rolling| rolling.passed(window.start));
            if full || passed {
                output.flush(window, passed);
            }
        } else {
            let full = previous.open && output.literal(bytes.byte(at - 1), before);
            let passed = rolling.as_mut().is_some_and(|rolling| rolling.passed(window.start));
            rolling.iter_mut().for_each(|rolling| rolling.take(bytes, at, 1));
            if full || passed {
                output.flush(window, passed);
            }
            window.start += 1;
            previous = current;
        }
    }
    if ended && previous.open {
        // Full or not, the last block is flushed next.
        output.literal(window.bytes().byte(window.position().wrapping_sub(1)), 0);
        previous = Pending::NOTHING;
    }
    *progress = Progress { previous, head, started };
}
