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
mod alphabet;
mod bits;
mod block;
mod chains;
mod greedy;
mod header;
mod huffman;
mod lazy;
mod params;
mod ranked;
mod search;
mod sink;
mod window;

use bits::BitWriter;
use block::Block;
use chains::Chains;
use lazy::Progress;
use params::Effort;
use ranked::RankedChains;
use search::Search;
use sink::Sink;
use window::Window;

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

    /// Takes `input` and appends to `out` what is ready. How the input is cut makes no difference to the stream.
    pub fn write(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        while !input.is_empty() {
            self.window.fill(&mut input);
            if self.window.is_full() {
                self.encode(out, false);
            }
        }
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

#[cfg(test)]
mod tests;
