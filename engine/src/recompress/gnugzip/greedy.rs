//! Levels 1 to 3: every match is taken as found.

use super::rolling::Rolling;
use super::split::Output;
use crate::recompress::coding::matches::Limits;
use crate::recompress::zlib::deflate::params::{Effort, MAX_MATCH, MIN_MATCH};
use crate::recompress::zlib::deflate::search::Search;
use crate::recompress::zlib::deflate::window::{MAX_DISTANCE, MIN_LOOKAHEAD, SLIDE_AT, Window};

/// Encodes until a refill is due, or if the input has `ended`, everything.
pub(super) fn encode<S: Search>(
    effort: &Effort,
    window: &mut Window,
    search: &mut S,
    output: &mut Output<'_>,
    mut rolling: Option<&mut Rolling>,
    ended: bool,
) {
    let limits = Limits { candidates: effort.chain, nice: effort.nice, longest: MAX_MATCH };
    loop {
        let lookahead = window.lookahead();
        if lookahead < MIN_LOOKAHEAD {
            if !ended && window.start >= SLIDE_AT {
                window.slide();
                search.slide();
                rolling.iter_mut().for_each(|rolling| rolling.slide());
            }
            if !ended || lookahead == 0 {
                return;
            }
        }
        let bytes = window.bytes();
        let at = window.position();
        let head = search.insert(bytes, at);
        let newest = S::newest(head);
        let mut len = 0;
        let mut distance = 0;
        if newest != 0 && at - newest <= MAX_DISTANCE && window.start <= SLIDE_AT {
            let found = search.longest(bytes, at, head, MIN_MATCH - 1, limits);
            len = found.len.min(lookahead);
            distance = found.distance;
        }
        let before = window.block_len();
        let full = if len >= MIN_MATCH {
            // Inner positions of long matches are skipped to save time, which leaves them out of later searches.
            if len <= effort.lazy {
                for inner in (at + 1..).take(len - 1) {
                    search.insert(bytes, inner);
                }
            }
            output.matched(len, distance, before)
        } else {
            len = 1;
            output.literal(bytes.byte(at), before)
        };
        window.start += len;
        let passed = rolling.as_mut().is_some_and(|rolling| {
            rolling.take(window.bytes(), at, len);
            rolling.passed(window.start)
        });
        if full || passed {
            output.flush(window, passed);
        }
    }
}
