//! The last bytes of a stream.

/// Keeps the last `KEEP` bytes at least, and four times as many and what was pushed last at most.
#[derive(Debug, Default)]
pub(super) struct Recent<const KEEP: usize> {
    bytes: Vec<u8>,
    end: u64,
}

impl<const KEEP: usize> Recent<KEEP> {
    /// Takes the stream's next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.bytes.len() >= 4 * KEEP {
            self.bytes.drain(..self.bytes.len() - KEEP);
        }
        self.bytes.extend_from_slice(bytes);
        self.end += bytes.len() as u64;
    }

    /// Offset in the stream of the first byte that is kept.
    pub(super) fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    /// Bytes of the stream so far.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The bytes from an offset in the stream on; `None` if they are not kept any more, or not there yet.
    pub(super) fn since(&self, offset: u64) -> Option<&[u8]> {
        self.bytes.get(usize::try_from(offset.checked_sub(self.start())?).ok()?..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_at_hand() {
        let mut recent = Recent::<10>::default();
        let all: Vec<u8> = (0..=255).collect();
        for (number, piece) in all.chunks(7).enumerate() {
            recent.push(piece);
            let end = 7 * number + piece.len();
            let from = end.saturating_sub(10);
            assert_eq!(recent.since(from as u64), all.get(from..end));
            assert_eq!(recent.end(), end as u64);
            assert!(recent.start() <= from as u64 && recent.end() - recent.start() < 47);
        }
        assert_eq!(recent.since(256), Some(&[][..]));
        assert!(recent.since(0).is_none() && recent.since(257).is_none());
    }
}
