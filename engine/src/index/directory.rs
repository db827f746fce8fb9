//! The index in memory: the filter, and what a search has to know of each pack.

use std::collections::BTreeMap;

use super::checkpoint::State;
use super::filter::Filter;
use super::key::{Key, SHARDS, Salt};
use super::table::{PackInfo, Tags};
use crate::id::{ChunkId, PackId};

/// Which packs there are, and which of them may hold a chunk.
#[derive(Debug)]
pub(super) struct Directory {
    salt: Salt,
    filter: Filter,
    /// By the number that the filter knows a pack under; removed packs leave a gap.
    slots: Vec<Option<PackInfo>>,
    by_pack: BTreeMap<PackId, usize>,
    chunks: u64,
    /// Entries of the filter whose pack was removed.
    dead: u64,
    next_ordinal: u32,
}

impl Directory {
    /// An empty directory, with memory laid out for so many chunks.
    pub fn new(salt: Salt, chunks: usize) -> Self {
        let filter = Filter::with_capacity(chunks);
        let (slots, by_pack) = (Vec::new(), BTreeMap::new());
        Directory { salt, filter, slots, by_pack, chunks: 0, dead: 0, next_ordinal: 0 }
    }

    /// The secret that keys are made with.
    pub fn salt(&self) -> Salt {
        self.salt
    }

    /// The ordinal for the next pack.
    pub fn next_ordinal(&self) -> u32 {
        self.next_ordinal
    }

    /// Whether this pack is here.
    pub fn contains(&self, pack: &PackId) -> bool {
        self.by_pack.contains_key(pack)
    }

    /// The packs in order of their ids.
    pub fn packs(&self) -> impl Iterator<Item = &PackId> {
        self.by_pack.keys()
    }

    /// Chunks in all packs; one that is in two packs counts twice.
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Enters packs with ascending ordinals. Many at once are faster: shard by shard, the filter stays in the processor's cache.
    pub fn enter(&mut self, packs: Vec<(PackInfo, Tags)>) {
        let first = self.slots.len();
        let mut tags = Vec::with_capacity(packs.len());
        for (info, of_pack) in packs {
            self.chunks += u64::from(info.entries);
            self.next_ordinal = self.next_ordinal.max(info.ordinal.saturating_add(1));
            self.by_pack.insert(info.pack, self.slots.len());
            self.slots.push(Some(info));
            tags.push(of_pack);
        }
        let mut shards: Vec<_> = tags.iter().map(Tags::shards).collect();
        for _ in 0..SHARDS {
            for (slot, shards) in (first..).zip(&mut shards) {
                if let (Some((shard, tags)), Ok(slot)) = (shards.next(), u32::try_from(slot)) {
                    self.filter.extend(shard, tags, slot);
                }
            }
        }
    }

    /// Forgets a pack.
    pub fn forget(&mut self, pack: &PackId) -> Option<PackInfo> {
        let slot = self.by_pack.remove(pack)?;
        let info = self.slots.get_mut(slot)?.take()?;
        self.chunks -= u64::from(info.entries);
        self.dead += u64::from(info.entries);
        if self.dead > self.chunks / 4 {
            self.filter.retain(|slot| self.slots.get(slot as usize).is_some_and(Option::is_some));
            self.dead = 0;
        }
        Some(info)
    }

    /// Calls `found` with every pack that may hold the chunk of this key.
    pub fn visit(&self, key: Key, mut found: impl FnMut(&PackInfo)) {
        self.filter.visit(key, |slot| {
            if let Some(Some(info)) = self.slots.get(slot as usize) {
                found(info);
            }
        });
    }

    /// The key of a chunk, on the way to a `visit`; see [`Filter::touch`].
    pub fn approach(&self, id: &ChunkId) -> (Key, u32) {
        let key = self.salt.key(id.as_bytes());
        (key, self.filter.touch(key))
    }

    /// The state of a database that holds what is here.
    pub fn state(&self, generation: u64) -> State {
        let packs = self.slots.iter().flatten();
        State::of(generation, packs.map(|info| (info.ordinal, &info.pack, info.entries)))
    }

    /// Bytes of memory, nearly.
    pub fn bytes(&self) -> usize {
        let pages: usize = self.slots.iter().flatten().map(|info| 8 * info.pages() as usize).sum();
        // A node of a B-tree is two thirds full on average.
        let by_pack = self.by_pack.len() * (PackId::LEN + size_of::<usize>()) * 3 / 2;
        self.filter.bytes() + self.slots.capacity() * size_of::<Option<PackInfo>>() + pages + by_pack
    }
}

#[cfg(test)]
mod tests {
    use super::super::IndexEntry;
    use super::super::table::{PageSize, build};
    use super::*;

    fn pack(salt: Salt, ordinal: u32) -> (PackInfo, Tags) {
        let entries: Vec<IndexEntry> = (0..100u32)
            .map(|n| IndexEntry { id: ChunkId::of(&(ordinal * 90 + n).to_le_bytes()), frame: 0, offset: n, len: 1 })
            .collect();
        let table = build(
            salt,
            ordinal,
            PackId::from_bytes([u8::try_from(ordinal).unwrap(); 32]),
            &entries,
            PageSize::Bytes(1000),
        );
        (table.info, table.tags)
    }

    fn holders(directory: &Directory, n: u32) -> Vec<u32> {
        let mut ordinals = Vec::new();
        let key = directory.salt().key(ChunkId::of(&n.to_le_bytes()).as_bytes());
        directory.visit(key, |info| ordinals.push(info.ordinal));
        ordinals.sort_unstable();
        ordinals
    }

    #[test]
    fn forgotten_packs_are_never_named() {
        let salt = Salt::draw();
        let mut directory = Directory::new(salt, 0);
        directory.enter(vec![pack(salt, 0), pack(salt, 1)]);
        directory.enter(vec![pack(salt, 5)]);
        assert_eq!(directory.next_ordinal(), 6);
        assert!(holders(&directory, 95).starts_with(&[0, 1]), "chunk 95 is in both");
        let before = directory.state(1);
        for (ordinal, left) in [(0u8, vec![1]), (1, vec![])] {
            assert_eq!(directory.forget(&PackId::from_bytes([ordinal; 32])).unwrap().ordinal, u32::from(ordinal));
            assert_eq!(holders(&directory, 95), left);
        }
        assert_eq!(directory.chunks(), 100);
        assert_eq!(directory.filter.len(), 100, "what is dead was swept");
        assert_ne!(directory.state(1), before);
        assert!(directory.forget(&PackId::from_bytes([1; 32])).is_none());
    }
}
