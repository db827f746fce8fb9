//! The table of one pack: its chunks sorted by key and cut into pages, and a row that says what a search needs to know.
//!
//! The row is what open reads: `pack id | entries u32 | entries a page u32 | entries per shard, 256 × u32 | tags, u32 each`.

use super::key::{Key, SHARDS, Salt};
use super::page::{self, Spot, Widths};
use super::{IndexEntry, MAX_PACK_CHUNKS};
use crate::id::PackId;

/// What stays in memory of a pack: about a byte for forty chunks.
#[derive(Debug, Clone)]
pub(super) struct PackInfo {
    pub pack: PackId,
    /// Names the pack in the database; ascending in the order of arrival.
    pub ordinal: u32,
    /// Distinct chunks.
    pub entries: u32,
    /// Entries in each page but the last.
    pub per_page: u32,
    /// Key of the first entry of each page, ascending.
    first_keys: Box<[u64]>,
}

impl PackInfo {
    /// Number of pages.
    pub fn pages(&self) -> u32 {
        u32::try_from(self.first_keys.len()).unwrap_or(u32::MAX)
    }

    /// The pages in which a key may lie, with the keys they span. More than one only when it begins a page.
    pub fn pages_for(&self, key: Key) -> impl Iterator<Item = (u32, (u64, u64))> {
        let key = key.value();
        let first = self.first_keys.partition_point(|&start| start < key).saturating_sub(1);
        let ends = self.first_keys.iter().copied().skip(first + 1).chain([1 << 40]);
        let starts = self.first_keys.iter().copied().skip(first).take_while(move |&start| start <= key);
        (u32::try_from(first).unwrap_or(u32::MAX)..).zip(starts.zip(ends))
    }
}

/// The tags of a pack by shard.
#[derive(Debug)]
pub(super) struct Tags {
    counts: Vec<u32>,
    tags: Vec<u32>,
}

impl Tags {
    /// Shards with their ascending tags.
    pub fn shards(&self) -> impl Iterator<Item = (usize, &[u32])> {
        let mut rest = self.tags.as_slice();
        self.counts.iter().enumerate().map(move |(shard, &count)| {
            let (tags, after) = rest.split_at_checked(count as usize).unwrap_or((rest, &[]));
            rest = after;
            (shard, tags)
        })
    }
}

/// A pack's table, ready for the database and for memory.
#[derive(Debug)]
pub(super) struct Table {
    pub info: PackInfo,
    pub tags: Tags,
    pub row: Vec<u8>,
    pub pages: Vec<Vec<u8>>,
}

/// How many entries go into a page.
#[derive(Debug, Clone, Copy)]
pub(super) enum PageSize {
    /// As many as fit in this many bytes.
    Bytes(usize),
    /// Exactly so many, to repeat an earlier choice.
    Entries(u32),
}

/// Builds the table of a pack; of a chunk listed twice the first place counts.
pub(super) fn build(salt: Salt, ordinal: u32, pack: PackId, entries: &[IndexEntry], size: PageSize) -> Table {
    let mut order: Vec<(Key, &IndexEntry)> =
        entries.iter().map(|entry| (salt.key(entry.id.as_bytes()), entry)).collect();
    // Stable: equal ids stay in frame order.
    order.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.id.cmp(&b.1.id)));
    order.dedup_by(|later, first| later.1.id == first.1.id);

    let spots = |entry: &IndexEntry| Spot { frame: entry.frame, offset: entry.offset, len: entry.len };
    let widths = order.iter().fold(Widths::default(), |widths, (_, entry)| widths.including(&spots(entry)));
    let per_page = match size {
        PageSize::Bytes(bytes) => bytes.saturating_sub(page::HEADER) / widths.entry_len(),
        PageSize::Entries(entries) => entries as usize,
    }
    .clamp(1, MAX_PACK_CHUNKS);

    let pages = (0u32..)
        .zip(order.chunks(per_page))
        .map(|(at, part)| page::encode(ordinal, at, widths, part.iter().map(|(_, entry)| (&entry.id, spots(entry)))))
        .collect();
    let first_keys = order.iter().step_by(per_page).map(|(key, _)| key.value()).collect();
    let mut counts = vec![0u32; SHARDS];
    for (key, _) in &order {
        counts.iter_mut().skip(key.shard()).take(1).for_each(|count| *count += 1);
    }
    let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
    let info = PackInfo { pack, ordinal, entries: count(order.len()), per_page: count(per_page), first_keys };
    let tags = Tags { counts, tags: order.iter().map(|(key, _)| key.tag()).collect() };
    Table { row: encode_row(&info, &tags), info, tags, pages }
}

fn encode_row(info: &PackInfo, tags: &Tags) -> Vec<u8> {
    let mut out = Vec::with_capacity(PackId::LEN + 8 + 4 * (SHARDS + tags.tags.len()));
    out.extend(info.pack.as_bytes());
    out.extend(info.entries.to_le_bytes());
    out.extend(info.per_page.to_le_bytes());
    tags.counts.iter().chain(&tags.tags).for_each(|value| out.extend(value.to_le_bytes()));
    out
}

/// Reads the row of an ordinal back, or nothing if these bytes cannot be one.
pub(super) fn decode_row(ordinal: u32, row: &[u8]) -> Option<(PackInfo, Tags)> {
    let (pack, rest) = row.split_first_chunk()?;
    let (words, []) = rest.as_chunks::<4>() else { return None };
    let (&[entries, per_page], words) = words.split_first_chunk()?;
    let (counts, tags) = words.split_at_checked(SHARDS)?;
    let [entries, per_page] = [entries, per_page].map(u32::from_le_bytes);
    let tags = Tags {
        counts: counts.iter().copied().map(u32::from_le_bytes).collect(),
        tags: tags.iter().copied().map(u32::from_le_bytes).collect(),
    };
    let total: u64 = tags.counts.iter().map(|&count| u64::from(count)).sum();
    let sorted = tags.shards().all(|(_, tags)| tags.is_sorted());
    if total != u64::from(entries) || tags.tags.len() as u64 != total || per_page == 0 || !sorted {
        return None;
    }
    let mut first_keys = Vec::with_capacity(tags.tags.len() / per_page as usize + 1);
    let mut seen = 0usize;
    for (shard, tags) in tags.shards() {
        let to_next = seen.next_multiple_of(per_page as usize) - seen;
        let firsts = tags.iter().skip(to_next).step_by(per_page as usize);
        first_keys.extend(firsts.map(|&tag| Key::new(u8::try_from(shard).unwrap_or(u8::MAX), tag).value()));
        seen += tags.len();
    }
    let info = PackInfo { pack: PackId::from_bytes(*pack), ordinal, entries, per_page, first_keys: first_keys.into() };
    Some((info, tags))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::page::Page;
    use super::*;
    use crate::id::ChunkId;

    fn entries(count: u32) -> Vec<IndexEntry> {
        (0..count)
            .map(|n| IndexEntry { id: ChunkId::of(&(n % 300).to_le_bytes()), frame: n / 7, offset: n % 7, len: n })
            .collect()
    }

    proptest! {
        #[test]
        fn rows_and_pages_say_the_same(count in 0u32..400, bytes in 0usize..3000, salt in any::<[u8; 16]>()) {
            let salt = Salt::from_bytes(salt);
            let pack = PackId::from_bytes([9; 32]);
            let entries = entries(count);
            let table = build(salt, 4, pack, &entries, PageSize::Bytes(bytes));
            let (info, tags) = decode_row(4, &table.row).unwrap();
            prop_assert_eq!(&info.first_keys, &table.info.first_keys);
            prop_assert_eq!((info.entries, info.per_page), (count.min(300), table.info.per_page));
            prop_assert_eq!(&tags.tags, &table.tags.tags);
            prop_assert!(table.pages.iter().all(|page| page.len() <= bytes.max(page::HEADER + 32 + 12)));
            prop_assert_eq!(build(salt, 4, pack, &entries, PageSize::Entries(info.per_page)).pages, table.pages.clone());

            let pages: Vec<Page> =
                (0u32..).zip(&table.pages).map(|(at, page)| Page::decode(page.clone(), 4, at).unwrap()).collect();
            prop_assert_eq!(pages.len(), info.pages() as usize);
            for entry in entries.iter().take(300) {
                let key = salt.key(entry.id.as_bytes());
                let found: Vec<Spot> = info
                    .pages_for(key)
                    .filter_map(|(page, span)| pages[page as usize].find(salt, key, &entry.id, span))
                    .collect();
                prop_assert_eq!(found, vec![Spot { frame: entry.frame, offset: entry.offset, len: entry.len }]);
            }
        }

        #[test]
        fn damaged_rows_never_panic(at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
            let table = build(Salt::from_bytes([3; 16]), 0, PackId::from_bytes([1; 32]), &entries(50), PageSize::Bytes(500));
            let mut row = table.row;
            let (at, cut) = (at.index(row.len()), cut.index(row.len() + 1));
            row[at] = byte;
            let _ = decode_row(0, &row);
            row.truncate(cut);
            prop_assert!(decode_row(0, &row).is_none() || cut == PackId::LEN + 8 + 4 * (SHARDS + 50));
        }
    }

    #[test]
    fn a_key_that_begins_a_page_may_end_the_one_before() {
        let keys = [10, 20, 20, 30].map(|tag| Key::new(0, tag).value());
        let info = PackInfo {
            pack: PackId::from_bytes([0; 32]),
            ordinal: 0,
            entries: 8,
            per_page: 2,
            first_keys: keys.to_vec().into(),
        };
        let pages = |tag| info.pages_for(Key::new(0, tag)).map(|(page, _)| page).collect::<Vec<_>>();
        assert_eq!(pages(9), [] as [u32; 0]);
        assert_eq!(pages(10), [0]);
        assert_eq!(pages(15), [0]);
        assert_eq!(pages(20), [0, 1, 2]);
        assert_eq!(pages(30), [2, 3]);
        assert_eq!(pages(99), [3]);
    }
}
