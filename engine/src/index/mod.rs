//! The chunk index: which pack holds a chunk, and where in it.
//!
//! Everything here is derived from the packs' footers and may be deleted at any time. Only writers open it, one process at
//! a time; readers go by the footers.
//!
//! ```text
//! memory   directory → filter        40 bits of every chunk id → packs that may hold it; answers new chunks alone
//!          cache                     recently used pages
//! disk     session → owner → db      sled: a row (for the filter) and pages (exact) of each pack
//!          files → checkpoint        what sled must hold, beside it; notes and quarantine
//! ```
//!
//! Invariant: an answer comes from a page or from a footer, compared in all 32 bytes of the id. The filter only says
//! where to look, and sled is believed only after its state was found to be the one that was written.

mod cache;
mod checkpoint;
mod chunk_index;
mod db;
mod directory;
mod error;
mod files;
mod filter;
mod key;
mod open;
mod owner;
mod page;
mod session;
mod steps;
mod table;
mod trim;

#[cfg(test)]
mod tests;

use crate::id::{ChunkId, PackId};

pub use chunk_index::{ChunkIndex, Footers};
pub use error::{FooterError, IndexError};
pub use files::RebuildReason;
pub use open::{OpenOutcome, OpenReport, Progress};

/// Most chunks that one pack may list.
pub const MAX_PACK_CHUNKS: usize = 1 << 24;

/// A chunk's position inside a pack, as the pack's footer lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// The chunk.
    pub id: ChunkId,
    /// Number of its frame in the pack.
    pub frame: u32,
    /// First byte in the decompressed frame.
    pub offset: u32,
    /// Length in bytes.
    pub len: u32,
}

/// Where a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The pack.
    pub pack: PackId,
    /// Number of the frame in the pack.
    pub frame: u32,
    /// First byte in the decompressed frame.
    pub offset: u32,
    /// Length in bytes.
    pub len: u32,
}

/// How large the index is and what it did since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexStats {
    /// Packs.
    pub packs: u64,
    /// Chunks; one that is in two packs counts twice.
    pub chunks: u64,
    /// Bytes of memory of filter, directory and cached pages; sled's own come on top.
    pub memory_bytes: u64,
    /// Bytes that the database takes on disk.
    pub disk_bytes: u64,
    /// Look-ups.
    pub lookups: u64,
    /// Look-ups that the filter alone answered: the chunk is new.
    pub filter_misses: u64,
    /// Pages loaded from the database.
    pub page_loads: u64,
    /// Packs whose footer answered because the database failed.
    pub footer_loads: u64,
    /// Times the database was rebuilt since it was opened.
    pub rebuilds: u64,
}
