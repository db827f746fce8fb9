//! The blocks of a stream, its decoded bytes, and where the encoder was flushed.

use std::collections::VecDeque;

use super::Flush;
use crate::recompress::tokens::{BlockEnd, BlockHeader, BlockKind, TokenSink};

/// Farthest that a match reaches back.
const WINDOW: u64 = 32 << 10;

/// A block that was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its first bit in the stream.
    pub(super) bit: u64,
    /// Decoded bytes before it.
    pub(super) at: u64,
    /// The bit behind it.
    pub(super) end_bit: u64,
    /// Decoded bytes up to its end.
    pub(super) end: u64,
    /// Literals between the last match and its end.
    pub(super) literals: u64,
    /// It is what a flush leaves behind.
    pub(super) mark: bool,
    /// It has the fixed codes.
    pub(super) fixed: bool,
    /// The stream ends with it.
    pub(super) last: bool,
}

/// A flush that the stream shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// First bit of the block that it left.
    pub(super) bit: u64,
    /// Decoded bytes before it.
    pub(super) at: u64,
    pub(super) kind: Flush,
}

/// An empty stored block; `across` tells whether a match was seen to reach across it.
#[derive(Debug, Clone, Copy)]
struct Open {
    bit: u64,
    at: u64,
    across: bool,
}

/// Gathers until somebody takes it.
#[derive(Debug, Default)]
pub(super) struct Scout {
    pub(super) plain: Vec<u8>,
    pub(super) blocks: Vec<Seen>,
    /// In stream order.
    pub(super) marks: Vec<Mark>,
    /// Flushes that cannot be handed out yet; the first of them cannot be told.
    open: VecDeque<Open>,
    /// Where the last of them lies that cannot be told, 0 if there is none: a match that starts before it tells.
    last_open: u64,
    at: u64,
    literals: u64,
    block: Option<Seen>,
}

impl Scout {
    /// Where the first flush lies that cannot be told yet.
    pub(super) fn undecided(&self) -> Option<u64> {
        self.open.front().map(|open| open.at)
    }

    /// Forgets what was taken.
    pub(super) fn clear(&mut self) {
        self.plain.clear();
        self.blocks.clear();
        self.marks.clear();
    }

    /// As it would stand if nobody had taken these.
    pub(super) fn with(&self, plain: Vec<u8>, blocks: Vec<Seen>, marks: Vec<Mark>) -> Self {
        Self { plain, blocks, marks, open: self.open.clone(), ..Self::default() }
    }

    /// Flushes that wait to be told.
    pub(super) fn waiting(&self) -> usize {
        self.open.len()
    }

    /// The stream is complete: nobody can tell the rest, and it is all the same.
    pub(super) fn conclude(&mut self) {
        self.settle(u64::MAX);
    }

    /// Hands out what can be told at `at`: a flush with a window behind it that no match left was a full one.
    fn settle(&mut self, at: u64) {
        while let Some(&Open { bit, at: open, across }) = self.open.front()
            && (across || at.saturating_sub(open) >= WINDOW)
        {
            self.open.pop_front();
            self.marks.push(Mark { bit, at: open, kind: if across { Flush::Sync } else { Flush::Full } });
        }
        self.last_open = self.open.iter().rev().find(|open| !open.across).map_or(0, |open| open.at);
    }

    /// A match starts at `from`, before an open flush.
    #[cold]
    fn reached(&mut self, from: u64) {
        for open in self.open.iter_mut().rev().take_while(|open| open.at > from) {
            open.across = true;
        }
        self.settle(self.at);
    }
}

impl TokenSink for Scout {
    fn block(&mut self, header: &BlockHeader<'_>) {
        let stored = match header.kind {
            BlockKind::Stored { len, .. } => Some(len),
            BlockKind::Fixed | BlockKind::Dynamic(_) => None,
        };
        let fixed = header.kind == BlockKind::Fixed;
        let mark = !header.last && (stored == Some(0) || fixed);
        let (bit, at) = (header.bit, header.decoded);
        self.at = at;
        self.literals += u64::from(stored.unwrap_or(0));
        self.block = Some(Seen { bit, at, end_bit: bit, end: at, literals: 0, mark, fixed, last: header.last });
    }

    #[inline(always)]
    fn literal(&mut self, _: u8) {
        self.literals += 1;
        self.at += 1;
    }

    #[inline(always)]
    fn matched(&mut self, len: u16, distance: u16) {
        let from = self.at.saturating_sub(u64::from(distance));
        if from < self.last_open {
            self.reached(from);
        }
        self.literals = 0;
        self.at += u64::from(len);
    }

    fn decoded(&mut self, bytes: &[u8]) {
        self.plain.extend_from_slice(bytes);
    }

    fn end_block(&mut self, end: &BlockEnd) {
        self.at = end.decoded;
        if !self.open.is_empty() {
            self.settle(end.decoded);
        }
        let Some(block) = self.block.take() else { return };
        let mark = block.mark && end.decoded == block.at;
        if mark && block.fixed {
            // Flushes are handed out in order, and nothing tells those before it any more.
            self.settle(u64::MAX);
            self.marks.push(Mark { bit: block.bit, at: block.at, kind: Flush::Partial });
        } else if mark {
            self.open.push_back(Open { bit: block.bit, at: block.at, across: false });
            self.last_open = block.at;
        }
        self.blocks.push(Seen { end_bit: end.bit, end: end.decoded, literals: self.literals, mark, ..block });
    }
}
