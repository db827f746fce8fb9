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
    let store = archive.store().as_ref();
    let mut live = Vec::new();
    for image in pinned_images(store)? {
        live.extend(load(store, &image)?);
    }
    live.sort_by_key(|record| record.image);
    Ok(live)
}

fn pinned_images(store: &dyn Store) -> Result<Vec<Digest>, Error> {
    let listed = store.list(Family::Pins)?.into_iter();
    Ok(listed.filter_map(|item| if let Key::Pin(image) = item.key { Some(image) } else { None }).collect())
}

/// Packs that some pinned set needs. A damaged record needs none: what it named is a copy, and in nobody's way.
pub(crate) fn live_packs(store: &dyn Store) -> Result<BTreeSet<PackId>, Error> {
    let mut live = BTreeSet::new();
    for image in pinned_images(store)? {
        match load(store, &image) {
            Ok(record) => live.extend(record.into_iter().flat_map(|record| record.packs)),
            Err(Error::Object { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(live)
}

/// Removes packs of pinned contents that no record needs: given up, or left by somebody who was stopped before the record was written.
/// Only for who holds the [`lock`].
pub(crate) fn drop_dead(store: &dyn Store) -> Result<(), Error> {
    let live = live_packs(store)?;
    for item in store.list(Family::Packs(PackArea::Pinned))? {
        if matches!(item.key, Key::Pack(_, pack) if !live.contains(&pack)) {
            store.delete(&item.key)?;
        }
    }
    Ok(())
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
