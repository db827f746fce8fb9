//! What was read since the last merge, in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::PackId;

const SHARDS: usize = 16;
/// Most packs remembered between two merges, per shard: 2²⁰ in all, some 60 MB.
const MAX_PACKS: usize = 1 << 16;

/// Reads of one pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub reads: u64,
    pub bytes: u64,
}

/// Counts reads, from any number of threads at once.
#[derive(Debug, Default)]
pub struct AccessLog {
    // A pack's id is a hash, so its first byte spreads evenly, and readers of different packs rarely meet.
    shards: [Mutex<HashMap<PackId, Tally>>; SHARDS],
    dropped: AtomicU64,
}

impl AccessLog {
    fn shard(&self, pack: &PackId) -> Option<MutexGuard<'_, HashMap<PackId, Tally>>> {
        let at = pack.as_bytes().first().map_or(0, |byte| usize::from(*byte) % SHARDS);
        // Nothing can panic under the lock; and half a count would do no harm.
        self.shards.get(at).map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts one read of `bytes` from a pack. Past 2¹⁶ packs in one of the sixteen maps further ones are not counted.
    pub fn record(&self, pack: &PackId, bytes: u64) {
        self.count(pack, Tally { reads: 1, bytes });
    }

    pub(super) fn count(&self, pack: &PackId, more: Tally) {
        let Some(mut shard) = self.shard(pack) else { return };
        if shard.len() >= MAX_PACKS && !shard.contains_key(pack) {
            self.dropped.fetch_add(more.reads, Ordering::Relaxed);
            return;
        }
        let tally = shard.entry(*pack).or_default();
        tally.reads = tally.reads.saturating_add(more.reads);
        tally.bytes = tally.bytes.saturating_add(more.bytes);
    }

    /// Whether nothing was counted since the last merge.
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).is_empty())
    }

    /// Reads that were not counted for want of room, since the log was made.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Everything counted, which the log then no longer has.
    pub(super) fn take(&self) -> Vec<(PackId, Tally)> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_read_of_every_thread_is_counted_once() {
        let log = AccessLog::default();
        let pack = |n: u8| PackId::from_bytes([n; 32]);
        let taken = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000u32).for_each(|n| log.record(&pack((n % 40) as u8), 10)));
            }
            scope.spawn(|| (0..50).for_each(|_| taken.lock().unwrap().extend(log.take())));
        });
        let mut all = taken.into_inner().unwrap();
        all.extend(log.take());
        let mut sums = [Tally::default(); 40];
        for (pack, tally) in all {
            let sum = &mut sums[usize::from(pack.as_bytes()[0])];
            *sum = Tally { reads: sum.reads + tally.reads, bytes: sum.bytes + tally.bytes };
        }
        assert_eq!(sums, [Tally { reads: 100, bytes: 1000 }; 40]);
        assert!(log.take().is_empty());
    }

    #[test]
    fn what_is_too_much_is_dropped_and_said() {
        let log = AccessLog::default();
        let mut id = [0; 32];
        for n in 0..u32::try_from(MAX_PACKS).unwrap() + 3 {
            id[1..5].copy_from_slice(&n.to_le_bytes());
            log.record(&PackId::from_bytes(id), 1);
        }
        log.record(&PackId::from_bytes([0; 32]), 1);
        assert_eq!(log.dropped(), 3, "one that is known goes on being counted");
        assert_eq!(log.take().len(), MAX_PACKS);
    }
}
