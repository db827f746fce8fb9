//! A blob's bytes on their way in: hashed as they are read, decompressed, handed on in large pieces.

use std::io::{self, Read};
use std::sync::Arc;

use crossbeam_channel::Sender;
use sha2::{Digest as _, Sha256};

use super::buffers::{Buffer, Buffers};
use super::layer::LayerBlob;
use super::meter::Meter;
use crate::codec::{DecodeError, DecodeLimits};
use crate::error::{Error, LayerError};
use crate::id::Digest;

/// Bytes handed on at a time.
const PIECE: usize = 256 << 10;

/// Pieces that wait to be used again.
const SPARE: usize = 16;

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

/// What the thread that takes a layer apart is sent.
pub(crate) enum Piece {
    /// Of the tar stream.
    Plain(Arc<Buffer>),
    /// Of the blob itself, which is to be kept.
    Original(Vec<u8>),
}

/// Where a layer's pieces go; a receiver that is gone has failed, and its error is the one that counts.
pub(crate) struct Outlets {
    /// The hasher of the tar stream.
    pub(crate) hash: Sender<Arc<Buffer>>,
    /// The thread that takes the layer apart.
    pub(crate) dissect: Sender<Piece>,
}

/// Copies what is read through it to the thread that keeps it.
struct Tee<R> {
    input: R,
    copy: Vec<u8>,
    to: Option<Sender<Piece>>,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.input.read(buf)?;
        if let Some(to) = &self.to {
            self.copy.extend_from_slice(buf.get(..len).unwrap_or_default());
            if self.copy.len() >= PIECE || len == 0 {
                let _ = to.send(Piece::Original(std::mem::take(&mut self.copy)));
            }
        }
        Ok(len)
    }
}

/// Decompresses a layer blob and sends the tar stream on, and the blob too if it is to be kept; then checks the blob.
///
/// A blob that is not what its digest says is reported as that, whatever else is wrong with it.
pub(crate) fn decode_layer(
    input: Box<dyn Read + Send>,
    blob: &LayerBlob<'_>,
    limits: &DecodeLimits,
    meter: &Meter,
    to: Outlets,
) -> Result<(), Error> {
    let LayerBlob { source, digest, size, keep } = *blob;
    let tee = Tee { input, copy: Vec::new(), to: keep.then(|| to.dissect.clone()) };
    let mut hashing = HashingReader::new(tee, Some(meter));
    let decoded = send_decoded(&mut hashing, limits, &to);
    drop(to);
    hashing.finish(source.origin(), &digest, size)?;
    decoded.map_err(|error| Error::Layer { digest, source: LayerError::Decode(error) })
}

fn send_decoded(input: impl Read + Send, limits: &DecodeLimits, to: &Outlets) -> Result<(), DecodeError> {
    let mut decoder = crate::codec::decoder(input, *limits)?;
    let buffers = Buffers::new(SPARE);
    loop {
        let mut piece = buffers.take();
        piece.resize(PIECE, 0);
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
        if to.hash.send(Arc::clone(&piece)).is_err() || to.dissect.send(Piece::Plain(piece)).is_err() {
            return Ok(());
        }
    }
}
