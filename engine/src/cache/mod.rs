//! Bytes of packs that are elsewhere, kept here: a bounded cache of ranges, in files that survive a restart.
//!
//! A reader asks for a range. What is here is read here; what somebody is fetching is waited for; the rest is fetched, and
//! a reader that goes through a pack from front to back gets more and more ahead of it. Nothing in it is trusted: whoever
//! finds that bytes are wrong says so ([`RangeCache::distrust`]), and they are fetched again.

mod files;
mod ranges;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::id::PackId;
use files::Files;
use ranges::{Known, Next, Piece};

/// Most bytes that are fetched at once for the sake of later readers.
pub(crate) const MAX_AHEAD: u64 = 8 << 20;

/// How a cache was used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Bytes that were read from here.
    pub bytes_hit: u64,
    /// Requests for bytes that were not here.
    pub fetches: u64,
    /// Bytes that those brought.
    pub bytes_fetched: u64,
    /// Fetched pieces that could not be kept, for want of space or of a working disk.
    pub not_kept: u64,
}

#[derive(Default)]
struct Counters {
    bytes_hit: AtomicU64,
    fetches: AtomicU64,
    bytes_fetched: AtomicU64,
    not_kept: AtomicU64,
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// A bounded cache of byte ranges of packs, shared by any number of threads; several processes may use one directory.
pub struct RangeCache {
    files: Files,
    packs: Mutex<HashMap<PackId, Known>>,
    arrived: Condvar,
    counters: Counters,
}

impl RangeCache {
    /// A cache in `dir`, which need not exist, of at most `limit` bytes: whatever is there already counts, and is used.
    /// With a limit of zero nothing is kept.
    pub fn new(dir: PathBuf, limit: u64) -> Self {
        RangeCache {
            files: Files::new(dir, limit),
            packs: Mutex::new(HashMap::new()),
            arrived: Condvar::new(),
            counters: Counters::default(),
        }
    }

    /// How it was used so far.
    pub fn stats(&self) -> CacheStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheStats {
            bytes_hit: read(&self.counters.bytes_hit),
            fetches: read(&self.counters.fetches),
            bytes_fetched: read(&self.counters.bytes_fetched),
            not_kept: read(&self.counters.not_kept),
        }
    }

    fn packs(&self) -> MutexGuard<'_, HashMap<PackId, Known>> {
        self.packs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills `buf` with the pack's bytes from `offset` on. What is not here comes from `fetch`, which is called without any
    /// lock held, with a buffer to fill from an offset on; `pack_len` bounds how far ahead that may be, where it is known.
    pub fn read_at<E>(
        &self,
        pack: PackId,
        pack_len: Option<u64>,
        offset: u64,
        buf: &mut [u8],
        fetch: impl Fn(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let wanted = offset..offset.saturating_add(buf.len() as u64);
        let (mut at, mut is_sound) = (wanted.start, true);
        while at < wanted.end {
            let filled = usize::try_from(at - wanted.start).unwrap_or(usize::MAX);
            let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) else { break };
            let next = {
                let mut packs = self.packs();
                let known = packs.entry(pack).or_default();
                // A piece that can neither be read nor removed is not learned of again and again.
                if is_sound && !known.covers(at) {
                    self.catch_up(pack, known);
                }
                let next = known.next(wanted.clone(), at, pack_len);
                if let Next::Wait = next {
                    drop(self.arrived.wait(packs).unwrap_or_else(PoisonError::into_inner));
                    continue;
                }
                next
            };
            at += match next {
                Next::Wait => 0,
                Next::Here { piece, end } => {
                    let room = usize::try_from(end - at).unwrap_or(usize::MAX).min(rest.len());
                    let (part, _) = rest.split_at_mut(room);
                    if self.files.read(pack, piece.start, piece.len, at - piece.start, part) {
                        count(&self.counters.bytes_hit, part.len() as u64);
                        part.len() as u64
                    } else {
                        // Evicted by another process, or cut short.
                        self.forget(pack, piece);
                        is_sound = false;
                        0
                    }
                }
                Next::Fetch { start, len } => self.fetch(pack, start, len, at, rest, &fetch)?,
            };
        }
        self.packs().entry(pack).or_default().read_until(wanted.start, wanted.end);
        Ok(())
    }

    /// Fetches a range that is marked as on its way, and hands out what of it belongs into `rest`, from `at` on.
    fn fetch<E>(
        &self,
        pack: PackId,
        start: u64,
        len: u64,
        at: u64,
        rest: &mut [u8],
        fetch: &impl Fn(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut arriving = Arriving { cache: self, pack, start, kept: false };
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        count(&self.counters.fetches, 1);
        fetch(start, &mut bytes)?;
        count(&self.counters.bytes_fetched, len);
        arriving.kept = self.files.keep(pack, start, &bytes);
        if !arriving.kept {
            count(&self.counters.not_kept, 1);
        }
        drop(arriving);
        let skip = usize::try_from(at - start).unwrap_or(usize::MAX);
        let usable = bytes.get(skip..).unwrap_or_default();
        let take = usable.len().min(rest.len());
        let (part, _) = rest.split_at_mut(take);
        part.copy_from_slice(usable.get(..take).unwrap_or_default());
        Ok(take as u64)
    }

    /// Whether every byte of this range is kept here now, whichever process kept it.
    pub fn holds(&self, pack: PackId, offset: u64, len: u64) -> bool {
        ranges::cover(self.files.ranges_of(pack), offset, offset.saturating_add(len))
    }

    /// Whether any piece of the pack is kept here now.
    pub fn holds_any(&self, pack: PackId) -> bool {
        !self.files.ranges_of(pack).is_empty()
    }

    /// Learns of pieces that are here, whoever fetched them: a mount goes on reading what another process thawed.
    fn catch_up(&self, pack: PackId, known: &mut Known) {
        let stamp = self.files.stamp(pack);
        if known.is_behind(stamp) {
            known.learn(self.files.ranges_of(pack), stamp);
        }
    }

    fn forget(&self, pack: PackId, piece: Piece) {
        self.packs().entry(pack).or_default().forget(piece);
        self.files.remove(pack, piece.start, piece.len);
    }

    /// Drops every kept piece that has bytes of this range, and says whether there was one.
    pub fn distrust(&self, pack: PackId, offset: u64, len: u64) -> bool {
        let touched = {
            let mut packs = self.packs();
            let known = packs.entry(pack).or_default();
            self.catch_up(pack, known);
            known.touching(offset, offset.saturating_add(len))
        };
        for piece in &touched {
            self.forget(pack, *piece);
        }
        !touched.is_empty()
    }
}

/// A range on its way: whatever becomes of it, those who wait for it are told.
struct Arriving<'c> {
    cache: &'c RangeCache,
    pack: PackId,
    start: u64,
    kept: bool,
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        self.cache.packs().entry(self.pack).or_default().arrived(self.start, self.kept);
        self.cache.arrived.notify_all();
    }
}

#[cfg(test)]
mod tests;
