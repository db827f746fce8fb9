//! How `--rsyncable` shares pieces out to several threads.
//!
//! A job is a block's length of input, cut down to its last hit. The end of the input is special: once a job starts in the block
//! that the input ends in, it goes up to there, and what is behind its last hit is one more piece of it rather than another job.
//! What follows a hit is held until the next hit, as it is not known before whether it belongs to the same job.

use super::stream::Stream;

/// The job being made.
pub(super) struct Jobs {
    block_len: usize,
    /// Offset of the job in the input.
    start: u64,
    /// Length of the job without what is held.
    len: usize,
    /// Input behind the last hit, or the start of the job; no longer than a block.
    held: Vec<u8>,
}

impl Jobs {
    pub(super) fn new(block_len: usize) -> Self {
        Self { block_len, start: 0, len: 0, held: Vec::with_capacity(block_len) }
    }

    /// How much more may be taken, if there is more; a job that is complete is ended.
    pub(super) fn room(&mut self, stream: &mut Stream, out: &mut Vec<u8>) -> usize {
        if self.len + self.held.len() == self.block_len {
            if self.len == 0 {
                self.end_piece(stream, out);
            }
            self.end(stream);
        }
        self.block_len - self.len - self.held.len()
    }

    /// Takes input, at the end of which there may be a hit.
    pub(super) fn take(&mut self, input: &[u8], hit: bool, stream: &mut Stream, out: &mut Vec<u8>) {
        self.held.extend_from_slice(input);
        if hit {
            self.end_piece(stream, out);
        }
    }

    /// The input has ended.
    pub(super) fn finish(mut self, stream: &mut Stream, out: &mut Vec<u8>) {
        let length = self.start + (self.len + self.held.len()) as u64;
        let block_len = self.block_len as u64;
        let in_last_block = self.start / block_len == length.saturating_sub(1) / block_len;
        if self.len > 0 && !self.held.is_empty() && !in_last_block {
            self.end(stream);
        }
        stream.encode(&self.held, out);
    }

    fn end_piece(&mut self, stream: &mut Stream, out: &mut Vec<u8>) {
        stream.encode(&self.held, out);
        stream.end_piece();
        stream.keep();
        self.len += self.held.len();
        self.held.clear();
    }

    fn end(&mut self, stream: &mut Stream) {
        stream.renew();
        self.start += self.len as u64;
        self.len = 0;
    }
}
