//! What the directory has and the bucket has not: packs, then records, then names.

use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex;
use std::sync::PoisonError;

use super::documents::hash;
use super::parallel::{Tally, for_each};
use super::pull::{pull_held, save};
use super::seen::SeenDocument;
use super::upload::upload;
use super::{BucketError, Exchange, Pulled, exchange_store};
use crate::Archive;
use crate::archive::MAX_OBJECT;
use crate::format::{ImageRecord, NameRecord};
use crate::id::{Digest, PackId};
use crate::remote::{Class, Remote, RemoteError, When};
use crate::store::{Body, Family, Key, LocalStore, PackArea, Store as _};

/// What was written to the bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Data packs, with their bytes.
    pub packs: (u64, u64),
    /// Metadata packs, with their bytes.
    pub meta_packs: (u64, u64),
    /// Records.
    pub images: u64,
    /// Names.
    pub names: u64,
    /// Records of what is pinned.
    pub pins: u64,
    /// Images that stay here alone, as some of their packs are here alone.
    pub waiting: Vec<Digest>,
    /// Records and names that somebody else wrote at the same time: the next pull decides.
    pub overtaken: Vec<String>,
}

/// Brings both sides together: what only the bucket has comes here, what only the directory has goes there, data packs as
/// `class`. Nothing is taken away on either side.
///
/// # Errors
/// As [`super::pull`]; [`BucketError::Unconfirmed`] if the bucket can't be shown to hold what was written.
pub fn publish(
    archive: &Archive,
    remote: &dyn Remote,
    class: Class,
    tally: &Tally,
) -> Result<(Pulled, Published), BucketError> {
    let _exchange = Exchange::begin(archive.root())?;
    let pulled = pull_held(archive, remote, tally)?;
    let far: HashSet<PackId> = archive.with_seen(|seen| seen.packs.keys().copied().collect());
    let mut packs = Vec::new();
    for item in exchange_store(archive.root()).list(Family::Packs(PackArea::Data))? {
        if let Key::Pack(_, pack) = item.key
            && !far.contains(&pack)
        {
            tally.expect(item.len);
            packs.push((pack, item.len));
        }
    }
    let sent = Mutex::new((0, 0));
    for_each(&packs, |&(pack, len)| -> Result<(), BucketError> {
        let there = upload(archive, remote, pack, class)?;
        archive.with_seen(|seen| seen.packs.insert(pack, there));
        let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
        *sent = (sent.0 + 1, sent.1 + len);
        tally.done(len);
        Ok(())
    })?;
    let packs = sent.into_inner().unwrap_or_else(PoisonError::into_inner);
    let published = documents(archive, remote, tally)?;
    Ok((pulled, Published { packs, ..published }))
}

/// Writes the metadata packs, and the records and names whose data packs are all in the bucket.
pub(super) fn documents(archive: &Archive, remote: &dyn Remote, tally: &Tally) -> Result<Published, BucketError> {
    let mut published = Published { meta_packs: meta_packs(archive, remote, tally)?, ..Published::default() };
    let local = exchange_store(archive.root());
    let kept = Kept {
        far: archive.with_seen(|seen| seen.packs.keys().copied().collect()),
        data: packs_of(&local, PackArea::Data)?,
        meta: packs_of(&local, PackArea::Meta)?,
    };
    for_each_unseen(archive, &local, Family::Images, |key, bytes| {
        let (Key::Image(digest), Ok(record)) = (key, ImageRecord::decode(bytes)) else { return Ok(()) };
        if !kept.is_whole(&record) {
            published.waiting.push(*digest);
        } else if document(archive, remote, key, bytes, &mut published)? {
            published.images += 1;
        }
        Ok(())
    })?;
    for_each_unseen(archive, &local, Family::Names, |key, bytes| {
        let Ok(name) = NameRecord::decode(bytes) else { return Ok(()) };
        let is_there = archive.with_seen(|seen| seen.documents.contains_key(&Key::Image(name.image)));
        if is_there && document(archive, remote, key, bytes, &mut published)? {
            published.names += 1;
        }
        Ok(())
    })?;
    super::pins::publish(archive, remote, tally, &mut published)?;
    save(archive)?;
    Ok(published)
}

/// Every record or name here that the bucket does not have as it is here.
pub(super) fn for_each_unseen(
    archive: &Archive,
    local: &LocalStore,
    family: Family,
    mut visit: impl FnMut(&Key, &[u8]) -> Result<(), BucketError>,
) -> Result<(), BucketError> {
    for item in local.list(family)? {
        let bytes = local.get(&item.key, MAX_OBJECT)?;
        if !archive.with_seen(|seen| seen.has(&item.key, &bytes)) {
            visit(&item.key, &bytes)?;
        }
    }
    Ok(())
}

/// Which packs are where.
pub(super) struct Kept {
    /// Data packs in the bucket.
    pub(super) far: HashSet<PackId>,
    /// Data packs here.
    pub(super) data: BTreeSet<PackId>,
    /// Metadata packs here, all of which go to the bucket.
    pub(super) meta: BTreeSet<PackId>,
}

impl Kept {
    /// Whether all that an image needs is in the bucket, or is metadata.
    pub(super) fn is_whole(&self, record: &ImageRecord) -> bool {
        let is_far = |pack: &PackId| self.far.contains(pack) || self.meta.contains(pack);
        let needed = record.all_packs();
        // Packs that a record names and that are gone were rewritten: its chunks may be in any pack that is here.
        if needed.iter().all(|pack| is_far(pack) || self.data.contains(pack)) {
            needed.iter().all(is_far)
        } else {
            self.data.iter().all(|pack| self.far.contains(pack))
        }
    }
}

pub(super) fn packs_of(local: &LocalStore, area: PackArea) -> Result<BTreeSet<PackId>, BucketError> {
    let packs = local.list(Family::Packs(area))?.into_iter().filter_map(|item| match item.key {
        Key::Pack(_, pack) => Some(pack),
        _ => None,
    });
    Ok(packs.collect())
}

fn meta_packs(archive: &Archive, remote: &dyn Remote, tally: &Tally) -> Result<(u64, u64), BucketError> {
    let mut there = HashSet::new();
    remote.list(Family::Packs(PackArea::Meta), &mut |page| there.extend(page.into_iter().map(|object| object.key)))?;
    let mut new = exchange_store(archive.root()).list(Family::Packs(PackArea::Meta))?;
    new.retain(|item| !there.contains(&item.key));
    let sum = (new.len() as u64, new.iter().map(|item| item.len).sum());
    new.iter().for_each(|item| tally.expect(item.len));
    for_each(&new, |item| -> Result<(), BucketError> {
        let path = archive.root().join(item.key.to_string());
        remote.put(&item.key, Body::File(&path), Class::Standard, &When::Absent)?;
        tally.done(item.len);
        Ok(())
    })?;
    Ok(sum)
}

/// Writes a record or a name, if nobody else has changed it since it was seen.
pub(super) fn document(
    archive: &Archive,
    remote: &dyn Remote,
    key: &Key,
    bytes: &[u8],
    published: &mut Published,
) -> Result<bool, BucketError> {
    let hash = hash(bytes);
    let base = archive.with_seen(|seen| seen.documents.get(key).cloned());
    let when = match base {
        Some(base) => When::Unchanged(base.version),
        None => When::Absent,
    };
    match remote.put(key, Body::Bytes(bytes), Class::Standard, &when) {
        Ok(version) => {
            archive.with_seen(|seen| seen.documents.insert(key.clone(), SeenDocument { version, hash }));
            Ok(true)
        }
        Err(RemoteError::Changed { .. }) => {
            published.overtaken.push(key.to_string());
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}
