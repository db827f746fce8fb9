//! What match finders have in common: tables of positions by hashes of strings.

use super::history::Source;
use super::parsed::{MIN_MATCH, Parsed};

/// One level's way of finding matches in a block.
pub(super) trait Finder {
    /// Turns the source's block into sequences; `alone` if it is a whole frame.
    fn parse(&mut self, source: Source<'_>, alone: bool, parsed: &mut Parsed);

    /// Lowers all positions in the tables by `by`, or as far as 0.
    fn lower(&mut self, by: u32);
}

/// Whether the source's block is one byte over and over, four times at least.
pub(super) fn is_run(source: Source<'_>) -> bool {
    let len = source.end - source.start;
    len > MIN_MATCH && source.common(source.start + 1, source.start) == len - 1
}

/// A position and the four bytes that stand there.
#[derive(Clone, Copy)]
pub(super) struct Entry(u64);

impl Entry {
    #[inline(always)]
    fn new(position: u32, bytes: u64) -> Self {
        Self(u64::from(position) << 32 | bytes & 0xffff_ffff)
    }

    #[inline(always)]
    pub(super) fn position(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// How far before `at` it lies, if that is within the window and four bytes agree with `bytes`.
    #[inline(always)]
    pub(super) fn distance(self, source: Source<'_>, at: usize, bytes: u64) -> Option<usize> {
        source.distance(at, self.position()).filter(|_| (self.0 ^ bytes) & 0xffff_ffff == 0)
    }
}

/// The newest position of each hash, with what stands there.
pub(super) struct Table<const N: usize>(Box<[u64; N]>);

impl<const N: usize> Table<N> {
    pub(super) fn new() -> Self {
        let Ok(rows) = vec![0; N].into_boxed_slice().try_into() else { unreachable!("it has this length") };
        Self(rows)
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "the row is masked")]
    pub(super) fn get(&self, row: usize) -> Entry {
        Entry(self.0[row % N])
    }

    /// Enters a position; returns what was there.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "the row is masked")]
    pub(super) fn swap(&mut self, row: usize, position: u32, bytes: u64) -> Entry {
        Entry(std::mem::replace(&mut self.0[row % N], Entry::new(position, bytes).0))
    }

    #[inline(always)]
    pub(super) fn enter(&mut self, row: usize, position: u32, bytes: u64) {
        self.swap(row, position, bytes);
    }

    pub(super) fn lower(&mut self, by: u32) {
        for row in self.0.iter_mut() {
            let entry = Entry(*row);
            *row = Entry::new(entry.position().saturating_sub(by), entry.0).0;
        }
    }
}

/// The two newest positions of each hash, the newest first.
pub(super) struct Pairs<const N: usize>(Box<[[u32; 2]; N]>);

impl<const N: usize> Pairs<N> {
    pub(super) fn new() -> Self {
        let Ok(rows) = vec![[0; 2]; N].into_boxed_slice().try_into() else { unreachable!("it has this length") };
        Self(rows)
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "the row is masked")]
    pub(super) fn get(&self, row: usize) -> [u32; 2] {
        self.0[row % N]
    }

    /// Enters a position as the newest; returns what was there.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "the row is masked")]
    pub(super) fn enter(&mut self, row: usize, position: u32) -> [u32; 2] {
        let row = &mut self.0[row % N];
        std::mem::replace(row, [position, row[0]])
    }

    pub(super) fn lower(&mut self, by: u32) {
        self.0.iter_mut().flatten().for_each(|position| *position = position.saturating_sub(by));
    }
}
