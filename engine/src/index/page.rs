//! A page: up to a few hundred chunks of one pack, sorted by key, as it lies in the database and in the cache.
//!
//! `ordinal u32 | page u32 | entries u32 | widths of frame, offset and length, u8 each | ids | places`, little-endian. A
//! place is frame, offset and length of an entry, each of the width that its pack needs.

use super::key::{Key, Salt};
use crate::id::ChunkId;

/// Bytes before the ids.
pub(super) const HEADER: usize = 15;

/// Where a chunk lies inside its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub frame: u32,
    pub offset: u32,
    pub len: u32,
}

/// Bytes that the frame, offset and length of every chunk of a pack take, 0 to 4 each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Widths {
    frame: u8,
    offset: u8,
    len: u8,
}

fn width(value: u32) -> u8 {
    4 - u8::try_from(value.leading_zeros() / 8).unwrap_or(0)
}

impl Widths {
    /// Widened so that this spot fits.
    pub fn including(self, spot: &Spot) -> Self {
        Widths {
            frame: self.frame.max(width(spot.frame)),
            offset: self.offset.max(width(spot.offset)),
            len: self.len.max(width(spot.len)),
        }
    }

    /// Bytes of one entry.
    pub fn entry_len(self) -> usize {
        ChunkId::LEN + usize::from(self.frame) + usize::from(self.offset) + usize::from(self.len)
    }
}

/// Writes one page; the entries are sorted by key and id.
pub(super) fn encode<'a>(
    ordinal: u32,
    page: u32,
    widths: Widths,
    entries: impl ExactSizeIterator<Item = (&'a ChunkId, Spot)> + Clone,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + entries.len() * widths.entry_len());
    out.extend(ordinal.to_le_bytes());
    out.extend(page.to_le_bytes());
    out.extend(u32::try_from(entries.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend([widths.frame, widths.offset, widths.len]);
    entries.clone().for_each(|(id, _)| out.extend(id.as_bytes()));
    for (_, spot) in entries {
        for (value, width) in [(spot.frame, widths.frame), (spot.offset, widths.offset), (spot.len, widths.len)] {
            out.extend(value.to_le_bytes().iter().take(usize::from(width)));
        }
    }
    out
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|value| u32::from_le_bytes(*value))
}

/// A page whose lengths have been checked against each other.
#[derive(Debug)]
pub(super) struct Page {
    bytes: Vec<u8>,
    entries: usize,
    widths: Widths,
}

impl Page {
    /// The page, or nothing if these bytes are not that page of that pack.
    pub fn decode(bytes: Vec<u8>, ordinal: u32, page: u32) -> Option<Page> {
        let [frame, offset, len] = *bytes.get(12..HEADER)?.first_chunk()?;
        let widths = Widths { frame, offset, len };
        let entries = usize::try_from(read_u32(&bytes, 8)?).ok()?;
        let fits = [frame, offset, len].iter().all(|width| *width <= 4)
            && entries.checked_mul(widths.entry_len())?.checked_add(HEADER)? == bytes.len();
        let is_it = read_u32(&bytes, 0)? == ordinal && read_u32(&bytes, 4)? == page;
        (fits && is_it).then_some(Page { bytes, entries, widths })
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.bytes.capacity() + size_of::<Page>()
    }

    fn ids(&self) -> &[[u8; ChunkId::LEN]] {
        let ids = self.bytes.get(HEADER..HEADER + self.entries * ChunkId::LEN).unwrap_or_default();
        ids.as_chunks().0
    }

    fn spot(&self, at: usize) -> Option<Spot> {
        let each = self.widths.entry_len() - ChunkId::LEN;
        let start = HEADER + self.entries * ChunkId::LEN + at * each;
        let mut place = self.bytes.get(start..start + each)?.iter();
        let mut next = |width: u8| {
            let mut value = [0; 4];
            value.iter_mut().zip(place.by_ref().take(usize::from(width))).for_each(|(byte, stored)| *byte = *stored);
            u32::from_le_bytes(value)
        };
        Some(Spot { frame: next(self.widths.frame), offset: next(self.widths.offset), len: next(self.widths.len) })
    }

    /// Looks a chunk up. `span` is the range of keys that the page covers. Keys are spread evenly in it, so two guesses
    /// come within a few entries and the rest is a short walk; were they not, the walk would be longer.
    pub fn find(&self, salt: Salt, key: Key, id: &ChunkId, span: (u64, u64)) -> Option<Spot> {
        let ids = self.ids();
        let start = first_not_below(ids, salt, key, span);
        for (at, other) in ids.iter().enumerate().skip(start) {
            if other == id.as_bytes() {
                return self.spot(at);
            }
            if salt.key(other) > key {
                return None;
            }
        }
        None
    }
}

/// Rank of the first id whose key is at least `key`.
fn first_not_below(ids: &[[u8; ChunkId::LEN]], salt: Salt, key: Key, (low, high): (u64, u64)) -> usize {
    let width = high.saturating_sub(low).max(1);
    // The product is below 2^64: keys have 40 bits, a pack no more than 2^24 entries.
    let entries_in = |distance: u64| {
        usize::try_from(distance.saturating_mul(ids.len() as u64) / width).unwrap_or(usize::MAX).min(ids.len())
    };
    let first = entries_in(key.value().saturating_sub(low));
    let there = ids.get(first).map_or(high, |other| salt.key(other).value());
    let distance = entries_in(there.abs_diff(key.value()));
    let guess = if there > key.value() { first.saturating_sub(distance) } else { first + distance }.min(ids.len());
    let (before, after) = ids.split_at(guess);
    let back = before.iter().rev().take_while(|other| salt.key(other) >= key).count();
    let ahead = if back > 0 { 0 } else { after.iter().take_while(|other| salt.key(other) < key).count() };
    guess - back + ahead
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(salt: Salt, count: u32) -> Vec<(ChunkId, Spot)> {
        let mut all: Vec<_> = (0..count)
            .map(|n| (ChunkId::of(&n.to_le_bytes()), Spot { frame: n / 50, offset: n * 700, len: n << (n % 20) }))
            .collect();
        all.sort_by_key(|(id, _)| (salt.key(id.as_bytes()), *id));
        all
    }

    fn page(all: &[(ChunkId, Spot)]) -> Vec<u8> {
        let widths = all.iter().fold(Widths::default(), |widths, (_, spot)| widths.including(spot));
        encode(3, 5, widths, all.iter().map(|(id, spot)| (id, *spot)))
    }

    proptest! {
        /// Whatever the span says, every entry is found and nothing else is.
        #[test]
        fn finds_what_is_there(count in 0u32..400, low in 0u64..1 << 40, high in 0u64..1 << 40, salt in any::<[u8; 16]>()) {
            let salt = Salt::from_bytes(salt);
            let all = sorted(salt, count);
            let page = Page::decode(page(&all), 3, 5).unwrap();
            for (id, spot) in &all {
                prop_assert_eq!(page.find(salt, salt.key(id.as_bytes()), id, (low, high)), Some(*spot));
            }
            for n in count..count + 50 {
                let id = ChunkId::of(&n.to_le_bytes());
                prop_assert_eq!(page.find(salt, salt.key(id.as_bytes()), &id, (low, high)), None);
            }
        }

        #[test]
        fn damaged_bytes_never_panic(count in 0u32..9, at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
            let salt = Salt::from_bytes([1; 16]);
            let all = sorted(salt, count);
            let mut bytes = page(&all);
            let (at, cut) = (at.index(bytes.len()), cut.index(bytes.len() + 1));
            bytes[at] = byte;
            bytes.truncate(cut);
            if let Some(page) = Page::decode(bytes, 3, 5) {
                for (id, _) in &all {
                    let _ = page.find(salt, salt.key(id.as_bytes()), id, (0, 1 << 40));
                }
            }
        }
    }

    #[test]
    fn another_page_is_refused() {
        let bytes = page(&sorted(Salt::from_bytes([1; 16]), 9));
        assert!(Page::decode(bytes.clone(), 3, 5).is_some());
        assert!(Page::decode(bytes.clone(), 3, 4).is_none());
        assert!(Page::decode(bytes[..bytes.len() - 1].to_vec(), 3, 5).is_none());
        assert!(Page::decode(bytes, 2, 5).is_none());
    }

    #[test]
    fn values_take_the_bytes_they_need() {
        assert_eq!([0, 1, 255, 256, 65_536, u32::MAX].map(width), [0, 1, 1, 2, 3, 4]);
    }
}
