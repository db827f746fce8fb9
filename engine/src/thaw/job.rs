//! A thaw job: which packs are wanted readable, how fast and for how long, and how far each of them is.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use crate::id::{Digest, JobId, PackId};
use crate::remote::{Class, Tier};

pub(super) const DAY: i64 = 24 * 60 * 60;
/// The most packs of one job: at 64 MiB each, 16 TiB.
pub const MAX_JOB_PACKS: usize = 1 << 18;
/// The most days a readable copy may be asked for: a hundred years.
pub const MAX_DAYS: u32 = 36_500;
/// The most images a job may name.
pub const MAX_JOB_IMAGES: usize = 4096;
/// Longest description, in bytes.
pub const MAX_DESCRIPTION: usize = 1024;
/// The most wanted ranges of all packs of a job together.
pub const MAX_RANGES: usize = 1 << 20;

/// How far a pack, or a whole job, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Nothing was asked yet.
    Planned,
    /// The bucket is being asked, or was asked and the answer is not known.
    Requested,
    /// A readable copy is being made.
    Thawing,
    /// It can be read.
    Readable,
    /// Its bytes are on their way.
    Hydrating,
    /// Its bytes are here.
    Done,
    /// It can't be had; somebody has to look.
    Failed,
    /// Given up on request.
    Cancelled,
    /// Its readable copy came and went before its bytes were here.
    Expired,
}

impl Stage {
    /// All of them, as they usually follow each other.
    pub const ALL: [Stage; 9] = [
        Stage::Planned,
        Stage::Requested,
        Stage::Thawing,
        Stage::Readable,
        Stage::Hydrating,
        Stage::Done,
        Stage::Failed,
        Stage::Cancelled,
        Stage::Expired,
    ];

    /// Whether nothing more happens by itself.
    pub fn is_over(self) -> bool {
        matches!(self, Stage::Done | Stage::Failed | Stage::Cancelled | Stage::Expired)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Stage::Planned => "planned",
            Stage::Requested => "requested",
            Stage::Thawing => "thawing",
            Stage::Readable => "readable",
            Stage::Hydrating => "hydrating",
            Stage::Done => "done",
            Stage::Failed => "failed",
            Stage::Cancelled => "cancelled",
            Stage::Expired => "expired",
        })
    }
}

/// One request for a readable copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// How fast.
    pub tier: Tier,
    /// For how many days.
    pub days: u32,
    /// When it was written down, just before it was sent; in seconds since the epoch.
    pub at: i64,
}

/// What a request is for, and with it what the pack falls back to when the request turns out not to have taken place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A copy where there is none.
    Start,
    /// The copy being made, on a faster tier.
    Faster {
        /// Since when it is being made.
        since: i64,
    },
    /// A longer life of the copy.
    Longer {
        /// Until when it lived before.
        until: i64,
    },
}

/// Why a pack can't be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is not in the bucket.
    Missing,
    /// The bucket said no; its own words.
    Refused(String),
    /// Its bytes could not be fetched, often enough.
    Hydration(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Missing => f.write_str("it is not in the bucket"),
            Reason::Refused(words) => write!(f, "the bucket refused: {words}"),
            Reason::Hydration(words) => write!(f, "it could not be fetched: {words}"),
        }
    }
}

/// The state of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackState {
    /// See [`Stage::Planned`].
    Planned,
    /// The request is written down; whether it took place is not known yet.
    Requested {
        /// The request.
        ask: Ask,
        /// What for.
        purpose: Purpose,
    },
    /// See [`Stage::Thawing`].
    Thawing {
        /// Since when, as far as known.
        since: i64,
    },
    /// See [`Stage::Readable`].
    Readable {
        /// At least until then; `None` when the pack is not frozen at all.
        until: Option<i64>,
    },
    /// See [`Stage::Hydrating`].
    Hydrating {
        /// As for readable.
        until: Option<i64>,
    },
    /// See [`Stage::Done`].
    Done,
    /// See [`Stage::Failed`].
    Failed(Reason),
    /// See [`Stage::Cancelled`].
    Cancelled,
    /// See [`Stage::Expired`].
    Expired,
}

impl PackState {
    /// Its name.
    pub fn stage(&self) -> Stage {
        match self {
            PackState::Planned => Stage::Planned,
            PackState::Requested { .. } => Stage::Requested,
            PackState::Thawing { .. } => Stage::Thawing,
            PackState::Readable { .. } => Stage::Readable,
            PackState::Hydrating { .. } => Stage::Hydrating,
            PackState::Done => Stage::Done,
            PackState::Failed(_) => Stage::Failed,
            PackState::Cancelled => Stage::Cancelled,
            PackState::Expired => Stage::Expired,
        }
    }
}

/// A pack as it was when the job was filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedPack {
    /// The pack, one of the data area.
    pub id: PackId,
    /// Its length in bytes.
    pub len: u64,
    /// What it was kept as.
    pub class: Class,
    /// The bytes that are wanted; empty means all.
    pub ranges: Vec<Range<u64>>,
}

impl WantedPack {
    /// Bytes that are wanted.
    pub fn wanted(&self) -> u64 {
        if self.ranges.is_empty() { self.len } else { self.ranges.iter().map(|range| range.end - range.start).sum() }
    }
}

/// How far a pack is, and what is remembered of its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Where it is.
    pub state: PackState,
    /// The last request of this job for it that took place in the life of its present copy; `None` where there was none,
    /// also when somebody else's request is waited for.
    pub asked: Option<Ask>,
    /// No faster tier than this is asked, as there was no capacity.
    pub ceiling: Option<Tier>,
    /// The last extension of the job that reached it.
    pub extended: u32,
    /// Fetches that failed.
    pub stumbles: u32,
}

impl Progress {
    pub(super) fn new() -> Self {
        Progress { state: PackState::Planned, asked: None, ceiling: None, extended: 0, stumbles: 0 }
    }
}

/// What a job is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// What it is for, for people.
    pub description: String,
    /// The images it is for, if it is for images.
    pub images: Vec<Digest>,
    /// How fast; a class that can't be had that fast is asked on its fastest tier.
    pub tier: Tier,
    /// How long copies are to live.
    pub days: u32,
    /// When it was filed, in seconds since the epoch.
    pub created_at: i64,
    /// What is to be readable.
    pub packs: Vec<WantedPack>,
}

/// A longer life of copies, as asked for by [`super::Event::Extend`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension {
    /// The how many-th.
    pub number: u32,
    /// Until when copies are to live at least.
    pub until: i64,
}

/// A job with all its packs: the fold of its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub(super) id: JobId,
    pub(super) spec: JobSpec,
    pub(super) tier: Tier,
    pub(super) days: u32,
    pub(super) extension: Option<Extension>,
    pub(super) progress: Vec<Progress>,
}

impl Job {
    /// A job with nothing done yet.
    pub fn new(id: JobId, spec: JobSpec) -> Self {
        let progress = vec![Progress::new(); spec.packs.len()];
        Job { id, tier: spec.tier, days: spec.days, spec, extension: None, progress }
    }

    /// Its name.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// What it was filed as.
    pub fn spec(&self) -> &JobSpec {
        &self.spec
    }

    /// The tier it asks on by now.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// Days it asks for by now.
    pub fn days(&self) -> u32 {
        self.days
    }

    /// Its packs, in the order they were filed.
    pub fn packs(&self) -> impl Iterator<Item = (&WantedPack, &Progress)> {
        self.spec.packs.iter().zip(&self.progress)
    }

    /// How many packs are at a stage, and their bytes.
    pub fn at(&self, stage: Stage) -> (usize, u64) {
        let packs = self.packs().filter(|(_, progress)| progress.state.stage() == stage);
        packs.fold((0, 0), |(count, bytes), (pack, _)| (count + 1, bytes + pack.len))
    }

    /// Where the job is: what its liveliest pack does; once all are over, the worst end of any of them.
    pub fn stage(&self) -> Stage {
        const LIVELIEST: [Stage; 5] =
            [Stage::Hydrating, Stage::Readable, Stage::Thawing, Stage::Requested, Stage::Planned];
        const WORST: [Stage; 3] = [Stage::Failed, Stage::Expired, Stage::Cancelled];
        let any = |stage: &Stage| self.progress.iter().any(|progress| progress.state.stage() == *stage);
        LIVELIEST.into_iter().chain(WORST).find(any).unwrap_or(Stage::Done)
    }

    /// Whether nothing more happens by itself.
    pub fn is_over(&self) -> bool {
        self.stage().is_over()
    }

    /// The tier a pack is to be asked on: the job's, as far as its class has it and there was capacity. `None` where
    /// nothing is frozen.
    pub(super) fn tier_for(&self, class: Class, progress: &Progress) -> Option<Tier> {
        let tier = self.tier.available(class)?;
        Some(progress.ceiling.map_or(tier, |ceiling| tier.min(ceiling)))
    }

    /// When a pack is readable at the latest, in seconds since the epoch, as the provider states it; `None` where it is by
    /// now or never will be.
    pub fn pack_eta(&self, pack: &WantedPack, progress: &Progress, now: i64) -> Option<i64> {
        let after = |from: i64, tier: Option<Tier>| {
            let longest = tier.and_then(|tier| tier.longest(pack.class)).unwrap_or(0);
            from.saturating_add_unsigned(longest)
        };
        match &progress.state {
            PackState::Planned => Some(after(now, self.tier_for(pack.class, progress))),
            PackState::Requested { purpose: Purpose::Longer { .. }, .. } => None,
            PackState::Requested { ask, .. } => Some(after(ask.at, Some(ask.tier))),
            // Of somebody else's request nothing is known: the slowest tier.
            PackState::Thawing { since } => Some(match progress.asked {
                Some(ask) => after(ask.at, Some(ask.tier)),
                None => after(*since, Some(Tier::Bulk)),
            }),
            _ => None,
        }
    }

    /// When all packs are readable at the latest; `None` where nothing has to be waited for.
    pub fn eta(&self, now: i64) -> Option<i64> {
        self.packs().filter_map(|(pack, progress)| self.pack_eta(pack, progress, now)).max()
    }
}

/// A name for a new job.
pub(super) fn draw_id() -> io::Result<JobId> {
    let mut bytes = [0; JobId::LEN];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(JobId::from_bytes(bytes))
}
