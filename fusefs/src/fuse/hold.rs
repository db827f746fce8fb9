//! The threads that look after held reads: one watches clocks and readers, the other looks at packs. The workers of the pool
//! are never used for waiting, so reads of what is at hand go on however many others wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::waits::Waits;
use crate::engine::PackId;

/// Between two looks at the readers. A reader that is killed is gone after so long.
const TICK: Duration = Duration::from_millis(200);

/// Why a held read ends without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its time is over, or the mount is.
    Over,
    /// Its reader does not wait any more.
    Interrupted,
}

/// What a [`Hold`] needs of others.
pub(super) struct Means<T> {
    /// Whether a pack can be read by now.
    pub(super) is_awake: Box<dyn Fn(PackId) -> bool + Send + Sync>,
    /// Whether a reader does not wait any more.
    pub(super) gave_up: fn(u32) -> bool,
    /// Tries a read again; its time still ends then.
    pub(super) again: Box<dyn Fn(T, Instant) + Send + Sync>,
    /// Ends a read.
    pub(super) end: fn(T, End),
}

/// Held reads; cheap to clone.
pub(super) struct Hold<T>(Arc<Shared<T>>);

impl<T> Clone for Hold<T> {
    fn clone(&self) -> Self {
        Hold(Arc::clone(&self.0))
    }
}

struct Shared<T> {
    inside: Mutex<Inside<T>>,
    changed: Condvar,
}

struct Inside<T> {
    waits: Waits<T>,
    closed: bool,
}

/// The threads. Dropping it ends all held reads.
pub(super) struct Keeper<T> {
    hold: Hold<T>,
    end: fn(T, End),
    threads: Vec<JoinHandle<()>>,
}

impl<T: Send + 'static> Hold<T> {
    /// Holds reads for at most `patience`, once there is a [`Keeper`].
    pub(super) fn new(patience: Duration) -> Self {
        let inside = Mutex::new(Inside { waits: Waits::new(patience), closed: false });
        Hold(Arc::new(Shared { inside, changed: Condvar::new() }))
    }

    /// Holds a read, or gives it back: see [`Waits::hold`]. Returns at once.
    pub(super) fn hold(&self, pack: PackId, pid: u32, until: Option<Instant>, read: T) -> Result<(), T> {
        let mut inside = self.lock();
        if inside.closed {
            return Err(read);
        }
        inside.waits.hold(pack, pid, until, Instant::now(), read)?;
        drop(inside);
        self.0.changed.notify_all();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inside<T>> {
        self.0.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, inside: MutexGuard<'a, Inside<T>>, time: Option<Duration>) -> MutexGuard<'a, Inside<T>> {
        let changed = &self.0.changed;
        match time {
            None => changed.wait(inside).unwrap_or_else(PoisonError::into_inner),
            Some(time) => changed.wait_timeout(inside, time).unwrap_or_else(PoisonError::into_inner).0,
        }
    }

    /// Ends what has waited long enough, and what nobody waits for.
    fn watch(&self, means: &Means<T>) {
        loop {
            let mut inside = self.lock();
            while inside.waits.is_empty() && !inside.closed {
                inside = self.wait(inside, None);
            }
            if inside.closed {
                return;
            }
            let expired = inside.waits.expired(Instant::now());
            let readers = inside.waits.readers();
            drop(inside);
            expired.into_iter().for_each(|read| (means.end)(read, End::Over));
            let gone: Vec<u32> = readers.into_iter().filter(|pid| (means.gave_up)(*pid)).collect();
            let interrupted = self.lock().waits.of(&gone);
            interrupted.into_iter().for_each(|read| (means.end)(read, End::Interrupted));
            std::thread::sleep(TICK);
        }
    }

    /// Looks at the packs that are waited for, and lets the reads of those that woke try again.
    fn look(&self, means: &Means<T>) {
        let mut inside = self.lock();
        while !inside.closed {
            let now = Instant::now();
            match inside.waits.next_look() {
                None => inside = self.wait(inside, None),
                Some((_, at)) if at > now => inside = self.wait(inside, Some(at - now)),
                Some((pack, _)) => {
                    drop(inside);
                    // A look that panics must not end all looking.
                    let is_awake = catch_unwind(AssertUnwindSafe(|| (means.is_awake)(pack))).unwrap_or(false);
                    let woken = self.lock().waits.looked(pack, is_awake, Instant::now());
                    woken.into_iter().for_each(|(read, until)| (means.again)(read, until));
                    inside = self.lock();
                }
            }
        }
    }
}

impl<T: Send + 'static> Keeper<T> {
    /// Starts to look after what is held.
    pub(super) fn start(hold: &Hold<T>, means: Means<T>) -> std::io::Result<Keeper<T>> {
        let mut keeper = Keeper { hold: hold.clone(), end: means.end, threads: Vec::with_capacity(2) };
        let means = Arc::new(means);
        keeper.spawn("firn-hold", Hold::watch, &means)?;
        keeper.spawn("firn-look", Hold::look, &means)?;
        Ok(keeper)
    }

    fn spawn(&mut self, name: &str, job: fn(&Hold<T>, &Means<T>), means: &Arc<Means<T>>) -> std::io::Result<()> {
        let (hold, means) = (self.hold.clone(), Arc::clone(means));
        let thread = std::thread::Builder::new().name(name.into());
        self.threads.push(thread.spawn(move || job(&hold, &means))?);
        Ok(())
    }
}

impl<T> Drop for Keeper<T> {
    fn drop(&mut self) {
        let left = {
            let mut inside = self.hold.0.inside.lock().unwrap_or_else(PoisonError::into_inner);
            inside.closed = true;
            let readers = inside.waits.readers();
            inside.waits.of(&readers)
        };
        left.into_iter().for_each(|read| (self.end)(read, End::Over));
        self.hold.0.changed.notify_all();
        for thread in self.threads.drain(..) {
            // Neither can panic but by a defect; nobody is left to hear of it.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};

    #[derive(Debug, PartialEq, Eq)]
    enum Heard {
        Again(u32),
        Ended(u32, End),
    }

    type Read = (u32, Sender<Heard>);

    struct Sleeper {
        awake: Arc<AtomicBool>,
        looks: Arc<AtomicUsize>,
        hold: Hold<Read>,
        keeper: Option<Keeper<Read>>,
        say: Sender<Heard>,
        heard: Receiver<Heard>,
    }

    const PACK: PackId = PackId::from_bytes([1; 32]);

    impl Sleeper {
        fn new(patience: Duration, gave_up: fn(u32) -> bool) -> Self {
            let (say, heard) = channel();
            let (awake, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
            let hold = Hold::new(patience);
            let (is_awake, counted) = (Arc::clone(&awake), Arc::clone(&looks));
            let means = Means {
                is_awake: Box::new(move |_| {
                    // The first look goes wrong altogether.
                    assert!(counted.fetch_add(1, Ordering::SeqCst) > 0, "a look that panics");
                    is_awake.load(Ordering::SeqCst)
                }),
                gave_up,
                again: Box::new(|(read, say): Read, _| drop(say.send(Heard::Again(read)))),
                end: |(read, say), end| drop(say.send(Heard::Ended(read, end))),
            };
            let keeper = Some(Keeper::start(&hold, means).unwrap());
            Sleeper { awake, looks, hold, keeper, say, heard }
        }

        fn hold(&self, pid: u32) {
            self.hold.hold(PACK, pid, None, (pid, self.say.clone())).unwrap();
        }

        fn next(&self) -> Heard {
            self.heard.recv_timeout(Duration::from_secs(60)).unwrap()
        }
    }

    #[test]
    fn reads_go_on_when_their_pack_wakes() {
        let sleeper = Sleeper::new(Duration::from_secs(3600), |_| false);
        sleeper.awake.store(true, Ordering::SeqCst);
        // A panicking look is no answer; the next one comes fifteen seconds later, so the pack is looked at anew here.
        sleeper.hold(1);
        while sleeper.looks.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        let other = PackId::from_bytes([2; 32]);
        sleeper.hold.hold(other, 2, None, (2, sleeper.say.clone())).unwrap();
        assert_eq!(sleeper.next(), Heard::Again(2));
    }

    #[test]
    fn reads_end_with_their_time_their_reader_or_the_mount() {
        let short = Sleeper::new(Duration::from_millis(1), |_| false);
        short.hold(1);
        assert_eq!(short.next(), Heard::Ended(1, End::Over));
        let mut long = Sleeper::new(Duration::from_secs(3600), |pid| pid == 2);
        (1..=3).for_each(|pid| long.hold(pid));
        assert_eq!(long.next(), Heard::Ended(2, End::Interrupted));
        drop(long.keeper.take());
        assert_eq!([long.next(), long.next()], [1, 3].map(|pid| Heard::Ended(pid, End::Over)));
        assert!(long.hold.hold(PACK, 4, None, (4, long.say.clone())).is_err(), "nobody would look after it");
    }
}
