//! A log that knows where its history is.

use std::path::PathBuf;

use super::file::{AccessError, Merged};
use super::{AccessLog, History, day_of};
use crate::archive::unix_now;
use crate::id::PackId;

/// What was read of which pack since it was last written down, which happens at the latest when nobody uses it any more.
#[derive(Debug)]
pub struct Accesses {
    log: AccessLog,
    path: PathBuf,
}

impl Accesses {
    /// A log that is merged into the history in a file.
    pub fn new(path: PathBuf) -> Self {
        Accesses { log: AccessLog::default(), path }
    }

    /// Counts one read of `bytes` from a pack.
    pub fn record(&self, pack: &PackId, bytes: u64) {
        self.log.record(pack, bytes);
    }

    /// Adds what was counted to the file, as reads of today.
    ///
    /// # Errors
    /// The file can't be written; what was counted is kept for the next time.
    pub fn save(&self) -> Result<Merged, AccessError> {
        if self.log.is_empty() { Ok(Merged::Nothing) } else { self.log.merge_into(&self.path, day_of(unix_now())) }
    }

    /// What was written down.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn history(&self) -> Result<History, AccessError> {
        History::load(&self.path)
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
