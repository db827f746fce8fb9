//! A small bounded pool for reads that may have to wait for a disk or the network.
//!
//! The threads that take requests from the kernel must stay free: with two of them, two cold reads would
//! otherwise stop every `stat` and every read of bytes that are already in memory.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Jobs that may wait; beyond it the thread that brings one does it itself, which slows the kernel down.
/// Far above what a mount sees: one per blocked process plus the kernel's own read-ahead.
const MAX_QUEUED: usize = 4096;

/// Memory that a worker keeps between jobs, bytes.
const KEPT_BUFFER: usize = 256 << 10;

/// Does jobs of one kind, each with a buffer that is reused.
pub(super) struct Pool<J: Send + 'static> {
    shared: Arc<Shared<J>>,
    workers: Vec<JoinHandle<()>>,
}

type Handle<J> = Box<dyn Fn(J, &mut Vec<u8>) + Send + Sync>;

struct Shared<J> {
    queue: Mutex<Queue<J>>,
    filled: Condvar,
    handle: Handle<J>,
}

struct Queue<J> {
    jobs: VecDeque<J>,
    closed: bool,
}

impl<J: Send + 'static> Pool<J> {
    /// Starts `threads` workers that call `handle`.
    pub(super) fn new(
        threads: usize,
        handle: impl Fn(J, &mut Vec<u8>) + Send + Sync + 'static,
    ) -> std::io::Result<Pool<J>> {
        let queue = Mutex::new(Queue { jobs: VecDeque::new(), closed: false });
        let shared = Arc::new(Shared { queue, filled: Condvar::new(), handle: Box::new(handle) });
        let mut pool = Pool { shared, workers: Vec::with_capacity(threads) };
        for i in 0..threads {
            let shared = Arc::clone(&pool.shared);
            let worker = std::thread::Builder::new().name(format!("firn-read-{i}"));
            pool.workers.push(worker.spawn(move || shared.work())?);
        }
        Ok(pool)
    }

    /// Queues a job, or gives it back when the queue is full.
    pub(super) fn submit(&self, job: J) -> Result<(), J> {
        self.shared.submit(job)
    }

    /// The way in for others, who may outlive the pool: what they submit then is never done.
    pub(super) fn entrance(&self) -> Entrance<J> {
        Entrance(Arc::clone(&self.shared))
    }
}

/// A way into a pool.
pub(super) struct Entrance<J>(Arc<Shared<J>>);

impl<J> Entrance<J> {
    /// As [`Pool::submit`].
    pub(super) fn submit(&self, job: J) -> Result<(), J> {
        self.0.submit(job)
    }
}

impl<J: Send + 'static> Drop for Pool<J> {
    /// Lets the workers finish what is queued, then ends them.
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_all();
        for worker in self.workers.drain(..) {
            // A worker cannot panic: it catches what its jobs do.
            let _ = worker.join();
        }
    }
}

impl<J> Shared<J> {
    fn lock(&self) -> MutexGuard<'_, Queue<J>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&self, job: J) -> Result<(), J> {
        let mut queue = self.lock();
        if queue.jobs.len() >= MAX_QUEUED {
            return Err(job);
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    fn next(&self) -> Option<J> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) {
        let mut buffer = Vec::new();
        while let Some(job) = self.next() {
            // A job that panics must cost one reply (its drop answers EIO), not the worker.
            let _ = catch_unwind(AssertUnwindSafe(|| (self.handle)(job, &mut buffer)));
            if buffer.capacity() > KEPT_BUFFER {
                buffer = Vec::new();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn every_job_is_done_even_after_panics_and_at_the_end() {
        let (done, results) = mpsc::channel();
        let pool = Pool::new(3, move |job: u32, _| {
            assert!(!job.is_multiple_of(10), "every tenth job panics");
            done.send(job).unwrap();
        })
        .unwrap();
        for job in 1..=1000 {
            pool.submit(job).unwrap();
        }
        drop(pool);
        let mut all: Vec<u32> = results.iter().collect();
        all.sort_unstable();
        assert_eq!(all, (1..=1000).filter(|job| job % 10 != 0).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_queue_gives_the_job_back() {
        let (open, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let pool = Pool::new(1, move |_: usize, _| {
            let _ = gate.lock().unwrap().recv();
        })
        .unwrap();
        let refused = (0..MAX_QUEUED + 2).find(|job| pool.submit(*job).is_err());
        // One job may already be with the worker.
        assert!(matches!(refused, Some(n) if n == MAX_QUEUED || n == MAX_QUEUED + 1), "{refused:?}");
        drop(open);
    }

    #[test]
    fn big_buffers_are_not_kept() {
        let (done, results) = mpsc::channel();
        let pool = Pool::new(1, move |size: usize, buffer: &mut Vec<u8>| {
            let before = buffer.capacity();
            buffer.resize(size, 0);
            done.send(before).unwrap();
        })
        .unwrap();
        for size in [1000, KEPT_BUFFER + 1, 0] {
            pool.submit(size).unwrap();
        }
        drop(pool);
        let before: Vec<usize> = results.iter().collect();
        assert!(before[1] >= 1000 && before[2] == 0, "{before:?}");
    }
}
