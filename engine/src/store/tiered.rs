//! A directory with a bucket behind it: metadata is here, data packs are here or there.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Body, Family, Key, Listed, LocalStore, Store, StoreError};
use crate::bucket::{Reload, Seen};
use crate::cache::{CacheStats, RangeCache};
use crate::format::MAX_PACK_LEN;
use crate::id::PackId;
use crate::remote::{Class, Remote};
use crate::store::PackArea;

/// For so long, a pack that was frozen is taken to be frozen still: thousands of reads of a file that sleeps are one request.
const STILL_FROZEN: Duration = Duration::from_secs(10);

/// Objects in a directory, and data packs in a bucket as well or instead.
///
/// Everything is written to the directory; what goes to the bucket, and when, is decided by [`crate::bucket`]. All metadata of
/// the bucket is copied to the directory before anything reads it, so only data packs are ever asked for over the network.
pub struct TieredStore {
    local: LocalStore,
    remote: Arc<dyn Remote>,
    cache: RangeCache,
    seen: Arc<Mutex<Seen>>,
    frozen: Mutex<HashMap<PackId, (Instant, Class)>>,
    /// Requests that the bucket was sent for bytes of packs.
    requests: AtomicU64,
    /// Where to look again for packs that other processes spilled meanwhile.
    saved: Option<Reload>,
}

impl TieredStore {
    /// Puts a directory before a bucket. `seen` tells which packs the bucket has.
    pub fn new(local: LocalStore, remote: Arc<dyn Remote>, cache: RangeCache, seen: Arc<Mutex<Seen>>) -> Self {
        TieredStore {
            local,
            remote,
            cache,
            seen,
            frozen: Mutex::new(HashMap::new()),
            requests: AtomicU64::new(0),
            saved: None,
        }
    }

    /// Looks again at what other processes saved about the bucket in `root` when a pack is asked for that is not known.
    #[must_use]
    pub(crate) fn following(mut self, root: &Path) -> Self {
        self.saved = Some(Reload::new(root));
        self
    }

    fn far_len(&self, pack: PackId) -> Option<u64> {
        let find = || self.seen.lock().unwrap_or_else(PoisonError::into_inner).packs.get(&pack).map(|far| far.len);
        find().or_else(|| {
            self.look_again();
            find()
        })
    }

    fn look_again(&self) {
        if let Some(saved) = &self.saved {
            saved.merge_into(&self.seen);
        }
    }

    fn read_far(&self, key: &Key, pack: PackId, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        let fetch = |offset, buf: &mut [u8]| {
            self.check_frozen(key, pack)?;
            self.requests.fetch_add(1, Ordering::Relaxed);
            match self.remote.read_at(key, offset, buf).map_err(StoreError::from) {
                Err(StoreError::Frozen { key, class }) => {
                    let mut frozen = self.frozen.lock().unwrap_or_else(PoisonError::into_inner);
                    frozen.insert(pack, (Instant::now(), class));
                    Err(StoreError::Frozen { key, class })
                }
                outcome => outcome,
            }
        };
        self.cache.read_at(pack, self.far_len(pack), offset, buf, fetch)
    }

    fn check_frozen(&self, key: &Key, pack: PackId) -> Result<(), StoreError> {
        let mut frozen = self.frozen.lock().unwrap_or_else(PoisonError::into_inner);
        match frozen.get(&pack) {
            Some((since, class)) if since.elapsed() < STILL_FROZEN => {
                Err(StoreError::Frozen { key: key.clone(), class: *class })
            }
            Some(_) => {
                frozen.remove(&pack);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// The pack, if it is one that may be elsewhere.
pub(super) fn data_pack(key: &Key) -> Option<PackId> {
    match key {
        Key::Pack(PackArea::Data, pack) => Some(*pack),
        _ => None,
    }
}

impl Store for TieredStore {
    fn get(&self, key: &Key, limit: u64) -> Result<Vec<u8>, StoreError> {
        match (self.local.get(key, limit), data_pack(key)) {
            (Err(StoreError::NotFound { .. }), Some(pack)) => {
                let len = self.len(key)?.ok_or_else(|| StoreError::NotFound { key: key.clone() })?;
                if len > limit.min(MAX_PACK_LEN) {
                    return Err(StoreError::TooLarge { key: key.clone(), len, limit });
                }
                let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
                self.read_far(key, pack, 0, &mut bytes)?;
                Ok(bytes)
            }
            (outcome, _) => outcome,
        }
    }

    fn read_at(&self, key: &Key, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        match (self.local.read_at(key, offset, buf), data_pack(key)) {
            (Err(StoreError::NotFound { .. }), Some(pack)) => self.read_far(key, pack, offset, buf),
            (outcome, _) => outcome,
        }
    }

    fn len(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        match (self.local.len(key)?, data_pack(key)) {
            // Only what was seen in the bucket counts: a mount must open without asking, and whatever is used was seen.
            (None, Some(pack)) => Ok(self.far_len(pack)),
            (len, _) => Ok(len),
        }
    }

    fn put(&self, key: &Key, body: Body<'_>) -> Result<(), StoreError> {
        self.local.put(key, body)
    }

    /// Takes the object away from here; what the bucket has stays there until a collection decides about it, and so does the
    /// footer by which it is known here.
    fn delete(&self, key: &Key) -> Result<(), StoreError> {
        match key {
            Key::Footer(pack) if self.far_len(*pack).is_some() => Ok(()),
            _ => self.local.delete(key),
        }
    }

    fn may_differ(&self, key: &Key) -> bool {
        data_pack(key).is_some()
    }

    fn distrust(&self, key: &Key, offset: u64, len: u64) -> bool {
        data_pack(key).is_some_and(|pack| self.cache.distrust(pack, offset, len))
    }

    fn is_here(&self, key: &Key, offset: u64, len: u64) -> bool {
        self.local.is_here(key, offset, len) || data_pack(key).is_some_and(|pack| self.cache.holds(pack, offset, len))
    }

    fn has_part(&self, key: &Key) -> bool {
        self.local.has_part(key) || data_pack(key).is_some_and(|pack| self.cache.holds_any(pack))
    }

    fn traffic(&self) -> Option<CacheStats> {
        // What is known to be frozen is not asked for, though somebody wanted it.
        Some(CacheStats { fetches: self.requests.load(Ordering::Relaxed), ..self.cache.stats() })
    }

    fn woke(&self, key: &Key) {
        if let Some(pack) = data_pack(key) {
            self.frozen.lock().unwrap_or_else(PoisonError::into_inner).remove(&pack);
        }
    }

    fn list(&self, family: Family) -> Result<Vec<Listed>, StoreError> {
        let mut listed = self.local.list(family)?;
        if family == Family::Packs(PackArea::Data) {
            self.look_again();
            let here: std::collections::HashSet<Key> = listed.iter().map(|item| item.key.clone()).collect();
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let far =
                seen.packs.iter().map(|(pack, far)| Listed { key: Key::Pack(PackArea::Data, *pack), len: far.len });
            listed.extend(far.filter(|item| !here.contains(&item.key)));
        }
        Ok(listed)
    }
}
