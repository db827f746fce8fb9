//! Recently used pages. Duplicates come in runs from the same pack, so a few megabytes answer most hits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::page::Page;

/// Pages that may share a set; the one not used for longest goes first.
const WAYS: usize = 8;

type Set = Vec<(u64, Arc<Page>)>;

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

    fn set(&self, name: u64) -> Option<&Mutex<Set>> {
        // The odd constant is 2^64 divided by the golden ratio: neighbouring pages go to sets far apart.
        let spread = name.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        self.sets.get(((spread * self.sets.len() as u64) >> 32) as usize)
    }

    /// The page, if it is here.
    pub fn get(&self, ordinal: u32, page: u32) -> Option<Arc<Page>> {
        let name = name(ordinal, page);
        let mut set = self.set(name)?.lock().unwrap_or_else(PoisonError::into_inner);
        let at = set.iter().position(|(other, _)| *other == name)?;
        set.get_mut(..=at)?.rotate_right(1);
        set.first().map(|(_, page)| Arc::clone(page))
    }

    /// Keeps a page.
    pub fn put(&self, ordinal: u32, number: u32, page: Arc<Page>) {
        let name = name(ordinal, number);
        let Some(set) = self.set(name) else { return };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let old = match set.iter().position(|(other, _)| *other == name) {
            Some(at) => Some(set.remove(at)),
            None if set.len() >= WAYS => set.pop(),
            None => None,
        };
        self.bytes.fetch_add(page.bytes(), Ordering::Relaxed);
        self.bytes.fetch_sub(old.map_or(0, |(_, page)| page.bytes()), Ordering::Relaxed);
        set.insert(0, (name, page));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        for set in &mut self.sets {
            set.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
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

    fn page(ordinal: u32, number: u32) -> Arc<Page> {
        let bytes = encode(ordinal, number, Widths::default(), [].into_iter());
        Arc::new(Page::decode(bytes, ordinal, number).unwrap())
    }

    #[test]
    fn the_least_recently_used_page_goes() {
        let mut cache = PageCache::new(WAYS);
        for number in 0..8 {
            cache.put(1, number, page(1, number));
        }
        let full = cache.bytes();
        assert!(cache.get(1, 0).is_some());
        cache.put(2, 0, page(2, 0));
        assert!(cache.get(1, 1).is_none(), "page 1 was the oldest");
        assert!(cache.get(1, 0).is_some() && cache.get(2, 0).is_some());
        assert_eq!(cache.bytes(), full);
        cache.put(2, 0, page(2, 0));
        assert_eq!(cache.bytes(), full, "the same page again takes no more room");
        cache.clear();
        assert!(cache.get(2, 0).is_none());
        assert_eq!(cache.bytes(), 0);
    }
}
