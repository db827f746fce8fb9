//! Pinned sets, on their way to the bucket and from it.
//!
//! Their packs are copies: they come before the records that name them, and go after records that name them no more. Should one be missing in
//! the bucket all the same, as two machines decided at one time, whoever still has it puts it back.

use std::collections::{BTreeSet, HashSet};

use super::parallel::{Tally, for_each};
use super::publish::{Published, document, for_each_unseen};
use super::pull::{bring, listing};
use super::{BucketError, Pulled, exchange_store};
use crate::Archive;
use crate::error::{Error, with_causes};
use crate::format::PinRecord;
use crate::id::{Digest, PackId};
use crate::pin::{drop_dead, live_packs};
use crate::remote::{Class, Remote, When};
use crate::store::{Body, Family, Key, LocalStore, PackArea, Store as _};

const PACKS: Family = Family::Packs(PackArea::Pinned);

fn key(pack: PackId) -> Key {
    Key::Pack(PackArea::Pinned, pack)
}

/// What stands in the way of pinned sets stands in the way of the exchange: a record that can't be read, say.
fn failed(error: Error) -> BucketError {
    match error {
        Error::Store(error) => error.into(),
        Error::Object { key, source } => BucketError::Object { key, what: source.to_string() },
        error => BucketError::System { what: with_causes(&error), source: std::io::Error::other(error) },
    }
}

/// Brings the packs of all pinned sets here, once the records are; those that no set needs any more go. For who holds the lock of what is
/// pinned.
pub(super) fn fetch(
    archive: &Archive,
    remote: &dyn Remote,
    tally: &Tally,
    pulled: &mut Pulled,
) -> Result<(), BucketError> {
    let local = exchange_store(archive.root());
    drop_dead(&local).map_err(failed)?;
    let live = live_packs(&local).map_err(failed)?;
    if live.is_empty() {
        return Ok(());
    }
    let objects = listing(remote, PACKS)?;
    pulled.listed.push(objects.len() as u64);
    pulled.pinned_there = objects.iter().map(|object| object.key.clone()).collect();
    let here = pinned_here(&local)?;
    let missing: Vec<(Key, u64)> = objects
        .into_iter()
        .filter(|object| matches!(object.key, Key::Pack(_, pack) if live.contains(&pack) && !here.contains(&pack)))
        .map(|object| (object.key, object.len))
        .collect();
    bring(archive, remote, &missing, tally, pulled)
}

fn pinned_here(local: &LocalStore) -> Result<HashSet<PackId>, BucketError> {
    let listed = local.list(PACKS)?.into_iter();
    Ok(listed.filter_map(|item| if let Key::Pack(_, pack) = item.key { Some(pack) } else { None }).collect())
}

/// Writes the pinned sets of images that are in the bucket, and removes packs there that none needs any more.
pub(super) fn publish(
    archive: &Archive,
    remote: &dyn Remote,
    tally: &Tally,
    published: &mut Published,
) -> Result<(), BucketError> {
    let local = exchange_store(archive.root());
    let live = live_packs(&local).map_err(failed)?;
    if !live.is_empty() {
        let there = listing(remote, PACKS)?.into_iter().map(|object| object.key).collect();
        let missing = missing(&local, &live, &there)?;
        missing.iter().for_each(|(_, len)| tally.expect(*len));
        for_each(&missing, |(key, len)| -> Result<(), BucketError> {
            let path = archive.root().join(key.to_string());
            remote.put(key, Body::File(&path), Class::Standard, &When::Absent)?;
            tally.done(*len);
            Ok(())
        })?;
    }
    for_each_unseen(archive, &local, Family::Pins, |key, bytes| {
        let Some(record) = publishable(archive, key, bytes, &HashSet::new()) else { return Ok(()) };
        if document(archive, remote, key, bytes, published)? {
            published.pins += 1;
            for pack in record.released.iter().filter(|pack| !live.contains(pack)) {
                remote.delete(&self::key(*pack))?;
            }
        }
        Ok(())
    })
}

/// Packs of live sets that are here and not there, with their lengths.
fn missing(local: &LocalStore, live: &BTreeSet<PackId>, there: &HashSet<Key>) -> Result<Vec<(Key, u64)>, BucketError> {
    let listed = local.list(PACKS)?.into_iter();
    let is_missing = |key: &Key| matches!(key, Key::Pack(_, pack) if live.contains(pack)) && !there.contains(key);
    Ok(listed.filter(|item| is_missing(&item.key)).map(|item| (item.key, item.len)).collect())
}

/// The record, if its image is in the bucket or about to be.
fn publishable(archive: &Archive, key: &Key, bytes: &[u8], coming: &HashSet<Digest>) -> Option<PinRecord> {
    let Key::Pin(image) = key else { return None };
    let record = crate::pin::decode(image, bytes).ok()?;
    let is_there = archive.with_seen(|seen| seen.documents.contains_key(&Key::Image(*image)));
    (is_there || coming.contains(image)).then_some(record)
}

/// What [`publish`] would write once the images of `coming` are there, and the keys of the listing it makes.
pub(super) fn expected(
    archive: &Archive,
    local: &LocalStore,
    there: &HashSet<Key>,
    coming: &HashSet<Digest>,
) -> Result<Expected, BucketError> {
    let live = live_packs(local).map_err(failed)?;
    let missing = missing(local, &live, there)?;
    let mut expected = Expected {
        packs: missing.into_iter().map(|(_, len)| len).collect(),
        records: Vec::new(),
        listed: (!live.is_empty()).then_some(there.len() as u64),
    };
    for_each_unseen(archive, local, Family::Pins, |key, bytes| {
        if publishable(archive, key, bytes, coming).is_some() {
            expected.records.push(bytes.len() as u64);
        }
        Ok(())
    })?;
    Ok(expected)
}

/// Lengths of what is written for pinned sets.
pub(super) struct Expected {
    pub(super) packs: Vec<u64>,
    pub(super) records: Vec<u64>,
    /// Keys of the listing that is made, if one is.
    pub(super) listed: Option<u64>,
}
