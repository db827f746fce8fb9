//! One layer: three threads (decompress, hash the tar stream, take it apart) over bounded channels.

use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};
use sha2::{Digest as _, Sha256};

use super::buffers::Buffer;
use super::dissect::{DissectError, Dissected, Dissector};
use super::feed::{Outlets, Piece, decode_layer};
use super::meter::Meter;
use super::packer::{PackUse, Packer};
use super::session::IngestOptions;
use super::stream::StreamWriter;
use crate::error::{Error, LayerError};
use crate::format::StreamRef;
use crate::id::Digest;
use crate::oci::ImageSource;

/// Pieces in flight between two threads: a quarter of a megabyte each.
const QUEUE: usize = 8;

/// A layer taken apart, not yet known to be re-creatable.
pub(crate) struct TakenApart {
    pub(crate) diff_id: Digest,
    pub(crate) parts: Dissected,
    /// The blob as it is, if it was to be kept.
    pub(crate) original: Option<(StreamRef, PackUse)>,
}

/// A layer to take apart.
pub(crate) struct LayerBlob<'s> {
    pub(crate) source: &'s dyn ImageSource,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Whether to store the blob as well.
    pub(crate) keep: bool,
}

/// Reads a layer blob once, checks it against its digest and hands its parts to the packer; and the blob too, with `keep`.
pub(crate) fn take_apart(
    packer: &mut Packer,
    blob: LayerBlob<'_>,
    options: &IngestOptions,
    tmp: &Path,
    meter: &Meter,
) -> Result<TakenApart, Error> {
    let LayerBlob { source, digest, keep, .. } = blob;
    let origin = source.origin();
    let input = source.open(&digest)?.ok_or_else(|| Error::source(origin, format!("layer {digest} is missing")))?;
    let (hash_sender, hash_queue) = bounded(QUEUE);
    let (dissect_sender, dissect_queue) = bounded(QUEUE);
    let outlets = Outlets { hash: hash_sender, dissect: dissect_sender };
    std::thread::scope(|scope| {
        let decoder = scope.spawn(move || decode_layer(input, &blob, &options.decode_limits, meter, outlets));
        let hasher = scope.spawn(move || hash(&hash_queue));
        let dissected = dissect(packer, &dissect_queue, options, tmp, meter, keep);
        // Hang up before joining: after a failure the decoder may still be sending.
        drop(dissect_queue);
        let decoded = decoder.join().unwrap_or_else(|_| Err(Error::worker_lost()));
        let diff_id = hasher.join().map_err(|_| Error::worker_lost())?;
        match (decoded, dissected) {
            // A damaged blob explains whatever the parser says about it.
            (Err(error), Ok(_) | Err(DissectError::Tar(_))) => Err(error),
            (_, Err(DissectError::Other(error))) => Err(error),
            (Ok(()), Err(DissectError::Tar(error))) => Err(Error::Layer { digest, source: LayerError::Tar(error) }),
            (Ok(()), Ok((parts, original))) => Ok(TakenApart { diff_id, parts, original }),
        }
    })
}

fn hash(pieces: &Receiver<Arc<Buffer>>) -> Digest {
    let mut hasher = Sha256::new();
    for piece in pieces {
        hasher.update(piece.as_slice());
    }
    Digest::from_bytes(hasher.finalize().into())
}

fn dissect(
    packer: &mut Packer,
    pieces: &Receiver<Piece>,
    options: &IngestOptions,
    tmp: &Path,
    meter: &Meter,
    keep: bool,
) -> Result<(Dissected, Option<(StreamRef, PackUse)>), DissectError> {
    let mut dissector = Dissector::new(packer, tmp, options.tar_limits)?;
    let mut original = keep.then(|| (StreamWriter::original(), PackUse::default()));
    for piece in pieces {
        match (piece, &mut original) {
            (Piece::Plain(bytes), _) => dissector.feed(&bytes)?,
            (Piece::Original(bytes), Some((stream, used))) => stream.write(dissector.packer_mut(), &bytes, used)?,
            (Piece::Original(_), None) => {}
        }
        let totals = dissector.packer_mut().totals();
        meter.set_chunked(totals.bytes, totals.new_bytes);
    }
    let original = match original {
        Some((stream, mut used)) => Some((stream.finish(dissector.packer_mut(), &mut used)?, used)),
        None => None,
    };
    Ok((dissector.finish()?, original))
}
