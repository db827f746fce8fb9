//! Drives one job: looks at the bucket, asks it, and hands over what is readable, one round at a time.

mod ask;
mod hydrate;
mod look;
mod poll;
mod run;
mod throttle;

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

pub use hydrate::{Hydrate, HydrateError};
pub use run::Ended;

use super::clock::Clock;
use super::event::{Event, IllegalTransition, Step};
use super::job::{Job, PackState, Progress, Stage, WantedPack};
use super::journal::{Journal, JournalError};
use crate::id::PackId;
use crate::remote::{Remote, RemoteError, Tier};
use poll::Listing;
use throttle::Throttle;

/// How hard a driver works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// RestoreObject requests a second, at least 1. The provider's quota is 1,000 for a whole account; the default leaves
    /// most of it to others.
    pub rate: u32,
    /// Requests under way at a time.
    pub threads: usize,
    /// Packs that are hydrated at a time.
    pub hydrations: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { rate: 100, threads: 16, hydrations: 4 }
    }
}

/// Something that is durable by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A pack went on.
    Pack {
        /// Which.
        pack: PackId,
        /// Where it was.
        from: Stage,
        /// What it is now.
        to: PackState,
    },
    /// There was no capacity on the tier that was asked for: another one is.
    NoCapacity {
        /// For which pack.
        pack: PackId,
        /// Where there was none.
        tier: Tier,
        /// What is asked instead.
        next: Option<Tier>,
    },
    /// A copy lives longer.
    Extended {
        /// Of which pack.
        pack: PackId,
        /// At least until then, in seconds since the epoch.
        until: i64,
    },
}

/// What one round brought.
#[derive(Debug, Default)]
pub struct Round {
    /// What changed, in order.
    pub changes: Vec<Change>,
    /// When the next round is worth it, in seconds since the epoch; `None` when the job is over.
    pub again_at: Option<i64>,
    /// Trouble with the bucket that passes; the driver comes back to it by itself.
    pub trouble: Option<RemoteError>,
}

/// Why a round ended early. What was done until then is in the journal.
#[derive(Debug, thiserror::Error)]
pub enum ThawError {
    /// The journal failed, or the job does not allow it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The bucket does not let us in.
    #[error("the bucket does not allow what a thaw needs; the job goes on once it does")]
    Denied(#[source] RemoteError),
    /// What is readable can't be stored here.
    #[error("pack {pack} can't be hydrated; the job goes on once that is mended")]
    Hydration {
        /// Which.
        pack: PackId,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<IllegalTransition> for ThawError {
    fn from(error: IllegalTransition) -> Self {
        ThawError::Journal(error.into())
    }
}

/// The one that drives a job. It owns the job's journal; everything it knows beside that can be lost.
pub struct Driver<'a> {
    remote: &'a dyn Remote,
    clock: &'a dyn Clock,
    settings: Settings,
    journal: Journal,
    throttle: Throttle,
    listing: Listing,
    /// When what is thawing was last looked at.
    polled: Option<i64>,
    /// Packs whose hydration failed, and when it is tried again.
    later: HashMap<u32, i64>,
}

impl<'a> Driver<'a> {
    /// Takes over a job. Hydrations that its last owner did not finish start anew.
    pub fn new(
        journal: Journal,
        remote: &'a dyn Remote,
        clock: &'a dyn Clock,
        settings: Settings,
    ) -> Result<Self, ThawError> {
        let mut driver = Driver {
            remote,
            clock,
            settings,
            journal,
            throttle: Throttle::new(settings.rate),
            listing: Listing::default(),
            polled: None,
            later: HashMap::new(),
        };
        let unfinished = driver.find(|_, progress| progress.state.stage() == Stage::Hydrating);
        let stopped = unfinished.into_iter().map(|index| Event::Pack(index, Step::Stopped)).collect();
        driver.commit(stopped, &mut Vec::new())?;
        Ok(driver)
    }

    /// The job as it is now.
    pub fn job(&self) -> &Job {
        self.journal.job()
    }

    /// After so many more frames of the journal, only so many bytes of the next one are written, as if killed there.
    #[cfg(test)]
    pub(in crate::thaw) fn crash_after(&mut self, frames: u32, bytes: usize) {
        self.journal.crash = Some((frames, bytes));
    }

    #[cfg(test)]
    pub(in crate::thaw) fn crash_no_more(&mut self) {
        self.journal.crash = None;
    }

    /// Gives the journal back, for instance to remove it.
    pub fn into_journal(self) -> Journal {
        self.journal
    }

    /// One round: resolves requests whose answer is not known, looks at what is thawing, asks for what is due, and
    /// hydrates some of what is readable. Returns when all of that is done, or soon after `stop` was set.
    ///
    /// # Errors
    /// What needs somebody's attention; what passes by itself is [`Round::trouble`].
    pub fn step(&mut self, hydrate: &Hydrate<'_>, stop: &AtomicBool) -> Result<Round, ThawError> {
        let mut round = Round::default();
        let asking = self.may_ask();
        if asking {
            self.resolve(stop, &mut round)?;
        }
        // Before asking: a server that keeps refusing new requests must not hide what is readable.
        if self.may_ask() {
            self.poll(stop, &mut round)?;
        }
        if self.may_ask() {
            self.ask(stop, &mut round)?;
        }
        self.hydrate(hydrate, stop, &mut round)?;
        if asking && round.trouble.is_none() {
            self.throttle.clear();
        }
        round.again_at = self.again_at();
        Ok(round)
    }

    /// Asks for everything that is still frozen on a faster tier.
    ///
    /// # Errors
    /// [`IllegalTransition::NotFaster`] or [`IllegalTransition::Over`], in a journal's error.
    pub fn escalate(&mut self, tier: Tier) -> Result<Vec<Change>, ThawError> {
        self.order(Event::Escalate(tier))
    }

    /// Has copies live at least so many days from now on.
    pub fn extend(&mut self, days: u32) -> Result<Vec<Change>, ThawError> {
        self.order(Event::Extend(days))
    }

    /// Ends the job. No more is asked; what is thawing is left to itself.
    pub fn cancel(&mut self) -> Result<Vec<Change>, ThawError> {
        self.order(Event::Cancel)
    }

    /// Takes up again what failed, expired or was cancelled. That may cost.
    pub fn resume(&mut self) -> Result<Vec<Change>, ThawError> {
        self.order(Event::Resume)
    }

    fn order(&mut self, event: Event) -> Result<Vec<Change>, ThawError> {
        let mut changes = Vec::new();
        self.commit(vec![event], &mut changes)?;
        Ok(changes)
    }

    fn may_ask(&self) -> bool {
        let now = self.clock.now();
        self.throttle.ready_at(now) <= now
    }

    /// Places of packs for which this holds.
    fn find(&self, holds: impl Fn(&WantedPack, &Progress) -> bool) -> Vec<u32> {
        let packs = (0..).zip(self.job().packs());
        packs.filter(|(_, (pack, progress))| holds(pack, progress)).map(|(index, _)| index).collect()
    }

    fn pack(&self, index: u32) -> Option<(&WantedPack, &Progress)> {
        let index = usize::try_from(index).ok()?;
        Some((self.job().spec.packs.get(index)?, self.job().progress.get(index)?))
    }

    /// Makes events durable, then part of the job, then known.
    fn commit(&mut self, events: Vec<Event>, changes: &mut Vec<Change>) -> Result<(), ThawError> {
        if events.is_empty() {
            return Ok(());
        }
        let touched: Vec<u32> = match events.as_slice() {
            [Event::Pack(..), ..] => events
                .iter()
                .filter_map(|event| match event {
                    Event::Pack(index, _) => Some(*index),
                    _ => None,
                })
                .collect(),
            _ => self.find(|_, _| true),
        };
        let before: Vec<PackState> =
            touched.iter().filter_map(|index| Some(self.pack(*index)?.1.state.clone())).collect();
        self.journal.commit(self.clock.now(), &events)?;
        for (index, before) in touched.into_iter().zip(before) {
            let Some((pack, progress)) = self.pack(index) else { continue };
            let (pack, from, to) = (pack.id, before.stage(), progress.state.clone());
            if from != to.stage() {
                changes.push(Change::Pack { pack, from, to });
            }
        }
        for event in &events {
            if let Event::Pack(index, step) = event
                && let Some((pack, progress)) = self.pack(*index)
            {
                changes.extend(told(self.job(), pack, progress, step));
            }
        }
        Ok(())
    }

    /// When there is something to do next.
    fn again_at(&self) -> Option<i64> {
        if self.job().is_over() {
            return None;
        }
        let now = self.clock.now();
        let asking = |index: &u32| {
            let requested = self.pack(*index).is_some_and(|(_, progress)| progress.state.stage() == Stage::Requested);
            requested || self.wants(*index, now).is_some()
        };
        let any = (0..).zip(self.job().packs()).any(|(index, _)| asking(&index));
        let ask = any.then(|| self.throttle.ready_at(now).max(now.saturating_add(1)));
        let poll = self.poll_at(now).map(|at| at.max(self.throttle.ready_at(now)));
        [ask, poll, self.hydrate_at(now)].into_iter().flatten().min().map(|at| at.max(now))
    }
}

/// What of a step is worth telling beside the new state.
fn told(job: &Job, pack: &WantedPack, progress: &Progress, step: &Step) -> Option<Change> {
    match (step, &progress.state) {
        (Step::NoCapacity, _) => {
            let tier = job.tier().available(pack.class)?;
            Some(Change::NoCapacity { pack: pack.id, tier, next: progress.ceiling })
        }
        (Step::Extended, PackState::Readable { until: Some(until) }) => {
            Some(Change::Extended { pack: pack.id, until: *until })
        }
        _ => None,
    }
}
