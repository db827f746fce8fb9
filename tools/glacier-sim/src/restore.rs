//! The rules of RestoreObject, as pure functions of the instant, the object's class and its last restore.
//!
//! Source: S3 API reference (RestoreObject) and user guide ("Archive retrieval options", "Restoring an archived
//! object").

use serde::{Deserialize, Serialize};

use crate::class::{Class, Tier};
use crate::refusal::Refusal;
use crate::time::{DAY, HOUR, Time};

/// The most days a copy may be asked for; far beyond any use, and it keeps instants inside the calendar.
pub const MAX_DAYS: u32 = 36_500;
/// Objects from this size on are not promised within the expedited minutes, but at a throughput.
const EXPEDITED_SIZE: u64 = 250_000_000;
/// Bytes per second at which large expedited retrievals proceed.
const EXPEDITED_RATE: u64 = 300_000_000;

/// An accepted restore of one object; whether it runs, has finished or has expired follows from the instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// The tier it is billed at.
    pub tier: Tier,
    /// Days the copy was asked for.
    pub days: u32,
    /// When it was first asked for.
    pub requested: Time,
    /// When the copy is readable.
    pub ready: Time,
    /// When the copy is gone: always a midnight UTC.
    pub expires: Time,
}

/// Where an object's restore stands at some instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Never restored, or the copy has expired.
    None,
    /// The copy is not readable yet.
    InProgress,
    /// The copy is readable.
    Restored {
        /// When it will be gone.
        expires: Time,
    },
}

/// What an accepted RestoreObject does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// 202: a restore starts.
    Started(Restore),
    /// 202: the running restore goes on at a faster tier; retrieval is billed at the new tier instead.
    Upgraded {
        /// The restore as it is now.
        restore: Restore,
        /// The tier it was billed at before.
        from: Tier,
    },
    /// 200: a readable copy lives on to another day.
    Extended(Restore),
}

impl Accepted {
    /// The restore from now on.
    pub fn restore(&self) -> Restore {
        match self {
            Accepted::Started(restore) | Accepted::Upgraded { restore, .. } | Accepted::Extended(restore) => *restore,
        }
    }

    /// The HTTP status that says so.
    pub fn status(&self) -> u16 {
        if matches!(self, Accepted::Extended(_)) { 200 } else { 202 }
    }
}

/// Which instant inside the documented span of a tier a restore takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// The shortest documented time.
    Fastest,
    /// The longest documented time.
    #[default]
    Slowest,
    /// Spread evenly over the span by a hash of this seed and the object's name.
    Spread(u64),
}

/// The shortest and the longest time of a tier, in seconds; `None` where the class has no such tier.
///
/// `DEEP_ARCHIVE` documents upper bounds only; half of each stands in for the lower one.
pub fn span(class: Class, tier: Tier) -> Option<(u64, u64)> {
    match (class, tier) {
        (Class::Glacier, Tier::Expedited) => Some((60, 300)),
        (Class::Glacier, Tier::Standard) => Some((3 * HOUR, 5 * HOUR)),
        (Class::Glacier, Tier::Bulk) => Some((5 * HOUR, 12 * HOUR)),
        (Class::DeepArchive, Tier::Standard) => Some((6 * HOUR, 12 * HOUR)),
        (Class::DeepArchive, Tier::Bulk) => Some((24 * HOUR, 48 * HOUR)),
        _ => None,
    }
}

impl Pace {
    /// Seconds a restore of the object takes; `luck` is any hash of its name.
    pub fn seconds(self, class: Class, tier: Tier, size: u64, luck: u64) -> Option<u64> {
        let (low, high) = span(class, tier)?;
        let seconds = match self {
            Pace::Fastest => low,
            Pace::Slowest => high,
            Pace::Spread(seed) => low + crate::faults::mix(seed ^ luck) % (high - low + 1),
        };
        let large = tier == Tier::Expedited && size >= EXPEDITED_SIZE;
        Some(if large { seconds.max(size.div_ceil(EXPEDITED_RATE)) } else { seconds })
    }
}

/// Where `restore` stands at `now`.
pub fn standing(restore: Option<&Restore>, now: Time) -> Standing {
    match restore {
        Some(restore) if now < restore.ready => Standing::InProgress,
        Some(restore) if now < restore.expires => Standing::Restored { expires: restore.expires },
        _ => Standing::None,
    }
}

/// When a copy that is readable (or asked for anew) at `from` is gone.
fn expiry(from: Time, days: u32) -> Time {
    from.plus(u64::from(days) * DAY).up_to_midnight()
}

/// Decides one RestoreObject request; `seconds` says how long a tier takes for this object.
///
/// # Errors
/// The refusal S3 answers with; capacity and rate are not looked at here.
pub fn decide(
    now: Time,
    class: Class,
    last: Option<&Restore>,
    tier: Tier,
    days: u32,
    seconds: u64,
) -> Result<Accepted, Refusal> {
    match class {
        Class::Standard | Class::StandardIa => return Err(Refusal::ObjectAlreadyInActiveTier),
        Class::GlacierIr => return Err(Refusal::RestoreOfInstant(class)),
        Class::Glacier | Class::DeepArchive => {}
    }
    if days == 0 || days > MAX_DAYS {
        return Err(Refusal::InvalidArgument("Days must be between 1 and 36500"));
    }
    if span(class, tier).is_none() {
        return Err(Refusal::InvalidArgument("Expedited retrievals are not available for DEEP_ARCHIVE"));
    }
    match (standing(last, now), last) {
        (Standing::InProgress, Some(running)) => {
            if tier <= running.tier || days != running.days {
                return Err(Refusal::RestoreAlreadyInProgress);
            }
            let ready = running.ready.min(now.plus(seconds));
            let restore = Restore { tier, ready, expires: expiry(ready, days), ..*running };
            Ok(Accepted::Upgraded { restore, from: running.tier })
        }
        (Standing::Restored { .. }, Some(copy)) => {
            Ok(Accepted::Extended(Restore { days, expires: expiry(now, days), ..*copy }))
        }
        _ => {
            let ready = now.plus(seconds);
            Ok(Accepted::Started(Restore { tier, days, requested: now, ready, expires: expiry(ready, days) }))
        }
    }
}

/// The value of the `x-amz-restore` header, if there is one.
pub fn header(standing: Standing) -> Option<String> {
    match standing {
        Standing::None => None,
        Standing::InProgress => Some("ongoing-request=\"true\"".to_owned()),
        Standing::Restored { expires } => {
            Some(format!("ongoing-request=\"false\", expiry-date=\"{}\"", expires.http_date()))
        }
    }
}

/// Whether an object can be read now.
///
/// # Errors
/// [`Refusal::InvalidObjectState`] for an archived object without a restored copy.
pub fn readable(class: Class, restore: Option<&Restore>, now: Time) -> Result<(), Refusal> {
    let restored = matches!(standing(restore, now), Standing::Restored { .. });
    if class.is_archive() && !restored { Err(Refusal::InvalidObjectState(class)) } else { Ok(()) }
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
