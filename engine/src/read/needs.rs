//! Which bytes of which packs an image needs: what has to be thawed, and what to bring here, for all of it to be readable.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::chunks::{ChunkReader, FramePlace};
use super::layer::for_each_chunk_of_tar;
use super::open_image::OpenImage;
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

/// The frames of data packs that hold what the image needs, for its files and for its blobs. Frames of which a copy is `at_hand` are left
/// out.
///
/// # Errors
/// The metadata can't be read; [`Error::MissingChunk`] if no pack has a chunk.
pub fn needs(
    reader: &ChunkReader,
    record: &ImageRecord,
    at_hand: &dyn Fn(&FramePlace) -> bool,
) -> Result<Needs, Error> {
    reader.learn(record.all_packs())?;
    let mut frames = Frames::default();
    let mut count = |chunk: &ChunkRef| -> Result<(), Error> {
        frames.want(&reader.found_places(PackArea::Data, chunk)?, at_hand);
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
    Ok(frames.needs())
}

/// [`needs`], of the files of one filesystem alone: what a mount of it reads.
///
/// # Errors
/// The metadata can't be read.
pub fn needs_of_files(image: &OpenImage, at_hand: &dyn Fn(&FramePlace) -> bool) -> Result<Needs, Error> {
    let mut frames = Frames::default();
    image.all_frames()?.iter().for_each(|places| frames.want(places, at_hand));
    Ok(frames.needs())
}

/// Frames that are wanted, by pack.
#[derive(Default)]
struct Frames {
    wanted: BTreeMap<PackId, BTreeSet<(u64, u64)>>,
    /// Frames that were asked about already, with whether they are at hand: many chunks are in one.
    asked: HashMap<FramePlace, bool>,
}

impl Frames {
    /// One that is at all of these places.
    fn want(&mut self, places: &[FramePlace], at_hand: &dyn Fn(&FramePlace) -> bool) {
        if places.iter().any(|place| *self.asked.entry(*place).or_insert_with(|| at_hand(place))) {
            return;
        }
        // What is pinned is here or nowhere, and a copy.
        if let Some(place) = places.iter().find(|place| place.area == PackArea::Data) {
            self.wanted.entry(place.pack).or_default().insert((place.offset, place.offset + place.len));
        }
    }

    fn needs(self) -> Needs {
        self.wanted.into_iter().map(|(pack, frames)| (pack, merged(frames))).collect()
    }
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
