//! Which bytes of which packs an image needs: what has to be thawed, and what to bring here, for all of it to be readable.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::chunks::ChunkReader;
use super::layer::for_each_chunk_of_tar;
use super::stream::for_each_chunk;
use crate::archive::MAX_META_BLOB;
use crate::error::Error;
use crate::format::{BlobBody, BlobRecord, ChunkRef, ImageRecord, StreamRef};
use crate::id::PackId;
use crate::store::PackArea;

/// Bytes between two wanted frames that are rather fetched along than asked around, which would be a request more.
const GAP: u64 = 128 << 10;

/// Ranges of data packs, ascending, apart, and none of them empty.
pub type Needs = BTreeMap<PackId, Vec<Range<u64>>>;

/// The frames of data packs that hold what the image needs, for its files and for its blobs. Where a chunk is in several
/// packs, one that `is_here` is counted on, and left out.
///
/// # Errors
/// The metadata can't be read; [`Error::MissingChunk`] if no pack has a chunk.
pub fn needs(reader: &ChunkReader, record: &ImageRecord, is_here: &dyn Fn(&PackId) -> bool) -> Result<Needs, Error> {
    reader.learn(record.all_packs())?;
    let mut frames: BTreeMap<PackId, BTreeSet<(u64, u64)>> = BTreeMap::new();
    let mut count = |chunk: &ChunkRef| -> Result<(), Error> {
        let places = reader.found_places(PackArea::Data, chunk)?;
        if let Some(place) = places.first()
            && !places.iter().any(|place| is_here(&place.pack))
        {
            frames.entry(place.pack).or_default().insert((place.offset, place.offset + place.len));
        }
        Ok(())
    };
    let mut visit = |area, chunk: &ChunkRef| match area {
        PackArea::Data => count(chunk),
        PackArea::Meta | PackArea::Pinned => Ok(()),
    };
    for blob in &record.blobs {
        if let Some(stream) = stored_as_it_is(blob) {
            for_each_chunk(reader, PackArea::Data, stream, &mut visit)?;
        }
        if let BlobBody::Layer(layer) = &blob.body {
            for_each_chunk_of_tar(reader, layer, &mut visit)?;
        }
    }
    Ok(frames.into_iter().map(|(pack, frames)| (pack, merged(frames))).collect())
}

/// What of a blob is in data packs as it is.
fn stored_as_it_is(blob: &BlobRecord) -> Option<&StreamRef> {
    match &blob.body {
        BlobBody::Bytes(stream) => (blob.size > MAX_META_BLOB).then_some(stream),
        BlobBody::Layer(layer) => layer.wrapper.original(),
    }
}

fn merged(frames: BTreeSet<(u64, u64)>) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for (start, end) in frames {
        match ranges.last_mut() {
            Some(last) if start <= last.end.saturating_add(GAP) => last.end = last.end.max(end),
            _ => ranges.push(start..end),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_lie_close_are_fetched_in_one() {
        let frames = [(0, 10), (10, 20), (20 + GAP, 30 + GAP), (31 + 2 * GAP, 40 + 2 * GAP)];
        assert_eq!(merged(frames.into()), [0..30 + GAP, 31 + 2 * GAP..40 + 2 * GAP]);
        assert_eq!(merged(BTreeSet::new()), Vec::<Range<u64>>::new());
    }
}
