//! The clock every timed rule follows: it stands still until moved, or runs at a multiple of real time.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// How the clock moves by itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "mode")]
pub enum ClockMode {
    /// It stands still; only [`Clock::advance`] and [`Clock::set`] move it.
    Virtual,
    /// It runs `factor` times as fast as real time (1 = real time), and can be moved on top of that.
    Running {
        /// Simulated seconds per real second, above 0.
        factor: f64,
    },
}

/// The clock cannot go back: objects would be billed for negative time.
#[derive(Debug, thiserror::Error)]
#[error("the clock stands at {now} and cannot go back to {wanted}: start with an empty directory instead")]
pub struct GoesBack {
    now: Time,
    wanted: Time,
}

/// A monotonic source of simulated instants.
#[derive(Debug)]
pub struct Clock {
    mode: ClockMode,
    base: Mutex<(Time, Instant)>,
}

impl Clock {
    /// A clock that shows `start` now.
    pub fn new(mode: ClockMode, start: Time) -> Clock {
        Clock { mode, base: Mutex::new((start, Instant::now())) }
    }

    /// How it moves by itself.
    pub fn mode(&self) -> ClockMode {
        self.mode
    }

    /// What it shows.
    pub fn now(&self) -> Time {
        self.read(&self.base.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Moves it `seconds` on and returns what it then shows.
    pub fn advance(&self, seconds: u64) -> Time {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.read(&base).plus(seconds);
        *base = (now, Instant::now());
        now
    }

    /// Moves it on to `wanted`.
    ///
    /// # Errors
    /// [`GoesBack`] when it already shows a later instant.
    pub fn set(&self, wanted: Time) -> Result<Time, GoesBack> {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.read(&base);
        if wanted < now {
            return Err(GoesBack { now, wanted });
        }
        *base = (wanted, Instant::now());
        Ok(wanted)
    }

    fn read(&self, (start, since): &(Time, Instant)) -> Time {
        match self.mode {
            ClockMode::Virtual => *start,
            ClockMode::Running { factor } => {
                let passed = since.elapsed().as_secs_f64() * factor.max(0.0);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "`as` saturates; not negative"
                )]
                start.plus(passed as u64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_moves_only_when_told() {
        let start = Time::from_unix(1_000);
        let clock = Clock::new(ClockMode::Virtual, start);
        assert_eq!(clock.now(), start);
        assert_eq!(clock.advance(60), start.plus(60));
        assert_eq!(clock.set(start.plus(90)).unwrap(), start.plus(90));
        assert!(clock.set(start).is_err());
        assert_eq!(clock.now(), start.plus(90));
    }

    #[test]
    fn a_running_clock_never_goes_back() {
        let clock = Clock::new(ClockMode::Running { factor: 1e6 }, Time::from_unix(0));
        let mut last = clock.now();
        while last < Time::from_unix(1_000) {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
        assert!(clock.advance(10) >= last.plus(10));
    }
}
