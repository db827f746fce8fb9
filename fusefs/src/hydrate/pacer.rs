//! Work in the background that gives way to everybody who waits for a read.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After the last read somebody waited for, so long nothing is done: its reader is about to ask for more.
const QUIET: Duration = Duration::from_millis(20);
/// Between two looks whether it is quiet.
const LOOK: Duration = Duration::from_millis(5);

/// Says when work in the background may go on: while nobody reads, and not faster than it was allowed to.
#[derive(Debug)]
pub struct Pacer {
    reading: AtomicUsize,
    clock: Mutex<Clock>,
    /// Bytes a second; 0 for any number.
    rate: u64,
}

#[derive(Debug)]
struct Clock {
    last_read: Option<Instant>,
    /// When what was done so far would have been done at the rate.
    paid_until: Option<Instant>,
}

/// Somebody waits for a read as long as this is there.
pub struct Reading<'p>(&'p Pacer);

impl Pacer {
    /// For at most `rate` bytes a second; 0 sets no limit.
    pub fn new(rate: u64) -> Pacer {
        Pacer { reading: AtomicUsize::new(0), clock: Mutex::new(Clock { last_read: None, paid_until: None }), rate }
    }

    /// Somebody reads.
    pub fn reading(&self) -> Reading<'_> {
        self.reading.fetch_add(1, Ordering::Relaxed);
        Reading(self)
    }

    /// Waits until so many bytes may be worked on, or `stop` is set.
    pub(super) fn wait(&self, bytes: u64, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let now = Instant::now();
            let pause = if self.reading.load(Ordering::Relaxed) > 0 { LOOK } else { self.lock().due(now) };
            if pause.is_zero() {
                self.lock().pay(bytes, self.rate, now);
                return;
            }
            std::thread::sleep(pause.min(LOOK));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.lock().last_read = Some(Instant::now());
        self.0.reading.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Clock {
    /// How long to wait from `now` on.
    fn due(&self, now: Instant) -> Duration {
        let quiet = self.last_read.map(|last| last + QUIET);
        quiet.max(self.paid_until).map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }

    fn pay(&mut self, bytes: u64, rate: u64, now: Instant) {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        // Time that nothing was done in is not saved up.
        let from = self.paid_until.map_or(now, |paid| paid.max(now));
        self.paid_until = (rate > 0).then_some(from + takes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_goes_on_once_nobody_reads() {
        let (pacer, never) = (Pacer::new(0), AtomicBool::new(false));
        let done = AtomicBool::new(false);
        let reading = (pacer.reading(), pacer.reading());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pacer.wait(1, &never);
                done.store(true, Ordering::Relaxed);
            });
            drop(reading.0);
            std::thread::sleep(4 * QUIET);
            assert!(!done.load(Ordering::Relaxed), "one still reads");
            drop(reading.1);
        });
        assert!(done.load(Ordering::Relaxed));
    }

    #[test]
    fn who_is_told_to_stop_waits_for_nobody() {
        let pacer = Pacer::new(0);
        let _reading = pacer.reading();
        pacer.wait(1, &AtomicBool::new(true));
    }

    #[test]
    fn the_rate_is_kept_and_idle_time_is_not_saved_up() {
        let start = Instant::now();
        let mut clock = Clock { last_read: None, paid_until: None };
        assert_eq!(clock.due(start), Duration::ZERO);
        clock.pay(500, 1000, start);
        clock.pay(500, 1000, start);
        assert_eq!(clock.due(start), Duration::from_secs(1));
        let later = start + Duration::from_secs(100);
        assert_eq!(clock.due(later), Duration::ZERO);
        clock.pay(1000, 1000, later);
        assert_eq!(clock.due(later), Duration::from_secs(1));
        clock.last_read = Some(later + Duration::from_secs(5));
        assert_eq!(clock.due(later), Duration::from_secs(5) + QUIET);
        let mut unlimited = Clock { last_read: None, paid_until: None };
        unlimited.pay(u64::MAX, 0, start);
        assert_eq!(unlimited.due(start), Duration::ZERO);
    }
}
