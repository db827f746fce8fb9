//! GNU gzip's own deflate, bit for bit.
//!
//! It is the ancestor of zlib's: the same hash of 15 bits, chains, tuning table, Huffman construction and choice among block
//! types; the parts of [`super::zlib::deflate`] are used for them. What differs, decides about the output and is easy to overlook:
//!
//! - A block holds up to 32767 symbols. From level 3 up it may end earlier: `split` estimates at every 4096th symbol.
//! - A window that is refilled after the input's end does not slide, and a position in its last 262 bytes is not searched.
//! - The input's end does not end a search: candidates are compared, and preferred, by what is behind it. These are two zeros and
//!   then whatever was in the buffer: zeros in its first filling, and later what the input had 32 KiB before. Only what is then
//!   written is cut to the input's length.
//! - Strings are entered up to the last byte of a match, whatever is behind the end.
//! - With `--rsyncable` a block also ends, and is padded to a byte with an empty stored block, where a sum over 4096 bytes is a
//!   multiple of 4096: see `rolling`.
mod greedy;
mod lazy;
mod rolling;
mod split;

use super::zlib::deflate::block::Block;
use super::zlib::deflate::chains::Chains;
use super::zlib::deflate::params::Effort;
use super::zlib::deflate::ranked::RankedChains;
use super::zlib::deflate::search::Search;
use super::zlib::deflate::window::Window;
use crate::recompress::coding::bits::BitWriter;
use lazy::Progress;
use rolling::Rolling;
use split::Output;

/// Memory level of zlib whose hash is gzip's.
const HASH_LEVEL: u8 = 8;
/// Memory level of zlib whose blocks are as long as gzip's.
const BLOCK_LEVEL: u8 = 9;

/// Writes the raw deflate stream that GNU gzip writes for a file, or for a pipe that is never empty.
///
/// The same bits come from GNU gzip 1.12 and 1.13 on every platform but IBM Z. Up to 1.4 the two zeros behind the input's end were
/// not there, so that the last few symbols may differ. Memory: under 900 KiB, all of it allocated at the start.
pub struct Encoder {
    effort: Effort,
    window: Window,
    mode: Mode,
    block: Block,
    bits: BitWriter,
    /// Levels 1 and 2 end no block early.
    splits: bool,
    rolling: Option<Rolling>,
}

/// Searches of up to 32 candidates are faster on plain chains than on two kinds.
enum Mode {
    Greedy(Chains),
    Lazy(Chains, Progress<<Chains as Search>::Head>),
    Deep(RankedChains, Progress<<RankedChains as Search>::Head>),
}

impl Encoder {
    /// Levels 1 to 3 take matches as they come, 4 to 9 lazily; `rsyncable` is the option. `None` unless `level` is 1 to 9.
    #[must_use]
    pub fn new(level: u8, rsyncable: bool) -> Option<Self> {
        let effort = Effort::of(level)?;
        let mode = match level {
            1..=3 => Mode::Greedy(Chains::new(HASH_LEVEL)),
            4 | 5 => Mode::Lazy(Chains::new(HASH_LEVEL), Progress::default()),
            _ => Mode::Deep(RankedChains::new(HASH_LEVEL), Progress::default()),
        };
        Some(Self {
            effort,
            window: Window::new(),
            mode,
            block: Block::new(BLOCK_LEVEL),
            bits: BitWriter::default(),
            splits: level > 2,
            rolling: rsyncable.then(Rolling::default),
        })
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
        self.encode(out, false);
        self.window.pad();
        self.encode(out, true);
        let mut output = Output::new(&mut self.bits, out, &mut self.block, self.splits);
        output.end(&mut self.window);
    }

    /// Encodes until a refill is due, or if the input has `ended`, everything.
    fn encode(&mut self, out: &mut Vec<u8>, ended: bool) {
        let Self { effort, window, mode, block, bits, splits, rolling } = self;
        let mut output = Output::new(bits, out, block, *splits);
        let rolling = rolling.as_mut();
        match mode {
            Mode::Greedy(search) => greedy::encode(effort, window, search, &mut output, rolling, ended),
            Mode::Lazy(search, progress) => lazy::encode(effort, window, search, progress, &mut output, rolling, ended),
            Mode::Deep(search, progress) => lazy::encode(effort, window, search, progress, &mut output, rolling, ended),
        }
    }
}

#[cfg(test)]
mod tests;
