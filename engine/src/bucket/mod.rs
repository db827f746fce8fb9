//! An archive and its bucket: what is where, and how the two are brought together.
//!
//! An archive works in its directory; a bucket behind it holds what was published there, under the same keys. What may be
//! seen in the bucket is always whole: a pack before its footer's copy, both before the records that need them, a record
//! before the names that point to it. Whoever attaches to the bucket alone therefore finds complete images or none.
//!
//! Packs and footers are immutable and named by their content: writing one twice is writing it once. Records change when a
//! layer's original is dropped after the fact, and names when somebody moves them; both are written under the condition that
//! they still are what was seen last ([`Seen`]), so that of two machines neither overwrites what it has not read.

mod attach;
mod beside;
mod documents;
mod parallel;
mod pins;
mod publish;
mod pull;
mod seen;
mod spill;
mod standing;
mod upload;

pub use attach::{attach, attach_new};
pub use beside::Beside;
pub use parallel::Tally;
pub use publish::{Published, publish};
pub use pull::{Pulled, pull};
pub(crate) use seen::Reload;
pub use seen::{FarPack, Seen};
pub use spill::{Candidate, Decide, SpillPack, SpillPlan, SpillStep, Spilled, Verdict, older_than, plan_spill, spill};
pub use standing::{Lookout, Standing};

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::file_lock::FileLock;
use crate::remote::RemoteError;
use crate::store::{Key, LocalStore, StoreError};

/// Why archive and bucket could not be brought together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// The bucket failed.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket's prefix holds no archive.
    #[error("{url} holds no archive")]
    Empty {
        /// The bucket.
        url: String,
    },
    /// The bucket's prefix holds another archive.
    #[error("{url} holds another archive ({found}, not {expected}): choose another prefix")]
    Another {
        /// The bucket.
        url: String,
        /// The archive in the bucket.
        found: crate::id::ArchiveId,
        /// The archive in the directory.
        expected: crate::id::ArchiveId,
    },
    /// An object of the bucket is not what its key says.
    #[error("{key} in the bucket can't be used: {what}")]
    Object {
        /// The object.
        key: Key,
        /// What is wrong with it.
        what: String,
    },
    /// A pack in the bucket could not be shown to be what is here, so what is here stays.
    #[error("{key} was written to the bucket, but {what}: the local copy stays")]
    Unconfirmed {
        /// The pack.
        key: Key,
        /// What is missing.
        what: String,
    },
    /// Somebody else brings this directory and the bucket together just now.
    #[error("another firn is exchanging objects between {} and its bucket", path.display())]
    Busy {
        /// The archive.
        path: PathBuf,
    },
    /// The directory failed otherwise.
    #[error("{what}")]
    System {
        /// What was attempted.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

/// Only one process at a time moves objects between a directory and its bucket. Reading and archiving go on meanwhile.
struct Exchange {
    _lock: FileLock,
}

impl Exchange {
    fn begin(root: &Path) -> Result<Self, BucketError> {
        let path = root.join("bucket.lock");
        let system = |source| BucketError::System { what: format!("locking {}", path.display()), source };
        let file = File::options().create(true).append(true).open(&path).map_err(system)?;
        match FileLock::take(file) {
            Ok(lock) => Ok(Exchange { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(BucketError::Busy { path: root.to_owned() }),
            Err(TryLockError::Error(error)) => Err(system(error)),
        }
    }
}

/// The directory, with a place of its own for files in the making: an archiving process clears the usual one.
fn exchange_store(root: &Path) -> LocalStore {
    LocalStore::new(root, &exchange_tmp(root))
}

fn exchange_tmp(root: &Path) -> PathBuf {
    root.join("bucket.tmp")
}
