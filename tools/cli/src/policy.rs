//! Which class a policy chooses for a pack, given what is known of it here.

use std::path::Path;

use firn_engine::Archive;
use firn_engine::bucket::{Candidate, Verdict};
use firn_engine::cost::Prices;
use firn_engine::tier::access::day_of;
use firn_engine::tier::{AccessError, Action, BlobHistory, History, PackFacts, Place, Policy};

use crate::failure::Failure;

/// Seconds.
const DAY: i64 = 86_400;

/// The policy that was named: `default`, or a TOML file.
pub fn named(named: &Path) -> Result<Policy, Failure> {
    let wrong = |error: firn_engine::tier::PolicyError| {
        Failure::usage(format!("{}: {}", named.display(), firn_engine::with_causes(&error)))
    };
    if named == Path::new("default") && !named.exists() {
        return Policy::built_in().map_err(wrong);
    }
    let text = std::fs::read_to_string(named)
        .map_err(|error| Failure::usage(format!("there is no policy in {}: {error}", named.display())))?;
    Policy::parse(&text).map_err(wrong)
}

/// What was read of an archive's packs, up to now.
pub fn history(archive: &Archive) -> Result<History, Failure> {
    archive.save_accesses().and_then(|_| archive.access_history()).map_err(unreadable)
}

/// What was read of an archive's blobs, up to now.
pub fn blob_history(archive: &Archive) -> Result<BlobHistory, Failure> {
    archive.blob_history().map_err(unreadable)
}

fn unreadable(error: AccessError) -> Failure {
    Failure::Other {
        kind: firn_engine::ErrorKind::System,
        message: error.to_string(),
        source: std::error::Error::source(&error).map(|cause| cause.to_string().into()),
    }
}

/// A policy at work.
pub struct Chooser<'a> {
    /// The policy.
    pub policy: Policy,
    /// What it reckons with.
    pub prices: &'a Prices,
    /// What was read.
    pub history: History,
    /// In seconds since the epoch.
    pub now: i64,
}

impl Chooser<'_> {
    /// What becomes of a pack.
    pub fn decide(&self, candidate: &Candidate) -> Verdict {
        let today = day_of(self.now);
        let days_since = |seconds: i64| u32::try_from(self.now.saturating_sub(seconds) / DAY).unwrap_or(0);
        let place = match candidate.far {
            None => Place::Local,
            Some(far) => {
                let held_days = days_since(far.modified);
                Place::Bucket { class: far.class, held_days, readable: far.is_readable() }
            }
        };
        let pinned = candidate.pinned.names();
        let facts = PackFacts {
            bytes: candidate.len,
            age_days: days_since(candidate.last_used_by),
            last_read_days: self.history.last_read(&candidate.pack).map(|day| today.saturating_sub(day)),
            reads: self.history.windows(&candidate.pack, today),
            place,
            pinned: &pinned,
            remaining_life_days: None,
        };
        match (self.policy.decide(self.prices, &facts).action, candidate.far) {
            (Action::Move(class), _) => Verdict::To(class),
            (Action::MoveWhenThawed(class), _) => Verdict::WhenThawed(class),
            // It is where it should be; a copy here is one too many.
            (Action::Stay, Some(far)) => Verdict::To(far.class),
            (Action::Stay, None) => Verdict::Keep,
        }
    }
}
