//! zlib's deflate, bit for bit, in safe Rust and faster than zlib.
//!
//! `window` holds the input, `chains` or `ranked` finds matches in it, `greedy` or `lazy` chooses among them, `block` collects
//! what was chosen and writes it. What decides about zlib's output and is easy to overlook:
//!
//! - Position 0 of the window is never matched, and the window slides as soon as a refill finds it exhausted; `window` slides
//!   at the same positions, so a string is out of reach exactly when it is in zlib.
//! - A match of the greatest distance is accepted from the newest position of a hash bucket only.
//! - The buckets are zlib's, as collisions use up a search's candidates.
//! - A block that began before the window's start cannot be stored.
//! - After a flush, the strings of three bytes that had gone beyond the input are entered late, by `search::resume`; also those
//!   inside a match whose inner strings are otherwise skipped.
pub(in crate::recompress) mod block;
pub(in crate::recompress) mod chains;
mod greedy;
mod huffman;
pub(in crate::recompress) mod lazy;
pub(in crate::recompress) mod params;
pub(in crate::recompress) mod ranked;
pub(in crate::recompress) mod search;
pub(in crate::recompress) mod sink;
pub(in crate::recompress) mod window;

use crate::recompress::coding::bits::BitWriter;
use block::Block;
use chains::Chains;
use lazy::Progress;
use params::Effort;
use ranked::RankedChains;
use search::{Search, learn};
use sink::Sink;
use window::{MIN_LOOKAHEAD, Window};

use crate::recompress::place::{Bits, Flush, Place};

/// Writes the raw deflate stream that stock zlib's `deflate` writes with a window of 32 KiB, the default strategy and no
/// flushes, when its whole input is at hand (or comes in slices that are a multiple of 64 KiB).
///
/// The same bits come from zlib 1.2.13 and 1.3.2. Memory: under 800 KiB, all of it allocated at the start.
pub struct Encoder {
    effort: Effort,
    window: Window,
    mode: Mode,
    block: Block,
    bits: BitWriter,
}

/// Searches of up to 32 candidates are faster on plain chains than on two kinds.
enum Mode {
    Greedy(Chains),
    Lazy(Chains, Progress<<Chains as Search>::Head>),
    Deep(RankedChains, Progress<<RankedChains as Search>::Head>),
}

impl Encoder {
    /// Levels 1 to 3 take matches as they come, 4 to 9 lazily. `None` unless `level` and `mem_level` are 1 to 9.
    #[must_use]
    pub fn new(level: u8, mem_level: u8) -> Option<Self> {
        if !(1..=9).contains(&mem_level) {
            return None;
        }
        let effort = Effort::of(level)?;
        let mode = match level {
            1..=3 => Mode::Greedy(Chains::new(mem_level)),
            4 | 5 => Mode::Lazy(Chains::new(mem_level), Progress::default()),
            _ => Mode::Deep(RankedChains::new(mem_level), Progress::default()),
        };
        Some(Self { effort, window: Window::new(), mode, block: Block::new(mem_level), bits: BitWriter::default() })
    }

    /// Start of the input that [`Encoder::resume`] needs for a place behind a match that ends at `clean`; `None` if it can't.
    pub fn origin(level: u8, clean: u64) -> Option<u64> {
        // Which positions greedy levels have inserted depends on all matches before.
        (4..=9).contains(&level).then(|| Window::origin(clean))
    }

    /// An encoder in the middle of a stream, which appends to `out` what comes behind the place; `None` if it can't be had.
    ///
    /// A lazy level's state behind a match is a function of the input in the window alone: every position is inserted, nothing
    /// is pending. The symbols from there to the block's start must be literals, and the block before it full.
    pub fn resume(level: u8, mem_level: u8, place: &Place<'_>, out: &mut Vec<u8>) -> Option<Self> {
        let origin = Self::origin(level, place.clean)?;
        let mut this = Self::new(level, mem_level)?;
        let start = usize::try_from(place.clean.checked_sub(origin)?).ok()?;
        let mut input = place.plain.get(usize::try_from(origin.checked_sub(place.plain_at)?).ok()?..)?;
        this.window.fill(&mut input);
        if this.window.end < start + MIN_LOOKAHEAD {
            return None;
        }
        this.window.start = start;
        this.window.block_start = start as isize;
        let missing = place.block.checked_sub(place.clean)?;
        if missing == 0 {
            this.bits = BitWriter::starting_with(place.lead);
        } else if !this.block.begin_unwritten(missing, place.lead) {
            return None;
        }
        match &mut this.mode {
            Mode::Greedy(_) => return None,
            Mode::Lazy(search, progress) => *progress = reinsert(search, &this.window),
            Mode::Deep(search, progress) => *progress = reinsert(search, &this.window),
        }
        this.write(input, out);
        Some(this)
    }

    /// Bits of the stream that are not a whole byte yet.
    pub fn rest(&self) -> Bits {
        self.bits.rest()
    }

    /// Takes `input` and appends to `out` what is ready. How the input is cut makes no difference to the stream.
    pub fn write(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        while !input.is_empty() {
            self.window.fill(&mut input);
            if self.window.is_full() {
                self.encode(out, false);
            }
        }
    }

    /// Encodes all that was taken so far and ends the block, unless it is empty: zlib's `Z_BLOCK`.
    ///
    /// Up to seven bits of the last byte wait for what follows.
    pub(in crate::recompress) fn end_block(&mut self, out: &mut Vec<u8>) {
        self.encode(out, true);
        self.window.pause();
        let mut sink = Sink { bits: &mut self.bits, out };
        if self.block.count() > 0 {
            sink.flush(&mut self.window, &mut self.block, false);
        }
    }

    /// Encodes all that was taken so far and marks the place: zlib's `Z_SYNC_FLUSH`, `Z_FULL_FLUSH` and `Z_PARTIAL_FLUSH`.
    pub(in crate::recompress) fn flush(&mut self, kind: Flush, out: &mut Vec<u8>) {
        self.end_block(out);
        match kind {
            Flush::Sync => self.sink(out).empty_stored(),
            Flush::Partial => self.sink(out).empty_fixed(),
            Flush::Full => {
                self.sink(out).empty_stored();
                self.restart(&[]);
            }
        }
    }

    /// What comes next is encoded as by a new encoder with this preset dictionary, of which the last 32 KiB count.
    ///
    /// To be called when a block has been ended.
    pub(in crate::recompress) fn restart(&mut self, dictionary: &[u8]) {
        self.window.restart(dictionary);
        match &mut self.mode {
            Mode::Greedy(search) => learn(search, &self.window),
            Mode::Lazy(search, progress) => {
                learn(search, &self.window);
                *progress = Progress::default();
            }
            Mode::Deep(search, progress) => {
                learn(search, &self.window);
                *progress = Progress::default();
            }
        }
    }

    /// Writes directly to the stream, between blocks.
    pub(in crate::recompress) fn sink<'a>(&'a mut self, out: &'a mut Vec<u8>) -> Sink<'a> {
        Sink { bits: &mut self.bits, out }
    }

    /// Appends the rest of the stream to `out`.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.encode(out, true);
        let mut sink = Sink { bits: &mut self.bits, out };
        sink.flush(&mut self.window, &mut self.block, true);
    }

    fn encode(&mut self, out: &mut Vec<u8>, finish: bool) {
        let Self { effort, window, mode, block, bits } = self;
        let mut sink = Sink { bits, out };
        match mode {
            Mode::Greedy(search) => greedy::encode(effort, window, search, block, &mut sink, finish),
            Mode::Lazy(search, progress) => lazy::encode(effort, window, search, progress, block, &mut sink, finish),
            Mode::Deep(search, progress) => lazy::encode(effort, window, search, progress, block, &mut sink, finish),
        }
    }
}

/// Enters every position up to the current one, as if it had just been reached.
#[expect(clippy::cast_possible_truncation, reason = "positions in the window fit 16 bits")]
fn reinsert<S: Search>(search: &mut S, window: &Window) -> Progress<S::Head> {
    let mut head = S::Head::default();
    for at in 0..=window.start {
        head = search.insert(window.bytes(), at as u16);
    }
    Progress::at_match_end(head)
}

#[cfg(test)]
mod tests;
