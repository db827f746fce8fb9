//! The far end: a bucket, as far as firn needs one. Whoever talks to a real one implements [`Remote`]; plans, jobs and
//! caches above it know nothing else.

mod class;
#[doc(hidden)]
pub mod contract;
mod memory;

pub use class::{Class, Tier, UnknownName};
pub use memory::{Faults, MemoryRemote, Op, Pace, Request};

use crate::store::{Body, Family, Key};

/// What a bucket says about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteObject {
    /// Its key.
    pub key: Key,
    /// Its length in bytes.
    pub len: u64,
    /// What it is kept as.
    pub class: Class,
    /// Whether a readable copy of a frozen object exists or is being made. Of listings only where the server tells it.
    pub restore: Restore,
    /// When it was written, in seconds since the epoch. A change of class counts as writing.
    pub modified: i64,
    /// Tells two states of the object apart.
    pub version: Version,
    /// SHA-256 of its bytes, where the bucket keeps one and says so: never in listings.
    pub sha256: Option<[u8; 32]>,
}

/// The readable copy of a frozen object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restore {
    /// There is none, or it has expired, or the object is not frozen.
    None,
    /// Being made.
    Ongoing,
    /// There until then, in seconds since the epoch.
    Until(i64),
}

/// An object's state, as the server names it (its entity tag).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub String);

/// When a write takes place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Whatever is there.
    Always,
    /// Nothing is there.
    Absent,
    /// What is there is still this.
    Unchanged(Version),
}

/// What a bucket answered to the request for a readable copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreAnswer {
    /// It is being made; or made faster than asked for before. Costs retrieval.
    Accepted,
    /// There was one; it now lasts as many days as asked for from now on. Costs one request.
    Extended,
    /// It is being made already, at least as fast. Costs nothing.
    Ongoing,
    /// No capacity for an expedited one just now: ask for a slower tier.
    NoCapacity,
    /// The object is not frozen: read it.
    NotFrozen,
}

/// Why a bucket could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// There is no such object.
    #[error("{key} is not in the bucket")]
    NotFound {
        /// The object.
        key: Key,
    },
    /// The object is in an archive class and has no readable copy.
    #[error("{key} is frozen ({class})")]
    Frozen {
        /// The object.
        key: Key,
        /// What it is kept as.
        class: Class,
    },
    /// A write under a condition found another state. Nothing was changed.
    #[error("{key} was written by somebody else in the meantime")]
    Changed {
        /// The object.
        key: Key,
    },
    /// The object is larger than anything the format allows there.
    #[error("{key} is {len} bytes long, more than the {limit} such an object may have")]
    TooLarge {
        /// The object.
        key: Key,
        /// Its length.
        len: u64,
        /// The limit.
        limit: u64,
    },
    /// The object is shorter than what was asked of it, or its bytes are not those whose checksum the server told.
    #[error("{key} came back damaged: {what}")]
    Damaged {
        /// The object.
        key: Key,
        /// What is wrong with it.
        what: String,
    },
    /// The server asks for less. It was asked again as often as allowed.
    #[error("{action} {target}: the server asks to slow down")]
    SlowDown {
        /// What was attempted, e.g. "reading".
        action: &'static str,
        /// The object or listing.
        target: String,
    },
    /// The server said no, and asking again would not help.
    #[error("{action} {target}: refused with {status} {code}: {message}")]
    Refused {
        /// What was attempted.
        action: &'static str,
        /// The object or listing.
        target: String,
        /// HTTP status.
        status: u16,
        /// The protocol's code, e.g. `AccessDenied`.
        code: String,
        /// The server's own words.
        message: String,
    },
    /// No answer, or none in time, or none that could be understood. It was tried again as often as allowed; a write may
    /// have taken place.
    #[error("{action} {target}")]
    Unreachable {
        /// What was attempted.
        action: &'static str,
        /// The object or listing.
        target: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A bucket with a prefix, seen as an archive's objects. Calls block; any number of threads may call at once.
///
/// Invariants every implementation keeps: a `put` that returned is durable and whole, and its bytes were confirmed by a
/// checksum of the server's; one that failed may have taken place as a whole or not at all. What failed for a reason that
/// passes was tried again, with growing pauses, within a budget of attempts and time; a [`Remote::restore`] was not, as
/// one attempt more may be one bill more.
pub trait Remote: Send + Sync {
    /// Where it is, for people: `s3://bucket/prefix`.
    fn url(&self) -> String;

    /// The whole object; at most `limit` bytes.
    fn get(&self, key: &Key, limit: u64) -> Result<(Vec<u8>, Version), RemoteError>;

    /// Fills `buf` from `offset` on.
    fn read_at(&self, key: &Key, offset: u64, buf: &mut [u8]) -> Result<(), RemoteError>;

    /// What there is to know about an object.
    fn head(&self, key: &Key) -> Result<Option<RemoteObject>, RemoteError>;

    /// Writes the object. A file stays where it is. [`RemoteError::Changed`] when the condition does not hold; a write of
    /// its own whose answer was lost is recognised and is no such failure.
    fn put(&self, key: &Key, body: Body<'_>, class: Class, when: &When) -> Result<Version, RemoteError>;

    /// Removes the object; removing what is not there is no error.
    fn delete(&self, key: &Key) -> Result<(), RemoteError>;

    /// Makes the object one of another class, on the server. [`RemoteError::Frozen`] when it has to be restored first.
    fn reclass(&self, key: &Key, class: Class) -> Result<(), RemoteError>;

    /// Asks for a readable copy of a frozen object for `days`, or for a longer life of the one that is there. One request,
    /// never repeated by itself.
    fn restore(&self, key: &Key, days: u32, tier: Tier) -> Result<RestoreAnswer, RemoteError>;

    /// Every object of a family, page by page, in no particular order; foreign objects are left out.
    fn list(&self, family: Family, page: &mut dyn FnMut(Vec<RemoteObject>)) -> Result<(), RemoteError>;
}
