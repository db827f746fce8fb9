//! A directory that may get its bucket while it is open.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::tiered::data_pack;
use super::{Body, Family, Key, Listed, LocalStore, Store, StoreError, TieredStore};
use crate::cache::CacheStats;

/// After a bucket was found that can't be used, it is left alone for so long.
const AGAIN: Duration = Duration::from_secs(2);

/// Puts the directory before its bucket, if it has one by now.
pub(crate) type Attach = Box<dyn Fn() -> Result<Option<Arc<TieredStore>>, StoreError> + Send + Sync>;

/// Objects in a directory; once a pack has gone from it and it turns out to have a bucket, in both.
///
/// A mount may run for months. Another process may attach a bucket meanwhile, and spill the very packs that are mounted.
pub struct LateStore {
    local: LocalStore,
    attach: Attach,
    far: OnceLock<Arc<TieredStore>>,
    failed: Mutex<Option<Instant>>,
}

impl LateStore {
    pub(crate) fn new(local: LocalStore, attach: Attach) -> Self {
        LateStore { local, attach, far: OnceLock::new(), failed: Mutex::new(None) }
    }

    fn now(&self) -> &dyn Store {
        self.far.get().map_or(&self.local as &dyn Store, |far| far.as_ref())
    }

    /// Looks for a bucket, because something is not in the directory. Each time: to find none costs one file that is not there,
    /// and to look less often would be to take packs for lost that were spilled a moment ago.
    fn look(&self) -> Result<Option<&TieredStore>, StoreError> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if self.far.get().is_none() && failed.is_none_or(|at| at.elapsed() >= AGAIN) {
            *failed = Some(Instant::now());
            if let Some(far) = (self.attach)()? {
                let _ = self.far.set(far);
            }
            *failed = None;
        }
        Ok(self.far.get().map(Arc::as_ref))
    }

    /// Does something here or, if what it needs has gone from here, with the bucket.
    fn either<T>(
        &self,
        key: &Key,
        mut with: impl FnMut(&dyn Store) -> Result<T, StoreError>,
        is_gone: impl Fn(&Result<T, StoreError>) -> bool,
    ) -> Result<T, StoreError> {
        let outcome = with(self.now());
        if self.far.get().is_none() && data_pack(key).is_some() && is_gone(&outcome) {
            return match self.look()? {
                Some(far) => with(far),
                None => outcome,
            };
        }
        outcome
    }
}

fn not_found<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::NotFound { .. }))
}

impl Store for LateStore {
    fn get(&self, key: &Key, limit: u64) -> Result<Vec<u8>, StoreError> {
        self.either(key, |store| store.get(key, limit), not_found)
    }

    fn read_at(&self, key: &Key, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        self.either(key, |store| store.read_at(key, offset, buf), not_found)
    }

    fn len(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        self.either(key, |store| store.len(key), |len| matches!(len, Ok(None)))
    }

    fn put(&self, key: &Key, body: Body<'_>) -> Result<(), StoreError> {
        self.now().put(key, body)
    }

    fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.now().delete(key)
    }

    fn may_differ(&self, key: &Key) -> bool {
        self.now().may_differ(key)
    }

    fn distrust(&self, key: &Key, offset: u64, len: u64) -> bool {
        self.now().distrust(key, offset, len)
    }

    fn is_here(&self, key: &Key, offset: u64, len: u64) -> bool {
        self.now().is_here(key, offset, len)
    }

    fn has_part(&self, key: &Key) -> bool {
        self.now().has_part(key)
    }

    fn traffic(&self) -> Option<CacheStats> {
        self.now().traffic()
    }

    fn woke(&self, key: &Key) {
        self.now().woke(key);
    }

    fn list(&self, family: Family) -> Result<Vec<Listed>, StoreError> {
        self.now().list(family)
    }
}
