//! Levels 1 to 3: every match is taken as found.

use super::block::Block;
use super::params::{Effort, MAX_MATCH, MIN_MATCH};
use super::search::{Search, resume};
use super::sink::Sink;
use super::window::{MAX_DISTANCE, MIN_LOOKAHEAD, SLIDE_AT, Window};
use crate::recompress::coding::matches::Limits;

/// Encodes until a refill is due, or everything if `finish`.
pub(super) fn encode<S: Search>(
    effort: &Effort,
    window: &mut Window,
    search: &mut S,
    block: &mut Block,
    sink: &mut Sink<'_>,
    finish: bool,
) {
    resume(search, window);
    loop {
        let lookahead = window.lookahead();
        if lookahead < MIN_LOOKAHEAD {
            if window.start >= SLIDE_AT {
                window.slide();
                search.slide();
            }
            if !finish || lookahead == 0 {
                return;
            }
        }
        let bytes = window.bytes();
        let at = window.position();
        let mut len = 0;
        let mut distance = 0;
        if lookahead >= MIN_MATCH {
            let head = search.insert(bytes, at);
            let newest = S::newest(head);
            if newest != 0 && at - newest <= MAX_DISTANCE {
                let longest = lookahead.min(MAX_MATCH);
                let limits = Limits { candidates: effort.chain, nice: effort.nice.min(longest), longest };
                let found = search.longest(bytes, at, head, MIN_MATCH - 1, limits);
                len = found.len;
                distance = found.distance;
            }
        }
        let full = if len >= MIN_MATCH {
            // Inner positions of long matches are skipped to save time, which leaves them out of later searches.
            if len <= effort.lazy && lookahead - len >= MIN_MATCH {
                for inner in (at + 1..).take(len - 1) {
                    search.insert(bytes, inner);
                }
            }
            block.matched(len, usize::from(distance))
        } else {
            len = 1;
            block.literal(bytes.byte(at))
        };
        window.start += len;
        if full {
            sink.flush(window, block, false);
        }
    }
}
