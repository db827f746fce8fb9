//! Asking for copies: written down, sent once, and resolved by looking when the answer is lost.

use std::sync::atomic::AtomicBool;

use super::look::{Look, Verdict, judge};
use super::{Driver, Round, ThawError};
use crate::parallel::in_parallel;
use crate::remote::{RemoteError, RestoreAnswer, Tier};
use crate::store::{Key, PackArea};
use crate::thaw::event::{Event, Sight, Step};
use crate::thaw::job::{PackState, Purpose, Reason, Stage};

/// Seconds before its end from which on a copy is not asked to live longer: the bucket may think it gone, and make
/// another one, for the price of a retrieval.
const TOO_LATE: i64 = 600;

/// A request that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Want {
    tier: Tier,
    days: u32,
}

impl Driver<'_> {
    /// Looks at packs whose request may or may not have taken place.
    pub(super) fn resolve(&mut self, stop: &AtomicBool, round: &mut Round) -> Result<(), ThawError> {
        let unknown = self.find(|_, progress| progress.state.stage() == Stage::Requested);
        let looks = self.look(&unknown, stop, round)?;
        self.note(&looks, round)
    }

    /// What is to be asked of the bucket for a pack as it is, if anything.
    pub(super) fn wants(&self, index: u32, now: i64) -> Option<Want> {
        let (job, (pack, progress)) = (self.job(), self.pack(index)?);
        let tier = job.tier_for(pack.class, progress);
        match progress.state {
            // Whatever its class is by now is found by looking.
            PackState::Planned => Some(Want { tier: tier.unwrap_or(job.tier()), days: job.days() }),
            // An upgrade is paid for, so somebody must have ordered it; and it only counts for the days of what it upgrades.
            PackState::Thawing { .. } if job.tier() > job.spec().tier => {
                let (present, days) = progress.asked.map_or((Tier::Bulk, job.days()), |ask| (ask.tier, ask.days));
                tier.filter(|tier| *tier > present).map(|tier| Want { tier, days })
            }
            PackState::Readable { until: Some(until) } => {
                let extension = job.extension.filter(|extension| extension.number > progress.extended)?;
                let due = until < extension.until && until.saturating_sub(now) > TOO_LATE;
                due.then_some(Want { tier: tier?, days: job.days() })
            }
            _ => None,
        }
    }

    /// The request for a pack that looks like this; the class it is of by now counts.
    fn due(&self, look: &Look, now: i64) -> Option<Want> {
        let want = self.wants(look.index, now)?;
        let (_, progress) = self.pack(look.index)?;
        match (&progress.state, look.sight) {
            (PackState::Planned, Sight::Frozen) => {
                let tier = self.job().tier_for(look.class, progress)?;
                Some(Want { tier, ..want })
            }
            (PackState::Thawing { .. }, Sight::Ongoing) | (PackState::Readable { .. }, Sight::Until(_)) => Some(want),
            _ => None,
        }
    }

    /// Asks for some of what is due, as far as the rate allows.
    pub(super) fn ask(&mut self, stop: &AtomicBool, round: &mut Round) -> Result<(), ThawError> {
        let now = self.clock.now();
        let budget = self.throttle.budget(now);
        let packs = (0..).zip(self.job().packs()).map(|(index, _)| index);
        let due: Vec<u32> = packs.filter(|index| self.wants(*index, now).is_some()).take(budget).collect();
        if due.is_empty() {
            return Ok(());
        }
        let none_thawing = self.job().at(Stage::Thawing).0 == 0;
        let looks = self.look(&due, stop, round)?;
        self.note(&looks, round)?;
        let asks: Vec<(u32, Want)> = looks.iter().filter_map(|look| Some((look.index, self.due(look, now)?))).collect();
        self.send(&asks, stop, round)?;
        if none_thawing {
            // What was asked a moment ago need not be looked at yet.
            self.polled = Some(now);
        }
        Ok(())
    }

    fn send(&mut self, asks: &[(u32, Want)], stop: &AtomicBool, round: &mut Round) -> Result<(), ThawError> {
        let intent = |(index, want): &(u32, Want)| Event::Pack(*index, Step::Ask { tier: want.tier, days: want.days });
        self.commit(asks.iter().map(intent).collect(), &mut round.changes)?;
        let targets: Vec<(Key, Want)> = asks
            .iter()
            .filter_map(|(index, want)| Some((Key::Pack(PackArea::Data, self.pack(*index)?.0.id), *want)))
            .collect();
        let remote = self.remote;
        let request = |(key, want): &(Key, Want)| remote.restore(key, want.days, want.tier);
        let answers = in_parallel(&targets, self.settings.threads, stop, request);
        self.throttle.spend(answers.iter().flatten().count());
        let (mut events, mut denied) = (Vec::new(), None);
        for ((index, _), answer) in asks.iter().zip(answers) {
            let step = match answer {
                // Never sent.
                None => Some(Step::NotTaken),
                Some(Ok(answer)) => Some(taken(answer)),
                Some(Err(error)) => self.failed(*index, error, &mut denied, round),
            };
            events.extend(step.map(|step| Event::Pack(*index, step)));
        }
        self.commit(events, &mut round.changes)?;
        denied.map_or(Ok(()), |error| Err(ThawError::Denied(error)))
    }

    /// What a request that failed means for its pack; `None` when that has to be found out.
    fn failed(
        &mut self,
        index: u32,
        error: RemoteError,
        denied: &mut Option<RemoteError>,
        round: &mut Round,
    ) -> Option<Step> {
        let (_, progress) = self.pack(index)?;
        let is_start = matches!(progress.state, PackState::Requested { purpose: Purpose::Start, .. });
        match judge(error) {
            Verdict::Missing => Some(Step::Fail(Reason::Missing)),
            Verdict::Refused(words) if is_start => Some(Step::Fail(Reason::Refused(words))),
            Verdict::Refused(_) => Some(Step::Declined),
            Verdict::Denied(error) => {
                *denied = Some(error);
                Some(Step::NotTaken)
            }
            Verdict::SlowDown(error) => {
                if round.trouble.is_none() {
                    self.throttle.slow_down();
                }
                self.trouble(error, round);
                Some(Step::NotTaken)
            }
            Verdict::Passing(error) => {
                self.trouble(error, round);
                None
            }
        }
    }
}

fn taken(answer: RestoreAnswer) -> Step {
    match answer {
        RestoreAnswer::Accepted => Step::Accepted,
        RestoreAnswer::Extended => Step::Extended,
        RestoreAnswer::Ongoing => Step::Ongoing,
        RestoreAnswer::NoCapacity => Step::NoCapacity,
        RestoreAnswer::NotFrozen => Step::Seen(Sight::Warm),
    }
}
