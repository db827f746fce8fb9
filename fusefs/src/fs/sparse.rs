//! Where the stored bytes of a sparse file lie.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::FsError;
use crate::engine::{DataRun, Ino};

/// How many sparse files keep their map in memory between reads.
const CACHED: usize = 16;

/// One run of stored bytes.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Offset in the logical file.
    offset: u64,
    /// Length in bytes, above zero.
    len: u64,
    /// Offset in the stored bytes: the sum of the lengths before.
    stored: u64,
}

/// The data runs of one file, checked, with prefix sums.
#[derive(Debug)]
pub(super) struct SparseMap {
    runs: Vec<Run>,
    size: u64,
}

/// A piece of a read that lies in one data run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Where it goes, counted from the start of the read.
    pub(super) at: u64,
    /// Where it comes from in the stored bytes.
    pub(super) stored: u64,
    /// Its length in bytes.
    pub(super) len: u64,
}

impl SparseMap {
    /// Checks that the runs ascend, do not overlap and stay inside `size`.
    pub(super) fn new(ino: Ino, size: u64, runs: &[DataRun]) -> Result<SparseMap, FsError> {
        let corrupt = |what| FsError::Corrupt { ino: ino.0, what };
        let mut out = Vec::with_capacity(runs.len());
        let (mut end, mut stored) = (0, 0);
        for run in runs {
            if run.offset < end {
                return Err(corrupt("its data runs overlap or are out of order"));
            }
            end = run
                .offset
                .checked_add(run.len)
                .filter(|end| *end <= size)
                .ok_or(corrupt("a data run reaches beyond the end of the file"))?;
            if run.len > 0 {
                out.push(Run { offset: run.offset, len: run.len, stored });
            }
            // Cannot overflow: disjoint runs inside `size` sum to at most `size`.
            stored += run.len;
        }
        Ok(SparseMap { runs: out, size })
    }

    /// The data pieces of `[offset, offset + len)`, ascending; what lies between them is hole.
    pub(super) fn segments(&self, offset: u64, len: u64) -> impl Iterator<Item = Segment> {
        let end = offset.saturating_add(len);
        let first = self.runs.partition_point(|run| run.offset + run.len <= offset);
        self.runs.iter().skip(first).take_while(move |run| run.offset < end).map(move |run| {
            let from = run.offset.max(offset);
            let to = (run.offset + run.len).min(end);
            Segment { at: from - offset, stored: run.stored + (from - run.offset), len: to - from }
        })
    }

    /// Number of blocks of `unit` bytes that hold at least one data byte.
    pub(super) fn blocks(&self, unit: u64) -> u64 {
        let (mut count, mut next) = (0, 0);
        for run in &self.runs {
            let first = (run.offset / unit).max(next);
            next = (run.offset + run.len).div_ceil(unit);
            count += next - first;
        }
        count
    }

    /// The first data byte at or after `offset`.
    pub(super) fn next_data(&self, offset: u64) -> Option<u64> {
        let first = self.runs.partition_point(|run| run.offset + run.len <= offset);
        self.runs.get(first).map(|run| run.offset.max(offset))
    }

    /// The first hole byte at or after `offset`; the end of the file counts as one.
    pub(super) fn next_hole(&self, offset: u64) -> u64 {
        let first = self.runs.partition_point(|run| run.offset + run.len <= offset);
        let mut at = offset;
        for run in self.runs.iter().skip(first) {
            if run.offset > at {
                break;
            }
            at = run.offset + run.len;
        }
        at.min(self.size)
    }
}

/// Maps of the sparse files read last, so that a sequential read does not decode its runs every time.
#[derive(Debug, Default)]
pub(super) struct SparseCache(Mutex<VecDeque<(Ino, Arc<SparseMap>)>>);

impl SparseCache {
    /// The map of `ino`, made by `make` unless it is at hand. Two callers may make the same map.
    pub(super) fn get(
        &self,
        ino: Ino,
        make: impl FnOnce() -> Result<SparseMap, FsError>,
    ) -> Result<Arc<SparseMap>, FsError> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, map)) = lock().iter().find(|(cached, _)| *cached == ino) {
            return Ok(Arc::clone(map));
        }
        let map = Arc::new(make()?);
        let mut cached = lock();
        cached.truncate(CACHED - 1);
        cached.push_front((ino, Arc::clone(&map)));
        Ok(map)
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(size: u64, runs: &[(u64, u64)]) -> Result<SparseMap, FsError> {
        let runs: Vec<_> = runs.iter().map(|&(offset, len)| DataRun { offset, len }).collect();
        SparseMap::new(Ino(7), size, &runs)
    }

    #[test]
    fn bad_runs_are_refused() {
        for (size, runs) in
            [(10, vec![(0, 11)]), (10, vec![(u64::MAX, 2)]), (10, vec![(4, 2), (5, 1)]), (10, vec![(4, 2), (0, 1)])]
        {
            assert!(matches!(map(size, &runs), Err(FsError::Corrupt { ino: 7, .. })), "{runs:?}");
        }
        assert!(map(u64::MAX, &[(u64::MAX - 1, 1)]).is_ok());
    }

    #[test]
    fn the_cache_stays_small_and_right() {
        let cache = SparseCache::default();
        for ino in 0..100 {
            let made = cache.get(Ino(ino), || map(ino + 1, &[])).unwrap();
            assert_eq!(made.size, ino + 1);
        }
        assert_eq!(cache.0.lock().unwrap().len(), CACHED);
        let again = cache.get(Ino(99), || panic!("must be cached")).unwrap();
        assert_eq!(again.size, 100);
        assert!(cache.get(Ino(0), || Err(FsError::PastData)).is_err());
    }

    proptest! {
        /// Against the plainest model: one flag per byte.
        #[test]
        fn agrees_with_a_byte_map(gaps in prop::collection::vec((0u64..40, 0u64..40), 0..12), tail in 0u64..40,
                                  offset in 0u64..600, len in 0u64..600, unit in 1u64..50) {
            let mut runs = Vec::new();
            let mut model: Vec<Option<u64>> = Vec::new();
            let mut stored = 0;
            for (gap, len) in gaps {
                model.extend(std::iter::repeat_n(None, gap as usize));
                runs.push((model.len() as u64, len));
                model.extend((stored..stored + len).map(Some));
                stored += len;
            }
            model.extend(std::iter::repeat_n(None, tail as usize));
            let size = model.len() as u64;
            let map = map(size, &runs).unwrap();

            let window = model.iter().skip(offset as usize).take(len as usize);
            let want: Vec<(u64, u64)> = window.enumerate().filter_map(|(i, s)| s.map(|s| (i as u64, s))).collect();
            let got: Vec<(u64, u64)> = map.segments(offset, len)
                .flat_map(|s| (0..s.len).map(move |i| (s.at + i, s.stored + i))).collect();
            prop_assert_eq!(got, want);

            let blocks = model.chunks(unit as usize).filter(|c| c.iter().any(Option::is_some)).count();
            prop_assert_eq!(map.blocks(unit), blocks as u64);

            if offset < size {
                let data = (offset..size).find(|i| model[*i as usize].is_some());
                let hole = (offset..size).find(|i| model[*i as usize].is_none()).unwrap_or(size);
                prop_assert_eq!(map.next_data(offset), data);
                prop_assert_eq!(map.next_hole(offset), hole);
            }
        }
    }
}
