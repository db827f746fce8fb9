//! pigz, bit for bit: zlib's deflate on pieces of the input, each flushed to the end of a byte.
//!
//! `rsync` and `jobs` cut the input, `stream` encodes the pieces. What decides about the output and is easy to overlook:
//!
//! - A piece ends with its block. If the last byte then has an odd number of bits, or pieces are independent, an empty stored block
//!   follows; else as many empty fixed blocks, of ten bits each, as it takes to fill the byte. Independent pieces get a second
//!   empty stored block. The last piece ends the stream instead, so a piece is flushed only when more input has come.
//! - With several threads every piece is a new stream with the 32 KiB before it as preset dictionary; with one thread all pieces
//!   are one stream, unless they are independent. The number of threads beyond that makes no difference.
//! - With `--rsyncable` pieces end where the input says, and with several threads one stream goes on over all pieces of a job.
mod jobs;
mod rsync;
mod stream;

use jobs::Jobs;
use rsync::Hits;
pub(super) use stream::DICTIONARY;
use stream::Stream;

use super::place::Place;

/// pigz's limits on its block size.
const MIN_BLOCK: usize = DICTIONARY;
const MAX_BLOCK: usize = 512 << 20;
/// Largest block size with which several threads and `--rsyncable` are imitated: that much input has to be held.
const MAX_JOB: usize = 2 << 20;

/// How pigz was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Params {
    /// `-1` to `-9`; pigz's default is 6.
    pub level: u8,
    /// `--blocksize` in bytes: 32 KiB to 512 MiB, for `rsyncable` at most 2 MiB unless `independent` or `single_thread`; pigz's
    /// default is 128 KiB.
    pub block_len: u32,
    /// `--independent`.
    pub independent: bool,
    /// `--rsyncable`.
    pub rsyncable: bool,
    /// `--processes 1`, which is also the default on a machine with one processor.
    pub single_thread: bool,
}

/// pigz's default block size.
const USUAL_BLOCK: u32 = 128 << 10;

impl Params {
    /// What pigz is usually run with, likeliest first, each at its default level.
    pub(super) fn usual() -> impl Iterator<Item = Self> {
        let plain =
            Self { level: 6, block_len: USUAL_BLOCK, independent: false, rsyncable: false, single_thread: false };
        [
            plain,
            Self { single_thread: true, ..plain },
            Self { independent: true, ..plain },
            Self { rsyncable: true, ..plain },
            Self { rsyncable: true, single_thread: true, ..plain },
            Self { rsyncable: true, independent: true, ..plain },
        ]
        .into_iter()
    }

    /// The same at another level.
    pub(super) fn at_level(self, level: u8) -> Self {
        Self { level, ..self }
    }

    /// As a recipe holds them: level, flags (1 independent, 2 rsyncable, 4 single thread), block size (u32 LE).
    pub(super) fn to_bytes(self) -> [u8; 6] {
        let [a, b, c, d] = self.block_len.to_le_bytes();
        let flags = u8::from(self.independent) | u8::from(self.rsyncable) << 1 | u8::from(self.single_thread) << 2;
        [self.level, flags, a, b, c, d]
    }

    /// Reads what `to_bytes` wrote; `None` for anything else and for parameters out of range.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let &[level @ 1..=9, flags @ 0..=7, a, b, c, d] = bytes else { return None };
        let params = Self {
            level,
            block_len: u32::from_le_bytes([a, b, c, d]),
            independent: flags & 1 != 0,
            rsyncable: flags & 2 != 0,
            single_thread: flags & 4 != 0,
        };
        params.block_range().contains(&usize::try_from(params.block_len).ok()?).then_some(params)
    }

    /// Decoded bytes of a piece, if pieces are of one length and each is a new stream with a dictionary.
    pub(super) fn part_len(&self) -> Option<u64> {
        let is_plain = !self.independent && !self.rsyncable && !self.single_thread;
        is_plain.then_some(self.block_len.into())
    }

    /// Whether pieces are shared out in a way that shows in the output; how independent pieces are makes no difference.
    fn has_jobs(&self) -> bool {
        self.rsyncable && !self.independent && !self.single_thread
    }

    fn block_range(&self) -> std::ops::RangeInclusive<usize> {
        MIN_BLOCK..=if self.has_jobs() { MAX_JOB } else { MAX_BLOCK }
    }
}

/// Writes the raw deflate stream that pigz writes.
///
/// The same bits come from pigz 2.6 with zlib 1.2.13 and from pigz 2.8 with zlib 1.3.1. Up to 2.4, `--independent` with one thread
/// wrote one empty block where this writes two. Memory: under 1 MiB, and the block size if pieces have to be held; all of it
/// allocated at the start.
pub struct Encoder {
    block_len: usize,
    pieces: Pieces,
    stream: Stream,
}

/// How the input is cut.
enum Pieces {
    /// After every block; and how much of the current one there is.
    Blocks(usize),
    /// At hits, or after a block without one; and how much of the current piece there is.
    Hits(Hits, usize),
    /// The same, shared out to several threads.
    Jobs(Hits, Jobs),
}

impl Encoder {
    /// `None` for parameters out of range.
    #[must_use]
    pub fn new(params: Params) -> Option<Self> {
        let Params { level, block_len, independent, rsyncable, single_thread } = params;
        let block_len = usize::try_from(block_len).ok()?;
        let jobs = params.has_jobs();
        if !params.block_range().contains(&block_len) {
            return None;
        }
        let pieces = match (rsyncable, jobs) {
            (false, _) => Pieces::Blocks(0),
            (true, false) => Pieces::Hits(Hits::default(), 0),
            (true, true) => Pieces::Jobs(Hits::default(), Jobs::new(block_len)),
        };
        Some(Self { block_len, pieces, stream: Stream::new(level, independent, single_thread)? })
    }

    /// An encoder at the start of a piece, which appends to `out` what comes behind the place; `None` if it can't be had.
    pub(super) fn resume(params: Params, place: &Place<'_>, out: &mut Vec<u8>) -> Option<Self> {
        let (before, behind) = place.split()?;
        if !place.block.is_multiple_of(params.part_len()?) || place.lead.count != 0 {
            return None;
        }
        let dictionary = before.get(before.len().checked_sub(DICTIONARY)?..)?;
        let mut this = Self::new(params)?;
        this.stream = Stream::resume(params.level, dictionary)?;
        this.write(behind, out);
        Some(this)
    }

    /// Takes `input` and appends to `out` what is ready. How the input is cut makes no difference to the stream.
    pub fn write(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        let Self { block_len, pieces, stream } = self;
        while !input.is_empty() {
            let room = match pieces {
                Pieces::Blocks(len) | Pieces::Hits(_, len) => *block_len - *len,
                Pieces::Jobs(_, jobs) => jobs.room(stream, out),
            };
            let within = input.get(..room).unwrap_or(input);
            let (count, hit) = match pieces {
                Pieces::Blocks(_) => (within.len(), false),
                Pieces::Hits(hits, _) | Pieces::Jobs(hits, _) => hits.next(within),
            };
            let (taken, rest) = input.split_at(count);
            match pieces {
                Pieces::Blocks(len) | Pieces::Hits(_, len) => {
                    stream.encode(taken, out);
                    *len += count;
                    if hit || *len == *block_len {
                        stream.end_piece();
                        *len = 0;
                    }
                }
                Pieces::Jobs(_, jobs) => jobs.take(taken, hit, stream, out),
            }
            input = rest;
        }
    }

    /// Appends the rest of the stream to `out`.
    pub fn finish(self, out: &mut Vec<u8>) {
        let Self { pieces, mut stream, .. } = self;
        if let Pieces::Jobs(_, jobs) = pieces {
            jobs.finish(&mut stream, out);
        }
        stream.finish(out);
    }
}

#[cfg(test)]
mod tests;
