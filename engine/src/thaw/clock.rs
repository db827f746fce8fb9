//! The seam through which a driver gets the time, so that tests need not wait for half a day.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::archive::unix_now;

/// Longest time until the system's clock notices that it is to stop.
const SLICE: Duration = Duration::from_millis(200);

/// Where the time comes from.
pub trait Clock: Sync {
    /// Seconds since the epoch.
    fn now(&self) -> i64;

    /// Waits so many seconds, or until `stop` is set.
    fn sleep(&self, seconds: u64, stop: &AtomicBool);
}

/// The machine's.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        unix_now()
    }

    fn sleep(&self, seconds: u64, stop: &AtomicBool) {
        // Not one long sleep until an instant: the machine itself may sleep, or its clock be set.
        let mut left = Duration::from_secs(seconds);
        while !left.is_zero() && !stop.load(Ordering::Relaxed) {
            let slice = left.min(SLICE);
            std::thread::sleep(slice);
            left -= slice;
        }
    }
}
