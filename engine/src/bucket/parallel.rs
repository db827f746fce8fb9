//! Many transfers at a time, and how far they are.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Transfers at a time: enough to keep a link full with packs, few enough for a small machine's memory.
pub(super) const TRANSFERS: usize = 6;

/// How far a transfer of many objects is; read by whoever shows it.
#[derive(Debug, Default)]
pub struct Tally {
    /// Objects that there are to move.
    pub objects: AtomicU64,
    /// Their bytes.
    pub bytes: AtomicU64,
    /// Objects that were moved.
    pub objects_done: AtomicU64,
    /// Their bytes.
    pub bytes_done: AtomicU64,
}

impl Tally {
    pub(super) fn expect(&self, bytes: u64) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn done(&self, bytes: u64) {
        self.objects_done.fetch_add(1, Ordering::Relaxed);
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Does all the work on several threads. After the first failure nothing more is begun; that failure is the outcome.
pub(super) fn for_each<T: Send, E: Send>(work: Vec<T>, each: impl Fn(T) -> Result<(), E> + Sync) -> Result<(), E> {
    let threads = TRANSFERS.min(work.len());
    let queue = Mutex::new(work.into_iter());
    let failure = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while failure.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
                    let Some(item) = queue.lock().unwrap_or_else(PoisonError::into_inner).next() else { return };
                    if let Err(error) = each(item) {
                        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                }
            });
        }
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_done_or_the_first_failure_ends_it() {
        let sum = AtomicU64::new(0);
        let add = |number: u64| {
            sum.fetch_add(number, Ordering::SeqCst);
            if number == 500 { Err(number) } else { Ok(()) }
        };
        assert_eq!(for_each((0..100).collect(), add), Ok(()));
        assert_eq!(sum.load(Ordering::SeqCst), 4950);
        assert_eq!(for_each((0..1_000_000).collect(), add), Err(500));
        assert!(sum.load(Ordering::SeqCst) < 1_000_000);
        assert_eq!(for_each(Vec::<u64>::new(), add), Ok(()));
    }
}
