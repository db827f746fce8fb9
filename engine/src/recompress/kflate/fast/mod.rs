//! Levels 1 to 6: hash tables of the newest positions, one look ahead, no chains.
//!
//! The levels differ in their tables and in what they compare. Common to all: positions are looked at
//! in growing strides while nothing matches, the last bytes of a block are not looked at, and a match goes on to the end of
//! the block however long that is.

mod level3;
mod level4;
mod level5;
mod level6;
mod pair;
mod probe;
mod single;
mod tables;

use super::history::{History, Source};
use super::params::Revision;
use super::tokens::Tokens;

/// Bytes at the end of a block where no match starts.
const MARGIN: usize = 11;
/// Bytes a block needs for any match to be looked for.
const LEAST: usize = 2 + MARGIN;

/// One level's way of finding matches in a block.
trait Level {
    /// Turns the block into tokens: the bytes from `start` to `source.end`, 13 at least.
    fn encode(&mut self, source: Source<'_>, start: usize, tokens: &mut Tokens);

    /// Follows the buffer: lowers all positions in the tables by `by`, or as far as 0.
    fn lower(&mut self, by: u32);

    /// Empties the tables.
    fn clear(&mut self);
}

/// A match finder of levels 1 to 6.
pub(super) struct Fast {
    level: Box<dyn Level + Send>,
    /// The tables may hold something.
    used: bool,
}

impl Fast {
    /// `None` unless `level` is 1 to 6.
    pub(super) fn new(level: u8, revision: Revision) -> Option<Self> {
        let level: Box<dyn Level + Send> = match level {
            1 => Box::new(single::Level1::new()),
            2 => Box::new(single::Level2::new()),
            3 => Box::new(level3::Level3::new()),
            4 => Box::new(level4::Level4::new(revision)),
            5 => Box::new(level5::Level5::new()),
            6 => Box::new(level6::Level6::new()),
            _ => return None,
        };
        Some(Self { level, used: false })
    }

    /// Adds the history's block to `tokens`. Without a match, no tokens are added at all.
    pub(super) fn encode(&mut self, history: &mut History, tokens: &mut Tokens) {
        let moved = history.settle();
        if moved > 0 {
            self.level.lower(u32::try_from(moved).unwrap_or(u32::MAX));
        }
        if history.block_len() >= LEAST {
            self.used = true;
            self.level.encode(history.source(), history.start(), tokens);
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.used) {
            self.level.clear();
        }
    }
}

/// Adds what comes after the last match, unless there was none.
fn rest(source: Source<'_>, from: usize, tokens: &mut Tokens) {
    if from < source.end && tokens.len() > 0 {
        tokens.literals(source, from, source.end);
    }
}

/// Where a match starts if it also takes in what agrees before it, back to `emitted`.
#[inline(always)]
fn extend_back(source: Source<'_>, mut at: usize, mut from: usize, emitted: usize) -> (usize, usize) {
    while from > 0 && at > emitted && source.byte(from - 1) == source.byte(at - 1) {
        (at, from) = (at - 1, from - 1);
    }
    (at, from)
}
