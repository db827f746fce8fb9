//! Where objects live. One narrow trait; everything above it is the same for a directory and a bucket.

mod key;
mod late;
mod local;
mod memory;
mod tiered;

use std::fs::File;
use std::io;
use std::path::Path;

use crate::cache::CacheStats;
use crate::id::Digest;
use crate::remote::{Class, RemoteError};

pub use key::{Family, Key, PackArea};
pub use late::LateStore;
pub use local::LocalStore;
pub(crate) use local::sync_dir;
pub use memory::{Fault, MemoryStore};
pub use tiered::TieredStore;

/// How often bytes that came in damaged, from a copy or over a network, are read again.
pub(crate) const REREADS: u32 = 5;

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("{key} is not in the archive")]
    NotFound {
        /// The object.
        key: Key,
    },
    /// The object is shorter than what was asked of it.
    #[error("{key} ends before byte {end}: cut short or damaged")]
    ShortRead {
        /// The object.
        key: Key,
        /// End of the range that was asked for.
        end: u64,
    },
    /// The object is larger than anything the format allows there.
    #[error("{key} is {len} bytes long, more than the {limit} such an object may have")]
    TooLarge {
        /// The object.
        key: Key,
        /// Its length.
        len: u64,
        /// The limit.
        limit: u64,
    },
    /// The object sleeps in an archive class, without a readable copy and without one here.
    #[error("{key} is frozen ({class}): it has to be thawed before it can be read")]
    Frozen {
        /// The object.
        key: Key,
        /// What it is kept as.
        class: Class,
    },
    /// The bucket behind the archive failed.
    #[error(transparent)]
    Remote(RemoteError),
    /// The storage itself failed.
    #[error("{action} {target}")]
    Io {
        /// What was attempted, e.g. "writing".
        action: &'static str,
        /// The object or path.
        target: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl From<RemoteError> for StoreError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::NotFound { key } => StoreError::NotFound { key },
            RemoteError::Frozen { key, class } => StoreError::Frozen { key, class },
            RemoteError::TooLarge { key, len, limit } => StoreError::TooLarge { key, len, limit },
            error => StoreError::Remote(error),
        }
    }
}

impl StoreError {
    pub(crate) fn io(
        action: &'static str,
        target: impl std::fmt::Display,
    ) -> impl FnOnce(std::io::Error) -> StoreError {
        let target = target.to_string();
        move |source| StoreError::Io { action, target, source }
    }
}

/// A finished object on its way into a store.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// Small objects.
    Bytes(&'a [u8]),
    /// A complete file, which the store may move.
    File(&'a Path),
    /// The same, of which is known what it holds: nobody needs to read it once more only to hash it.
    Hashed(&'a HashedFile<'a>),
}

/// A file and what was read in it.
#[derive(Debug, Clone, Copy)]
pub struct HashedFile<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// Its length in bytes.
    pub len: u64,
    /// The hash of its bytes.
    pub sha256: Digest,
}

impl<'a> HashedFile<'a> {
    /// Reads the file.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(path: &'a Path) -> io::Result<Self> {
        let (sha256, len) = Digest::of_file(File::open(path)?)?;
        Ok(HashedFile { path, len, sha256 })
    }
}

/// One listed object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// Its length in bytes.
    pub len: u64,
}

/// Objects under keys.
///
/// Invariants every implementation keeps: a `put` that returned is durable and visible as a whole; one that failed has left
/// nothing under the key; objects are never seen half written.
pub trait Store: Send + Sync {
    /// The whole object; at most `limit` bytes, or [`StoreError::TooLarge`].
    fn get(&self, key: &Key, limit: u64) -> Result<Vec<u8>, StoreError>;

    /// Fills `buf` from `offset` on.
    fn read_at(&self, key: &Key, offset: u64, buf: &mut [u8]) -> Result<(), StoreError>;

    /// Length of the object, or `None` when there is none.
    fn len(&self, key: &Key) -> Result<Option<u64>, StoreError>;

    /// Writes the object; an existing one is replaced as a whole.
    fn put(&self, key: &Key, body: Body<'_>) -> Result<(), StoreError>;

    /// Removes the object; removing what is not there is no error.
    fn delete(&self, key: &Key) -> Result<(), StoreError>;

    /// Whether what is read may come from a copy or over a network, so that reading again may give other bytes: then somebody
    /// who can should check them.
    fn may_differ(&self, key: &Key) -> bool {
        let _ = key;
        false
    }

    /// The bytes that were read from there turned out to be wrong: a store that keeps copies forgets its own, and says
    /// whether reading again may give others.
    fn distrust(&self, key: &Key, offset: u64, len: u64) -> bool {
        let _ = (key, offset, len);
        false
    }

    /// Whether all of this range is on this machine: reading it then needs nobody else.
    fn is_here(&self, key: &Key, offset: u64, len: u64) -> bool {
        let _ = (offset, len);
        matches!(self.len(key), Ok(Some(_)))
    }

    /// Whether any of it is on this machine.
    fn has_part(&self, key: &Key) -> bool {
        matches!(self.len(key), Ok(Some(_)))
    }

    /// What was fetched from elsewhere so far, and what of that was read again; `None` where nothing is elsewhere.
    fn traffic(&self) -> Option<CacheStats> {
        None
    }

    /// The object was seen to be readable: a store that remembers that it was frozen forgets it.
    fn woke(&self, key: &Key) {
        let _ = key;
    }

    /// Every object of a family, in no particular order; foreign objects are left out.
    fn list(&self, family: Family) -> Result<Vec<Listed>, StoreError>;
}

#[cfg(test)]
mod contract;
