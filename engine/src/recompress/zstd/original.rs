//! The blob beside what is re-created of it.

use std::io::Read;

use super::super::EncoderFault;
use crate::codec::layer::{Input, LayerError};

/// Why an encoder cannot go on imitating.
#[derive(Debug)]
pub(super) enum Stop {
    /// It emitted something else than the blob has.
    Differs,
    /// It does not work.
    Fault(EncoderFault),
    /// The blob cannot be read.
    Blob(LayerError),
}

impl From<EncoderFault> for Stop {
    fn from(fault: EncoderFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<LayerError> for Stop {
    fn from(error: LayerError) -> Self {
        Self::Blob(error)
    }
}

/// A second reading of the blob, by as much as was re-created.
pub(super) struct Original {
    input: Input<Box<dyn Read + Send>>,
    matched: u64,
}

impl Original {
    pub(super) fn new(source: Box<dyn Read + Send>) -> Self {
        Self { input: Input::new(source), matched: 0 }
    }

    /// Bytes of the blob that were compared and equal.
    pub(super) fn matched(&self) -> u64 {
        self.matched
    }

    /// Takes the next re-created bytes.
    pub(super) fn expect(&mut self, mut bytes: &[u8]) -> Result<(), Stop> {
        while !bytes.is_empty() {
            if self.input.unread().is_empty() {
                self.input.fill()?;
            }
            let unread = self.input.unread();
            let (now, later) = bytes.split_at(bytes.len().min(unread.len()));
            if now.is_empty() || !unread.starts_with(now) {
                return Err(Stop::Differs);
            }
            self.input.consume(now.len());
            self.matched += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    /// Whether the blob ends here.
    pub(super) fn at_end(&mut self) -> Result<bool, LayerError> {
        self.input.fill_to(1)?;
        Ok(self.input.unread().is_empty())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::cast_possible_truncation)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn original() -> Original {
        let blob: Vec<u8> = (0..1_000_000u32).map(|n| (n >> 4) as u8).collect();
        Original::new(Box::new(Cursor::new(blob)))
    }

    #[test]
    fn equal_bytes_are_counted_and_the_end_is_seen() {
        let mut original = original();
        let blob: Vec<u8> = (0..1_000_000u32).map(|n| (n >> 4) as u8).collect();
        for piece in blob.chunks(70_001) {
            assert!(!original.at_end().unwrap());
            original.expect(piece).unwrap();
        }
        assert_eq!(original.matched(), 1_000_000);
        assert!(original.at_end().unwrap());
        assert!(matches!(original.expect(&[0]), Err(Stop::Differs)), "there is no more");
    }

    #[test]
    fn a_difference_is_found() {
        assert!(matches!(original().expect(&[0, 0, 1]), Err(Stop::Differs)));
    }
}
