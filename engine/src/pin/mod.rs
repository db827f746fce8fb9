//! Pinned working sets: copies of the few chunks that a start of an image reads, in packs of their own that never go cold.
//!
//! A set belongs to an image and is named by a small record, `pins/<digest>`. Everything in it is a copy of what data packs hold:
//! losing it costs time at the next start, and nothing else. So it is in no index, no image record names it, and whoever checks,
//! restores or thaws an image passes it by. Only mounts read it.

mod coverage;
mod select;
mod write;

pub use coverage::Coverage;
pub use select::{PinSet, select};
pub use write::{Pinned, pin, unpin};

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};

use crate::archive::{Archive, MAX_OBJECT};
use crate::error::Error;
use crate::file_lock::FileLock;
use crate::format::PinRecord;
use crate::id::{Digest, PackId};
use crate::store::{Family, Key, PackArea, Store, StoreError};

/// What is pinned of an image, if anything is.
///
/// # Errors
/// The record can't be read, or is damaged.
pub fn pinned(archive: &Archive, image: &Digest) -> Result<Option<PinRecord>, Error> {
    load(archive.store().as_ref(), image)
}

/// [`pinned`], from a store.
pub(crate) fn load(store: &dyn Store, image: &Digest) -> Result<Option<PinRecord>, Error> {
    Ok(record(store, image)?.filter(PinRecord::is_live))
}

/// The record of what is or was pinned of an image.
fn record(store: &dyn Store, image: &Digest) -> Result<Option<PinRecord>, Error> {
    let key = Key::Pin(*image);
    match store.get(&key, MAX_OBJECT) {
        Ok(bytes) => decode(image, &bytes).map(Some).map_err(|source| Error::Object { key, source }),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Checks the bytes of a pin record, and that it is the one that lies under this digest.
pub(crate) fn decode(image: &Digest, bytes: &[u8]) -> Result<PinRecord, crate::format::FormatError> {
    let record = PinRecord::decode(bytes)?;
    if &record.image == image {
        return Ok(record);
    }
    let what = format!("is about {}: it lies under a wrong name", record.image);
    Err(crate::format::FormatError::Invalid { object: "pin record", what })
}

/// The records of all images of which something is pinned, by digest.
///
/// # Errors
/// One can't be read, or is damaged.
pub fn all_pinned(archive: &Archive) -> Result<Vec<PinRecord>, Error> {
    let mut live = records(archive.store().as_ref())?;
    live.retain(PinRecord::is_live);
    live.sort_by_key(|record| record.image);
    Ok(live)
}

fn records(store: &dyn Store) -> Result<Vec<PinRecord>, Error> {
    let mut records = Vec::new();
    for item in store.list(Family::Pins)? {
        if let Key::Pin(image) = item.key {
            records.extend(record(store, &image)?);
        }
    }
    Ok(records)
}

/// Packs that some pinned set needs. A record that can't be read stands in the way: what it needs is not known.
pub(crate) fn live_packs(store: &dyn Store) -> Result<BTreeSet<PackId>, Error> {
    Ok(records(store)?.into_iter().filter(PinRecord::is_live).flat_map(|record| record.packs).collect())
}

/// Removes packs of pinned contents that a record names no more, as far as no other record needs them.
pub(crate) fn drop_released(store: &dyn Store, released: &[PackId]) -> Result<Vec<PackId>, Error> {
    if released.is_empty() {
        return Ok(Vec::new());
    }
    let live = live_packs(store)?;
    let dead: Vec<PackId> = released.iter().filter(|pack| !live.contains(pack)).copied().collect();
    for pack in &dead {
        store.delete(&Key::Pack(PackArea::Pinned, *pack))?;
    }
    Ok(dead)
}

/// Only one process at a time changes what is pinned, so that no pack goes that another is about to name.
pub(crate) fn lock(archive: &Archive) -> Result<FileLock, Error> {
    let path = archive.root().join("pins.lock");
    let what = || format!("locking {}", path.display());
    let file = File::options().create(true).append(true).open(&path).map_err(Error::system(what()))?;
    FileLock::take(file).map_err(|error| match error {
        TryLockError::WouldBlock => Error::Locked { path: archive.root().to_owned() },
        TryLockError::Error(error) => Error::system(what())(error),
    })
}
