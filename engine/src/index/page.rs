//! A page: up to a few hundred chunks of one pack, sorted by key, as it lies in the database and in the cache.
//!
//! `ordinal u32 | page u32 | entries u32 | widths of frame, offset and length, u8 each | ids | frames | offsets | lengths`,
//! little-endian; every column has the width its pack needs.

use super::key::{Key, Salt};
use crate::id::ChunkId;

/// Bytes before the columns.
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
    let mut column = |width: u8, value: fn(&Spot) -> u32| {
        for (_, spot) in entries.clone() {
            out.extend(value(&spot).to_le_bytes().iter().take(usize::from(width)));
        }
    };
    column(widths.frame, |spot| spot.frame);
    column(widths.offset, |spot| spot.offset);
    column(widths.len, |spot| spot.len);
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

    fn value(&self, column: usize, width: u8, at: usize) -> Option<u32> {
        let width = usize::from(width);
        let start = column + at * width;
        let mut value = [0; 4];
        for (byte, stored) in value.iter_mut().zip(self.bytes.get(start..start + width)?) {
            *byte = *stored;
        }
        Some(u32::from_le_bytes(value))
    }

    fn spot(&self, at: usize) -> Option<Spot> {
        let Widths { frame, offset, len } = self.widths;
        let frames = HEADER + self.entries * ChunkId::LEN;
        let offsets = frames + self.entries * usize::from(frame);
        let lens = offsets + self.entries * usize::from(offset);
        Some(Spot {
            frame: self.value(frames, frame, at)?,
            offset: self.value(offsets, offset, at)?,
            len: self.value(lens, len, at)?,
        })
    }

    /// Looks a chunk up. `span` is the range of keys that the page covers: keys are spread evenly in it, so the first
    /// guess is a few entries off and the rest is a short walk.
    pub fn find(&self, salt: Salt, key: Key, id: &ChunkId, span: (u64, u64)) -> Option<Spot> {
        let ids = self.ids();
        let (low, high) = span;
        let share = u128::from(key.value().saturating_sub(low)) * ids.len() as u128;
        let guess = usize::try_from(share / u128::from(high.saturating_sub(low).max(1))).unwrap_or(usize::MAX);
        let (before, _) = ids.split_at_checked(guess.min(ids.len()))?;
        let skipped = before.iter().rev().take_while(|other| salt.key(other) >= key).count();
        let start = before.len() - skipped;
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
    fn columns_take_the_bytes_they_need() {
        assert_eq!([0, 1, 255, 256, 65_536, u32::MAX].map(width), [0, 1, 1, 2, 3, 4]);
    }
}
