//! A blob whose record was replaced while it was read: a settlement drops originals that nothing needs any more.

use crate::archive::load_image;
use crate::error::Error;
use crate::format::{BlobBody, BlobRecord};
use crate::id::Digest;
use crate::read::ChunkReader;
use crate::store::StoreError;

/// Runs `read` on a blob; where a pack is gone and the image's record has been replaced meanwhile, once more on what it says now.
pub(super) fn with_current(
    reader: &ChunkReader,
    image: &Digest,
    blob: &BlobRecord,
    read: &mut dyn FnMut(&BlobRecord) -> Result<(), Error>,
) -> Result<(), Error> {
    match read(blob) {
        Err(error) if is_gone(&error) => match current(reader, image, blob) {
            Some(now) => read(&now),
            None => Err(error),
        },
        result => result,
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(error, Error::MissingChunk { .. } | Error::Store(StoreError::NotFound { .. }))
}

/// What the archive says of the blob now, if that is something else.
fn current(reader: &ChunkReader, image: &Digest, blob: &BlobRecord) -> Option<BlobRecord> {
    let record = load_image(reader.store(), image).ok()?;
    let now = record.blob(&blob.digest).filter(|now| now.body != blob.body)?;
    if let BlobBody::Layer(layer) = &now.body {
        reader.learn(layer.packs.iter().copied()).ok()?;
    }
    Some(now.clone())
}
