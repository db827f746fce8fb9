//! What the bucket has and the directory has not: footers, metadata packs, records, names.

use std::collections::HashSet;
use std::io::Write as _;
use std::sync::PoisonError;

use super::documents::{check, far_counts, hash};
use super::parallel::{Tally, for_each};
use super::seen::{Seen, SeenDocument};
use super::{BucketError, Exchange, exchange_store, exchange_tmp};
use crate::Archive;
use crate::archive::MAX_OBJECT;
use crate::format::{Footer, MAX_PACK_LEN};
use crate::id::PackId;
use crate::pack::load_footer;
use crate::remote::{Remote, RemoteError, RemoteObject};
use crate::store::{Body, Family, Key, LocalStore, PackArea, REREADS, Store as _, StoreError};

/// Bytes of a pack that are in memory at a time while it comes in.
const PIECE: u64 = 8 << 20;

/// What a look at the bucket brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Footers and metadata packs that are here now.
    pub packs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records that are new here or changed.
    pub images: u64,
    /// Names that are new here or point elsewhere now.
    pub names: u64,
    /// Records of what is pinned that are new here or changed.
    pub pins: u64,
    /// Records and names that both sides had changed, each with what was decided.
    pub conflicts: Vec<String>,
    /// Objects that are not what they should be, and were left where they are.
    pub refused: Vec<String>,
    /// Records and names were left for the next time, as somebody is archiving into the directory.
    pub skipped_documents: bool,
    /// Keys of each listing.
    pub(super) listed: Vec<u64>,
    /// Metadata packs in the bucket.
    pub(super) metas: HashSet<Key>,
    /// Packs of pinned contents in the bucket, if anything is pinned.
    pub(super) pinned_there: HashSet<Key>,
}

/// Copies all metadata of the bucket that is not here yet, and remembers which packs there are.
///
/// # Errors
/// [`BucketError::Busy`] if another process does so; the bucket's and the directory's failures. What had come in until then
/// stays, and the next pull goes on from there.
pub fn pull(archive: &Archive, remote: &dyn Remote, tally: &Tally) -> Result<Pulled, BucketError> {
    let _exchange = Exchange::begin(archive.root())?;
    pull_held(archive, remote, tally)
}

pub(super) fn listing(remote: &dyn Remote, family: Family) -> Result<Vec<RemoteObject>, RemoteError> {
    let mut all = Vec::new();
    remote.list(family, &mut |page| all.extend(page))?;
    Ok(all)
}

/// [`pull`] for somebody who holds the exchange already.
pub(super) fn pull_held(archive: &Archive, remote: &dyn Remote, tally: &Tally) -> Result<Pulled, BucketError> {
    let mut pulled = Pulled::default();
    // What is pinned and names first, packs last: whatever they need was in the bucket before, so it is in the later listings.
    let pins = listing(remote, Family::Pins)?;
    let names = listing(remote, Family::Names)?;
    let images = listing(remote, Family::Images)?;
    let meta = listing(remote, Family::Packs(PackArea::Meta))?;
    let data = listing(remote, Family::Packs(PackArea::Data))?;
    pulled.listed = [&pins, &names, &images, &meta, &data].map(|listing| listing.len() as u64).to_vec();
    pulled.metas = meta.iter().map(|object| object.key.clone()).collect();
    archive.with_seen(|seen| {
        seen.packs.clear();
        data.iter().for_each(|object| seen.see(object));
    });
    packs(archive, remote, &data, &meta, tally, &mut pulled)?;
    match archive.lock() {
        Ok(_lock) => {
            let there: HashSet<&Key> = pins.iter().chain(&names).chain(&images).map(|object| &object.key).collect();
            archive.with_seen(|seen| seen.documents.retain(|key, _| there.contains(key)));
            for object in images.iter().chain(&names) {
                document(archive, remote, object, &mut pulled)?;
            }
            match crate::pin::lock(archive) {
                Ok(_lock) => {
                    for object in &pins {
                        document(archive, remote, object, &mut pulled)?;
                    }
                    super::pins::fetch(archive, remote, tally, &mut pulled)?;
                }
                // Somebody is just pinning something.
                Err(crate::Error::Locked { .. }) => pulled.skipped_documents = true,
                Err(error) => return Err(system(error)),
            }
        }
        Err(crate::Error::Locked { .. }) => pulled.skipped_documents = true,
        Err(error) => return Err(system(error)),
    }
    save(archive)?;
    Ok(pulled)
}

fn system(error: crate::Error) -> BucketError {
    BucketError::System { what: error.to_string(), source: std::io::Error::other(error) }
}

pub(super) fn save(archive: &Archive) -> Result<(), BucketError> {
    archive.with_seen(|seen: &mut Seen| seen.save(archive.root())).map_err(|source| BucketError::System {
        what: format!("saving what the bucket of {} holds", archive.root().display()),
        source,
    })
}

fn packs(
    archive: &Archive,
    remote: &dyn Remote,
    data: &[RemoteObject],
    meta: &[RemoteObject],
    tally: &Tally,
    pulled: &mut Pulled,
) -> Result<(), BucketError> {
    let local = exchange_store(archive.root());
    let mut missing: Vec<(Key, u64)> = Vec::new();
    let here = |family| -> Result<HashSet<Key>, StoreError> {
        Ok(local.list(family)?.into_iter().map(|item| item.key).collect())
    };
    let (footers, metas) = (here(Family::Footers)?, here(Family::Packs(PackArea::Meta))?);
    for object in data {
        if let Key::Pack(_, pack) = object.key
            && !footers.contains(&Key::Footer(pack))
        {
            missing.push((Key::Footer(pack), 0));
        }
    }
    let new_metas = meta.iter().filter(|object| !metas.contains(&object.key));
    missing.extend(new_metas.map(|object| (object.key.clone(), object.len)));
    bring(archive, remote, &missing, tally, pulled)
}

/// Brings these footers and packs here, each checked, and counts them.
pub(super) fn bring(
    archive: &Archive,
    remote: &dyn Remote,
    missing: &[(Key, u64)],
    tally: &Tally,
    pulled: &mut Pulled,
) -> Result<(), BucketError> {
    let local = exchange_store(archive.root());
    missing.iter().for_each(|(_, len)| tally.expect(*len));
    let outcome = std::sync::Mutex::new(pulled);
    for_each(missing, |(key, len)| {
        let got = match key {
            Key::Footer(pack) => footer(remote, &local, *pack),
            _ => fetch_pack(archive, remote, &local, key, *len),
        };
        let mut pulled = outcome.lock().unwrap_or_else(PoisonError::into_inner);
        match got {
            Ok(bytes) => {
                pulled.packs += 1;
                pulled.bytes += bytes;
            }
            // A pack whose footer is still to come: nothing refers to it yet.
            Err(BucketError::Remote(RemoteError::NotFound { .. })) => {}
            Err(BucketError::Object { key, what }) => pulled.refused.push(format!("{key}: {what}")),
            Err(error) => return Err(error),
        }
        tally.done(*len);
        Ok(())
    })
}

fn footer(remote: &dyn Remote, local: &LocalStore, pack: PackId) -> Result<u64, BucketError> {
    let key = Key::Footer(pack);
    let (bytes, _) = remote.get(&key, MAX_PACK_LEN)?;
    match Footer::decode(&pack, &bytes) {
        Ok(_) => local.put(&key, Body::Bytes(&bytes))?,
        Err(error) => return Err(BucketError::Object { key, what: error.to_string() }),
    }
    Ok(bytes.len() as u64)
}

/// Brings a whole pack here, checked frame by frame, and says how many bytes it has.
fn fetch_pack(
    archive: &Archive,
    remote: &dyn Remote,
    local: &LocalStore,
    key: &Key,
    len: u64,
) -> Result<u64, BucketError> {
    let Key::Pack(area, pack) = *key else { return Ok(0) };
    if len > MAX_PACK_LEN {
        return Err(BucketError::Object { key: key.clone(), what: format!("{len} bytes are too many for a pack") });
    }
    // What was damaged on the way is good the next time; what is damaged there is not.
    let mut rereads = 0;
    loop {
        fetch(archive, remote, local, key, len)?;
        match check_pack(local, area, pack) {
            Ok(()) => return Ok(len),
            Err(_) if rereads < REREADS => rereads += 1,
            Err(what) => {
                local.delete(key)?;
                return Err(BucketError::Object { key: key.clone(), what });
            }
        }
    }
}

/// Whether a pack that is here is as its footer says, frame by frame, and if not, what is wrong.
fn check_pack(local: &LocalStore, area: PackArea, pack: PackId) -> Result<(), String> {
    let footer = load_footer(local, area, pack).map_err(|error| error.to_string())?;
    let mut payload = Vec::new();
    for frame in &footer.frames {
        payload.resize(frame.payload_len as usize, 0);
        let read = local.read_at(&Key::Pack(area, pack), frame.payload_offset(), &mut payload);
        read.map_err(|error| error.to_string())?;
        if blake3::hash(&payload) != frame.payload_hash {
            return Err(format!("the frame at byte {} is damaged", frame.offset));
        }
    }
    Ok(())
}

fn fetch(archive: &Archive, remote: &dyn Remote, local: &LocalStore, key: &Key, len: u64) -> Result<(), BucketError> {
    let system = |source| BucketError::System { what: format!("writing {key}"), source };
    let dir = exchange_tmp(archive.root());
    std::fs::create_dir_all(&dir).map_err(system)?;
    let mut file = tempfile::Builder::new().prefix("pack-").tempfile_in(&dir).map_err(system)?;
    let mut piece = Vec::new();
    let mut at = 0;
    while at < len {
        let next = (len - at).min(PIECE);
        piece.resize(usize::try_from(next).unwrap_or(0), 0);
        remote.read_at(key, at, &mut piece)?;
        file.write_all(&piece).map_err(system)?;
        at += next;
    }
    Ok(local.put(key, Body::File(&file.into_temp_path()))?)
}

fn document(
    archive: &Archive,
    remote: &dyn Remote,
    object: &RemoteObject,
    pulled: &mut Pulled,
) -> Result<(), BucketError> {
    let key = &object.key;
    let base = archive.with_seen(|seen| seen.documents.get(key).cloned());
    if base.as_ref().is_some_and(|base| base.version == object.version) {
        return Ok(());
    }
    let (far, version) = match remote.get(key, MAX_OBJECT) {
        Ok(got) => got,
        // Gone since it was listed.
        Err(RemoteError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let local = exchange_store(archive.root());
    if let Err(what) = check(key, &far).and_then(|()| points_somewhere(&local, key, &far)) {
        pulled.refused.push(format!("{key}: {what}"));
        return Ok(());
    }
    let here = match local.get(key, MAX_OBJECT) {
        Ok(bytes) => Some(bytes),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let take = match &here {
        None => true,
        Some(here) if *here == far => false,
        Some(here) if base.is_some_and(|base| base.hash == hash(here)) => true,
        Some(here) => {
            let take = far_counts(key, here, &far);
            let decision = if take { "the bucket's counts" } else { "the one here counts" };
            pulled.conflicts.push(format!("{key} was changed here and in the bucket: {decision}"));
            take
        }
    };
    if take {
        local.put(key, Body::Bytes(&far))?;
        match key {
            Key::Image(_) => pulled.images += 1,
            Key::Pin(_) => pulled.pins += 1,
            _ => pulled.names += 1,
        }
    }
    let seen_now = SeenDocument { version, hash: hash(&far) };
    archive.with_seen(|seen| seen.documents.insert(key.clone(), seen_now));
    Ok(())
}

/// A name, and what is pinned, is of use only where its image is.
fn points_somewhere(local: &LocalStore, key: &Key, bytes: &[u8]) -> Result<(), String> {
    let image = match key {
        Key::Name(_) => crate::format::NameRecord::decode(bytes).map_err(|error| error.to_string())?.image,
        Key::Pin(image) => *image,
        _ => return Ok(()),
    };
    match local.len(&Key::Image(image)) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(format!("its image {image} is not in the bucket")),
        Err(error) => Err(error.to_string()),
    }
}
