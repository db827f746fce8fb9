//! Some work on every item, by several threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How many threads keep this machine busy.
pub fn one_per_core() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Threads that share some work, as a number: whoever wants to work takes a [`Hand`] and works while holding it.
#[derive(Debug, Clone)]
pub struct Crew {
    free: Arc<AtomicUsize>,
    size: usize,
}

/// One of a [`Crew`], until it is dropped.
#[derive(Debug)]
pub struct Hand(Arc<AtomicUsize>);

impl Crew {
    /// So many hands, all of them free; 0 counts as 1.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let size = size.max(1);
        Crew { free: Arc::new(AtomicUsize::new(size)), size }
    }

    /// Hands in all.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// A hand, if one is free.
    #[must_use]
    pub fn take(&self) -> Option<Hand> {
        let taken = self.free.fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(1));
        taken.ok().map(|_| Hand(Arc::clone(&self.free)))
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// What `work` gave for each item, in their order; `None` for those not begun when `stop` was set.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    stop: &AtomicBool,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<R>>> = Mutex::new(items.iter().map(|_| None).collect());
    let hand = || {
        while !stop.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { break };
            let result = work(item);
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(slot) = results.get_mut(at) {
                *slot = Some(result);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(items.len()) {
            scope.spawn(hand);
        }
        hand();
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crew_has_as_many_hands_as_it_has() {
        let crew = Crew::new(2);
        let (one, two) = (crew.take(), crew.clone().take());
        assert!(one.is_some() && two.is_some() && crew.take().is_none());
        drop(one);
        assert!(crew.take().is_some());
        assert_eq!(Crew::new(0).size(), 1);
    }

    #[test]
    fn results_are_in_order_and_a_stop_leaves_the_rest() {
        let items: Vec<u32> = (0..100).collect();
        let stop = AtomicBool::new(false);
        let doubled: Vec<u32> = in_parallel(&items, 4, &stop, |n| 2 * n).into_iter().flatten().collect();
        assert_eq!(doubled, items.iter().map(|n| 2 * n).collect::<Vec<_>>());
        let some = in_parallel(&items, 1, &stop, |n| {
            stop.store(*n == 9, Ordering::Relaxed);
            *n
        });
        assert_eq!(some.iter().flatten().count(), 10);
        assert!(in_parallel(&[0u32; 0], 4, &AtomicBool::new(false), |n| *n).is_empty());
    }
}
