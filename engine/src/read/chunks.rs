//! Chunks by name: located, read, decompressed, verified.

use std::sync::{Arc, PoisonError, RwLock};

use super::frames::{Frame, FrameCache};
use super::locator::{Locator, Place};
use crate::error::Error;
use crate::format::{ChunkRef, FrameEntry};
use crate::id::{ChunkId, Digest, PackId};
use crate::pack::decode_payload;
use crate::store::{Key, PackArea, REREADS, Store};
use crate::tier::Accesses;

/// A verified chunk: a part of a frame that stays in memory as long as this does.
#[derive(Debug, Clone)]
pub struct ChunkBytes {
    frame: Arc<Frame>,
    start: usize,
    end: usize,
}

impl AsRef<[u8]> for ChunkBytes {
    fn as_ref(&self) -> &[u8] {
        self.frame.raw().get(self.start..self.end).unwrap_or_default()
    }
}

/// Where a frame's bytes are in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FramePlace {
    /// Where the pack is.
    pub area: PackArea,
    /// The pack.
    pub pack: PackId,
    /// Where its payload starts in it.
    pub offset: u64,
    /// Bytes of the payload.
    pub len: u64,
}

impl FramePlace {
    /// The key of its pack.
    pub fn key(&self) -> Key {
        Key::Pack(self.area, self.pack)
    }
}

/// How reads were served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadStats {
    /// Frames found in memory.
    pub frame_hits: u64,
    /// Frames read from the store and decompressed.
    pub frame_misses: u64,
}

/// Reads chunks from a store; shared by any number of threads.
pub struct ChunkReader {
    store: Arc<dyn Store>,
    data: RwLock<Locator>,
    meta: RwLock<Locator>,
    /// Copies of some of the data, which are tried first: they never sleep.
    pinned: RwLock<Locator>,
    cache: FrameCache,
    accesses: Option<Arc<Accesses>>,
}

/// Where chunks of an area are looked for, in that order.
fn areas(area: PackArea) -> &'static [PackArea] {
    match area {
        PackArea::Data => &[PackArea::Pinned, PackArea::Data],
        PackArea::Meta => &[PackArea::Meta],
        PackArea::Pinned => &[PackArea::Pinned],
    }
}

impl ChunkReader {
    /// A reader that keeps up to `cache_bytes` of decompressed frames.
    pub fn new(store: Arc<dyn Store>, cache_bytes: usize) -> Self {
        ChunkReader {
            store,
            data: RwLock::new(Locator::new(PackArea::Data)),
            meta: RwLock::new(Locator::new(PackArea::Meta)),
            pinned: RwLock::new(Locator::new(PackArea::Pinned)),
            cache: FrameCache::new(cache_bytes),
            accesses: None,
        }
    }

    /// The same, with every read of a data pack counted in `accesses`.
    #[must_use]
    pub fn counted_in(self, accesses: Arc<Accesses>) -> Self {
        ChunkReader { accesses: Some(accesses), ..self }
    }

    /// Something of a blob was read, as its users see it.
    pub(crate) fn count_blob(&self, blob: &Digest, bytes: u64) {
        if let Some(accesses) = &self.accesses {
            accesses.record_blob(blob, bytes);
        }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    fn locator(&self, area: PackArea) -> &RwLock<Locator> {
        match area {
            PackArea::Data => &self.data,
            PackArea::Meta => &self.meta,
            PackArea::Pinned => &self.pinned,
        }
    }

    /// Learns where the chunks of these packs are. Packs that do not exist any more are passed over.
    pub fn learn(&self, packs: impl IntoIterator<Item = PackId> + Clone) -> Result<(), Error> {
        for area in [PackArea::Data, PackArea::Meta] {
            let mut locator = self.locator(area).write().unwrap_or_else(PoisonError::into_inner);
            locator.load(self.store.as_ref(), packs.clone())?;
        }
        Ok(())
    }

    /// Learns which chunks these packs of pinned contents hold, and says whether that was new. Ones that are gone or damaged are passed
    /// over: all that is in them is elsewhere, too.
    pub(crate) fn learn_pinned(&self, packs: &[PackId]) -> bool {
        let mut locator = self.pinned.write().unwrap_or_else(PoisonError::into_inner);
        let before = locator.pack_count();
        for pack in packs {
            let _ = locator.load(self.store.as_ref(), [*pack]);
        }
        locator.pack_count() > before
    }

    /// How reads were served so far.
    pub fn stats(&self) -> ReadStats {
        let (frame_hits, frame_misses) = self.cache.counts();
        ReadStats { frame_hits, frame_misses }
    }

    /// One chunk, verified.
    pub fn chunk(&self, area: PackArea, chunk: &ChunkRef) -> Result<ChunkBytes, Error> {
        if area == PackArea::Data
            && let Ok(Some(bytes)) = self.try_known(PackArea::Pinned, chunk)
        {
            return Ok(bytes);
        }
        match self.try_known(area, chunk) {
            Ok(Some(bytes)) => return Ok(bytes),
            Ok(None) => {}
            // What sleeps is where it is said to be: to look through all packs for a copy would take longer the more there are.
            Err(error) if error.frozen_pack().is_some() => return Err(error),
            // Another pack may hold a good copy.
            Err(error) => {
                let learned = self.learn_all(area)?;
                return if learned { self.try_known(area, chunk)?.ok_or(error) } else { Err(error) };
            }
        }
        // The hints are out of date: look everywhere, once.
        self.learn_all(area)?;
        self.try_known(area, chunk)?.ok_or(Error::MissingChunk { id: chunk.id })
    }

    /// Whether the chunk's frame is decompressed already.
    pub(crate) fn is_in_memory(&self, area: PackArea, chunk: &ChunkRef) -> bool {
        areas(area).iter().any(|area| {
            let locator = self.locator(*area).read().unwrap_or_else(PoisonError::into_inner);
            let pack = |place: &Place| locator.pack(place.pack).map(|pack| (pack.id, place.frame));
            locator.find(&chunk.id, chunk.len).first().and_then(pack).is_some_and(|key| self.cache.has(key))
        })
    }

    /// Every place where the chunk's frame is, as far as is known; pinned ones first. Reads nothing.
    pub(crate) fn places(&self, area: PackArea, chunk: &ChunkRef) -> Vec<FramePlace> {
        let mut places = Vec::new();
        for &area in areas(area) {
            let locator = self.locator(area).read().unwrap_or_else(PoisonError::into_inner);
            places.extend(locator.find(&chunk.id, chunk.len).into_iter().filter_map(|place| {
                let pack = locator.pack(place.pack)?;
                let frame = pack.frames.get(place.frame as usize)?;
                let (offset, len) = (frame.payload_offset(), u64::from(frame.payload_len));
                Some(FramePlace { area, pack: pack.id, offset, len })
            }));
        }
        places
    }

    /// As [`ChunkReader::places`]; where none is known, all packs are looked through, and there is one or an error.
    pub(crate) fn found_places(&self, area: PackArea, chunk: &ChunkRef) -> Result<Vec<FramePlace>, Error> {
        let places = self.places(area, chunk);
        if !places.is_empty() {
            return Ok(places);
        }
        self.learn_all(area)?;
        let places = self.places(area, chunk);
        if places.is_empty() { Err(Error::MissingChunk { id: chunk.id }) } else { Ok(places) }
    }

    fn learn_all(&self, area: PackArea) -> Result<bool, Error> {
        self.locator(area).write().unwrap_or_else(PoisonError::into_inner).load_all(self.store.as_ref())
    }

    /// Tries every place that is known; the first good one wins, else the last failure counts.
    fn try_known(&self, area: PackArea, chunk: &ChunkRef) -> Result<Option<ChunkBytes>, Error> {
        let candidates: Vec<(PackId, FrameEntry, Place)> = {
            let locator = self.locator(area).read().unwrap_or_else(PoisonError::into_inner);
            let places = locator.find(&chunk.id, chunk.len);
            let resolve = |place: Place| {
                let pack = locator.pack(place.pack)?;
                Some((pack.id, pack.frames.get(place.frame as usize)?.clone(), place))
            };
            places.into_iter().filter_map(resolve).collect()
        };
        let mut failure = None;
        let mut found_other = false;
        for (pack, frame, place) in candidates {
            match self.read(area, pack, &frame, place, &chunk.id) {
                Ok(Some(bytes)) => return Ok(Some(bytes)),
                Ok(None) => found_other = true,
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) => Err(error),
            // Bytes of the right length under the right prefix that hash to something else: damage, unless proved otherwise.
            None if found_other => {
                let locator = self.locator(area).read().unwrap_or_else(PoisonError::into_inner);
                let place = locator.find(&chunk.id, chunk.len).into_iter().next();
                let pack = place.and_then(|place| locator.pack(place.pack)).map(|pack| pack.id);
                Err(pack
                    .map_or(Error::MissingChunk { id: chunk.id }, |pack| Error::DamagedChunk { id: chunk.id, pack }))
            }
            None => Ok(None),
        }
    }

    /// The chunk at a place, or `None` when another one is there.
    fn read(
        &self,
        area: PackArea,
        pack: PackId,
        entry: &FrameEntry,
        place: Place,
        id: &ChunkId,
    ) -> Result<Option<ChunkBytes>, Error> {
        let frame = self.cache.get((pack, place.frame), || {
            let (key, offset) = (Key::Pack(area, pack), entry.payload_offset());
            let mut payload = vec![0; entry.payload_len as usize];
            self.store.read_at(&key, offset, &mut payload)?;
            if let (Some(accesses), PackArea::Data) = (&self.accesses, area) {
                accesses.record(&pack, u64::from(entry.payload_len));
            }
            // Damaged on the way or in a copy that is kept here: the next try gets other bytes.
            let attempts = if self.store.may_differ(&key) { REREADS } else { 0 };
            for _ in 0..attempts {
                if blake3::hash(&payload) == entry.payload_hash
                    || !self.store.distrust(&key, offset, u64::from(entry.payload_len))
                {
                    break;
                }
                self.store.read_at(&key, offset, &mut payload)?;
            }
            Ok(decode_payload(pack, entry, payload)?)
        })?;
        let start = place.offset as usize;
        let bytes = ChunkBytes { frame, start, end: start + place.len as usize };
        if !bytes.frame.is_verified(place.offset) {
            if bytes.as_ref().len() != place.len as usize || &ChunkId::of(bytes.as_ref()) != id {
                return Ok(None);
            }
            bytes.frame.set_verified(place.offset);
        }
        Ok(Some(bytes))
    }
}
