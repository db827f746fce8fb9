//! From (directory, name bytes) to a name record: open addressing, 8 bytes a slot.
//!
//! The hash is keyed at random per builder, so that an image cannot choose names that collide; nothing in the finished tree
//! depends on it.

use std::hash::{BuildHasher, RandomState};

const EMPTY: u64 = 0;

/// Slots hold 32 hash bits, which also say where the slot's run starts, and the record index + 1. The keys stay in the arena:
/// growing and removing never look at them.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    slots: Vec<u64>,
    used: usize,
    hasher: RandomState,
}

impl NameIndex {
    /// The record whose key `is_key` accepts.
    pub fn find(&self, dir: u32, name: &[u8], is_key: impl Fn(u32) -> bool) -> Option<u32> {
        let (_, record) = self.probe(self.tag(dir, name)).find(|&(_, record)| is_key(record))?;
        Some(record)
    }

    /// Adds a key that is not there yet.
    pub fn insert(&mut self, dir: u32, name: &[u8], record: u32) {
        // At most three quarters full: probes stay short.
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            let len = (self.slots.len() * 2).max(64);
            for word in std::mem::replace(&mut self.slots, vec![EMPTY; len]) {
                self.place(word);
            }
        }
        self.place(self.tag(dir, name) << 32 | (u64::from(record) + 1));
        self.used += 1;
    }

    /// Removes a record that is in, and moves later ones of its run up, so that no tombstones pile up.
    pub fn remove(&mut self, dir: u32, name: &[u8], record: u32) {
        let found = self.probe(self.tag(dir, name)).find(|&(_, at)| at == record);
        let Some((mut hole, _)) = found else { return };
        let mask = self.mask();
        self.used -= 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let word = self.slots.get(at).copied().unwrap_or(EMPTY);
            if word == EMPTY {
                break;
            }
            // It may move into the hole unless its run starts after the hole.
            if at.wrapping_sub(self.start(word >> 32)) & mask >= at.wrapping_sub(hole) & mask {
                self.set(hole, word);
                hole = at;
            }
        }
        self.set(hole, EMPTY);
    }

    fn tag(&self, dir: u32, name: &[u8]) -> u64 {
        self.hasher.hash_one((dir, name)) >> 32
    }

    fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }

    fn start(&self, tag: u64) -> usize {
        usize::try_from(tag).unwrap_or(0) & self.mask()
    }

    /// Records with this tag, with their slots, up to the first empty slot.
    fn probe(&self, tag: u64) -> impl Iterator<Item = (usize, u32)> {
        let (start, mask) = (self.start(tag), self.mask());
        let run = (0..self.slots.len()).map(move |step| start.wrapping_add(step) & mask);
        run.map_while(|at| self.slots.get(at).filter(|&&word| word != EMPTY).map(|&word| (at, word)))
            .filter(move |&(_, word)| word >> 32 == tag)
            .filter_map(|(at, word)| Some((at, record_of(word)?)))
    }

    fn place(&mut self, word: u64) {
        if word == EMPTY {
            return;
        }
        let mask = self.mask();
        let mut at = self.start(word >> 32);
        while let Some(slot) = self.slots.get_mut(at) {
            if *slot == EMPTY {
                *slot = word;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    fn set(&mut self, at: usize, word: u64) {
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = word;
        }
    }
}

fn record_of(word: u64) -> Option<u32> {
    u32::try_from(word & u64::from(u32::MAX)).ok()?.checked_sub(1)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn behaves_like_a_map_through_growth_and_removal() {
        let keys: Vec<(u32, Vec<u8>)> = (0..2000u32).map(|i| (i % 7, i.to_string().into_bytes())).collect();
        let key_of = |record: u32| (keys[record as usize].0, &keys[record as usize].1[..]);
        let mut index = NameIndex::default();
        let mut model = BTreeMap::new();
        let mut random = 1u64;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let record = (random >> 33) as u32 % 2000;
            let (dir, name) = key_of(record);
            if model.remove(&(dir, name)).is_some() {
                index.remove(dir, name, record);
            } else {
                model.insert((dir, name), record);
                index.insert(dir, name, record);
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
