//! Recently used pages. Duplicates come in runs from the same pack, so a few megabytes answer most hits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::page::Page;

/// Pages that may share a set; the one not used for longest goes first.
const WAYS: usize = 8;

/// Names, ages and pages apart: a search reads two cache lines and then the page.
#[derive(Debug, Default)]
struct Set {
    clock: u64,
    /// Ordinal and number of each page.
    names: [u64; WAYS],
    used: [u64; WAYS],
    pages: [Option<Page>; WAYS],
}

impl Set {
    fn touch(&mut self, way: usize) {
        self.clock += 1;
        if let Some(used) = self.used.get_mut(way) {
            *used = self.clock;
        }
    }
}

/// A set-associative cache, bounded by its number of pages; pages are bounded by what the index writes.
#[derive(Debug)]
pub(super) struct PageCache {
    sets: Vec<Mutex<Set>>,
    bytes: AtomicUsize,
}

fn name(ordinal: u32, page: u32) -> u64 {
    u64::from(ordinal) << 32 | u64::from(page)
}

impl PageCache {
    /// A cache of at least this many pages, rounded up to whole sets.
    pub fn new(pages: usize) -> Self {
        let sets = pages.div_ceil(WAYS).max(1);
        PageCache { sets: (0..sets).map(|_| Mutex::default()).collect(), bytes: AtomicUsize::new(0) }
    }

    fn set(&self, name: u64) -> Option<MutexGuard<'_, Set>> {
        // The odd constant is 2^64 divided by the golden ratio: neighbouring pages go to sets far apart.
        let spread = name.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let set = self.sets.get(((spread * self.sets.len() as u64) >> 32) as usize)?;
        Some(set.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What `look` makes of the page, if it is here. Other pages of its set wait meanwhile.
    pub fn with<T>(&self, ordinal: u32, page: u32, look: impl FnOnce(&Page) -> T) -> Option<T> {
        let name = name(ordinal, page);
        let mut set = self.set(name)?;
        let way = set.names.iter().position(|other| *other == name)?;
        set.touch(way);
        set.pages.get(way)?.as_ref().map(look)
    }

    /// Whether the page is here.
    pub fn contains(&self, ordinal: u32, page: u32) -> bool {
        self.with(ordinal, page, |_| ()).is_some()
    }

    /// Keeps a page.
    pub fn put(&self, ordinal: u32, number: u32, page: Page) {
        let name = name(ordinal, number);
        let Some(mut set) = self.set(name) else { return };
        let same = set.names.iter().position(|other| *other == name);
        // A way that is free was never used.
        let oldest = || (0..WAYS).min_by_key(|&way| set.used.get(way)).unwrap_or(0);
        let way = same.unwrap_or_else(oldest);
        set.touch(way);
        self.bytes.fetch_add(page.bytes(), Ordering::Relaxed);
        let Set { names, pages, .. } = &mut *set;
        if let (Some(slot), Some(kept)) = (names.get_mut(way), pages.get_mut(way)) {
            *slot = name;
            let old = kept.replace(page);
            self.bytes.fetch_sub(old.map_or(0, |page| page.bytes()), Ordering::Relaxed);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        for set in &mut self.sets {
            *set.get_mut().unwrap_or_else(PoisonError::into_inner) = Set::default();
        }
        *self.bytes.get_mut() = 0;
    }

    /// Bytes of memory held by pages.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::page::{Widths, encode};
    use super::*;

    fn page(ordinal: u32, number: u32) -> Page {
        let bytes = encode(ordinal, number, Widths::default(), [].into_iter());
        Page::decode(bytes, ordinal, number).unwrap()
    }

    #[test]
    fn the_least_recently_used_page_goes() {
        let mut cache = PageCache::new(WAYS);
        assert!(!cache.contains(0, 0), "an empty way has no name");
        for number in 0..8 {
            cache.put(1, number, page(1, number));
        }
        let full = cache.bytes();
        assert!(cache.contains(1, 0));
        cache.put(2, 0, page(2, 0));
        assert!(!cache.contains(1, 1), "page 1 was the oldest");
        assert!(cache.contains(1, 0) && cache.contains(2, 0) && cache.contains(1, 7));
        assert_eq!(cache.bytes(), full);
        cache.put(2, 0, page(2, 0));
        assert_eq!(cache.bytes(), full, "the same page again takes no more room");
        cache.clear();
        assert!(!cache.contains(2, 0));
        assert_eq!(cache.bytes(), 0);
    }
}
