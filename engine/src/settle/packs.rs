//! Packs of originals that are needed no more.
//!
//! Whoever writes records or removes packs holds the archive's write lock, and a record names every pack that it needs: so a pack
//! that no record names is dead.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::Settled;
use super::records::{packs_of, packs_of_tar, put};
use crate::archive::Archive;
use crate::error::Error;
use crate::format::{BlobBody, PackClass, StreamRef, Wrapper};
use crate::id::{Digest, PackId};
use crate::ingest::{PackUse, Packer, StreamWriter};
use crate::read::{ChunkReader, StreamReader};
use crate::store::{Key, PackArea};

/// A pack is written anew once less than this share of it is needed, in per cent.
const WORTH_KEEPING: u64 = 80;

/// Removes packs of originals that no record names, and moves what is left out of those that are mostly dead.
pub(super) fn drop_dead(archive: &Archive, packer: &mut Packer, settled: &mut Settled) -> Result<(), Error> {
    let originals = original_packs(archive)?;
    if originals.is_empty() {
        return Ok(());
    }
    let mut needs = Needs::survey(archive, &originals)?;
    let sparse: BTreeSet<PackId> =
        originals.iter().filter(|(pack, len)| needs.is_sparse(pack, **len)).map(|(pack, _)| *pack).collect();
    if !sparse.is_empty() {
        let before = packer.totals().stored_bytes;
        move_out(archive, packer, sparse)?;
        settled.bytes_moved = packer.totals().stored_bytes - before;
        needs = Needs::survey(archive, &originals)?;
    }
    for (pack, len) in &originals {
        if needs.live.contains_key(pack) {
            continue;
        }
        // Out of the index first: what is not in it is looked for in the packs, never the other way round.
        packer.forget_pack(pack)?;
        archive.store().delete(&Key::Pack(PackArea::Data, *pack))?;
        archive.store().delete(&Key::Footer(*pack))?;
        settled.packs_removed += 1;
        settled.bytes_removed += len;
    }
    Ok(())
}

/// Packs of originals with their lengths.
fn original_packs(archive: &Archive) -> Result<BTreeMap<PackId, u64>, Error> {
    let mut originals = BTreeMap::new();
    for ((area, pack), len) in archive.packs()? {
        if area == PackArea::Data && archive.pack_class(area, pack)? == PackClass::Original {
            originals.insert(pack, len);
        }
    }
    Ok(originals)
}

/// What records need of packs of originals.
struct Needs {
    /// Packs that some record names, with the bytes of the kept layers in them.
    live: BTreeMap<PackId, u64>,
    /// Packs that hold something else than kept layers.
    mixed: BTreeSet<PackId>,
}

impl Needs {
    fn survey(archive: &Archive, originals: &BTreeMap<PackId, u64>) -> Result<Self, Error> {
        let mut needs = Needs { live: BTreeMap::new(), mixed: BTreeSet::new() };
        let mut counted: HashSet<Digest> = HashSet::new();
        for image in archive.images()? {
            let record = archive.image(&image)?;
            for pack in record.packs.iter().filter(|pack| originals.contains_key(pack)) {
                needs.live.entry(*pack).or_default();
                needs.mixed.insert(*pack);
            }
            for (blob, layer) in record.layers() {
                let packs: Vec<PackId> =
                    layer.packs.iter().filter(|pack| originals.contains_key(pack)).copied().collect();
                let is_new = counted.insert(blob.digest);
                for pack in &packs {
                    let live = needs.live.entry(*pack).or_default();
                    if is_new {
                        // A blob that lies in several packs is counted in each: too much rather than too little.
                        *live += layer.wrapper.original().map_or(0, |original| original.len);
                    }
                    if layer.wrapper.original().is_none() {
                        needs.mixed.insert(*pack);
                    }
                }
            }
        }
        Ok(needs)
    }

    fn is_sparse(&self, pack: &PackId, len: u64) -> bool {
        let live = self.live.get(pack);
        !self.mixed.contains(pack)
            && live.is_some_and(|live| live.saturating_mul(100) < len.saturating_mul(WORTH_KEEPING))
    }
}

/// Stores the kept layers of these packs again, elsewhere, and has their records say so.
fn move_out(archive: &Archive, packer: &mut Packer, mut sparse: BTreeSet<PackId>) -> Result<(), Error> {
    let reader = archive.auditor(super::CACHE);
    let mut images = BTreeSet::new();
    for image in archive.images()? {
        for (_, layer) in archive.image(&image)?.layers() {
            if layer.wrapper.original().is_some() && layer.packs.iter().any(|pack| sparse.contains(pack)) {
                // A file may be the very bytes of some kept blob; then its pack stays where it is.
                let tar = packs_of_tar(packer, &reader, layer)?;
                sparse.retain(|pack| !tar.contains(pack));
                images.insert(image);
            }
        }
    }
    // What the index does not know is stored as new. Should this be interrupted, the index finds the packs again.
    for pack in &sparse {
        packer.forget_pack(pack)?;
    }
    let mut moved: HashMap<Digest, StreamRef> = HashMap::new();
    for image in &images {
        for (blob, layer) in archive.image(image)?.layers() {
            let is_sparse = layer.packs.iter().any(|pack| sparse.contains(pack));
            if let Some(original) = layer.wrapper.original().filter(|_| is_sparse && !moved.contains_key(&blob.digest))
            {
                reader.learn(layer.packs.iter().copied())?;
                moved.insert(blob.digest, store_again(packer, &reader, original)?);
            }
        }
    }
    packer.seal()?;
    for image in images {
        let mut record = archive.image(&image)?;
        for blob in &mut record.blobs {
            let (Some(original), BlobBody::Layer(layer)) = (moved.get(&blob.digest), &mut blob.body) else { continue };
            match &mut layer.wrapper {
                Wrapper::Kept(stream) | Wrapper::Deferred(stream) => stream.clone_from(original),
                Wrapper::Recipe(_) | Wrapper::Dropped => continue,
            }
            layer.packs = packs_of(packer, &reader, layer)?;
        }
        put(archive, &record)?;
    }
    Ok(())
}

fn store_again(packer: &mut Packer, reader: &ChunkReader, original: &StreamRef) -> Result<StreamRef, Error> {
    let mut used = PackUse::default();
    let mut writer = StreamWriter::original();
    let mut stream = StreamReader::new(reader, PackArea::Data, original);
    while let Some(chunk) = stream.next_chunk()? {
        writer.write(packer, chunk.as_ref(), &mut used)?;
    }
    writer.finish(packer, &mut used)
}
