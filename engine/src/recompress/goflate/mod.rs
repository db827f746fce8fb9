//! Go's `compress/flate`, bit for bit, in safe Rust and faster than Go.
//!
//! `chained` keeps the window of levels 2 to 9, in which `chains` or `ranked` finds matches and `greedy` or `lazy` chooses among
//! them; `fast` is level 1, `plain` levels 0 and -2. `block` writes what was chosen. What decides about Go's output and is easy
//! to overlook:
//!
//! - Matches have four bytes or more (`good` of Go's tuning table is without effect), and are found among a limited number of
//!   candidates of one bucket. The buckets are Go's, as collisions use up candidates.
//! - The window holds 64 KiB and slides by half of it where fewer than 262 bytes are left to look at. What slides out cannot be
//!   matched, although it may be less than 32 KiB away; and a block that began there cannot be stored.
//! - Code lengths come from package-merge with a tie-break of its own, and a block's form from a comparison in bits. Runs of code
//!   lengths go on from one alphabet into the next. Every stream ends with an empty stored block.
//! - Level 1 and level -2 work on blocks of 65535 bytes, leave extra bits out of a block's price, and want to save a sixteenth.
//!
//! # Writes
//!
//! Levels 0, 1 and -2 do not depend on how Go's caller cut the data into writes. Levels 2 to 9 nearly don't: a write that starts
//! while the window holds 65278 to 65535 bytes finds everything encoded but the last 261 or fewer, and slides the window if the
//! position reached is 65274 or later. From 65275 on a full window would slide there too; so cuts matter only
//!
//! - where 65274 itself is reached: the string there is searched after the slide, hence not farther back than 32506 bytes;
//! - and within the last 64 KiB of data, where a full window would not slide any more.
//!
//! Writes that all end at multiples of 512 bytes (those of `io.Copy`, of 32 KiB, are) never do this. A tar writer that cuts where
//! a file's content ends may, and the match found at that one position may then be another one. [`Habits`] tell the encoder:
//! slide `k` (from 0) was early if the original departs from our stream at byte `32768 k + 65274` or one before it.
//!
//! A writer that flushes ends blocks where the data does not say: [`Encoder::flush`]. The last three strings before a flush are
//! never inserted, and a position of 65274 or later makes the window slide with the next write. Level 1 does not follow a match
//! into what lies before the block before, and forgets everything when it flushes less than 128 bytes.
//!
//! # Versions
//!
//! The sources of Go 1.15, 1.19, 1.21, 1.22, 1.23, 1.24, 1.25 and 1.26 differ in nothing that decides; all of them, compiled with
//! Go 1.19, wrote the golden streams. An older level 1 forgets everything each time it has written 16384 blocks (1,073,725,440
//! bytes), which is not imitated. Go 1.27 has another encoder, which `kflate` imitates.
//!
//! # Starting in the middle
//!
//! To encode from a token boundary on, given the 32 KiB before it, one needs besides the position (which gives the window's start:
//! a slide takes place at the first boundary from 65275 on) and where its block began (in tokens and bytes):
//!
//! - levels 4 to 9: nothing else at the end of a match, where no decision is pending. All positions are inserted, so chains and
//!   ranks follow from the 32 KiB. Behind a literal the match of the position before it is needed, or its search has to be done.
//! - levels 2 and 3: the tokens of the 32 KiB, as long matches leave their inner positions uninserted.
//! - level 1: a block's start, and the tokens of the 32 KiB with those of its first match or block in full: they tell at which
//!   positions strings were entered into the table.
mod block;
mod chained;
mod chains;
mod fast;
mod greedy;
mod huffman;
mod lazy;
mod params;
mod plain;
mod ranked;
mod search;
mod window;

use crate::recompress::coding::bits::BitWriter;
use block::{Sink, store};
use chained::Chained;
use fast::Fast;
use plain::Plain;
use window::Window;

use super::place::{Bits, Habits, Place};

/// Writes the raw deflate stream that `compress/flate` of Go 1.15 to 1.26 writes (also under `compress/gzip`) when its data comes
/// in writes of 32 KiB.
///
/// Memory: under 700 KiB, all of it allocated at the start.
pub struct Encoder {
    mode: Mode,
    bits: BitWriter,
}

enum Mode {
    Plain(Plain),
    Fast(Box<Fast>),
    Chained(Box<Chained>),
}

impl Encoder {
    /// `level` is -2 (`HuffmanOnly`), -1 (`DefaultCompression`, the same as 6) or 0 to 9; `None` for others.
    #[must_use]
    pub fn new(level: i8, habits: Habits<'_>) -> Option<Self> {
        let mode = match level {
            -2 => Mode::Plain(Plain::huffman_only()),
            -1 => Mode::Chained(Box::new(Chained::new(6, habits)?)),
            0 => Mode::Plain(Plain::stored()),
            1 => Mode::Fast(Box::new(Fast::new())),
            _ => Mode::Chained(Box::new(Chained::new(level, habits)?)),
        };
        Some(Self { mode, bits: BitWriter::default() })
    }

    /// Start of the input that [`Encoder::resume`] needs for a place behind a match that ends at `clean`; `None` if it can't.
    pub fn origin(level: i8, clean: u64) -> Option<u64> {
        // Other levels skip positions, which depends on all matches before.
        (level == -1 || (4..=9).contains(&level)).then(|| Window::origin(clean))
    }

    /// An encoder in the middle of a stream, which appends to `out` what comes behind the place; `None` if it can't be had.
    pub fn resume(level: i8, place: &Place<'_>, habits: Habits<'_>, out: &mut Vec<u8>) -> Option<Self> {
        Self::origin(level, place.clean)?;
        let mut bits = BitWriter::default();
        let level = if level == -1 { 6 } else { level };
        let chained = Chained::resume(level, place, habits, &mut Sink { bits: &mut bits, out })?;
        Some(Self { mode: Mode::Chained(Box::new(chained)), bits })
    }

    /// Bits of the stream that are not a whole byte yet.
    pub fn rest(&self) -> Bits {
        self.bits.rest()
    }

    /// Takes `input` and appends to `out` what is ready. How the input is cut makes no difference to the stream.
    pub fn write(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut sink = Sink { bits: &mut self.bits, out };
        match &mut self.mode {
            Mode::Plain(plain) => plain.write(input, &mut sink),
            Mode::Fast(fast) => fast.write(input, &mut sink),
            Mode::Chained(chained) => chained.write(input, &mut sink),
        }
    }

    /// Appends to `out` all that was taken, and an empty stored block: Go's `Flush`.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        self.end_block(out);
        store(&[], false, &mut Sink { bits: &mut self.bits, out });
    }

    /// Appends the rest of the stream to `out`.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.end_block(out);
        // Whatever came before, a stream ends with an empty stored block.
        store(&[], true, &mut Sink { bits: &mut self.bits, out });
    }

    fn end_block(&mut self, out: &mut Vec<u8>) {
        let mut sink = Sink { bits: &mut self.bits, out };
        match &mut self.mode {
            Mode::Plain(plain) => plain.flush(&mut sink),
            Mode::Fast(fast) => fast.flush(&mut sink),
            Mode::Chained(chained) => chained.flush(&mut sink),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]
mod samples;
#[cfg(test)]
mod tests;
