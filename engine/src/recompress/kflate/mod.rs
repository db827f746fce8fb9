//! The deflate of `klauspost/compress` and the parts of `klauspost/pgzip`, bit for bit, in safe Rust: what skopeo, umoci,
//! buildah and podman compress layers with. Go's own `compress/flate` is the same since 1.27.
//!
//! `part` gathers input into blocks; `fast` (levels 1 to 6) or `lazy` (7 to 9) turns them into `tokens`, which `block` writes.
//! What decides about the stream and is easy to overlook:
//!
//! - Blocks of levels -2 to 6 are cut by input bytes (65,535; 32 KiB at -2), those of 7 to 9 by tokens. What is left at the end
//!   of a part is stored up to 32 bytes and written as literals up to 127, whatever it contains.
//! - A Huffman table is kept for the next block if that looks cheaper; the estimate is a sum of 32-bit floats in a fixed
//!   order, without fused operations. A kept table's block has no end until something else has to be written; before 1.20 a table
//!   that may be kept lists all symbols, one that may not (at a part's end) only those it uses.
//! - Code lengths come from package-merge in which packages come before leaves of equal weight.
//! - Each part forgets tables, codes and hashes, and sees the last 16 KiB before it. At levels 1 to 6 these are encoded for
//!   their entries in the tables, and what comes of it is thrown away. At levels 7 to 9 they count as bytes of the part's
//!   first block when storing it is considered.
//! - A part ends with an empty stored block, also the last, which may be empty itself; then comes an empty block of fixed codes.
//! - Level 9 prices a match by the class of its distance, where the stream has that of the distance less one, and its literals
//!   by the frequencies of the bytes ahead when the window was last full.
//! - Level 4 compares, from 1.18.0 on, bytes at positions which only make sense with the history buffer of the original, so that
//!   `history` drops bytes exactly when it does.
//! - A flush ends all blocks and leaves an empty stored one. Levels 1 to 6 forget everything if less than 128 bytes came since
//!   the last block; levels 7 to 9 slide their window if the position is 65,274 or later, before it is full.
//!
//! # Releases
//!
//! What 1.20.3 does otherwise than 1.18.0: a table lists the symbols up to the last that occurs, whether it may be kept or not;
//! the end of a block counts as one of its symbols always, also where the cost of keeping a table is told; a block without matches
//! counts one distance of the first class. A part's first block, when storing it is considered, no longer has the 16 KiB before
//! it (levels 7 to 9). Level 9 takes the frequencies of 32,768 bytes ahead at most.
//!
//! Go 1.27 writes what 1.20.3 writes without parts, except at level 9, where it takes a byte that is not among those 32,768 to
//! cost one bit, and 1.20.3 none. Its default is level 6.
//!
//! How the caller cuts data into writes matters to none of them, neither with flushes nor without: the window of levels 7 to 9 is
//! looked at when it is full and more data comes, or at a flush.
//!
//! Holds for 1.15.12 with pgzip 1.2.5, 1.18.0 and 1.20.3 with pgzip 1.2.6, and Go 1.27.4: sources compared, and streams compared
//! with all of them and with the skopeo and umoci built from the first two. Two cases are not covered: builds for processors where Go
//! fuses multiplication and addition (64-bit ARM and others) may round the estimate differently, not with 1.20.3; and a quicksort
//! of the original that degenerates falls back on another order of symbols, not from 1.20.3 on.

mod block;
mod estimate;
mod fast;
mod history;
mod huffman;
mod lazy;
mod params;
mod part;
#[cfg(test)]
mod samples;
mod symbols;
mod table;
mod tokens;

pub(super) use params::TAIL;
pub use params::{Framing, Params, Revision};

use part::Part;

use super::place::Place;

/// Writes the raw deflate stream that `klauspost/compress/flate`, `klauspost/pgzip` or Go's `compress/flate` from 1.27 on writes.
///
/// Memory: under 1.5 MiB, all of it allocated at the start.
pub struct Encoder {
    part: Part,
    part_size: Option<usize>,
    /// Bytes of the current part.
    len: usize,
}

impl Encoder {
    /// `None` if the parameters make no encoder.
    #[must_use]
    pub fn new(params: Params) -> Option<Self> {
        let part_size = match params.framing() {
            Framing::Plain => None,
            Framing::Parallel(size) => Some(size as usize),
        };
        Some(Self { part: Part::new(params)?, part_size, len: 0 })
    }

    /// An encoder at the start of a part, which appends to `out` what comes behind the place; `None` if it can't be had.
    pub(super) fn resume(params: Params, place: &Place<'_>, out: &mut Vec<u8>) -> Option<Self> {
        let len = params.part_len()?;
        let (before, behind) = place.split()?;
        if !place.block.is_multiple_of(len) || place.lead.count != 0 {
            return None;
        }
        let mut this = Self::new(params)?;
        this.part.write(before.get(before.len().checked_sub(TAIL)?..)?, &mut Vec::new());
        this.part.restart();
        this.write(behind, out);
        Some(this)
    }

    /// Takes `input` and appends to `out` what is ready. How the input is cut makes no difference to the stream.
    pub fn write(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        let Some(size) = self.part_size else {
            return self.part.write(input, out);
        };
        while !input.is_empty() {
            let (now, later) = input.split_at(input.len().min(size - self.len));
            self.part.write(now, out);
            self.len += now.len();
            input = later;
            if self.len == size {
                self.part.end(out);
                self.part.mark(out);
                self.part.restart();
                self.len = 0;
            }
        }
    }

    /// Appends to `out` all that was taken, and an empty stored block: the package's own `Flush`, not that of pgzip.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        self.part.flush(out);
    }

    /// Appends the rest of the stream to `out`.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.part.end(out);
        if self.part_size.is_some() {
            self.part.mark(out);
        }
        self.part.last(out);
    }
}

#[cfg(test)]
mod tests;
