//! The index as a whole, against the truth of a store that is a map.

mod crash;
mod damage;
mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::session::Tuning;
use super::*;

/// Small pages, a small cache and frequent recycling, so that little data goes through everything.
fn tuning() -> Tuning {
    Tuning {
        page_bytes: 600,
        cache_pages: 16,
        recycle_bytes: 30_000,
        slow_limit: Duration::from_secs(120),
        quick_limit: Duration::from_secs(60),
    }
}

fn pack(number: u32) -> PackId {
    PackId::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

fn chunk(number: u32) -> ChunkId {
    ChunkId::of(&number.to_le_bytes())
}

/// A pack of these chunks, each in a place that is told by the pack and its rank.
fn entries(number: u32, chunks: impl IntoIterator<Item = u32>) -> Vec<IndexEntry> {
    let place =
        |rank: u32, n: u32| IndexEntry { id: chunk(n), frame: rank / 9, offset: rank * 1000, len: number * 7 + n };
    (0..).zip(chunks).map(|(rank, n)| place(rank, n)).collect()
}

/// The packs of a store.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<BTreeMap<PackId, Vec<IndexEntry>>>>);

impl Store {
    /// A store of packs 0.. of so many chunks each, every pack sharing ten with the next.
    fn of(packs: u32, chunks: u32) -> Store {
        let store = Store::default();
        (0..packs).for_each(|number| store.add(number, number * (chunks - 10)..number * (chunks - 10) + chunks));
        store
    }

    fn add(&self, number: u32, chunks: impl IntoIterator<Item = u32>) {
        self.0.lock().unwrap().insert(pack(number), entries(number, chunks));
    }

    fn remove(&self, number: u32) {
        self.0.lock().unwrap().remove(&pack(number));
    }

    fn get(&self, number: u32) -> Option<Vec<IndexEntry>> {
        self.0.lock().unwrap().get(&pack(number)).cloned()
    }

    fn packs(&self) -> BTreeSet<PackId> {
        self.0.lock().unwrap().keys().copied().collect()
    }

    fn footers(&self) -> Footers {
        let store = self.clone();
        Arc::new(move |pack| {
            let entries = store.0.lock().unwrap().get(&pack).cloned();
            entries.ok_or_else(|| "there is no such pack".into())
        })
    }

    fn open(&self, dir: &Path) -> Result<(ChunkIndex, OpenReport), IndexError> {
        ChunkIndex::open_tuned(dir, &self.packs(), self.footers(), &mut |_| (), tuning())
    }

    /// What a look-up has to answer: the first place in the pack with the smallest id.
    fn truth(&self) -> BTreeMap<ChunkId, Location> {
        let mut truth = BTreeMap::new();
        for (&pack, entries) in &*self.0.lock().unwrap() {
            for &IndexEntry { id, frame, offset, len } in entries {
                truth.entry(id).or_insert(Location { pack, frame, offset, len });
            }
        }
        truth
    }

    /// Compares every chunk of the store, and a hundred others.
    fn check(&self, index: &ChunkIndex) {
        let truth = self.truth();
        for (id, location) in &truth {
            assert_eq!(index.lookup(id).unwrap(), Some(*location), "{id}");
        }
        let others: Vec<ChunkId> = (0..100).map(|n| chunk(1_000_000 + n)).collect();
        for id in &others {
            assert_eq!(index.lookup(id).unwrap(), None);
        }
        let all: Vec<ChunkId> = truth.keys().chain(&others).copied().collect();
        let expected: Vec<Option<Location>> = all.iter().map(|id| truth.get(id).copied()).collect();
        assert_eq!(index.lookup_all(&all).unwrap(), expected);
        let distinct = |entries: &Vec<IndexEntry>| entries.iter().map(|entry| entry.id).collect::<BTreeSet<_>>().len();
        let listed: usize = self.0.lock().unwrap().values().map(distinct).sum();
        assert_eq!(index.stats().chunks, listed as u64);
    }
}

#[test]
fn what_is_added_is_found_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::default();
    let (mut index, report) = store.open(dir.path()).unwrap();
    assert_eq!(report, OpenReport { outcome: OpenOutcome::Created, packs_loaded: 0, packs_dropped: 0 });
    store.add(1, [5, 6, 7, 5]);
    store.add(2, []);
    for number in [1, 2, 1] {
        index.add_pack(pack(number), &store.get(number).unwrap()).unwrap();
    }
    store.check(&index);
    assert_eq!(index.stats().packs, 2);
    index.close().unwrap();

    let (index, report) = store.open(dir.path()).unwrap();
    assert_eq!(report, OpenReport { outcome: OpenOutcome::Opened, packs_loaded: 0, packs_dropped: 0 });
    store.check(&index);
}

#[test]
fn new_chunks_never_reach_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::of(10, 100);
    let (index, _) = store.open(dir.path()).unwrap();
    let before = index.stats();
    (0..1000).for_each(|n| assert_eq!(index.lookup(&chunk(5_000_000 + n)).unwrap(), None));
    let after = index.stats();
    assert_eq!((after.lookups - before.lookups, after.filter_misses - before.filter_misses), (1000, 1000));
    assert_eq!(after.page_loads, before.page_loads);
}

#[test]
fn look_ups_may_come_from_several_threads() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::of(20, 200);
    let (index, _) = store.open(dir.path()).unwrap();
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| store.check(&index)))));
    assert!(index.stats().page_loads > 0, "the cache is too small to hold all");
}

#[test]
fn a_second_opener_is_told_and_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::of(3, 50);
    let (index, _) = store.open(dir.path()).unwrap();
    assert!(matches!(store.open(dir.path()), Err(IndexError::Locked { .. })));
    store.check(&index);
    index.close().unwrap();
    let (index, report) = store.open(dir.path()).unwrap();
    assert_eq!(report.outcome, OpenOutcome::Opened);
    store.check(&index);
}

#[test]
fn a_missing_footer_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::of(2, 20);
    let mut packs = store.packs();
    packs.insert(pack(77));
    let error = ChunkIndex::open_tuned(dir.path(), &packs, store.footers(), &mut |_| (), tuning()).unwrap_err();
    assert!(matches!(&error, IndexError::Footer { pack: named, .. } if *named == pack(77)), "{error}");
    // The next start has all packs but that one, and finds what the first had loaded.
    let (index, report) = store.open(dir.path()).unwrap();
    assert_eq!(report.outcome, OpenOutcome::Opened);
    store.check(&index);
}

#[test]
fn progress_counts_packs() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::of(3, 20);
    let mut seen = Vec::new();
    let progress = &mut |progress: Progress| seen.push((progress.packs_done, progress.packs_total));
    ChunkIndex::open_tuned(dir.path(), &store.packs(), store.footers(), progress, tuning()).unwrap();
    assert_eq!(seen, [(0, 3), (1, 3), (2, 3), (3, 3)]);
}
