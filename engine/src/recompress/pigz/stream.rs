//! Encodes pieces.

use crate::recompress::zlib::deflate;

/// Bytes of a preset dictionary that count.
pub(in crate::recompress) const DICTIONARY: usize = 32 << 10;
/// Memory level of zlib.
const MEM_LEVEL: u8 = 8;

/// What has to be done before the next piece, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The piece goes on.
    Nothing,
    /// The last piece has to be flushed.
    Flush,
    /// And the next has to start as a new stream.
    FlushAndRenew,
}

/// The stream of all pieces.
pub(super) struct Stream {
    deflate: deflate::Encoder,
    independent: bool,
    before: Before,
    /// Whether pieces start as new streams.
    renews: bool,
    /// The end of what was encoded, at most twice the dictionary.
    recent: Vec<u8>,
}

impl Stream {
    /// `None` unless `level` is 1 to 9.
    pub(super) fn new(level: u8, independent: bool, single_thread: bool) -> Option<Self> {
        let deflate = deflate::Encoder::new(level, MEM_LEVEL)?;
        let renews = independent || !single_thread;
        let recent = Vec::with_capacity(if renews && !independent { 2 * DICTIONARY } else { 0 });
        Some(Self { deflate, independent, before: Before::Nothing, renews, recent })
    }

    /// At the start of a piece that is a new stream, `before` which these bytes came.
    pub(super) fn resume(level: u8, before: &[u8]) -> Option<Self> {
        let mut this = Self::new(level, false, false)?;
        this.remember(before);
        this.deflate.restart(&this.recent);
        Some(this)
    }

    /// Encodes more of a piece.
    pub(super) fn encode(&mut self, input: &[u8], out: &mut Vec<u8>) {
        if input.is_empty() {
            return;
        }
        if self.before != Before::Nothing {
            self.flush(out);
        }
        if self.before == Before::FlushAndRenew {
            let dictionary = self.recent.get(self.recent.len().saturating_sub(DICTIONARY)..).unwrap_or_default();
            self.deflate.restart(dictionary);
        }
        self.before = Before::Nothing;
        self.deflate.write(input, out);
        if self.renews && !self.independent {
            self.remember(input);
        }
    }

    /// The piece ends here.
    pub(super) fn end_piece(&mut self) {
        self.before = if self.renews { Before::FlushAndRenew } else { Before::Flush };
    }

    /// The next piece goes on with the stream.
    pub(super) fn keep(&mut self) {
        self.before = Before::Flush;
    }

    /// The next piece is a new stream after all.
    pub(super) fn renew(&mut self) {
        self.before = Before::FlushAndRenew;
    }

    /// Ends the stream.
    pub(super) fn finish(self, out: &mut Vec<u8>) {
        self.deflate.finish(out);
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        self.deflate.end_block(out);
        let mut sink = self.deflate.sink(out);
        if self.independent {
            sink.empty_stored();
            sink.empty_stored();
        } else if sink.odd_bits() % 2 == 1 {
            sink.empty_stored();
        } else {
            while sink.odd_bits() != 0 {
                sink.empty_fixed();
            }
        }
    }

    fn remember(&mut self, input: &[u8]) {
        let kept = input.get(input.len().saturating_sub(DICTIONARY)..).unwrap_or(input);
        if self.recent.len() + kept.len() > 2 * DICTIONARY {
            let old = self.recent.len().saturating_sub(DICTIONARY);
            self.recent.drain(..old);
        }
        self.recent.extend_from_slice(kept);
    }
}
