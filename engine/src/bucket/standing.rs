//! How packs can be read just now, for those who ask without wanting to read.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Archive;
use crate::id::PackId;
use crate::remote::{Class, RemoteError, Restore};
use crate::store::{Key, PackArea};

/// For so long, what a look at a pack showed is taken to be so still.
const FRESH: Duration = Duration::from_secs(15);

/// How a data pack that is not here can be read. Ordered from the readiest to the one that takes longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// In the bucket, in a class that is read at once.
    Near(Class),
    /// Frozen, with a readable copy.
    Readable {
        /// What it is kept as.
        class: Class,
        /// When the copy goes, in seconds since the epoch.
        until: i64,
    },
    /// Frozen; a readable copy is being made.
    Thawing(Class),
    /// Frozen.
    Frozen(Class),
}

impl Standing {
    /// How an object of this class and with this copy can be read.
    pub fn of(class: Class, restore: Restore) -> Self {
        match restore {
            _ if !class.is_frozen() => Standing::Near(class),
            Restore::None => Standing::Frozen(class),
            Restore::Ongoing => Standing::Thawing(class),
            Restore::Until(until) => Standing::Readable { class, until },
        }
    }

    /// What it is kept as.
    pub fn class(self) -> Class {
        match self {
            Standing::Near(class)
            | Standing::Readable { class, .. }
            | Standing::Thawing(class)
            | Standing::Frozen(class) => class,
        }
    }

    /// Whether it can be read now.
    pub fn is_readable(self) -> bool {
        matches!(self, Standing::Near(_) | Standing::Readable { .. })
    }
}

/// Looks at packs of an archive's bucket, seldom: each once in fifteen seconds, whoever asks. What was listed last is not enough,
/// as somebody else may have changed the class of a pack meanwhile.
pub struct Lookout {
    archive: Archive,
    looks: Mutex<HashMap<PackId, (Instant, Standing)>>,
}

impl Lookout {
    /// For the bucket of this archive.
    pub fn new(archive: Archive) -> Self {
        Lookout { archive, looks: Mutex::new(HashMap::new()) }
    }

    /// The archive.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// How a pack that is not here can be read, as it was within the last fifteen seconds; where the bucket can't be reached,
    /// as it was when it was last listed. `None` for one that the bucket does not have, or without a bucket.
    pub fn standing(&self, pack: PackId) -> Option<Standing> {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = looks.get(&pack).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, standing)| *standing);
        drop(looks);
        fresh.or_else(|| self.look(pack).unwrap_or_else(|_| self.known(pack)))
    }

    /// How it can be read now: one request. A pack that turns out to be readable is read at once from then on.
    ///
    /// # Errors
    /// The bucket's.
    pub fn look(&self, pack: PackId) -> Result<Option<Standing>, RemoteError> {
        let Some(remote) = self.archive.remote() else { return Ok(None) };
        let key = Key::Pack(PackArea::Data, pack);
        let found = remote.head(&key)?.map(|object| Standing::of(object.class, object.restore));
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Some(standing) => drop(looks.insert(pack, (Instant::now(), standing))),
            None => drop(looks.remove(&pack)),
        }
        drop(looks);
        if found.is_some_and(Standing::is_readable) {
            self.archive.store().woke(&key);
        }
        Ok(found)
    }

    /// As the bucket had it when it was last listed.
    pub fn known(&self, pack: PackId) -> Option<Standing> {
        self.archive.with_seen(|seen| seen.packs.get(&pack).map(|far| Standing::of(far.class, far.restore)))
    }
}
