//! Many transfers at a time, and how far they are.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::parallel::in_parallel;

/// Transfers at a time: enough to keep a link full with packs, few enough for a small machine's memory.
const TRANSFERS: usize = 6;

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
    /// One more object of so many bytes is to be done.
    pub fn expect(&self, bytes: u64) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn done(&self, bytes: u64) {
        self.objects_done.fetch_add(1, Ordering::Relaxed);
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Does all the work on several threads. After the first failure nothing more is begun; that failure is the outcome.
pub(super) fn for_each<T: Sync, E: Send>(work: &[T], each: impl Fn(&T) -> Result<(), E> + Sync) -> Result<(), E> {
    let failed = AtomicBool::new(false);
    let outcomes =
        in_parallel(work, TRANSFERS, &failed, |item| each(item).inspect_err(|_| failed.store(true, Ordering::Relaxed)));
    outcomes.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_done_or_the_first_failure_ends_it() {
        let sum = AtomicU64::new(0);
        let add = |number: &u64| {
            sum.fetch_add(*number, Ordering::SeqCst);
            if *number == 500 { Err(*number) } else { Ok(()) }
        };
        assert_eq!(for_each(&(0..100).collect::<Vec<_>>(), add), Ok(()));
        assert_eq!(sum.load(Ordering::SeqCst), 4950);
        assert_eq!(for_each(&(0..1_000_000).collect::<Vec<_>>(), add), Err(500));
        assert!(sum.load(Ordering::SeqCst) < 1_000_000);
        assert_eq!(for_each(&[], add), Ok(()));
    }
}
