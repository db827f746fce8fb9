//! How far a long operation is: counters that a display may look at any time.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What an operation is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Opening the archive and the source.
    Preparing,
    /// Reading, cutting and storing layers.
    Layers,
    /// Waiting for the proof that layers can be re-created.
    Recoding,
    /// Merging trees, sealing packs, writing the records.
    Committing,
}

/// Counters shared between an operation and its display.
#[derive(Debug, Default)]
pub struct Meter {
    phase: AtomicU8,
    total: AtomicU64,
    done: AtomicU64,
    raw: AtomicU64,
    fresh: AtomicU64,
}

impl Meter {
    /// What is going on.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Preparing,
            1 => Phase::Layers,
            2 => Phase::Recoding,
            _ => Phase::Committing,
        }
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Bytes of blobs to go through, as far as known.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Bytes of blobs that were gone through.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Bytes of file content and metadata that were looked at, uncompressed.
    pub fn raw(&self) -> u64 {
        self.raw.load(Ordering::Relaxed)
    }

    /// Those of them that the archive did not have.
    pub fn fresh(&self) -> u64 {
        self.fresh.load(Ordering::Relaxed)
    }

    pub(crate) fn add_total(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_done(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn set_chunked(&self, raw: u64, fresh: u64) {
        self.raw.store(raw, Ordering::Relaxed);
        self.fresh.store(fresh, Ordering::Relaxed);
    }
}
