//! Decompressed frames that were read lately: bounded, and each is fetched once however many readers wait for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::id::PackId;

/// Which frame.
pub(crate) type FrameKey = (PackId, u32);

/// A decompressed frame. Which of its chunks were verified is remembered, so that each is hashed once.
#[derive(Debug)]
pub(crate) struct Frame {
    raw: Vec<u8>,
    verified: Mutex<std::collections::HashSet<u32>>,
}

impl Frame {
    pub(crate) fn new(raw: Vec<u8>) -> Self {
        Frame { raw, verified: Mutex::default() }
    }

    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Whether the chunk at this offset was verified before.
    pub(crate) fn is_verified(&self, offset: u32) -> bool {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).contains(&offset)
    }

    pub(crate) fn set_verified(&self, offset: u32) {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).insert(offset);
    }
}

#[derive(Debug)]
enum Slot {
    Loading,
    Ready { frame: Arc<Frame>, used: u64 },
}

#[derive(Debug, Default)]
struct State {
    slots: HashMap<FrameKey, Slot>,
    bytes: usize,
    clock: u64,
}

/// Keeps the frames used last, up to so many bytes.
#[derive(Debug)]
pub(crate) struct FrameCache {
    state: Mutex<State>,
    loaded: Condvar,
    capacity: usize,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl FrameCache {
    pub(crate) fn new(capacity: usize) -> Self {
        FrameCache {
            state: Mutex::default(),
            loaded: Condvar::new(),
            capacity,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Hits and misses so far.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the frame is here.
    pub(crate) fn has(&self, key: FrameKey) -> bool {
        matches!(self.state().slots.get(&key), Some(Slot::Ready { .. }))
    }

    /// The frame, loaded by `load` if nobody has it. A failure is given to the caller that met it; waiting readers try again
    /// themselves, so that no error sticks.
    pub(crate) fn get(
        &self,
        key: FrameKey,
        load: impl FnOnce() -> Result<Vec<u8>, Error>,
    ) -> Result<Arc<Frame>, Error> {
        let mut state = self.state();
        loop {
            state.clock += 1;
            let now = state.clock;
            match state.slots.get_mut(&key) {
                Some(Slot::Ready { frame, used }) => {
                    *used = now;
                    self.hits.fetch_add(1, Ordering::Relaxed);
                    return Ok(Arc::clone(frame));
                }
                Some(Slot::Loading) => {
                    state = self.loaded.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                None => break,
            }
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        state.slots.insert(key, Slot::Loading);
        drop(state);
        let guard = LoadGuard { cache: self, key, done: false };
        let frame = Arc::new(Frame::new(load()?));
        guard.ready(&frame);
        Ok(frame)
    }

    fn make_room(&self, state: &mut State) {
        while state.bytes > self.capacity {
            let ready = |(key, slot): (&FrameKey, &Slot)| match slot {
                Slot::Ready { used, .. } => Some((*used, *key)),
                Slot::Loading => None,
            };
            let Some((_, oldest)) = state.slots.iter().filter_map(ready).min() else { return };
            if let Some(Slot::Ready { frame, .. }) = state.slots.remove(&oldest) {
                state.bytes -= frame.raw().len();
            }
        }
    }
}

/// Takes the loading mark away again if loading fails or panics.
struct LoadGuard<'c> {
    cache: &'c FrameCache,
    key: FrameKey,
    done: bool,
}

impl LoadGuard<'_> {
    fn ready(mut self, frame: &Arc<Frame>) {
        self.done = true;
        let mut state = self.cache.state();
        state.clock += 1;
        let used = state.clock;
        state.bytes += frame.raw().len();
        state.slots.insert(self.key, Slot::Ready { frame: Arc::clone(frame), used });
        self.cache.make_room(&mut state);
        drop(state);
        self.cache.loaded.notify_all();
    }
}

impl Drop for LoadGuard<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.cache.state().slots.remove(&self.key);
            self.cache.loaded.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> FrameKey {
        (PackId::from_bytes([0; 32]), number)
    }

    #[test]
    fn a_frame_is_loaded_once_and_the_least_recent_goes_first() {
        let cache = FrameCache::new(20);
        let load = |number| cache.get(key(number), || Ok(vec![0; 10])).unwrap();
        let never = |number| cache.get(key(number), || Err(Error::Internal("loaded again".into())));
        load(1);
        load(2);
        never(1).unwrap();
        load(3);
        assert!(never(2).is_err(), "2 was the least recently used");
        never(1).unwrap();
        never(3).unwrap();
    }

    #[test]
    fn an_error_does_not_stick() {
        let cache = FrameCache::new(20);
        assert!(cache.get(key(1), || Err(Error::Internal("broken".into()))).is_err());
        assert!(cache.get(key(1), || Ok(vec![1])).is_ok());
    }

    #[test]
    fn many_readers_cause_one_load() {
        let cache = FrameCache::new(1000);
        let loads = AtomicU64::new(0);
        let barrier = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    let frame = cache.get(key(1), || {
                        loads.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        Ok(vec![7; 10])
                    });
                    assert_eq!(frame.unwrap().raw(), [7; 10]);
                });
            }
        });
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }
}
