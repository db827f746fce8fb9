//! Quotas on RestoreObject, counted in windows of the simulated clock.

use std::collections::{BTreeMap, VecDeque};

use crate::class::{Class, Tier};
use crate::refusal::Refusal;
use crate::time::Time;

/// Seconds in which expedited capacity is counted.
const EXPEDITED_WINDOW: u64 = 300;

/// What an account may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// RestoreObject requests per simulated second and archive class; `None` for no limit. S3 grants 1000. On a clock
    /// that stands still a second does not pass: what is refused stays refused until the clock is moved.
    pub restores_per_second: Option<u32>,
    /// Expedited retrievals per five simulated minutes; `None` for no limit. One unit of provisioned capacity is 3.
    pub expedited_per_5_minutes: Option<u32>,
}

impl Default for Quota {
    fn default() -> Quota {
        Quota { restores_per_second: Some(1000), expedited_per_5_minutes: None }
    }
}

/// Counts what was asked for.
#[derive(Debug, Default)]
pub struct Counter {
    second: BTreeMap<Class, (Time, u32)>,
    expedited: VecDeque<Time>,
}

impl Counter {
    /// Counts one RestoreObject request.
    ///
    /// # Errors
    /// [`Refusal::SlowDown`] above the rate.
    pub fn request(&mut self, quota: &Quota, class: Class, now: Time) -> Result<(), Refusal> {
        let window = self.second.entry(class).or_insert((now, 0));
        if window.0 != now {
            *window = (now, 0);
        }
        if quota.restores_per_second.is_some_and(|limit| window.1 >= limit) {
            return Err(Refusal::SlowDown);
        }
        window.1 += 1;
        Ok(())
    }

    /// Takes expedited capacity, for a retrieval that is otherwise accepted.
    ///
    /// # Errors
    /// [`Refusal::ExpeditedNotAvailable`] when none is left.
    pub fn retrieve(&mut self, quota: &Quota, tier: Tier, now: Time) -> Result<(), Refusal> {
        let Some(limit) = quota.expedited_per_5_minutes.filter(|_| tier == Tier::Expedited) else { return Ok(()) };
        while self.expedited.front().is_some_and(|first| now.since(*first) >= EXPEDITED_WINDOW) {
            self.expedited.pop_front();
        }
        if self.expedited.len() >= limit as usize {
            return Err(Refusal::ExpeditedNotAvailable);
        }
        self.expedited.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_move_with_the_clock() {
        let quota = Quota { restores_per_second: Some(2), expedited_per_5_minutes: Some(1) };
        let mut counter = Counter::default();
        let now = Time::from_unix(1_000);
        let mut ask = |class, now| counter.request(&quota, class, now);
        assert_eq!(ask(Class::Glacier, now), Ok(()));
        assert_eq!(ask(Class::Glacier, now), Ok(()));
        assert_eq!(ask(Class::Glacier, now), Err(Refusal::SlowDown));
        assert_eq!(ask(Class::DeepArchive, now), Ok(()), "each class has its own rate");
        assert_eq!(ask(Class::Glacier, now.plus(1)), Ok(()));
        assert_eq!(counter.retrieve(&quota, Tier::Expedited, now), Ok(()));
        assert_eq!(counter.retrieve(&quota, Tier::Expedited, now.plus(299)), Err(Refusal::ExpeditedNotAvailable));
        assert_eq!(counter.retrieve(&quota, Tier::Standard, now), Ok(()));
        assert_eq!(counter.retrieve(&quota, Tier::Expedited, now.plus(300)), Ok(()));
    }
}
