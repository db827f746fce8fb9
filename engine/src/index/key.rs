//! What the index sorts and searches by: 40 bits of a chunk id, mixed with a secret salt.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::id::ChunkId;

/// Number of shards of the filter: one for each value of a key's first byte.
pub(super) const SHARDS: usize = 256;

/// 40 bits that stand for a chunk id: 8 name a shard of the filter, 32 are the tag kept there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u64);

impl Key {
    /// The key of this shard and tag.
    pub fn new(shard: u8, tag: u32) -> Self {
        Key(u64::from(shard) << 32 | u64::from(tag))
    }

    /// The shard, below [`SHARDS`].
    pub fn shard(self) -> usize {
        (self.0 >> 32) as usize & (SHARDS - 1)
    }

    /// What tells chunks of one shard apart.
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
    pub fn tag(self) -> u32 {
        self.0 as u32
    }

    /// The key as a number below 2^40, for interpolation.
    pub fn value(self) -> u64 {
        self.0
    }
}

/// The secret of one database. Chunk ids are hashes of what people archive, so without a salt somebody could
/// choose files whose ids all fall into one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Salt([u64; 2]);

impl Salt {
    /// Length of the stored form in bytes.
    pub const LEN: usize = 16;

    /// A new random salt.
    pub fn draw() -> Self {
        Salt([RandomState::new().hash_one(0u8), RandomState::new().hash_one(1u8)])
    }

    /// The stored form.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let [low, high] = self.0.map(u128::from);
        (low | high << 64).to_le_bytes()
    }

    /// The salt that was stored as these bytes.
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let both = u128::from_le_bytes(bytes);
        Salt([both as u64, (both >> 64) as u64])
    }

    /// The key of a chunk: the folded product of two salted words of its id.
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
    pub fn key(self, id: &[u8; ChunkId::LEN]) -> Key {
        let (words, _) = id.as_chunks::<8>();
        let word = |at: usize| words.get(at).map_or(0, |word| u64::from_le_bytes(*word));
        let [low, high] = self.0;
        let product = u128::from(word(0) ^ low) * u128::from(word(1) ^ high);
        Key((product as u64 ^ (product >> 64) as u64) >> 24)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_split_into_shard_and_tag_and_back() {
        let salt = Salt::draw();
        for n in 0..1000u32 {
            let key = salt.key(ChunkId::of(&n.to_le_bytes()).as_bytes());
            assert!(key.value() < 1 << 40);
            assert_eq!(Key::new(u8::try_from(key.shard()).unwrap(), key.tag()), key);
        }
        assert_eq!(Salt::from_bytes(salt.to_bytes()), salt);
    }

    #[test]
    fn keys_spread_evenly_over_shards() {
        let salt = Salt::from_bytes([7; 16]);
        let mut counts = [0u32; SHARDS];
        for n in 0..65_536u32 {
            counts[salt.key(ChunkId::of(&n.to_le_bytes()).as_bytes()).shard()] += 1;
        }
        // Mean 256, standard deviation 16.
        assert!(counts.iter().all(|count| (150..370).contains(count)), "{counts:?}");
    }
}
