//! The table in memory: from a key to the packs that may hold its chunk, 8 bytes an entry at a load of 0.7 to 0.88,
//! so about ten; a small index takes 4 MiB whatever it holds.
//!
//! One cache line is a bucket of eight entries. A look-up of a chunk that is not there reads one line, seldom two, and
//! is wrong with a probability of chunks/2^40. Buckets are ordered by tag, so that a shard can be made larger from the tags alone.

use super::key::{Key, SHARDS};

const SLOTS: usize = 8;
/// In place of an ordinal: the slot is free. Slots fill from the front, so a bucket is full when its last one is taken.
const FREE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Bucket {
    tags: [u32; SLOTS],
    packs: [u32; SLOTS],
}

impl Bucket {
    const EMPTY: Bucket = Bucket { tags: [0; SLOTS], packs: [FREE; SLOTS] };

    fn is_full(&self) -> bool {
        self.packs.last() != Some(&FREE)
    }

    fn entries(&self) -> impl Iterator<Item = (u32, u32)> {
        self.tags.into_iter().zip(self.packs).filter(|&(_, pack)| pack != FREE)
    }

    fn add(&mut self, tag: u32, pack: u32) -> bool {
        // Counting takes no branch that could be mispredicted.
        let used = self.packs.iter().filter(|&&pack| pack != FREE).count();
        let (Some(slot_tag), Some(slot_pack)) = (self.tags.get_mut(used), self.packs.get_mut(used)) else {
            return false;
        };
        (*slot_tag, *slot_pack) = (tag, pack);
        true
    }
}

/// Buckets are allocated in blocks of this many. When thousands of tables of a megabyte grow in turn, the allocator is left
/// with as much again in holes that fit none of them; blocks of one size fit each other's holes.
const BLOCK: usize = 256;

#[derive(Debug, Default)]
struct Shard {
    blocks: Vec<Box<[Bucket; BLOCK]>>,
    used: usize,
}

impl Shard {
    fn buckets(&self) -> usize {
        self.blocks.len() * BLOCK
    }

    fn bucket(&self, at: usize) -> Option<&Bucket> {
        self.blocks.get(at / BLOCK)?.get(at % BLOCK)
    }

    /// First bucket in which a tag may be.
    fn home(&self, tag: u32) -> usize {
        ((u64::from(tag) * self.buckets() as u64) >> 32) as usize
    }

    /// Ranks of the buckets from the home of a tag onwards, each once.
    fn probe(&self, tag: u32) -> impl Iterator<Item = usize> + use<> {
        let home = self.home(tag);
        (home..self.buckets()).chain(0..home)
    }

    fn visit(&self, tag: u32, mut found: impl FnMut(u32)) {
        for bucket in self.probe(tag).map_while(|at| self.bucket(at)) {
            let hits = bucket.tags.iter().fold(0u32, |hits, &other| hits << 1 | u32::from(other == tag));
            if hits != 0 {
                bucket.entries().filter(|&(other, _)| other == tag).for_each(|(_, pack)| found(pack));
            }
            if !bucket.is_full() {
                return;
            }
        }
    }

    fn insert(&mut self, tag: u32, pack: u32) {
        for at in self.probe(tag) {
            let bucket = self.blocks.get_mut(at / BLOCK).and_then(|block| block.get_mut(at % BLOCK));
            if bucket.is_some_and(|bucket| bucket.add(tag, pack)) {
                // One of them takes it, since `reserve` keeps every eighth slot free.
                self.used += 1;
                return;
            }
        }
    }

    /// Makes room for `more` entries at a load of at most 7/8, growing by a quarter at least.
    fn reserve(&mut self, more: usize) {
        let needed = (self.used + more).div_ceil(SLOTS - 1);
        if needed > self.buckets() {
            self.rebuild(needed.max(self.buckets() * 5 / 4), |_| true);
        }
    }

    fn rebuild(&mut self, buckets: usize, keep: impl Fn(u32) -> bool) {
        let old = std::mem::replace(self, Shard::with(buckets));
        for (tag, pack) in old.blocks.iter().flat_map(|block| block.iter()).flat_map(Bucket::entries) {
            if keep(pack) {
                self.insert(tag, pack);
            }
        }
    }

    fn with(buckets: usize) -> Self {
        let blocks = (0..buckets.div_ceil(BLOCK)).map(|_| Box::new([Bucket::EMPTY; BLOCK])).collect();
        Shard { blocks, used: 0 }
    }
}

/// From keys to the ordinals of the packs that may hold them.
#[derive(Debug)]
pub(super) struct Filter {
    shards: Vec<Shard>,
}

impl Filter {
    /// An empty filter with room for `entries` at a load of 0.8, so that the first additions do not make it grow.
    pub fn with_capacity(entries: usize) -> Self {
        let buckets = (entries * 5 / 4).div_ceil(SLOTS * SHARDS);
        Filter { shards: (0..SHARDS).map(|_| Shard::with(buckets)).collect() }
    }

    /// Enters the tags of one pack that belong to one shard; they must be ascending, and doubles count once.
    pub fn extend(&mut self, shard: usize, tags: &[u32], pack: u32) {
        let Some(shard) = self.shards.get_mut(shard) else { return };
        shard.reserve(tags.len());
        let mut last = None;
        for &tag in tags {
            if last.replace(tag) != Some(tag) {
                shard.insert(tag, pack);
            }
        }
    }

    /// Calls `found` with every pack that may hold the chunk of this key: all that do, seldom another.
    pub fn visit(&self, key: Key, found: impl FnMut(u32)) {
        if let Some(shard) = self.shards.get(key.shard()) {
            shard.visit(key.tag(), found);
        }
    }

    /// Reads from the line of memory that a `visit` of this key will begin with. What it returns means nothing; calls in a
    /// row are short enough for the processor to have a dozen such reads under way.
    pub fn touch(&self, key: Key) -> u32 {
        let line = self.shards.get(key.shard()).and_then(|shard| shard.bucket(shard.home(key.tag())));
        line.and_then(|bucket| bucket.tags.first()).map_or(0, |tag| *tag)
    }

    /// Forgets every pack that `keep` refuses.
    pub fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        for shard in &mut self.shards {
            shard.rebuild(shard.buckets(), &keep);
        }
    }

    /// Entries, those of forgotten packs included until the next `retain`.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.used).sum()
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.buckets() * size_of::<Bucket>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn found(filter: &Filter, key: Key) -> BTreeSet<u32> {
        let mut packs = BTreeSet::new();
        filter.visit(key, |pack| assert!(packs.insert(pack), "pack {pack} twice"));
        packs
    }

    proptest! {
        /// Few shards and few tags force long probes, wrap-around and growth.
        #[test]
        fn answers_like_a_map(
            packs in prop::collection::vec((0u8..3, prop::collection::vec(prop_oneof![0u32..40, u32::MAX - 40..=u32::MAX], 0..60)), 0..20),
            capacity in 0usize..5000,
            dropped in prop::collection::btree_set(0u32..20, 0..6),
        ) {
            let mut filter = Filter::with_capacity(capacity);
            let mut model: BTreeMap<Key, BTreeSet<u32>> = BTreeMap::new();
            for (pack, (shard, tags)) in (0u32..).zip(&packs) {
                let mut tags = tags.clone();
                tags.sort_unstable();
                filter.extend(usize::from(*shard), &tags, pack);
                for tag in tags {
                    model.entry(Key::new(*shard, tag)).or_default().insert(pack);
                }
            }
            for round in 0..2 {
                for shard in 0..4u8 {
                    for tag in (0..41).chain(u32::MAX - 41..=u32::MAX) {
                        let key = Key::new(shard, tag);
                        prop_assert_eq!(found(&filter, key), model.get(&key).cloned().unwrap_or_default());
                    }
                }
                if round == 0 {
                    filter.retain(|pack| !dropped.contains(&pack));
                    model.values_mut().for_each(|packs| packs.retain(|pack| !dropped.contains(pack)));
                    prop_assert_eq!(filter.len(), model.values().map(BTreeSet::len).sum::<usize>());
                }
            }
        }
    }

    #[test]
    fn an_entry_costs_less_than_twelve_bytes() {
        let mut filter = Filter::with_capacity(0);
        for pack in 0..300u32 {
            let tags: Vec<u32> = (0..40u32).map(|n| n * 0x0600_0000 + pack * 0x9_1234).collect();
            (0..SHARDS).for_each(|shard| filter.extend(shard, &tags, pack));
        }
        assert_eq!(filter.len(), 300 * SHARDS * 40);
        assert!(filter.bytes() < filter.len() * 12, "{} bytes for {}", filter.bytes(), filter.len());
        let exact = Filter::with_capacity(filter.len());
        assert!(exact.bytes() < filter.len() * 11, "{} bytes for {}", exact.bytes(), filter.len());
    }
}
