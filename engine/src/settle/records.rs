//! Image records that say how their layers come back now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::prove::Proved;
use super::survey::{Waiting, waits};
use crate::archive::Archive;
use crate::error::Error;
use crate::format::{BlobBody, ChunkRef, ImageRecord, LayerRecord, Wrapper};
use crate::id::{Digest, PackId};
use crate::ingest::Packer;
use crate::read::{ChunkReader, for_each_chunk, for_each_chunk_of_tar};
use crate::store::{Body, Key, PackArea};

/// Replaces the records of all images that have one of the layers; each one names the packs that its layers need from now on.
/// Gives the number of records.
pub(super) fn replace(
    archive: &Archive,
    packer: &Packer,
    reader: &ChunkReader,
    layers: &[Waiting],
    proved: &[Proved],
) -> Result<u64, Error> {
    let mut wrappers: HashMap<Digest, &Wrapper> = HashMap::new();
    let mut images: BTreeSet<Digest> = BTreeSet::new();
    for (waiting, proved) in layers.iter().zip(proved) {
        if let Some(wrapper) = &proved.wrapper {
            wrappers.insert(waiting.digest, wrapper);
            images.extend(&waiting.images);
        }
    }
    // A layer's packs are the same in every image.
    let mut packs: BTreeMap<Digest, Vec<PackId>> = BTreeMap::new();
    for image in &images {
        let mut record = archive.image(image)?;
        for blob in &mut record.blobs {
            let (Some(wrapper), BlobBody::Layer(layer)) = (wrappers.get(&blob.digest), &mut blob.body) else {
                continue;
            };
            if !waits(&layer.wrapper, true) {
                continue;
            }
            layer.wrapper = (*wrapper).clone();
            layer.packs = match packs.get(&blob.digest) {
                Some(packs) => packs.clone(),
                None => packs_of(packer, reader, layer)?,
            };
            packs.insert(blob.digest, layer.packs.clone());
        }
        put(archive, &record)?;
    }
    Ok(images.len() as u64)
}

/// Writes a record over the one of the same image.
pub(super) fn put(archive: &Archive, record: &ImageRecord) -> Result<(), Error> {
    let key = Key::Image(record.root);
    let bytes = record.encode().map_err(|source| Error::Object { key: key.clone(), source })?;
    Ok(archive.store().put(&key, Body::Bytes(&bytes))?)
}

/// The packs that hold all that a layer is re-created from.
pub(super) fn packs_of(packer: &Packer, reader: &ChunkReader, layer: &LayerRecord) -> Result<Vec<PackId>, Error> {
    let mut packs = packs_of_tar(packer, reader, layer)?;
    if let Some(original) = layer.wrapper.original() {
        for_each_chunk(reader, PackArea::Data, original, &mut |area, chunk| {
            packs.insert(pack_of(packer, area, chunk)?);
            Ok(())
        })?;
    }
    Ok(packs.into_iter().collect())
}

fn pack_of(packer: &Packer, area: PackArea, chunk: &ChunkRef) -> Result<PackId, Error> {
    packer.pack_of(area, &chunk.id)?.ok_or(Error::MissingChunk { id: chunk.id })
}

/// The packs that hold a layer's tar stream.
pub(super) fn packs_of_tar(
    packer: &Packer,
    reader: &ChunkReader,
    layer: &LayerRecord,
) -> Result<BTreeSet<PackId>, Error> {
    let mut packs = BTreeSet::new();
    for_each_chunk_of_tar(reader, layer, &mut |area, chunk| {
        packs.insert(pack_of(packer, area, chunk)?);
        Ok(())
    })?;
    Ok(packs)
}
