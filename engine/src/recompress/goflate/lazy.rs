//! Levels 4 to 9: a match is taken only if the next position has no longer one.

use super::block::{Block, Sink};
use super::params::{Effort, MIN_MATCH};
use super::search::{NOTHING, Search, limits};
use super::window::Window;
use crate::recompress::coding::matches::{Found, HALF_POSITION};

/// Where a lazy encoder stands between two calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    previous: Found,
    /// The byte before the current position has not been encoded.
    open: bool,
    /// The head of the current position, which is inserted one position early: its look-ups in large tables are then under way
    /// while the search before it runs. `None` at the stream's start.
    head: Option<u16>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { previous: NOTHING, open: false, head: None }
    }
}

impl Progress {
    /// Nothing is pending, and the current position is inserted.
    pub(super) fn at_match_end(head: u16) -> Self {
        Self { head: Some(head), ..Self::default() }
    }

    /// Follows `Window::slide`.
    pub(super) fn slide(&mut self) {
        self.head = self.head.map(|head| head.saturating_sub(HALF_POSITION));
    }
}

/// Encodes until `stop` is reached or passed.
pub(super) fn encode<S: Search>(
    effort: &Effort,
    window: &mut Window,
    chains: &mut S,
    progress: &mut Progress,
    block: &mut Block,
    sink: &mut Sink<'_>,
    stop: usize,
) {
    let Progress { mut previous, mut open, head } = *progress;
    let mut head = match head {
        Some(head) => head,
        None if window.end - window.start >= MIN_MATCH => chains.insert(window.bytes(), position(window.start)),
        None => 0,
    };
    while window.start < stop {
        let lookahead = window.end - window.start;
        let bytes = window.bytes();
        let at = position(window.start);
        let mut current = NOTHING;
        if lookahead >= MIN_MATCH {
            let inserted = head;
            if lookahead > MIN_MATCH {
                head = chains.insert(bytes, at + 1);
            }
            if previous.len < effort.lazy && previous.len < lookahead {
                let limits = limits(effort.chain, effort.nice, lookahead);
                current = chains.longest(bytes, at, inserted, previous.len, limits);
            }
        }
        if previous.distance != 0 && (current.distance == 0 || current.len <= previous.len) {
            // The match began one position back. That, this and the next position are inserted already; the others follow, and the
            // one behind the match for the next round. Strings that the input's end cuts short are never inserted.
            let inner = (previous.len - 2).min(lookahead.saturating_sub(MIN_MATCH + 1));
            for inner in (at + 2..).take(inner) {
                head = chains.insert(bytes, inner);
            }
            window.start += previous.len - 1;
            let full = block.matched(previous.len, usize::from(previous.distance));
            previous = NOTHING;
            open = false;
            if full {
                block.write_shortest(window.end_block(), sink);
            }
        } else {
            if open && block.literal(bytes.byte(window.start - 1)) {
                block.write_shortest(window.end_block(), sink);
            }
            window.start += 1;
            previous = current;
            open = true;
        }
    }
    *progress = Progress { previous, open, head: Some(head) };
}

/// Takes the literal that is left at the input's end.
pub(super) fn finish(window: &Window, progress: &mut Progress, block: &mut Block) {
    if std::mem::take(&mut progress.open) {
        // Full or not, the last block is written next.
        block.literal(window.bytes().byte(window.start - 1));
    }
}

/// Positions at which four bytes are left fit; others are not used.
#[inline(always)]
fn position(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}
