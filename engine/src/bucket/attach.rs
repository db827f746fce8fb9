//! An archive gets its bucket, or a bucket its directory.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use super::{BucketError, exchange_store};
use crate::Archive;
use crate::format::Config;
use crate::id::ArchiveId;
use crate::remote::{Class, Remote, RemoteError, When};
use crate::store::{Body, Key, Store as _};

/// Largest config, in bytes.
const MAX_CONFIG: u64 = 1 << 20;

fn far_config(remote: &dyn Remote) -> Result<Option<(Config, Vec<u8>)>, BucketError> {
    match remote.get(&Key::Config, MAX_CONFIG) {
        Ok((bytes, _)) => match Config::decode(&bytes) {
            Ok(config) => Ok(Some((config, bytes))),
            Err(error) => Err(BucketError::Object { key: Key::Config, what: error.to_string() }),
        },
        Err(RemoteError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn same(remote: &dyn Remote, found: ArchiveId, expected: ArchiveId) -> Result<(), BucketError> {
    if found == expected { Ok(()) } else { Err(BucketError::Another { url: remote.url(), found, expected }) }
}

/// Makes the bucket the archive's own: an empty prefix takes its config, one of the same archive is taken as it is.
///
/// # Errors
/// [`BucketError::Another`] if it is another archive's.
pub fn attach(archive: &Archive, remote: &dyn Remote) -> Result<(), BucketError> {
    let expected = archive.config().archive;
    if let Some((config, _)) = far_config(remote)? {
        return same(remote, config.archive, expected);
    }
    let root = archive.root();
    let bytes = exchange_store(root).get(&Key::Config, MAX_CONFIG)?;
    match remote.put(&Key::Config, Body::Bytes(&bytes), Class::Standard, &When::Absent) {
        Ok(_) => Ok(()),
        // Somebody was faster: it depends on who.
        Err(RemoteError::Changed { .. }) => match far_config(remote)? {
            Some((config, _)) => same(remote, config.archive, expected),
            None => Err(BucketError::Empty { url: remote.url() }),
        },
        Err(error) => Err(error.into()),
    }
}

/// Makes `root`, which is absent or empty, the directory of the archive that the bucket holds. What the bucket holds besides
/// its config has to be pulled afterwards.
///
/// # Errors
/// [`BucketError::Empty`] if the bucket holds none.
pub fn attach_new(root: &Path, remote: &dyn Remote) -> Result<(), BucketError> {
    let (_, bytes) = far_config(remote)?.ok_or_else(|| BucketError::Empty { url: remote.url() })?;
    let system = |source| BucketError::System { what: format!("creating {}", root.display()), source };
    // As for a new archive: images hold secrets.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(system)?;
    Ok(exchange_store(root).put(&Key::Config, Body::Bytes(&bytes))?)
}
