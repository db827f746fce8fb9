//! What can go wrong with the index, in terms of what the caller can do about it.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use crate::id::PackId;

/// Why the caller could not load the footer of a pack.
pub type FooterError = Box<dyn Error + Send + Sync>;

/// Why an index operation failed. No kind means lost data: the index is rebuilt from footers whenever it has to be.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Another process holds the database; nothing was touched.
    #[error("the index at {dir} is in use by another process; wait until that one has ended", dir = dir.display())]
    Locked {
        /// The index directory.
        dir: PathBuf,
    },
    /// The disk is full, read-only or not ours. What was flushed before is intact, and the next open adds what is missing.
    #[error("the disk does not take the index at {dir}: {source}; make room or give access and run it again, no data is lost", dir = dir.display())]
    Disk {
        /// The index directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file beside the database could not be read or written.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// What was tried, e.g. "write".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The caller could not supply the footer of a pack that the index needs.
    #[error("the index needs the footer of pack {pack}, which cannot be loaded: {source}")]
    Footer {
        /// The pack.
        pack: PackId,
        /// What the caller's loader said.
        source: FooterError,
    },
    /// A pack lists more chunks than the index takes from one pack.
    #[error("pack {pack} lists {chunks} chunks; the index takes at most {limit} from one pack")]
    PackTooLarge {
        /// The pack.
        pack: PackId,
        /// How many chunks it lists.
        chunks: usize,
        /// The limit.
        limit: usize,
    },
    /// The database failed again although it had just been made anew.
    #[error("the index at {dir} fails even after a rebuild ({fault}); check disk and memory, or put the index on another disk", dir = dir.display())]
    Unusable {
        /// The index directory.
        dir: PathBuf,
        /// What the database did.
        fault: String,
    },
}
