//! One pack into the bucket, and the certainty that it is there.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::seen::FarPack;
use super::{BucketError, exchange_store};
use crate::Archive;
use crate::format::MAX_PACK_LEN;
use crate::id::PackId;
use crate::pack::load_footer;
use crate::remote::{Class, Remote, RemoteError, RemoteObject, When};
use crate::store::{Body, HashedFile, Key, LocalStore, PackArea, Store as _};

/// Bytes that are compared at a time.
const PIECE: usize = 4 << 20;

/// Writes a data pack and its footer's copy, and has it confirmed. It ends up in `class`.
pub(super) fn upload(
    archive: &Archive,
    remote: &dyn Remote,
    pack: PackId,
    class: Class,
) -> Result<FarPack, BucketError> {
    let key = Key::Pack(PackArea::Data, pack);
    let path = archive.root().join(key.to_string());
    let unconfirmed = |what: &str| BucketError::Unconfirmed { key: key.clone(), what: what.to_owned() };
    let here = hashed(&key, &path)?;
    match remote.put(&key, Body::Hashed(&here), class, &When::Absent) {
        Ok(_) => {}
        Err(RemoteError::Changed { .. }) => return Err(unconfirmed("something else is there under its name")),
        // It is there and sleeps: its checksum will tell.
        Err(RemoteError::Frozen { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let mut there = confirm(remote, &key, &here)?;
    if there.class != class && !there.class.is_frozen() {
        remote.reclass(&key, class)?;
        there = confirm(remote, &key, &here)?;
    }
    footer(archive, remote, pack)?;
    let RemoteObject { len, class, restore, modified, .. } = there;
    Ok(FarPack { len, class, restore, modified })
}

/// Writes the footer's copy unless it is there, without which a pack that sleeps can't be used.
pub(super) fn footer(archive: &Archive, remote: &dyn Remote, pack: PackId) -> Result<(), BucketError> {
    let key = Key::Footer(pack);
    if remote.head(&key)?.is_some() {
        return Ok(());
    }
    let local = exchange_store(archive.root());
    let bytes = footer_bytes(&local, pack)?;
    if local.len(&key)?.is_none() {
        local.put(&key, Body::Bytes(&bytes))?;
    }
    remote.put(&key, Body::Bytes(&bytes), Class::Standard, &When::Absent)?;
    Ok(())
}

/// A pack's footer: its copy, or what the pack itself says.
pub(super) fn footer_bytes(local: &LocalStore, pack: PackId) -> Result<Vec<u8>, BucketError> {
    let key = Key::Footer(pack);
    local.get(&key, MAX_PACK_LEN).or_else(|_| {
        let footer = load_footer(local, PackArea::Data, pack);
        footer
            .map(|footer| footer.encode())
            .map_err(|error| BucketError::Object { key: key.clone(), what: error.to_string() })
    })
}

/// A local object and its hash, which sending it and confirming it share.
pub(super) fn hashed<'p>(key: &Key, path: &'p Path) -> Result<HashedFile<'p>, BucketError> {
    HashedFile::read(path).map_err(|source| BucketError::System { what: format!("reading {key}"), source })
}

/// What the bucket says of an object, once it is certain that it holds the bytes of the file: by the server's checksum, or
/// by reading them back.
pub(super) fn confirm(remote: &dyn Remote, key: &Key, here: &HashedFile<'_>) -> Result<RemoteObject, BucketError> {
    let unconfirmed = |what: String| BucketError::Unconfirmed { key: key.clone(), what };
    let system = |source| BucketError::System { what: format!("reading {key}"), source };
    let there = remote.head(key)?.ok_or_else(|| unconfirmed("it is not there".to_owned()))?;
    if there.len != here.len {
        return Err(unconfirmed(format!("{} bytes are there instead of {}", there.len, here.len)));
    }
    match there.sha256 {
        Some(told) if &told == here.sha256.as_bytes() => Ok(there),
        Some(_) => Err(unconfirmed("the server's checksum is another".to_owned())),
        None if there.class.is_frozen() => Err(unconfirmed(
            "the server keeps no SHA-256 and gives nothing back from an archive class; spill to a warmer class first"
                .to_owned(),
        )),
        None => {
            compare(remote, key, here.path).map_err(|failure| match failure {
                Compare::Differs => unconfirmed("other bytes are there".to_owned()),
                Compare::Local(error) => system(error),
                Compare::Remote(error) => error.into(),
            })?;
            Ok(there)
        }
    }
}

enum Compare {
    Differs,
    Local(io::Error),
    Remote(RemoteError),
}

fn compare(remote: &dyn Remote, key: &Key, path: &Path) -> Result<(), Compare> {
    let mut file = File::open(path).map_err(Compare::Local)?;
    let (mut here, mut at) = (Vec::with_capacity(PIECE), 0u64);
    loop {
        here.clear();
        file.by_ref().take(PIECE as u64).read_to_end(&mut here).map_err(Compare::Local)?;
        if here.is_empty() {
            return Ok(());
        }
        let mut there = vec![0; here.len()];
        remote.read_at(key, at, &mut there).map_err(Compare::Remote)?;
        if here != there {
            return Err(Compare::Differs);
        }
        at += here.len() as u64;
    }
}
