//! Handing over what is readable, pack by pack.

use std::sync::atomic::AtomicBool;

use super::{Driver, Round, ThawError};
use crate::parallel::in_parallel;
use crate::remote::RemoteError;
use crate::thaw::event::{Event, Step};
use crate::thaw::job::{PackState, Reason, WantedPack};
use crate::thaw::record::words;

/// Fetches of a pack that may fail.
const MAX_STUMBLES: u32 = 5;
/// Seconds until the second attempt; each next one waits twice as long.
const FIRST_PAUSE: i64 = 5;

/// Brings the wanted bytes of a readable pack here. Called by several threads at a time; again, when it or the process was
/// stopped half-way.
pub type Hydrate<'h> = dyn Fn(&WantedPack) -> Result<(), HydrateError> + Sync + 'h;

/// Why a pack was not hydrated.
#[derive(Debug, thiserror::Error)]
pub enum HydrateError {
    /// Its readable copy is gone.
    #[error("its readable copy is gone")]
    Frozen,
    /// It failed and is worth another attempt, up to five in all.
    #[error(transparent)]
    Passing(Box<dyn std::error::Error + Send + Sync>),
    /// Nothing can be hydrated, as when the disk is full: the round ends with [`ThawError::Hydration`].
    #[error(transparent)]
    Stop(Box<dyn std::error::Error + Send + Sync>),
}

impl From<RemoteError> for HydrateError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Frozen { .. } => HydrateError::Frozen,
            error => HydrateError::Passing(error.into()),
        }
    }
}

impl Driver<'_> {
    fn not_before(&self, index: u32, now: i64) -> i64 {
        let longest = FIRST_PAUSE << MAX_STUMBLES;
        // One far in the future means that the clock was set back.
        self.later.get(&index).copied().filter(|at| at.saturating_sub(now) <= longest).unwrap_or(now)
    }

    /// When something readable can be hydrated; `None` when nothing is readable.
    pub(super) fn hydrate_at(&self, now: i64) -> Option<i64> {
        let readable = self.find(|_, progress| matches!(progress.state, PackState::Readable { .. }));
        let due = readable.into_iter().filter(|index| self.in_time(*index, now) || self.may_ask());
        let at = due.map(|index| self.not_before(index, now)).min();
        at.or_else(|| self.any_readable().then(|| self.throttle.ready_at(now).max(now)))
    }

    fn any_readable(&self) -> bool {
        self.job().packs().any(|(_, progress)| matches!(progress.state, PackState::Readable { .. }))
    }

    /// Whether the copy lives, as far as is known here.
    fn in_time(&self, index: u32, now: i64) -> bool {
        let state = self.pack(index).map(|(_, progress)| &progress.state);
        matches!(state, Some(PackState::Readable { until }) if until.is_none_or(|until| until > now))
    }

    /// Hydrates as many packs as are handled at a time, those whose copy goes first before others.
    pub(super) fn hydrate(
        &mut self,
        hydrate: &Hydrate<'_>,
        stop: &AtomicBool,
        round: &mut Round,
    ) -> Result<(), ThawError> {
        let now = self.clock.now();
        let chosen = self.choose(now, stop, round)?;
        let begin = chosen.iter().map(|index| Event::Pack(*index, Step::Hydrate)).collect();
        self.commit(begin, &mut round.changes)?;
        let packs: Vec<(u32, WantedPack)> =
            chosen.iter().filter_map(|index| Some((*index, self.pack(*index)?.0.clone()))).collect();
        let results = in_parallel(&packs, self.settings.hydrations, stop, |(_, pack)| hydrate(pack));
        let (mut events, mut gone, mut stopped) = (Vec::new(), Vec::new(), None);
        for ((index, pack), result) in packs.iter().zip(results) {
            let step = match result {
                None => Step::Stopped,
                Some(Ok(())) => Step::Hydrated,
                Some(Err(HydrateError::Stop(source))) => {
                    stopped = Some(ThawError::Hydration { pack: pack.id, source });
                    Step::Stopped
                }
                Some(Err(error)) => {
                    if matches!(error, HydrateError::Frozen) {
                        gone.push(*index);
                    }
                    self.stumble(*index, &error, now)
                }
            };
            events.push(Event::Pack(*index, step));
        }
        self.commit(events, &mut round.changes)?;
        if let Some(error) = stopped {
            return Err(error);
        }
        let looks = self.look(&gone, stop, round)?;
        self.note(&looks, round)
    }

    /// Packs that can be hydrated now.
    fn choose(&mut self, now: i64, stop: &AtomicBool, round: &mut Round) -> Result<Vec<u32>, ThawError> {
        let mut readable = self.find(|_, progress| matches!(progress.state, PackState::Readable { .. }));
        readable.retain(|index| self.not_before(*index, now) <= now);
        // By this clock some may be gone; the bucket's counts.
        let (mut due, mut doubtful): (Vec<u32>, Vec<u32>) =
            readable.into_iter().partition(|index| self.in_time(*index, now));
        if !self.may_ask() {
            doubtful.clear();
        }
        let looks = self.look(&doubtful, stop, round)?;
        self.note(&looks, round)?;
        due.extend(looks.iter().filter(|look| look.sight.is_readable()).map(|look| look.index));
        let until = |index: &u32| match self.pack(*index).map(|(_, progress)| &progress.state) {
            Some(PackState::Readable { until: Some(until) }) => *until,
            _ => i64::MAX,
        };
        due.sort_by_key(until);
        due.truncate(self.settings.hydrations.max(1));
        Ok(due)
    }

    fn stumble(&mut self, index: u32, error: &HydrateError, now: i64) -> Step {
        let stumbles = self.pack(index).map_or(0, |(_, progress)| progress.stumbles);
        if stumbles.saturating_add(1) >= MAX_STUMBLES {
            return Step::Fail(Reason::Hydration(words(&error.to_string())));
        }
        self.later.insert(index, now.saturating_add(FIRST_PAUSE << stumbles));
        Step::Stumbled
    }
}
