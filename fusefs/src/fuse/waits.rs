//! Reads that are held until what they need can be read: who waits for what, until when, and what is to be looked at next.
//! Pure: the time comes in as an argument, and nothing here waits.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::engine::PackId;

/// Reads that are held at a time. Far fewer than the requests that the kernel keeps in flight: it counts a held read-ahead among
/// those, and would let nobody read ahead any more when none is left.
pub(super) const MAX_HELD: usize = 256;

/// A reader that waited in vain is refused at once until it has left the pack alone for so long. The kernel asks again right
/// after a failed read-ahead, and a program that goes through a thousand files must not wait for each of them.
const IN_VAIN: Duration = Duration::from_secs(10);

/// Between two looks at a pack: a twentieth of what its readers wait, within these.
const INTERVAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// Held reads.
pub(super) struct Waits<T> {
    patience: Duration,
    held: Vec<Held<T>>,
    /// When a pack may be looked at again.
    looks: HashMap<PackId, Instant>,
    /// Who waited for what in vain, and when that is forgotten.
    in_vain: HashMap<(PackId, u32), Instant>,
}

struct Held<T> {
    pack: PackId,
    pid: u32,
    until: Instant,
    read: T,
}

impl<T> Waits<T> {
    /// Holds each read for at most `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Waits { patience, held: Vec::new(), looks: HashMap::new(), in_vain: HashMap::new() }
    }

    /// Holds a read of thread `pid` until `pack` can be read; `since_before` is the end of its time if it was held before.
    /// Gives it back if it is not to be held.
    pub(super) fn hold(
        &mut self,
        pack: PackId,
        pid: u32,
        since_before: Option<Instant>,
        now: Instant,
        read: T,
    ) -> Result<(), T> {
        self.in_vain.retain(|_, until| *until > now);
        if let Some(until) = self.in_vain.get_mut(&(pack, pid)) {
            *until = now + IN_VAIN;
            return Err(read);
        }
        let until = since_before.unwrap_or(now + self.patience);
        if until <= now || self.held.len() >= MAX_HELD {
            return Err(read);
        }
        self.looks.entry(pack).or_insert(now);
        self.held.push(Held { pack, pid, until, read });
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The pack that is to be looked at next, and when.
    pub(super) fn next_look(&self) -> Option<(PackId, Instant)> {
        let waited_for = self.held.iter().filter_map(|held| Some((held.pack, *self.looks.get(&held.pack)?)));
        waited_for.min_by_key(|(_, at)| *at)
    }

    /// Takes note of a look. Of a pack that can be read by now, gives back the reads with the ends of their time.
    pub(super) fn looked(&mut self, pack: PackId, is_awake: bool, now: Instant) -> Vec<(T, Instant)> {
        self.looks.insert(pack, now + (self.patience / 20).clamp(INTERVAL.0, INTERVAL.1));
        let woken = self.take(|held| is_awake && held.pack == pack);
        woken.into_iter().map(|held| (held.read, held.until)).collect()
    }

    /// Takes out the reads whose time is over.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<T> {
        let over = self.take(|held| held.until <= now);
        self.in_vain.extend(over.iter().map(|held| ((held.pack, held.pid), now + IN_VAIN)));
        over.into_iter().map(|held| held.read).collect()
    }

    /// The threads whose reads are held, each once.
    pub(super) fn readers(&self) -> Vec<u32> {
        let mut readers: Vec<u32> = self.held.iter().map(|held| held.pid).collect();
        readers.sort_unstable();
        readers.dedup();
        readers
    }

    /// Takes out the reads of these threads, sorted.
    pub(super) fn of(&mut self, readers: &[u32]) -> Vec<T> {
        let theirs = self.take(|held| readers.binary_search(&held.pid).is_ok());
        theirs.into_iter().map(|held| held.read).collect()
    }

    fn take(&mut self, which: impl Fn(&Held<T>) -> bool) -> Vec<Held<T>> {
        let (taken, left) = std::mem::take(&mut self.held).into_iter().partition(which);
        self.held = left;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn pack(n: u8) -> PackId {
        PackId::from_bytes([n; 32])
    }

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn one_look_serves_all_who_wait_for_a_pack() {
        let (mut waits, now) = (Waits::new(PATIENCE), Instant::now());
        for read in 0..5 {
            waits.hold(pack(1), 100 + read, None, now, read).unwrap();
        }
        waits.hold(pack(2), 200, None, now, 9).unwrap();
        let (first, at) = waits.next_look().unwrap();
        assert!(at == now && waits.looked(first, false, now).is_empty());
        let (second, at) = waits.next_look().unwrap();
        assert!(at == now && second != first);
        assert!(waits.looked(second, false, now).is_empty());
        // Sixty seconds are worth a look every three.
        assert_eq!(waits.next_look().unwrap().1, now + secs(3));
        waits.hold(pack(1), 105, None, now + secs(1), 5).unwrap();
        assert_eq!(waits.next_look().unwrap().1, now + secs(3), "one more reader is no reason to look sooner");
        let woken = waits.looked(pack(1), true, now + secs(3));
        assert_eq!(woken.iter().map(|(read, _)| *read).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        assert_eq!((woken[0].1, woken[5].1), (now + PATIENCE, now + secs(61)), "each has a time of its own");
        assert_eq!(waits.next_look().unwrap().0, pack(2));
    }

    #[test]
    fn a_read_that_meets_another_sleeping_pack_gets_no_new_time() {
        let (mut waits, now) = (Waits::new(PATIENCE), Instant::now());
        waits.hold(pack(1), 7, None, now, ()).unwrap();
        let (_, until) = waits.looked(pack(1), true, now + secs(40)).remove(0);
        waits.hold(pack(2), 7, Some(until), now + secs(40), ()).unwrap();
        assert!(waits.expired(now + secs(59)).is_empty());
        assert_eq!(waits.expired(now + secs(60)).len(), 1);
        assert!(waits.hold(pack(3), 7, Some(until), now + secs(60), ()).is_err());
    }

    #[test]
    fn who_waited_in_vain_is_refused_until_it_has_left_the_pack_alone() {
        let (mut waits, now) = (Waits::new(PATIENCE), Instant::now());
        waits.hold(pack(1), 7, None, now, ()).unwrap();
        let end = now + PATIENCE;
        assert_eq!(waits.expired(end).len(), 1);
        assert!(waits.is_empty() && waits.next_look().is_none());
        // The kernel asks again at once; a program goes on with the next file.
        for later in [0, 5, 14, 20] {
            assert!(waits.hold(pack(1), 7, None, end + secs(later), ()).is_err(), "{later} s later");
        }
        assert!(waits.hold(pack(1), 8, None, end + secs(1), ()).is_ok(), "another reader");
        assert!(waits.hold(pack(2), 7, None, end + secs(1), ()).is_ok(), "another pack");
        assert!(waits.hold(pack(1), 7, None, end + secs(30), ()).is_ok(), "later");
    }

    #[test]
    fn so_many_are_held_and_no_more() {
        let (mut waits, now) = (Waits::new(PATIENCE), Instant::now());
        for read in 0..MAX_HELD {
            waits.hold(pack(1), 1, None, now, read).unwrap();
        }
        assert_eq!(waits.hold(pack(1), 1, None, now, 999), Err(999));
        assert_eq!(waits.readers(), [1]);
        assert_eq!(waits.of(&[0, 2]).len(), 0);
        assert_eq!(waits.of(&[0, 1]).len(), MAX_HELD);
        assert!(waits.is_empty());
    }

    #[test]
    fn looks_are_neither_hasty_nor_rare() {
        for (patience, interval) in [(secs(2), secs(1)), (secs(100), secs(5)), (secs(3600), secs(15))] {
            let (mut waits, now) = (Waits::new(patience), Instant::now());
            waits.hold(pack(1), 1, None, now, ()).unwrap();
            let _ = waits.looked(pack(1), false, now);
            assert_eq!(waits.next_look(), Some((pack(1), now + interval)));
        }
    }
}
