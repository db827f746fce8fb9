//! From (directory, name bytes) to a name record: open addressing, 8 bytes a slot.
//!
//! The hash is keyed at random per builder, so that an image cannot choose names that collide; nothing in the finished tree
//! depends on it.

use std::hash::{BuildHasher, RandomState};

const EMPTY: u64 = 0;

/// Slots hold the upper 32 hash bits and the record index + 1; the keys stay in the arena.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    slots: Vec<u64>,
    used: usize,
    hasher: RandomState,
}

impl NameIndex {
    fn hash(&self, dir: u32, name: &[u8]) -> u64 {
        self.hasher.hash_one((dir, name))
    }

    /// The record whose key `is_key` accepts.
    pub fn find(&self, dir: u32, name: &[u8], is_key: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.hash(dir, name);
        self.probe(hash)
            .find_map(|(_, record)| (is_key)(record).then_some(record))
    }

    /// Records with the tag of `hash`, with their slots, up to the first empty slot.
    fn probe(&self, hash: u64) -> impl Iterator<Item = (usize, u32)> {
        let mask = self.slots.len().wrapping_sub(1);
        (0..self.slots.len())
            .map(move |step| start(hash, mask).wrapping_add(step) & mask)
            .map_while(|slot| {
                self.slots
                    .get(slot)
                    .filter(|&&word| word != EMPTY)
                    .map(|&word| (slot, word))
            })
            .filter(move |&(_, word)| word >> 32 == hash >> 32)
            .filter_map(|(slot, word)| Some((slot, record_of(word)?)))
    }

    /// Adds a key that is not there yet; `key_of` gives the keys of the records already in.
    pub fn insert<'a>(
        &mut self,
        dir: u32,
        name: &[u8],
        record: u32,
        key_of: impl Fn(u32) -> (u32, &'a [u8]),
    ) {
        // At most three quarters full: probes stay short.
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.grow(key_of);
        }
        let hash = self.hash(dir, name);
        self.place(hash, word_of(hash, record));
        self.used += 1;
    }

    fn grow<'a>(&mut self, key_of: impl Fn(u32) -> (u32, &'a [u8])) {
        let len = (self.slots.len() * 2).max(64);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; len]);
        for word in old {
            if let Some(record) = record_of(word) {
                let (dir, name) = key_of(record);
                self.place(self.hash(dir, name), word);
            }
        }
    }

    fn place(&mut self, hash: u64, word: u64) {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = start(hash, mask);
        while let Some(slot) = self.slots.get_mut(at) {
            if *slot == EMPTY {
                *slot = word;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Removes a record that is in, and moves later ones of its run up, so that no tombstones pile up.
    pub fn remove<'a>(
        &mut self,
        dir: u32,
        name: &[u8],
        record: u32,
        key_of: impl Fn(u32) -> (u32, &'a [u8]),
    ) {
        let hash = self.hash(dir, name);
        let found = self.probe(hash).find(|&(_, at)| at == record);
        let Some((mut hole, _)) = found else { return };
        let mask = self.slots.len().wrapping_sub(1);
        self.used -= 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let word = self.slots.get(at).copied().unwrap_or(EMPTY);
            let Some(moved) = record_of(word) else { break };
            let (dir, name) = key_of(moved);
            let home = start(self.hash(dir, name), mask);
            // It may move into the hole unless its home lies after the hole.
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.set(hole, word);
                hole = at;
            }
        }
        self.set(hole, EMPTY);
    }

    fn set(&mut self, at: usize, word: u64) {
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = word;
        }
    }
}

fn start(hash: u64, mask: usize) -> usize {
    usize::try_from(hash & mask as u64).unwrap_or(0)
}

fn word_of(hash: u64, record: u32) -> u64 {
    (hash >> 32 << 32) | (u64::from(record) + 1)
}

fn record_of(word: u64) -> Option<u32> {
    u32::try_from(word & u64::from(u32::MAX))
        .ok()?
        .checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn behaves_like_a_map_through_growth_and_removal() {
        let keys: Vec<(u32, Vec<u8>)> = (0..2000u32)
            .map(|i| (i % 7, i.to_string().into_bytes()))
            .collect();
        let key_of = |record: u32| (keys[record as usize].0, &keys[record as usize].1[..]);
        let mut index = NameIndex::default();
        let mut model = BTreeMap::new();
        let mut random = 1u64;
        for _ in 0..20_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let record = (random >> 33) as u32 % 2000;
            let (dir, name) = key_of(record);
            if model.remove(&(dir, name)).is_some() {
                index.remove(dir, name, record, key_of);
            } else {
                model.insert((dir, name), record);
                index.insert(dir, name, record, key_of);
            }
        }
        assert_eq!(index.used, model.len());
        for record in 0..2000 {
            let (dir, name) = key_of(record);
            let found = index.find(dir, name, |other| key_of(other) == (dir, name));
            assert_eq!(found, model.get(&(dir, name)).copied());
        }
    }
}
