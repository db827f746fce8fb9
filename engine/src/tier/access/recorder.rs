//! Logs that know where their histories are.

use std::path::PathBuf;

use super::file::{AccessError, Merged};
use super::{AccessLog, Frequency, History, day_of};
use crate::archive::unix_now;
use crate::id::{Digest, PackId};

/// What was read of which pack, and of which blob, since it was last written down, which happens at the latest when nobody uses it
/// any more.
#[derive(Debug)]
pub struct Accesses {
    packs: Counted,
    blobs: Counted,
}

/// A log and the history that it is merged into.
#[derive(Debug)]
struct Counted {
    log: AccessLog,
    path: PathBuf,
}

impl Counted {
    fn new(path: PathBuf) -> Self {
        Counted { log: AccessLog::default(), path }
    }

    fn save(&self) -> Result<Merged, AccessError> {
        if self.log.is_empty() { Ok(Merged::Nothing) } else { self.log.merge_into(&self.path, day_of(unix_now())) }
    }
}

/// What was read of which blob on which days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlobHistory(History);

/// A history tells things apart by 32 bytes, whatever they name.
fn key(blob: &Digest) -> PackId {
    PackId::from_bytes(*blob.as_bytes())
}

impl BlobHistory {
    /// Day of the last read of a blob, as [`super::day_of`] counts; nothing when none is known.
    pub fn last_read(&self, blob: &Digest) -> Option<u32> {
        self.0.last_read(&key(blob))
    }

    /// How often it is read, as of `today`.
    pub fn frequency(&self, blob: &Digest, today: u32) -> Frequency {
        self.0.windows(&key(blob), today).frequency()
    }
}

impl Accesses {
    /// Logs that are merged into the histories in a file and, for blobs, one beside it with `.blobs` at its end.
    pub fn new(path: PathBuf) -> Self {
        let blobs = path.with_extension("blobs");
        Accesses { packs: Counted::new(path), blobs: Counted::new(blobs) }
    }

    /// Counts one read of `bytes` from a pack.
    pub fn record(&self, pack: &PackId, bytes: u64) {
        self.packs.log.record(pack, bytes);
    }

    /// Counts one read of `bytes` of what a blob holds, wherever they came from.
    pub fn record_blob(&self, blob: &Digest, bytes: u64) {
        self.blobs.log.record(&key(blob), bytes);
    }

    /// Adds what was counted to the files, as reads of today. Tells what was merged of packs.
    ///
    /// # Errors
    /// A file can't be written; what was counted is kept for the next time.
    pub fn save(&self) -> Result<Merged, AccessError> {
        let packs = self.packs.save();
        self.blobs.save().and(packs)
    }

    /// What was written down of packs.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn history(&self) -> Result<History, AccessError> {
        History::load(&self.packs.path)
    }

    /// What was written down of blobs.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn blob_history(&self) -> Result<BlobHistory, AccessError> {
        History::load(&self.blobs.path).map(BlobHistory)
    }
}

impl Drop for Accesses {
    fn drop(&mut self) {
        // Statistics: a directory that can't be written to is no reason for a read to fail.
        let _ = self.save();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_counted_apart() {
        let dir = tempfile::tempdir().unwrap();
        let (blob, other) = (Digest::from_bytes([7; 32]), Digest::from_bytes([8; 32]));
        let accesses = Accesses::new(dir.path().join("accesses"));
        accesses.record_blob(&blob, 100);
        accesses.save().unwrap();
        let blobs = accesses.blob_history().unwrap();
        let today = blobs.last_read(&blob).unwrap();
        assert_eq!(blobs.frequency(&blob, today), Frequency::Monthly);
        assert_eq!((blobs.last_read(&other), blobs.frequency(&other, today)), (None, Frequency::Never));
        assert_eq!(accesses.history().unwrap(), History::default());
    }

    #[test]
    fn what_was_counted_is_written_down_when_nobody_counts_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let pack = PackId::from_bytes([7; 32]);
        for times in 1..=2 {
            let accesses = Accesses::new(dir.path().join("accesses"));
            accesses.record(&pack, 100);
            drop(accesses);
            let history = Accesses::new(dir.path().join("accesses")).history().unwrap();
            let today = history.last_read(&pack).unwrap();
            assert_eq!(history.windows(&pack, today).month.bytes, times * 100);
        }
    }
}
