//! What is done about reads of content that sleeps, and what can be told of it. Nothing here knows why it sleeps or how it
//! wakes: whoever mounts does.

use std::time::Duration;

use crate::content::ContentError;
use crate::engine::{ContentRef, PackId};

/// Looks after content that sleeps.
pub trait ColdReads: Send + Sync {
    /// How long a read may be held until its pack can be read. Zero: it fails at once.
    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    /// A read found this pack asleep. Called for every such read, so it must come back at once.
    fn asleep(&self, pack: PackId);

    /// Whether a pack can be read by now. Called for packs that reads are held for, seldom, by one thread and once for all
    /// of a pack's reads; it may use the network.
    fn is_awake(&self, pack: PackId) -> bool;

    /// What was asked of wherever the content is kept so far, for people and programs: `NAME=NUMBER`, separated by spaces. Nothing
    /// where everything is on this machine.
    fn traffic(&self) -> Option<String> {
        None
    }

    /// Where a file's bytes are; `None` for a file without any. May use the network, and reads none of them.
    ///
    /// # Errors
    /// Where that can't be told.
    fn whereabouts(&self, content: Option<ContentRef>) -> Result<Whereabouts, ContentError>;
}

/// Where the bytes of a file are: its `user.firn.state`, `user.firn.tier` and `user.firn.thaw_eta`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// How they can be read.
    pub state: State,
    /// The storage class of the coldest of them that are not on this machine; `local` if all are.
    pub tier: String,
    /// When they can be read at the latest, if a thaw is under way that somebody keeps track of (RFC 3339).
    pub thaw_eta: Option<String>,
}

/// How the bytes of a file can be read: as its worst part can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// All are on this machine.
    Hot,
    /// Fetched from where they are read at once.
    Near,
    /// Frozen, with a copy that is read at once as long as it lives.
    Readable,
    /// Frozen, and a copy is being made.
    Thawing,
    /// Frozen.
    Frozen,
}

impl State {
    /// Its name, as `user.firn.state` gives it.
    pub fn name(self) -> &'static str {
        match self {
            State::Hot => "hot",
            State::Near => "near",
            State::Readable => "readable",
            State::Thawing => "thawing",
            State::Frozen => "frozen",
        }
    }
}
