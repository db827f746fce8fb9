//! How a layer's tar stream is put together again: runs of skeleton and of content, in turn.
//!
//! Encoded as pairs of LEB128 numbers `(skeleton bytes, content bytes)`: first so many bytes of the skeleton stream, then so
//! many of the content, until both are used up. Content runs end where chunks end.

use std::io::{self, Read};

use super::wire::Put;

/// Writes the operations while a layer is taken apart.
#[derive(Debug, Default)]
pub struct OpsEncoder {
    skeleton: u64,
    content: u64,
    bytes: Vec<u8>,
}

impl OpsEncoder {
    /// Notes that skeleton bytes come next.
    pub fn skeleton(&mut self, len: u64) {
        if self.content > 0 {
            self.flush();
        }
        self.skeleton += len;
    }

    /// Notes that content bytes come next.
    pub fn content(&mut self, len: u64) {
        self.content += len;
    }

    fn flush(&mut self) {
        if self.skeleton > 0 || self.content > 0 {
            self.bytes.put_varint(self.skeleton);
            self.bytes.put_varint(self.content);
            (self.skeleton, self.content) = (0, 0);
        }
    }

    /// Takes what is encoded so far, leaving the open run.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Ends the last run and takes the rest.
    pub fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.bytes
    }
}

/// Reads operations one by one from a stream.
#[derive(Debug)]
pub struct OpsDecoder<R> {
    input: R,
}

impl<R: Read> OpsDecoder<R> {
    /// `input` should be buffered: it is read byte by byte.
    pub fn new(input: R) -> Self {
        OpsDecoder { input }
    }

    /// The next `(skeleton bytes, content bytes)`, or `None` at the end. A stream that ends inside a pair, or a number beyond
    /// 64 bits, is `InvalidData`.
    pub fn next_op(&mut self) -> io::Result<Option<(u64, u64)>> {
        let Some(skeleton) = self.number(true)? else { return Ok(None) };
        let content = self.number(false)?.unwrap_or(0);
        Ok(Some((skeleton, content)))
    }

    fn number(&mut self, may_end: bool) -> io::Result<Option<u64>> {
        let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let mut byte = [0u8];
            if self.input.read(&mut byte)? == 0 {
                if may_end && shift == 0 {
                    return Ok(None);
                }
                return Err(invalid("layer operations end inside a number"));
            }
            let low = u64::from(byte[0] & 0x7f);
            if shift == 63 && low > 1 {
                break;
            }
            value |= low << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(Some(value));
            }
        }
        Err(invalid("a layer operation beyond 64 bits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(bytes: &[u8]) -> io::Result<Vec<(u64, u64)>> {
        let mut decoder = OpsDecoder::new(bytes);
        let mut ops = Vec::new();
        while let Some(op) = decoder.next_op()? {
            ops.push(op);
        }
        Ok(ops)
    }

    proptest! {
        #[test]
        fn runs_add_up(runs in proptest::collection::vec((any::<bool>(), 1u64..1 << 40), 0..50)) {
            let mut encoder = OpsEncoder::default();
            let mut bytes = Vec::new();
            for (is_content, len) in &runs {
                if *is_content { encoder.content(*len) } else { encoder.skeleton(*len) }
                bytes.extend(encoder.take());
            }
            bytes.extend(encoder.finish());
            let ops = decode(&bytes).unwrap();
            let sum = |content| runs.iter().filter(|run| run.0 == content).map(|run| run.1).sum::<u64>();
            prop_assert_eq!(ops.iter().map(|op| op.0).sum::<u64>(), sum(false));
            prop_assert_eq!(ops.iter().map(|op| op.1).sum::<u64>(), sum(true));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn neighbouring_runs_are_one() {
        let mut encoder = OpsEncoder::default();
        encoder.skeleton(500);
        encoder.skeleton(12);
        encoder.content(3);
        encoder.content(4);
        encoder.skeleton(1);
        assert_eq!(decode(&encoder.finish()).unwrap(), [(512, 7), (1, 0)]);
    }
}
