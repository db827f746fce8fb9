//! `klauspost/compress/zstd` for Go, imitated: what skopeo, buildah, podman, containerd and BuildKit compress zstd layers with.
//!
//! What decides about its output and is easy to overlook:
//!
//! - How input is cut does not matter, nor does concurrency. A call of `Flush` before the end does: the last block is then
//!   empty ([`Params::flushed`]).
//! - So does it when a `Write` comes before `ReadFrom`, as in `containers/image`, which looks at a layer's first bytes
//!   ([`Params::sniffed`]): what was written becomes a block.
//! - What ends within its first block is a frame with another header, and is searched a little differently.
//! - Releases have the same matches at levels 1 and 2, but choose otherwise what to do with them.
//! - A Huffman table that was made and came out too large is forgotten, that of the block before is not.

mod best;
mod best_early;
mod better;
mod block;
mod candidates;
mod checksum;
mod double;
mod entropy;
mod fast;
mod finder;
mod fse;
mod history;
mod huffman;
mod literals;
mod params;
mod parsed;
mod prices;
#[cfg(test)]
mod samples;
mod sequences;
#[cfg(test)]
mod tests;

pub use params::{Params, Release};

pub(super) use candidates::candidates;

use best::Best;
use best_early::BestEarly;
use better::Better;
use block::Writer;
use checksum::Checksum;
use double::Double;
use fast::Fast;
use finder::Finder;
use history::History;
use params::SNIFFED;
use parsed::Parsed;

/// The frame's magic number.
const MAGIC: [u8; 4] = 0xFD2F_B528u32.to_le_bytes();
/// Contents up to here have a window of their own in frames of one block; longer ones are their window.
const LEAST_WINDOW: usize = 1024;

/// Writes frames, one after another.
pub(super) struct Encoder {
    params: Params,
    history: History,
    finder: Box<dyn Finder + Send>,
    parsed: Parsed,
    writer: Writer,
    checksum: Checksum,
    /// The frame's header was written.
    begun: bool,
    out: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(params: Params) -> Self {
        let finder: Box<dyn Finder + Send> = match (params.level(), params.release()) {
            (1, _) => Box::new(Fast::new()),
            (2, _) => Box::new(Double::new()),
            (3, release) => Box::new(Better::new(release)),
            (_, Release::V1_15) => Box::new(BestEarly::new()),
            (_, Release::V1_18 | Release::V1_20) => Box::new(Best::new()),
        };
        Self {
            params,
            history: History::new(params),
            finder,
            parsed: Parsed::new(),
            writer: Writer::new(params),
            checksum: Checksum::new(),
            begun: false,
            out: Vec::new(),
        }
    }

    /// Starts a frame.
    pub(super) fn begin(&mut self) {
        self.lower(|history| history.begin());
        self.writer.begin();
        self.checksum = Checksum::new();
        self.begun = false;
        self.out.clear();
    }

    /// Takes all of `data`; blocks go to `sink` once they are full.
    pub(super) fn push<E>(&mut self, mut data: &[u8], sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.checksum.update(data);
        if self.params.is_sniffed() && !self.begun {
            let missing = SNIFFED.saturating_sub(self.history.block().len());
            let (mut first, rest) = data.split_at(data.len().min(missing));
            self.history.fill(&mut first);
            data = rest;
            if self.history.block().len() == SNIFFED {
                self.next_block(false);
            }
        }
        while !data.is_empty() {
            self.history.fill(&mut data);
            if self.history.is_full() {
                self.next_block(false);
                self.emit(sink)?;
            }
        }
        Ok(())
    }

    /// Ends the frame; `flushed` if all was written before it was told of the end.
    pub(super) fn finish<E>(&mut self, flushed: bool, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if flushed && !self.history.block().is_empty() {
            self.next_block(false);
        }
        match (self.begun, self.history.block().len()) {
            (false, 0) if self.params.release() < Release::V1_20 => return Ok(()),
            (false, 1..) => self.only_block(),
            (true, 1..) => self.next_block(true),
            (_, 0) => {
                self.header();
                block::raw(&[], true, &mut self.out);
            }
        }
        let [a, b, c, d, ..] = self.checksum.finish().to_le_bytes();
        self.out.extend_from_slice(&[a, b, c, d]);
        self.emit(sink)
    }

    fn emit<E>(&mut self, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let done = sink(&self.out);
        self.out.clear();
        done
    }

    /// Writes the header of a frame of unknown length, if there is none.
    fn header(&mut self) {
        if !self.begun {
            self.begun = true;
            self.out.extend_from_slice(&MAGIC);
            self.out.extend_from_slice(&[4, window_byte(self.params.window())]);
        }
    }

    /// Writes the history's block.
    fn next_block(&mut self, last: bool) {
        self.header();
        self.parse(false);
        self.writer.block(self.history.block(), &self.parsed, last, &mut self.out);
        self.lower(|history| history.advance());
    }

    /// Writes a frame of one block.
    #[expect(clippy::cast_possible_truncation, reason = "less than a block")]
    fn only_block(&mut self) {
        let len = self.history.block().len();
        let single = len > LEAST_WINDOW;
        let (width, kind) = match len {
            0..256 => (usize::from(single), 0),
            256..65_792 => (2, 1),
            _ => (4, 2),
        };
        self.out.extend_from_slice(&MAGIC);
        self.out.push(4 | u8::from(single) << 5 | kind << 6);
        if !single {
            self.out.push(window_byte((len + 1).next_power_of_two().max(LEAST_WINDOW)));
        }
        let stated = if kind == 1 { len - 256 } else { len } as u32;
        self.out.extend(stated.to_le_bytes().into_iter().take(width));
        self.parse(true);
        self.writer.block(self.history.block(), &self.parsed, true, &mut self.out);
    }

    fn parse(&mut self, alone: bool) {
        self.parsed.clear();
        self.finder.parse(self.history.source(), alone, &mut self.parsed);
    }

    /// Has the tables follow the history.
    fn lower(&mut self, step: impl FnOnce(&mut History) -> u32) {
        let by = step(&mut self.history);
        if by > 0 {
            self.finder.lower(by);
        }
    }
}

/// The window descriptor of a window of 2^k bytes.
#[expect(clippy::cast_possible_truncation, reason = "a logarithm")]
fn window_byte(window: usize) -> u8 {
    ((window.ilog2() - 10) << 3) as u8
}
