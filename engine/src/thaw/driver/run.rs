//! Rounds, one after the other.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Driver, Hydrate, Round, ThawError};

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The job is over; its stage says how.
    Over,
    /// The deadline came.
    Deadline,
    /// It was told to stop.
    Stopped,
}

impl Driver<'_> {
    /// Drives the job until it is over, until the deadline (seconds since the epoch), or until `stop` is set; `tell` hears
    /// of every round. Whatever ends it, a later run goes on.
    ///
    /// # Errors
    /// As those of [`Driver::step`].
    pub fn run(
        &mut self,
        hydrate: &Hydrate<'_>,
        deadline: Option<i64>,
        stop: &AtomicBool,
        tell: &mut dyn FnMut(&super::Job, &Round),
    ) -> Result<Ended, ThawError> {
        loop {
            if stop.load(Ordering::Relaxed) {
                return Ok(Ended::Stopped);
            }
            let round = self.step(hydrate, stop)?;
            tell(self.job(), &round);
            let Some(again_at) = round.again_at else { return Ok(Ended::Over) };
            let now = self.clock.now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(Ended::Deadline);
            }
            let wake = deadline.map_or(again_at, |deadline| again_at.min(deadline));
            let seconds = u64::try_from(wake.saturating_sub(now)).unwrap_or(0);
            if seconds > 0 {
                self.clock.sleep(seconds, stop);
            }
        }
    }
}
