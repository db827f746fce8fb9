//! Where file bytes come from.

use std::ops::Range;

use crate::engine::{ContentRef, PackId};

/// Serves the stored bytes of files. Implementations verify what they hand out.
pub trait Content: Send + Sync {
    /// Fills `buf` with the stored bytes `[offset, offset + buf.len())` of `content`.
    ///
    /// Offsets count stored bytes: the holes of a sparse file are not stored, the caller places them.
    /// The call may read a disk or the network, but must come back within a short, bounded time: the
    /// process that reads cannot be killed meanwhile. Bytes that are not within reach are `Frozen`.
    ///
    /// # Errors
    /// See [`ContentError`]. On an error the contents of `buf` are unspecified and are thrown away.
    fn read_stored(&self, content: ContentRef, offset: u64, buf: &mut [u8]) -> Result<(), ContentError>;

    /// Whether `read_stored` would now answer this range from memory, without I/O and without
    /// decompression. A mount answers such reads at once and queues all others; `false` is always safe.
    fn is_hot(&self, _content: ContentRef, _offset: u64, _len: u64) -> bool {
        false
    }

    /// Which stored bytes of a file somebody asked for so far: ascending ranges, apart. What a start of the image needs is
    /// found by this. Implementations that do not keep count say nothing.
    fn touched(&self, _content: ContentRef) -> Vec<Range<u64>> {
        Vec::new()
    }
}

/// Why stored bytes could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The bytes were found, but they are not what the archive recorded. Reads get `EIO`.
    #[error("{what} is corrupt: the stored bytes do not match their recorded hash")]
    Corrupt {
        /// What was being read, for people.
        what: String,
    },
    /// The archive no longer holds the bytes. Reads get `EIO`.
    #[error("{what} is missing from the archive")]
    Missing {
        /// What was being read, for people.
        what: String,
    },
    /// The bytes sleep in cold storage and have to be thawed first. Reads get `EREMOTEIO`, at once or after the time that
    /// [`crate::cold::ColdReads`] gives them.
    #[error("{what}")]
    Frozen {
        /// What sleeps where, for people.
        what: String,
        /// The pack that has to be thawed.
        pack: PackId,
    },
    /// The disk or the network failed. Reads get `EIO`; a later read tries again.
    #[error("reading {what} failed: {source}")]
    Io {
        /// What was being read, for people.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
}
