//! How many requests for copies go out in a second, and how long to leave a bucket alone that has trouble.

/// The longest pause, in seconds.
const MAX_PAUSE: i64 = 64;

/// A rate that halves when the server asks for less and grows back slowly, and pauses that double.
#[derive(Debug)]
pub(super) struct Throttle {
    limit: u32,
    rate: u32,
    second: i64,
    spent: u32,
    /// Length of the last pause; 0 when all went well since.
    pause: i64,
    until: i64,
}

impl Throttle {
    /// At most `limit` requests a second, one at least.
    pub(super) fn new(limit: u32) -> Self {
        let limit = limit.max(1);
        Throttle { limit, rate: limit, second: i64::MIN, spent: 0, pause: 0, until: i64::MIN }
    }

    /// When the pause is over; `now` when there is none, also when the clock was set back to long before it.
    pub(super) fn ready_at(&self, now: i64) -> i64 {
        if self.until.saturating_sub(now) > MAX_PAUSE { now } else { self.until.max(now) }
    }

    /// Requests that may be sent in this second.
    pub(super) fn budget(&mut self, now: i64) -> usize {
        if self.second != now {
            (self.second, self.spent) = (now, 0);
        }
        usize::try_from(self.rate.saturating_sub(self.spent)).unwrap_or(usize::MAX)
    }

    /// So many of them were.
    pub(super) fn spend(&mut self, requests: usize) {
        self.spent = self.spent.saturating_add(u32::try_from(requests).unwrap_or(u32::MAX));
    }

    /// The server asks for less.
    pub(super) fn slow_down(&mut self) {
        self.rate = (self.rate / 2).max(1);
    }

    /// Something failed that passes: leaves the bucket alone for a while.
    pub(super) fn pause(&mut self, now: i64) {
        self.pause = (self.pause * 2).clamp(1, MAX_PAUSE);
        self.until = now.saturating_add(self.pause);
    }

    /// All went well.
    pub(super) fn clear(&mut self) {
        self.pause = 0;
        self.rate = self.rate.saturating_add(self.limit.div_ceil(16)).min(self.limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_its_budget_and_trouble_shrinks_it() {
        let mut throttle = Throttle::new(10);
        assert_eq!(throttle.budget(5), 10);
        throttle.spend(7);
        assert_eq!((throttle.budget(5), throttle.budget(6)), (3, 10));
        throttle.slow_down();
        assert_eq!(throttle.budget(7), 5);
        (0..9).for_each(|_| throttle.slow_down());
        assert_eq!(throttle.budget(8), 1);
        (0..9).for_each(|_| throttle.clear());
        assert_eq!(throttle.budget(9), 10);
        assert_eq!(Throttle::new(0).budget(0), 1);
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_survive_clocks() {
        let mut throttle = Throttle::new(1);
        assert_eq!(throttle.ready_at(100), 100);
        let pauses: Vec<i64> = (0..9)
            .map(|_| {
                throttle.pause(100);
                throttle.ready_at(100) - 100
            })
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        assert_eq!(throttle.ready_at(-5000), -5000, "the clock was set back");
        throttle.clear();
        throttle.pause(200);
        assert_eq!(throttle.ready_at(200), 201);
    }
}
