//! A layer's tar stream, split into what describes files (the *skeleton*) and what files contain, without losing a byte.
//!
//! ```text
//! feed(bytes) ─▶ decoder: 512-byte blocks ─▶ header, pax, sparse ─▶ member: one Entry
//!      │                                                              │
//!      └───────────── Skeleton and Content slices of the input ───────┴─▶ sink
//! ```
//!
//! Architecture invariant: this module does no I/O and knows nothing of whiteouts in a tree, chunks or compression.
//!
//! What is accepted follows Go's `archive/tar`, because every common runtime unpacks layers with it: whatever that reader
//! takes is taken here, with the same meaning. The places where this module is stricter are [`Limits`] and numbers that no
//! Linux filesystem can hold; where it is more lenient, it says so beside the code.

mod decoder;
mod entry;
mod error;
mod gather;
mod header;
mod limits;
mod member;
mod number;
mod path;
mod pax;
mod sparse;
mod splitter;
#[cfg(test)]
mod tests;
mod time;
mod xattr;

pub use entry::{DataRun, Entry, EntryKind, Timestamp};
pub use error::{Problem, TarError};
pub use limits::Limits;
pub use path::{NAME_MAX, PathError, normalise};
pub use splitter::{Event, Splitter, Summary};

/// Size of a tar block in bytes: headers fill one, data is padded to a multiple.
pub const BLOCK: usize = 512;

/// One header-sized block.
type Block = [u8; BLOCK];
