//! Levels 2 and 3: every match is taken as found.

use super::block::{Block, Sink};
use super::chains::Chains;
use super::params::{Effort, MIN_MATCH};
use super::search::{NOTHING, Search, limits};
use super::window::Window;

/// Encodes until `stop` is reached or passed.
pub(super) fn encode(
    effort: &Effort,
    window: &mut Window,
    chains: &mut Chains,
    block: &mut Block,
    sink: &mut Sink<'_>,
    stop: usize,
) {
    while window.start < stop {
        let bytes = window.bytes();
        let lookahead = window.end - window.start;
        let mut found = NOTHING;
        let position = u16::try_from(window.start).unwrap_or(u16::MAX);
        if lookahead >= MIN_MATCH {
            let head = chains.insert(bytes, position);
            let limits = limits(effort.chain, effort.nice, lookahead);
            found = chains.longest(bytes, position, head, MIN_MATCH - 1, limits);
        }
        let full = if found.distance != 0 {
            // Inner positions of long matches are skipped to save time, which leaves them out of later searches. Strings that the
            // input's end cuts short are never inserted.
            if found.len <= effort.insert {
                for inner in (position + 1..).take((found.len - 1).min(lookahead - MIN_MATCH)) {
                    chains.insert(bytes, inner);
                }
            }
            window.start += found.len;
            block.matched(found.len, usize::from(found.distance))
        } else {
            let byte = bytes.byte(window.start);
            window.start += 1;
            block.literal(byte)
        };
        if full {
            block.write_shortest(window.end_block(), sink);
        }
    }
}
