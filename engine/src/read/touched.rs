//! Which chunks of an opened image somebody asked for: a bit for each, set as reads go by.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// One bit for each chunk reference of one layer. A hundred thousand chunks take 12 KB.
#[derive(Debug)]
pub(super) struct Touched {
    words: Box<[AtomicU64]>,
}

impl Touched {
    /// For so many chunks, none of them asked for yet.
    pub(super) fn new(chunks: usize) -> Self {
        Touched { words: (0..chunks.div_ceil(64)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Somebody asked for this one.
    pub(super) fn mark(&self, chunk: usize) {
        let bit = 1 << (chunk % 64);
        // Most reads ask for what was asked for before: looking first keeps the line shared among cores.
        if let Some(word) = self.words.get(chunk / 64)
            && word.load(Ordering::Relaxed) & bit == 0
        {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Runs of chunks within `chunks` that were asked for, ascending.
    pub(super) fn runs(&self, chunks: Range<usize>) -> Vec<Range<usize>> {
        let is_set = |chunk: &usize| {
            let word = self.words.get(chunk / 64).map_or(0, |word| word.load(Ordering::Relaxed));
            word >> (chunk % 64) & 1 == 1
        };
        let mut runs: Vec<Range<usize>> = Vec::new();
        for chunk in chunks.filter(is_set) {
            match runs.last_mut() {
                Some(last) if last.end == chunk => last.end += 1,
                _ => runs.push(chunk..chunk + 1),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_are_what_was_marked(marks in proptest::collection::btree_set(0usize..200, 0..60), from in 0usize..210) {
            let touched = Touched::new(200);
            marks.iter().for_each(|chunk| touched.mark(*chunk));
            touched.mark(5000);
            let runs = touched.runs(from..220);
            let apart = runs.windows(2).all(|pair| pair[0].end < pair[1].start);
            prop_assert!(apart);
            let found: BTreeSet<usize> = runs.into_iter().flatten().collect();
            prop_assert_eq!(found, marks.into_iter().filter(|chunk| *chunk >= from).collect::<BTreeSet<_>>());
        }
    }
}
