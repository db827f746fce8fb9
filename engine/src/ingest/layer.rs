//! One layer: three threads (decompress, hash the tar stream, take it apart) over bounded channels.

use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};
use sha2::{Digest as _, Sha256};

use super::dissect::{DissectError, Dissected, Dissector};
use super::feed::decode_layer;
use super::meter::Meter;
use super::packer::Packer;
use super::session::IngestOptions;
use crate::error::{Error, LayerError};
use crate::id::Digest;
use crate::oci::ImageSource;

/// Pieces in flight between two threads: a quarter of a megabyte each.
const QUEUE: usize = 8;

/// A layer taken apart, not yet known to be re-creatable.
pub(crate) struct TakenApart {
    pub(crate) diff_id: Digest,
    pub(crate) parts: Dissected,
}

/// Reads a layer blob once, checks it against its digest and hands its parts to the packer.
pub(crate) fn take_apart(
    packer: &mut Packer,
    source: &dyn ImageSource,
    digest: &Digest,
    size: u64,
    options: &IngestOptions,
    tmp: &Path,
    meter: &Meter,
) -> Result<TakenApart, Error> {
    let origin = source.origin();
    let input = source.open(digest)?.ok_or_else(|| Error::source(origin, format!("layer {digest} is missing")))?;
    let (to_hash, hash_queue) = bounded(QUEUE);
    let (to_dissect, dissect_queue) = bounded(QUEUE);
    std::thread::scope(|scope| {
        let decoder = scope.spawn(move || {
            decode_layer(input, origin, digest, size, &options.decode_limits, meter, [to_hash, to_dissect])
        });
        let hasher = scope.spawn(move || hash(&hash_queue));
        let dissected = dissect(packer, &dissect_queue, options, tmp, meter);
        // Hang up before joining: after a failure the decoder may still be sending.
        drop(dissect_queue);
        let decoded = decoder.join().unwrap_or_else(|_| Err(Error::worker_lost()));
        let diff_id = hasher.join().map_err(|_| Error::worker_lost())?;
        match (decoded, dissected) {
            // A damaged blob explains whatever the parser says about it.
            (Err(error), Ok(_) | Err(DissectError::Tar(_))) => Err(error),
            (_, Err(DissectError::Other(error))) => Err(error),
            (Ok(()), Err(DissectError::Tar(error))) => {
                Err(Error::Layer { digest: *digest, source: LayerError::Tar(error) })
            }
            (Ok(()), Ok(parts)) => Ok(TakenApart { diff_id, parts }),
        }
    })
}

fn hash(pieces: &Receiver<Arc<Vec<u8>>>) -> Digest {
    let mut hasher = Sha256::new();
    for piece in pieces {
        hasher.update(piece.as_slice());
    }
    Digest::from_bytes(hasher.finalize().into())
}

fn dissect(
    packer: &mut Packer,
    pieces: &Receiver<Arc<Vec<u8>>>,
    options: &IngestOptions,
    tmp: &Path,
    meter: &Meter,
) -> Result<Dissected, DissectError> {
    let mut dissector = Dissector::new(packer, tmp, options.tar_limits)?;
    for piece in pieces {
        dissector.feed(&piece)?;
        let totals = dissector.packer().totals();
        meter.set_chunked(totals.bytes, totals.new_bytes);
    }
    dissector.finish()
}
