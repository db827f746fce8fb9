//! Where chunks are, from the footers of the packs that an image names.

use std::collections::{BTreeSet, HashMap};

use crate::error::Error;
use crate::format::FrameEntry;
use crate::id::{ChunkId, PackId};
use crate::pack::{FrameError, load_footer};
use crate::store::{Family, Key, PackArea, Store, StoreError};

/// A place in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the pack in this locator.
    pub(crate) pack: u32,
    /// Number of the frame in the pack.
    pub(crate) frame: u32,
    /// Offset in the raw frame.
    pub(crate) offset: u32,
    /// Raw length.
    pub(crate) len: u32,
}

#[derive(Debug)]
pub(crate) struct LocatedPack {
    pub(crate) id: PackId,
    pub(crate) frames: Vec<FrameEntry>,
}

/// Chunks of one area by the first eight bytes of their names. Names are not kept: what is read is hashed anyway, so two
/// chunks that share a prefix only cost a second look.
#[derive(Debug)]
pub(crate) struct Locator {
    area: PackArea,
    packs: Vec<LocatedPack>,
    by_id: HashMap<PackId, u32>,
    /// Sorted by prefix.
    places: Vec<(u64, Place)>,
    /// Packs that were hinted at and are gone: their chunks have moved.
    gone: BTreeSet<PackId>,
    knows_all: bool,
}

fn prefix(id: &ChunkId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl Locator {
    pub(crate) fn new(area: PackArea) -> Self {
        Locator {
            area,
            packs: Vec::new(),
            by_id: HashMap::new(),
            places: Vec::new(),
            gone: BTreeSet::new(),
            knows_all: false,
        }
    }

    /// Learns the chunks of these packs; ones that are not in this area are passed over.
    pub(crate) fn load(&mut self, store: &dyn Store, packs: impl IntoIterator<Item = PackId>) -> Result<(), Error> {
        let before = self.places.len();
        for pack in packs {
            if self.by_id.contains_key(&pack) || self.gone.contains(&pack) {
                continue;
            }
            match load_footer(store, self.area, pack) {
                Ok(footer) => self.add(pack, footer.frames_with_chunks().map(|(_, chunks)| chunks), &footer.frames),
                Err(FrameError::Store(StoreError::NotFound { .. })) => drop(self.gone.insert(pack)),
                Err(error) => return Err(error.into()),
            }
        }
        if self.places.len() != before {
            self.places.sort_unstable_by_key(|(prefix, place)| (*prefix, place.pack, place.frame, place.offset));
        }
        Ok(())
    }

    fn add<'f>(
        &mut self,
        pack: PackId,
        frames_of_chunks: impl Iterator<Item = &'f [crate::format::ChunkEntry]>,
        frames: &[FrameEntry],
    ) {
        let number = u32::try_from(self.packs.len()).unwrap_or(u32::MAX);
        for (frame, chunks) in frames_of_chunks.enumerate() {
            let frame = u32::try_from(frame).unwrap_or(u32::MAX);
            let mut offset = 0;
            for chunk in chunks {
                self.places.push((prefix(&chunk.id), Place { pack: number, frame, offset, len: chunk.len }));
                offset += chunk.len;
            }
        }
        self.packs.push(LocatedPack { id: pack, frames: frames.to_vec() });
        self.by_id.insert(pack, number);
    }

    /// Learns every pack of the area. Says whether that taught it anything.
    pub(crate) fn load_all(&mut self, store: &dyn Store) -> Result<bool, Error> {
        if self.knows_all {
            return Ok(false);
        }
        let before = self.packs.len();
        let listed = store.list(Family::Packs(self.area))?;
        let packs = listed.into_iter().filter_map(|item| match item.key {
            Key::Pack(_, id) => Some(id),
            _ => None,
        });
        self.load(store, packs.collect::<Vec<_>>())?;
        self.knows_all = true;
        Ok(self.packs.len() != before)
    }

    /// Every place where a chunk of this name and length may be.
    pub(crate) fn find(&self, id: &ChunkId, len: u32) -> Vec<Place> {
        let wanted = prefix(id);
        let start = self.places.partition_point(|(prefix, _)| *prefix < wanted);
        let places = self.places.get(start..).unwrap_or_default();
        places
            .iter()
            .take_while(|(prefix, _)| *prefix == wanted)
            .map(|(_, place)| *place)
            .filter(|place| place.len == len)
            .collect()
    }

    /// How many packs it knows.
    pub(crate) fn pack_count(&self) -> usize {
        self.packs.len()
    }

    pub(crate) fn pack(&self, number: u32) -> Option<&LocatedPack> {
        self.packs.get(number as usize)
    }
}
