//! What can happen to a job, and what it makes of it. [`Job::apply`] is the only place where a state changes; it is a pure
//! function of the job, the time and the event, so that the same journal always gives the same job.
//!
//! ```text
//! Planned ──Ask──► Requested ──Accepted, Ongoing──► Thawing ──Until──► Readable ──Hydrate──► Hydrating ──Hydrated──► Done
//!
//! Thawing, Readable ──Ask: faster, longer──► Requested
//! Requested ──NotTaken, NoCapacity, Declined──► where it was before
//! Hydrating ──Stopped, Stumbled──► Readable
//! Requested, Thawing, Readable ──Frozen: the copy is gone──► Expired
//! all that are not over ──Fail──► Failed, ──Cancel──► Cancelled
//! Expired, Failed, Cancelled ──Resume──► Planned
//! ```

use super::job::{Ask, DAY, Extension, Job, MAX_DAYS, PackState, Progress, Purpose, Reason, Stage};
use crate::remote::Tier;

/// Something that happened to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// To one of its packs, named by its place in the list.
    Pack(u32, Step),
    /// A faster tier is wanted.
    Escalate(Tier),
    /// Copies are to live at least so many days from now on.
    Extend(u32),
    /// No more requests; what is thawing is left to itself.
    Cancel,
    /// What failed, expired or was cancelled is wanted after all.
    Resume,
}

/// Something that happened to a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The bucket is about to be asked. Written down before it is.
    Ask {
        /// How fast.
        tier: Tier,
        /// For how many days.
        days: u32,
    },
    /// The request took place: a copy is being made, at a price.
    Accepted,
    /// The request took place: the copy lives longer.
    Extended,
    /// A copy was being made already, at least as fast.
    Ongoing,
    /// No capacity for that tier.
    NoCapacity,
    /// The request did not take place; it may be made again.
    NotTaken,
    /// The bucket will not make it faster or last longer: the copy is waited for or read as it is.
    Declined,
    /// The bucket was looked at.
    Seen(Sight),
    /// Its bytes are about to be fetched.
    Hydrate,
    /// Its bytes are here.
    Hydrated,
    /// The fetch was interrupted.
    Stopped,
    /// The fetch failed and is worth another attempt.
    Stumbled,
    /// It can't be had.
    Fail(Reason),
}

/// What a look at the bucket shows of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Not of a frozen class: read it.
    Warm,
    /// Frozen, without a readable copy and none in the making.
    Frozen,
    /// A copy is being made.
    Ongoing,
    /// There is a copy, until then.
    Until(i64),
}

/// An event that the state at hand does not allow: a defect of the driver, or a journal that was not written by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IllegalTransition {
    /// The pack is not where such a thing can happen.
    #[error("pack {pack} of the job is {from}: {event} can't happen to it")]
    Pack {
        /// Its place in the list.
        pack: u32,
        /// Where it is.
        from: Stage,
        /// What was to happen.
        event: &'static str,
    },
    /// There is no such pack.
    #[error("the job has no pack {0}")]
    NoSuchPack(u32),
    /// Restores can be made faster, not slower.
    #[error("the job asks on tier {present} already: {wanted} is no faster")]
    NotFaster {
        /// The job's tier.
        present: Tier,
        /// The one that was wanted.
        wanted: Tier,
    },
    /// A life that is no life, or too long.
    #[error("{0} days: a readable copy lives 1 to {MAX_DAYS} days")]
    Days(u32),
    /// Nothing is left to be changed.
    #[error("the job is over ({0})")]
    Over(Stage),
    /// Nothing to resume.
    #[error("no pack of the job failed, expired or was cancelled")]
    NothingToResume,
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Step::Ask { .. } => "a request",
            Step::Accepted => "an accepted request",
            Step::Extended => "an extended life",
            Step::Ongoing => "an answer that it is thawing",
            Step::NoCapacity => "an answer that there is no capacity",
            Step::NotTaken => "a request that did not take place",
            Step::Declined => "a declined request",
            Step::Seen(_) => "a look at the bucket",
            Step::Hydrate => "the start of its hydration",
            Step::Hydrated => "the end of its hydration",
            Step::Stopped => "an interrupted hydration",
            Step::Stumbled => "a failed hydration",
            Step::Fail(_) => "a failure",
        }
    }
}

impl Job {
    /// What the event makes of the job, at that time.
    ///
    /// # Errors
    /// Where the event can't happen; the job is as it was.
    pub fn apply(&mut self, at: i64, event: &Event) -> Result<(), IllegalTransition> {
        match event {
            Event::Pack(index, step) => {
                let next = self.after(at, *index, step)?;
                if let Some(progress) = usize::try_from(*index).ok().and_then(|index| self.progress.get_mut(index)) {
                    *progress = next;
                }
                return Ok(());
            }
            _ => self.check(at, event)?,
        }
        match *event {
            Event::Pack(..) => {}
            Event::Escalate(tier) => {
                self.tier = tier;
                // There may be capacity by now.
                self.progress.iter_mut().for_each(|progress| progress.ceiling = None);
            }
            Event::Extend(days) => {
                self.days = days;
                let number = self.extension.map_or(0, |extension| extension.number).saturating_add(1);
                self.extension = Some(Extension { number, until: at.saturating_add(i64::from(days) * DAY) });
            }
            Event::Cancel => self.progress.iter_mut().for_each(cancel),
            Event::Resume => self.progress.iter_mut().for_each(resume),
        }
        Ok(())
    }

    /// Whether the event can happen, at that time.
    ///
    /// # Errors
    /// Where it can't.
    pub fn check(&self, at: i64, event: &Event) -> Result<(), IllegalTransition> {
        match *event {
            Event::Pack(index, ref step) => return self.after(at, index, step).map(drop),
            Event::Resume => {
                let resumable = |progress: &Progress| is_resumable(progress.state.stage());
                let any = self.progress.iter().any(resumable);
                return if any { Ok(()) } else { Err(IllegalTransition::NothingToResume) };
            }
            Event::Escalate(tier) if tier <= self.tier => {
                return Err(IllegalTransition::NotFaster { present: self.tier, wanted: tier });
            }
            Event::Extend(days) if days == 0 || days > MAX_DAYS => return Err(IllegalTransition::Days(days)),
            Event::Escalate(_) | Event::Extend(_) | Event::Cancel => {}
        }
        if self.is_over() { Err(IllegalTransition::Over(self.stage())) } else { Ok(()) }
    }

    /// What the step makes of a pack.
    fn after(&self, at: i64, index: u32, step: &Step) -> Result<Progress, IllegalTransition> {
        let found = usize::try_from(index).ok().and_then(|index| self.progress.get(index));
        let progress = found.ok_or(IllegalTransition::NoSuchPack(index))?;
        let from = progress.state.stage();
        let extension = self.extension.map_or(0, |extension| extension.number);
        after(progress, at, step, extension).ok_or(IllegalTransition::Pack { pack: index, from, event: step.name() })
    }
}

fn is_resumable(stage: Stage) -> bool {
    matches!(stage, Stage::Failed | Stage::Cancelled | Stage::Expired)
}

fn cancel(progress: &mut Progress) {
    if let PackState::Requested { ask, purpose: Purpose::Start } = progress.state {
        // It may have taken place, and then it is what a resumed job waits for.
        progress.asked = Some(ask);
    }
    if !progress.state.stage().is_over() {
        progress.state = PackState::Cancelled;
    }
}

fn resume(progress: &mut Progress) {
    let stage = progress.state.stage();
    if is_resumable(stage) {
        let asked = progress.asked.filter(|_| stage != Stage::Expired);
        // The request that took the place of one without capacity may still run: to forget that would be to upgrade it.
        let ceiling = progress.ceiling.filter(|_| asked.is_some());
        *progress = Progress { asked, ceiling, extended: progress.extended, ..Progress::new() };
    }
}

/// `None` where the step can't happen.
fn after(progress: &Progress, at: i64, step: &Step, extension: u32) -> Option<Progress> {
    let state = &progress.state;
    if let Step::Fail(reason) = step {
        let failed = Progress { state: PackState::Failed(reason.clone()), ..progress.clone() };
        return (!state.stage().is_over()).then_some(failed);
    }
    let to = |state| Progress { state, ..progress.clone() };
    match *state {
        PackState::Planned => match *step {
            Step::Ask { tier, days } => Some(to(asking(Ask { tier, days, at }, Purpose::Start))),
            // Nothing to write down, as nothing changes.
            Step::Seen(Sight::Frozen) => None,
            Step::Seen(sight) => Some(to(seen(at, sight))),
            _ => None,
        },
        PackState::Requested { ask, purpose } => answered(progress, at, step, ask, purpose, extension),
        PackState::Thawing { since } => match *step {
            Step::Ask { tier, days } => {
                let faster = progress.asked.is_none_or(|asked| tier > asked.tier);
                faster.then(|| to(asking(Ask { tier, days, at }, Purpose::Faster { since })))
            }
            Step::Seen(Sight::Ongoing) => None,
            Step::Seen(sight) => Some(to(seen(at, sight))),
            _ => None,
        },
        PackState::Readable { until } => match *step {
            Step::Ask { tier, days } => {
                until.map(|until| to(asking(Ask { tier, days, at }, Purpose::Longer { until })))
            }
            // Its copy has gone, and somebody asked for another one.
            Step::Seen(Sight::Ongoing) => Some(Progress { asked: None, ..to(PackState::Thawing { since: at }) }),
            Step::Seen(sight) => Some(to(seen(at, sight))),
            Step::Hydrate => Some(to(PackState::Hydrating { until })),
            _ => None,
        },
        PackState::Hydrating { until } => match step {
            Step::Hydrated => Some(to(PackState::Done)),
            Step::Stopped => Some(to(PackState::Readable { until })),
            Step::Stumbled => {
                let stumbles = progress.stumbles.saturating_add(1);
                Some(Progress { stumbles, ..to(PackState::Readable { until }) })
            }
            _ => None,
        },
        PackState::Done | PackState::Failed(_) | PackState::Cancelled | PackState::Expired => None,
    }
}

fn asking(ask: Ask, purpose: Purpose) -> PackState {
    PackState::Requested { ask, purpose }
}

/// Where a pack is that looks like this.
fn seen(at: i64, sight: Sight) -> PackState {
    match sight {
        Sight::Warm => PackState::Readable { until: None },
        Sight::Frozen => PackState::Expired,
        Sight::Ongoing => PackState::Thawing { since: at },
        Sight::Until(until) => PackState::Readable { until: Some(until) },
    }
}

/// What becomes of a pack whose request was answered, or is resolved by looking.
fn answered(progress: &Progress, at: i64, step: &Step, ask: Ask, purpose: Purpose, extension: u32) -> Option<Progress> {
    let to = |state| Progress { state, ..progress.clone() };
    let taken = |state| Progress { asked: Some(ask), ..to(state) };
    let before = match purpose {
        Purpose::Start => PackState::Planned,
        Purpose::Faster { since } => PackState::Thawing { since },
        Purpose::Longer { until } => PackState::Readable { until: Some(until) },
    };
    let since = match purpose {
        Purpose::Faster { since } => since,
        Purpose::Start | Purpose::Longer { .. } => at,
    };
    match *step {
        Step::Accepted | Step::Ongoing => Some(taken(PackState::Thawing { since })),
        // The server rounds up, and counts from when it got the request.
        Step::Extended => {
            let until = ask.at.saturating_add(i64::from(ask.days) * DAY);
            Some(Progress { extended: extension, ..taken(PackState::Readable { until: Some(until) }) })
        }
        Step::NoCapacity => Some(Progress { ceiling: ask.tier.slower(), ..to(before) }),
        Step::NotTaken => Some(to(before)),
        Step::Declined => match purpose {
            Purpose::Start => None,
            Purpose::Faster { .. } => Some(Progress { ceiling: ask.tier.slower(), ..to(before) }),
            Purpose::Longer { .. } => Some(Progress { extended: extension, ..to(before) }),
        },
        Step::Seen(Sight::Warm) => Some(to(PackState::Readable { until: None })),
        Step::Seen(Sight::Ongoing) => Some(match purpose {
            // It can't be told which request is being served: asked again, an upgrade that took place costs nothing.
            Purpose::Faster { .. } => to(before),
            Purpose::Start | Purpose::Longer { .. } => taken(PackState::Thawing { since }),
        }),
        Step::Seen(Sight::Until(until)) => {
            let readable = PackState::Readable { until: Some(until) };
            Some(match purpose {
                Purpose::Start => taken(readable),
                Purpose::Faster { .. } => to(readable),
                // An extension that took place shows: it is only asked for when it ends later.
                Purpose::Longer { until: before } if until > before => {
                    Progress { extended: extension, ..taken(readable) }
                }
                Purpose::Longer { .. } => to(readable),
            })
        }
        Step::Seen(Sight::Frozen) => Some(match purpose {
            // Unknown for half a copy's life: it may have come and gone, and to ask again may be to pay again.
            Purpose::Start if at.saturating_sub(ask.at) < i64::from(ask.days) * DAY / 2 => to(before),
            _ => to(PackState::Expired),
        }),
        _ => None,
    }
}
