//! One pass over what the window holds ahead.

use super::super::block::BlockWriter;
use super::super::huffman::code_lengths;
use super::super::params::Revision;
use super::super::tokens::{Tokens, histogram};
use super::chains::{Chains, Found, Link, SHORTEST};
use super::effort::Effort;
use super::window::{HALF, Window};
use crate::recompress::coding::alphabet::MAX_MATCH;
use crate::recompress::coding::codes::MAX_BITS;

/// Tokens of a block.
const MOST_TOKENS: usize = 32 << 10;
/// Look-ahead below which more input is waited for.
pub(super) const LEAST_AHEAD: usize = SHORTEST + MAX_MATCH;
/// Bytes at a match's start that a match found at its end may lack.
const SKIP: usize = 2;

/// What the position before the current one left undecided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    found: Found,
    /// The byte there has not been encoded.
    open: bool,
    /// Literals since the last match, modulo 2^16.
    literals: u16,
}

impl Default for Pending {
    fn default() -> Self {
        Self { found: NOTHING, open: false, literals: 0 }
    }
}

const NOTHING: Found = Found { len: SHORTEST - 1, distance: 0 };

pub(super) struct Step<'a> {
    effort: &'a Effort,
    window: &'a mut Window,
    chains: &'a mut Chains,
    tokens: &'a mut Tokens,
    writer: &'a mut BlockWriter,
    /// Everything is to be encoded, and every block closed.
    end: bool,
    out: &'a mut Vec<u8>,
    /// Bits that literals are taken to cost, from the frequencies of the bytes ahead.
    lengths: [u8; 256],
    searches: bool,
    /// Where strings of four bytes cease to be within the input.
    insert_end: usize,
}

impl<'a> Step<'a> {
    pub(super) fn new(
        effort: &'a Effort,
        window: &'a mut Window,
        chains: &'a mut Chains,
        tokens: &'a mut Tokens,
        writer: &'a mut BlockWriter,
        end: bool,
        out: &'a mut Vec<u8>,
    ) -> Self {
        let lengths = effort.gain.map_or([0; 256], |gain| {
            let ahead = window.ahead();
            let counted = ahead.get(..gain.counted).unwrap_or(ahead);
            code_lengths(&histogram(counted), MAX_BITS).map(|len| len.max(gain.unknown))
        });
        // 65,536 equal bytes count as none where all are counted, here as in the original; literals are then free, and no match
        // can gain.
        let searches = effort.gain.is_none() || lengths != [0; 256];
        let insert_end = window.end.saturating_sub(SHORTEST - 1);
        Self { effort, window, chains, tokens, writer, end, out, lengths, searches, insert_end }
    }

    pub(super) fn run(&mut self, pending: &mut Pending) {
        let Pending { mut found, mut open, mut literals } = *pending;
        loop {
            let lookahead = self.window.end - self.window.start;
            if lookahead < LEAST_AHEAD && (!self.end || lookahead == 0) {
                break;
            }
            let at = self.window.start;
            let head = self.enter(at);
            let previous = found;
            found = NOTHING;
            if self.searches && lookahead > previous.len && previous.len < self.effort.lazy {
                let bytes = self.window.bytes();
                found = self.chains.search(self.effort, &self.lengths, bytes, at, head, lookahead).unwrap_or(NOTHING);
            }
            if previous.len >= SHORTEST && found.len <= previous.len {
                self.take(previous, lookahead);
                (found, open, literals) = (NOTHING, false, 0);
                continue;
            }
            if found.len >= SHORTEST {
                literals = 0;
            }
            if !open {
                self.window.start += 1;
                open = true;
                continue;
            }
            literals = literals.wrapping_add(1);
            self.literal(at - 1);
            self.window.start += 1;
            // After many literals in a row, some are not looked at.
            if u32::from(literals) > self.effort.chain {
                self.skip(1 + ((u32::from(literals) - self.effort.chain) >> 6));
                open = false;
            }
        }
        if self.end {
            if open {
                self.tokens.literal(self.window.bytes().byte(self.window.start.wrapping_sub(1)));
                open = false;
            }
            if self.tokens.len() > 0 {
                self.write_block();
            }
        }
        *pending = Pending { found, open, literals };
    }

    /// Takes the match that starts one position back, or a better one that a look at its end finds.
    fn take(&mut self, mut found: Found, lookahead: usize) {
        match self.effort.revision {
            Revision::V1_15 => self.improve_1_15(&mut found, lookahead),
            Revision::V1_18 | Revision::V1_20 | Revision::Go1_27 => self.improve_1_18(&mut found, lookahead),
        }
        self.tokens.matched(found.len, found.distance);
        let next = self.window.start + found.len - 1;
        let bytes = self.window.bytes();
        for at in self.window.start + 1..next.min(self.insert_end) {
            self.chains.enter(bytes, at);
        }
        self.window.start = next;
        self.write_full_block();
    }

    fn improve_1_15(&mut self, found: &mut Found, lookahead: usize) {
        let from = self.window.start - 1;
        if from + found.len + SKIP >= self.insert_end {
            return;
        }
        let bytes = self.window.bytes();
        let newest = self.chains.newest(bytes, from + found.len - SKIP);
        let Some(candidate) = newest.and_then(|newest| (newest + SKIP).checked_sub(found.len)) else { return };
        if candidate <= self.window.start.saturating_sub(HALF) {
            return;
        }
        let len = bytes.common(from, candidate, lookahead.min(MAX_MATCH));
        if len > found.len {
            *found = Found { len, distance: from - candidate };
        }
    }

    fn improve_1_18(&mut self, found: &mut Found, lookahead: usize) {
        let from = self.window.start - 1;
        if found.len >= MAX_MATCH - SKIP || from + found.len >= self.insert_end {
            return;
        }
        let bytes = self.window.bytes();
        let newest = self.chains.newest(bytes, from + found.len);
        let Some(candidate) = newest.and_then(|newest| newest.checked_sub(found.len)) else { return };
        let distance = from - candidate;
        if distance == found.distance || candidate <= self.window.start.saturating_sub(HALF) + SKIP {
            return;
        }
        let len = bytes.common(from + SKIP, candidate + SKIP, lookahead.min(MAX_MATCH + SKIP).saturating_sub(SKIP));
        if len <= found.len {
            return;
        }
        *found = Found { len, distance };
        // As far as the bytes before agree too, they belong to the match; the others become literals.
        for back in (0..SKIP).rev() {
            let bytes = self.window.bytes();
            if found.len >= MAX_MATCH || bytes.byte(from + back) != bytes.byte(candidate + back) {
                for at in from..=from + back {
                    self.literal(at);
                    self.window.start += 1;
                    self.enter(self.window.start);
                }
                break;
            }
            found.len += 1;
        }
    }

    /// Adds the byte before the next position as a literal, and `count` more, whose strings are only entered.
    fn skip(&mut self, count: u32) {
        for _ in 0..count {
            if self.window.start + 1 >= self.window.end {
                break;
            }
            self.literal(self.window.start - 1);
            self.enter(self.window.start);
            self.window.start += 1;
        }
        self.literal(self.window.start - 1);
    }

    fn literal(&mut self, at: usize) {
        self.tokens.literal(self.window.bytes().byte(at));
        self.write_full_block();
    }

    /// Enters the string at `at`, if it is within the input.
    fn enter(&mut self, at: usize) -> Link {
        if at < self.insert_end { self.chains.enter(self.window.bytes(), at) } else { 0 }
    }

    fn write_full_block(&mut self) {
        if self.tokens.len() == MOST_TOKENS {
            self.write_block();
        }
    }

    /// Writes the tokens so far, which stand for what is before the next position.
    #[cold]
    #[inline(never)]
    fn write_block(&mut self) {
        let bytes = self.window.take_block();
        self.writer.tokens(self.tokens, bytes, self.end, self.out);
        self.tokens.clear();
    }
}
