//! A blob's bytes on their way in: hashed as they are read, decompressed, handed on in large pieces.

use std::io::{self, Read};
use std::sync::Arc;

use crossbeam_channel::Sender;
use sha2::{Digest as _, Sha256};

use super::meter::Meter;
use crate::codec::{DecodeError, DecodeLimits};
use crate::error::{Error, LayerError};
use crate::id::Digest;

/// Bytes handed on at a time.
const PIECE: usize = 256 << 10;

/// Hashes and counts what is read through it.
pub(crate) struct HashingReader<'m, R> {
    input: R,
    hasher: Sha256,
    len: u64,
    meter: Option<&'m Meter>,
}

impl<'m, R: Read> HashingReader<'m, R> {
    pub(crate) fn new(input: R, meter: Option<&'m Meter>) -> Self {
        HashingReader { input, hasher: Sha256::new(), len: 0, meter }
    }

    /// Reads what is left and checks length and digest of the whole.
    pub(crate) fn finish(mut self, origin: &str, digest: &Digest, size: u64) -> Result<(), Error> {
        io::copy(&mut self, &mut io::sink())
            .map_err(Error::source_because(origin, format!("blob {digest} can't be read")))?;
        let found = Digest::from_bytes(self.hasher.finalize().into());
        if self.len != size {
            let (origin, digest) = (origin.to_owned(), *digest);
            return Err(Error::SizeMismatch { origin, digest, size, found: self.len });
        }
        if &found != digest {
            return Err(Error::DigestMismatch { origin: origin.to_owned(), digest: *digest, found });
        }
        Ok(())
    }
}

impl<R: Read> Read for HashingReader<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.input.read(buf)?;
        self.hasher.update(buf.get(..len).unwrap_or_default());
        self.len += len as u64;
        if let Some(meter) = self.meter {
            meter.add_done(len as u64);
        }
        Ok(len)
    }
}

/// Decompresses a layer blob and sends the tar stream to both receivers; then checks the blob.
///
/// A blob that is not what its digest says is reported as that, whatever else is wrong with it.
pub(crate) fn decode_layer(
    input: Box<dyn Read + Send>,
    origin: &str,
    digest: &Digest,
    size: u64,
    limits: &DecodeLimits,
    meter: &Meter,
    to: [Sender<Arc<Vec<u8>>>; 2],
) -> Result<(), Error> {
    let mut hashing = HashingReader::new(input, Some(meter));
    let decoded = send_decoded(&mut hashing, limits, &to);
    drop(to);
    hashing.finish(origin, digest, size)?;
    decoded.map_err(|error| Error::Layer { digest: *digest, source: LayerError::Decode(error) })
}

fn send_decoded(
    input: impl Read + Send,
    limits: &DecodeLimits,
    to: &[Sender<Arc<Vec<u8>>>; 2],
) -> Result<(), DecodeError> {
    let mut decoder = crate::codec::decoder(input, *limits)?;
    loop {
        let mut piece = vec![0; PIECE];
        let mut len = 0;
        while let Some(rest) = piece.get_mut(len..).filter(|rest| !rest.is_empty()) {
            match decoder.decode(rest)? {
                0 => break,
                read => len += read,
            }
        }
        if len == 0 {
            return Ok(());
        }
        piece.truncate(len);
        let piece = Arc::new(piece);
        // A receiver that is gone has failed, and its error is the one that counts.
        if to.iter().any(|receiver| receiver.send(Arc::clone(&piece)).is_err()) {
            return Ok(());
        }
    }
}
