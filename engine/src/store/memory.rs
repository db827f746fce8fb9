//! A store in memory that can be told to fail: what tests of everything above the trait run on.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Body, Family, HashedFile, Key, Listed, Store, StoreError};

/// When a [`MemoryStore`] fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The next `n` writes and removals succeed, then all fail as on a full disk.
    WritesAfter(u64),
    /// Every read fails as on a broken disk.
    Reads,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<Key, Vec<u8>>,
    fault: Option<Fault>,
}

impl State {
    /// Fails if the fault says that this write does.
    fn count_write(&mut self, key: &Key) -> Result<(), StoreError> {
        if let Some(Fault::WritesAfter(left)) = &mut self.fault {
            let full = || io::Error::new(io::ErrorKind::StorageFull, "injected write fault");
            *left = left.checked_sub(1).ok_or_else(|| StoreError::io("writing", key)(full()))?;
        }
        Ok(())
    }
}

/// Objects in a map.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// Fails from now on as told; `None` heals.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, key: &Key, use_bytes: impl FnOnce(&[u8]) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let state = self.state();
        if state.fault == Some(Fault::Reads) {
            return Err(StoreError::io("reading", key)(io::Error::other("injected read fault")));
        }
        let bytes = state.objects.get(key).ok_or_else(|| StoreError::NotFound { key: key.clone() })?;
        use_bytes(bytes)
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &Key, limit: u64) -> Result<Vec<u8>, StoreError> {
        self.read(key, |bytes| {
            let len = bytes.len() as u64;
            if len > limit {
                return Err(StoreError::TooLarge { key: key.clone(), len, limit });
            }
            Ok(bytes.to_vec())
        })
    }

    fn read_at(&self, key: &Key, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        self.read(key, |bytes| {
            let end = offset.saturating_add(buf.len() as u64);
            let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
            let part = range.and_then(|(start, end)| bytes.get(start..end));
            buf.copy_from_slice(part.ok_or_else(|| StoreError::ShortRead { key: key.clone(), end })?);
            Ok(())
        })
    }

    fn len(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        Ok(self.state().objects.get(key).map(|bytes| bytes.len() as u64))
    }

    fn put(&self, key: &Key, body: Body<'_>) -> Result<(), StoreError> {
        let bytes = match body {
            Body::Bytes(bytes) => bytes.to_vec(),
            Body::File(path) | Body::Hashed(&HashedFile { path, .. }) => {
                let bytes = std::fs::read(path).map_err(StoreError::io("reading", path.display()))?;
                std::fs::remove_file(path).map_err(StoreError::io("moving", path.display()))?;
                bytes
            }
        };
        let mut state = self.state();
        state.count_write(key)?;
        state.objects.insert(key.clone(), bytes);
        Ok(())
    }

    fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let mut state = self.state();
        state.count_write(key)?;
        state.objects.remove(key);
        Ok(())
    }

    fn list(&self, family: Family) -> Result<Vec<Listed>, StoreError> {
        let state = self.state();
        let of_family = |key: &Key| {
            let text = key.to_string();
            text.split_once('/').is_some_and(|(prefix, _)| prefix == family.prefix())
        };
        let listed = state.objects.iter().filter(|(key, _)| of_family(key));
        Ok(listed.map(|(key, bytes)| Listed { key: key.clone(), len: bytes.len() as u64 }).collect())
    }
}
