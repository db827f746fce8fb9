//! A lock on an open file, given back for certain.

use std::fs::{File, TryLockError};
use std::ops::Deref;

/// An open file that nobody else has locked, until this is dropped.
#[derive(Debug)]
pub(crate) struct FileLock(File);

impl FileLock {
    /// Locks the file without waiting.
    pub(crate) fn take(file: File) -> Result<Self, TryLockError> {
        file.try_lock()?;
        Ok(FileLock(file))
    }
}

impl Deref for FileLock {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for FileLock {
    /// Closing the file would not do: a child that this process is starting, as sled does, has its descriptor for a moment too.
    fn drop(&mut self) {
        // Should that fail, closing is what is left.
        let _ = self.0.unlock();
    }
}
