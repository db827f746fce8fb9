//! Pinned sets are written and given up.

use std::collections::{BTreeSet, HashMap};

use super::select::PinSet;
use super::{drop_dead, live_packs, lock, record};
use crate::archive::{Archive, unix_now};
use crate::error::{Error, with_causes};
use crate::format::{ChunkEntry, ChunkRef, MAX_FRAME_CHUNKS, PackClass, PinOrigin, PinRecord};
use crate::id::{ChunkId, Digest, PackId};
use crate::pack::{FrameEncoder, PackBuilder, SealedPack, load_footer};
use crate::read::OpenImage;
use crate::store::{Body, Key, PackArea};

/// What was pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The new record.
    pub record: PinRecord,
    /// Uncompressed bytes that some other image had pinned already.
    pub shared: u64,
    /// Bytes of the packs that were written.
    pub stored: u64,
}

/// Pins these chunks of an image, in place of what was pinned of it before. `progress` hears of bytes that were read.
///
/// # Errors
/// The chunks can't be read (frozen ones have to be thawed first); [`Error::Locked`] if another process changes what is pinned; the
/// store's. What was pinned before stays then.
pub fn pin(
    archive: &Archive,
    image: &OpenImage,
    origin: PinOrigin,
    set: &PinSet,
    progress: &dyn Fn(u64),
) -> Result<Pinned, Error> {
    let _lock = lock(archive)?;
    let store = archive.store().as_ref();
    let wanted: HashMap<ChunkId, u32> = set.chunks.iter().map(|chunk| (chunk.id, chunk.len)).collect();
    let mut packs = Vec::new();
    let mut covered: HashMap<ChunkId, u32> = HashMap::new();
    for pack in live_packs(store)? {
        // One that can't be read is no help to anybody.
        let Ok(footer) = load_footer(store, PackArea::Pinned, pack) else { continue };
        let useful: Vec<&ChunkEntry> = footer.chunks.iter().filter(|chunk| wanted.contains_key(&chunk.id)).collect();
        let sum = |chunks: &mut dyn Iterator<Item = &ChunkEntry>| chunks.map(|chunk| u64::from(chunk.len)).sum::<u64>();
        // A pack that mostly holds something else would outlive the image it was made for.
        if 2 * sum(&mut useful.iter().copied()) > sum(&mut footer.chunks.iter()) {
            packs.push(pack);
            covered.extend(useful.into_iter().map(|chunk| (chunk.id, chunk.len)));
        }
    }
    let missing = set.chunks.iter().filter(|chunk| !covered.contains_key(&chunk.id));
    let sealed = write(archive, image, missing, progress)?;
    packs.extend(sealed.iter().map(|pack| pack.id));
    let next = PinRecord {
        image: image.digest(),
        pinned_at: unix_now(),
        origin,
        files: set.files,
        bytes: set.bytes,
        image_bytes: image_bytes(image)?,
        packs,
        released: Vec::new(),
    };
    let record = replace(archive, next)?;
    Ok(Pinned {
        record,
        shared: covered.values().map(|len| u64::from(*len)).sum(),
        stored: sealed.iter().map(|pack| pack.len).sum(),
    })
}

/// Gives up what is pinned of an image, and says what it was.
///
/// # Errors
/// As [`pin`].
pub fn unpin(archive: &Archive, image: &Digest) -> Result<Option<PinRecord>, Error> {
    let _lock = lock(archive)?;
    let before = match record(archive.store().as_ref(), image) {
        Ok(Some(before)) if before.is_live() => before,
        Ok(_) => return Ok(None),
        // What it said is lost, and so is what it pinned.
        Err(Error::Object { .. }) => damaged(image),
        Err(error) => return Err(error),
    };
    let nothing = PinRecord {
        pinned_at: unix_now(),
        origin: PinOrigin::Nothing,
        files: 0,
        bytes: 0,
        packs: Vec::new(),
        released: Vec::new(),
        ..before.clone()
    };
    replace(archive, nothing)?;
    Ok(Some(before))
}

/// What stands for a record that can't be made sense of.
fn damaged(image: &Digest) -> PinRecord {
    let (packs, released) = (Vec::new(), Vec::new());
    PinRecord {
        image: *image,
        pinned_at: 0,
        origin: PinOrigin::Nothing,
        files: 0,
        bytes: 0,
        image_bytes: 0,
        packs,
        released,
    }
}

/// Puts a record in its image's place, then drops what it does not need any more.
fn replace(archive: &Archive, mut next: PinRecord) -> Result<PinRecord, Error> {
    let store = archive.store().as_ref();
    let before = match record(store, &next.image) {
        Err(Error::Object { .. }) => None,
        before => before?,
    };
    if let Some(before) = before {
        // Of two records the later one counts, whatever this machine's clock says.
        next.pinned_at = next.pinned_at.max(before.pinned_at.saturating_add(1));
        let kept: BTreeSet<PackId> = next.packs.iter().copied().collect();
        let mut released: BTreeSet<PackId> = before.packs.into_iter().chain(before.released).collect();
        released.retain(|pack| !kept.contains(pack));
        next.released = released.into_iter().collect();
    }
    let key = Key::Pin(next.image);
    let bytes = next.encode().map_err(|source| Error::Object { key: key.clone(), source })?;
    store.put(&key, Body::Bytes(&bytes))?;
    drop_dead(store)?;
    Ok(next)
}

/// Bytes of all chunks of the files, each counted once.
fn image_bytes(image: &OpenImage) -> Result<u64, Error> {
    let mut lens: HashMap<ChunkId, u32> = HashMap::new();
    for content in image.contents()? {
        for chunk in image.chunk_refs(content)? {
            let chunk = chunk?;
            lens.insert(chunk.id, chunk.len);
        }
    }
    Ok(lens.values().map(|len| u64::from(*len)).sum())
}

/// Writes copies of these chunks into packs of their own, which are durable afterwards.
fn write<'c>(
    archive: &Archive,
    image: &OpenImage,
    chunks: impl Iterator<Item = &'c ChunkRef>,
    progress: &dyn Fn(u64),
) -> Result<Vec<SealedPack>, Error> {
    let mut writer = Writer::new(archive)?;
    for chunk in chunks {
        writer.add(chunk, image.chunk(chunk)?.as_ref())?;
        progress(u64::from(chunk.len));
    }
    writer.finish()
}

struct Writer<'a> {
    archive: &'a Archive,
    encoder: FrameEncoder,
    /// Chunks of the frame in the making, and their bytes.
    frame: Vec<ChunkEntry>,
    raw: Vec<u8>,
    open: Option<PackBuilder>,
    sealed: Vec<SealedPack>,
}

impl<'a> Writer<'a> {
    fn new(archive: &'a Archive) -> Result<Self, Error> {
        let encoder = FrameEncoder::new(archive.config().level).map_err(Error::system("starting zstd"))?;
        Ok(Writer { archive, encoder, frame: Vec::new(), raw: Vec::new(), open: None, sealed: Vec::new() })
    }

    fn add(&mut self, chunk: &ChunkRef, bytes: &[u8]) -> Result<(), Error> {
        let limit = self.archive.config().frame_raw as usize;
        if self.raw.len() + bytes.len() > limit || self.frame.len() >= MAX_FRAME_CHUNKS as usize {
            self.end_frame()?;
        }
        self.raw.extend_from_slice(bytes);
        self.frame.push(ChunkEntry { id: chunk.id, len: chunk.len });
        Ok(())
    }

    fn end_frame(&mut self) -> Result<(), Error> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let entries = std::mem::take(&mut self.frame);
        let frame = self.encoder.encode(std::iter::once(self.raw.as_slice()), entries, true);
        let frame = frame.map_err(|error| Error::Internal(with_causes(&error)))?;
        self.raw.clear();
        let is_full = |pack: &PackBuilder| {
            !pack.has_room_for(&frame) || pack.sealed_len() + frame.stored_len() > self.archive.config().pack_len
        };
        if self.open.as_ref().is_some_and(is_full) {
            self.seal()?;
        }
        let writing = Error::system("writing a pack of pinned contents");
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                // Not in the usual place, which an archiving process clears.
                let tmp = self.archive.root().join("pins.tmp");
                let archive = self.archive.config().archive;
                let pack = PackBuilder::create(&tmp, PackClass::Pinned, archive);
                none.insert(pack.map_err(Error::system("starting a pack of pinned contents"))?)
            }
        };
        open.append(frame).map_err(writing)
    }

    fn seal(&mut self) -> Result<(), Error> {
        if let Some(pack) = self.open.take() {
            self.sealed.push(pack.seal(self.archive.store().as_ref())?);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<SealedPack>, Error> {
        self.end_frame()?;
        self.seal()?;
        Ok(self.sealed)
    }
}
