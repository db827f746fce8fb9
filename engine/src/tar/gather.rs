//! Cuts 512-byte blocks out of input that arrives in pieces of any size.

use super::{BLOCK, Block};

/// What has been seen of one `feed` call's input, and which part of it the sink has not been given yet.
///
/// Consecutive skeleton bytes (padding, a header, its extended header) go out as one slice of the input, never copied.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    input: &'a [u8],
    start: u64,
    at: usize,
    sent: usize,
}

impl<'a> Cursor<'a> {
    /// `start` is the input's place in the stream.
    pub(super) fn new(input: &'a [u8], start: u64) -> Self {
        Self { input, start, at: 0, sent: 0 }
    }

    /// The next byte's place in the stream.
    pub(super) fn position(&self) -> u64 {
        self.start + self.at as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at == self.input.len()
    }

    /// Passes over at most `want` bytes and returns them.
    pub(super) fn take(&mut self, want: u64) -> &'a [u8] {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let want = usize::try_from(want).unwrap_or(usize::MAX).min(rest.len());
        self.at += want;
        rest.get(..want).unwrap_or_default()
    }

    /// The bytes passed over since the last call.
    pub(super) fn unsent(&mut self) -> &'a [u8] {
        let unsent = self.input.get(self.sent..self.at).unwrap_or_default();
        self.sent = self.at;
        unsent
    }
}

/// Holds the start of a block until its end arrives.
#[derive(Debug)]
pub(super) struct Gather {
    partial: Block,
    filled: usize,
}

impl Gather {
    pub(super) fn new() -> Self {
        Self { partial: [0; BLOCK], filled: 0 }
    }

    /// Bytes of an unfinished block.
    pub(super) fn filled(&self) -> usize {
        self.filled
    }

    /// The next whole block, or `None` if the input ends before it does. Copies only a block that is split over two inputs.
    pub(super) fn next<'a, 'i: 'a>(&'a mut self, cursor: &mut Cursor<'i>) -> Option<&'a Block> {
        let piece = cursor.take((BLOCK - self.filled) as u64);
        if let Ok(block) = piece.try_into() {
            return Some(block);
        }
        let end = self.filled + piece.len();
        if let Some(room) = self.partial.get_mut(self.filled..end) {
            room.copy_from_slice(piece);
        }
        self.filled = end % BLOCK;
        (end == BLOCK).then_some(&self.partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_survive_any_cut() {
        let stream: Vec<u8> = (0..BLOCK * 3 + 10).map(|i| u8::try_from(i % 251).unwrap()).collect();
        for step in [1, 7, 511, 512, 513, 1024, 2000] {
            let mut gather = Gather::new();
            let (mut blocks, mut sent) = (Vec::new(), Vec::new());
            for input in stream.chunks(step) {
                let mut cursor = Cursor::new(input, 0);
                while let Some(block) = gather.next(&mut cursor) {
                    blocks.extend_from_slice(block);
                    sent.extend_from_slice(cursor.unsent());
                }
                assert!(cursor.is_empty());
                sent.extend_from_slice(cursor.unsent());
            }
            assert_eq!(blocks, stream[..BLOCK * 3], "{step}");
            assert_eq!(sent, stream, "{step}");
            assert_eq!(gather.filled(), 10);
        }
    }
}
