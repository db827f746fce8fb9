//! What was read when, per pack.
//!
//! Readers call [`AccessLog::record`]: one short lock on one of sixteen maps, no clock, no I/O. Now and then somebody merges
//! the log into a [`History`] in a file. All of it is derived data: what is lost makes a later choice of class less
//! informed and nothing else, so a damaged file counts as none, and what would be too much is left out.

mod file;
mod history;
mod log;
mod recorder;

pub use file::{AccessError, Merged};
pub(super) use history::PackHistory;
pub use history::{Frequency, History, Window, Windows};
pub use log::AccessLog;
pub use recorder::{Accesses, BlobHistory};

/// Days from the epoch of an instant in seconds since it.
pub fn day_of(seconds: i64) -> u32 {
    u32::try_from(seconds / crate::cost::DAY.cast_signed()).unwrap_or(0)
}
