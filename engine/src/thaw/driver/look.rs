//! Looking at packs in the bucket, one HEAD each.

use std::sync::atomic::AtomicBool;

use super::{Driver, Round, ThawError};
use crate::parallel::in_parallel;
use crate::remote::{Class, RemoteError};
use crate::store::{Key, PackArea};
use crate::thaw::event::{Event, Sight, Step};
use crate::thaw::job::{PackState, Purpose, Reason};
use crate::thaw::record::words;

/// Seconds for which a request that was accepted need not show yet.
const SHOWS_AFTER: i64 = 300;

/// A pack as the bucket has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) index: u32,
    pub(super) class: Class,
    pub(super) sight: Sight,
}

/// What an error of the bucket means.
pub(super) enum Verdict {
    /// The pack is not there.
    Missing,
    /// The pack can't be had.
    Refused(String),
    /// We are not let in: nothing about the pack.
    Denied(RemoteError),
    /// The server asks for less, and did nothing.
    SlowDown(RemoteError),
    /// It passes; the request may have taken place.
    Passing(RemoteError),
}

pub(super) fn judge(error: RemoteError) -> Verdict {
    match error {
        RemoteError::NotFound { .. } => Verdict::Missing,
        RemoteError::Refused { status: 401 | 403, .. } => Verdict::Denied(error),
        RemoteError::Refused { .. } => Verdict::Refused(words(&error.to_string())),
        RemoteError::SlowDown { .. } => Verdict::SlowDown(error),
        _ => Verdict::Passing(error),
    }
}

impl Driver<'_> {
    /// Looks at packs. Those that are not there or can't be had fail; those that could not be looked at are left out.
    pub(super) fn look(
        &mut self,
        indices: &[u32],
        stop: &AtomicBool,
        round: &mut Round,
    ) -> Result<Vec<Look>, ThawError> {
        let targets: Vec<(u32, Key)> = indices
            .iter()
            .filter_map(|index| Some((*index, Key::Pack(PackArea::Data, self.pack(*index)?.0.id))))
            .collect();
        let remote = self.remote;
        let answers = in_parallel(&targets, self.settings.threads, stop, |(_, key)| remote.head(key));
        let (mut looks, mut lost, mut denied) = (Vec::new(), Vec::new(), None);
        for ((index, _), answer) in targets.into_iter().zip(answers) {
            let verdict = match answer {
                None => continue,
                Some(Ok(Some(object))) => {
                    let sight = Sight::of(object.class, object.restore);
                    looks.push(Look { index, class: object.class, sight });
                    continue;
                }
                Some(Ok(None)) => Verdict::Missing,
                Some(Err(error)) => judge(error),
            };
            match verdict {
                Verdict::Missing => lost.push(Event::Pack(index, Step::Fail(Reason::Missing))),
                Verdict::Refused(words) => lost.push(Event::Pack(index, Step::Fail(Reason::Refused(words)))),
                Verdict::Denied(error) => denied = Some(error),
                Verdict::SlowDown(error) | Verdict::Passing(error) => self.trouble(error, round),
            }
        }
        self.commit(lost, &mut round.changes)?;
        match denied {
            Some(error) => Err(ThawError::Denied(error)),
            None => Ok(looks),
        }
    }

    /// Leaves the bucket alone for a while; once a round.
    pub(super) fn trouble(&mut self, error: RemoteError, round: &mut Round) {
        if round.trouble.is_none() {
            self.throttle.pause(self.clock.now());
        }
        round.trouble = Some(error);
    }

    /// Writes down what was seen where it says something new.
    pub(super) fn note(&mut self, looks: &[Look], round: &mut Round) -> Result<(), ThawError> {
        let news = looks.iter().filter(|look| self.is_news(look));
        let events = news.map(|look| Event::Pack(look.index, Step::Seen(look.sight))).collect();
        self.commit(events, &mut round.changes)
    }

    fn is_news(&self, look: &Look) -> bool {
        let Some((_, progress)) = self.pack(look.index) else { return false };
        match (&progress.state, look.sight) {
            (PackState::Planned, Sight::Frozen) | (PackState::Thawing { .. }, Sight::Ongoing) => false,
            (PackState::Readable { until: None }, Sight::Warm) => false,
            (PackState::Readable { until: Some(known) }, Sight::Until(until)) => until != *known,
            // A server that is slow to show what it accepted must not make a job give up what was paid for.
            (PackState::Thawing { since }, Sight::Frozen)
            | (PackState::Requested { purpose: Purpose::Faster { since }, .. }, Sight::Frozen) => {
                let asked = progress.asked.map_or(*since, |ask| ask.at);
                self.clock.now().saturating_sub(asked) >= SHOWS_AFTER
            }
            (PackState::Planned | PackState::Thawing { .. } | PackState::Readable { .. }, _) => true,
            (PackState::Requested { .. }, _) => true,
            (
                PackState::Hydrating { .. }
                | PackState::Done
                | PackState::Failed(_)
                | PackState::Cancelled
                | PackState::Expired,
                _,
            ) => false,
        }
    }
}
