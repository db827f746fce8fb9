//! [`ChunkIndex`]: look-ups, additions and removals, and what happens when the database fails under them.
//!
//! A look-up that cannot have a page from the database has it from the pack's footer instead. The next operation that
//! writes then makes the database anew.

use std::fmt;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cache::PageCache;
use super::directory::Directory;
use super::error::{FooterError, IndexError};
use super::files::Files;
use super::key::Key;
use super::owner::Fault;
use super::page::{Page, Spot};
use super::session::{Session, Tuning};
use super::steps::{add, flush, read, remove, within_limit};
use super::table::{self, PackInfo, PageSize};
use super::{IndexEntry, IndexStats, Location};
use crate::id::{ChunkId, PackId};

/// Loads the entries of a pack in frame order, from its footer. Called for packs that were given to the index only.
pub type Footers = Arc<dyn Fn(PackId) -> Result<Vec<IndexEntry>, FooterError> + Send + Sync>;

/// Most pages read in one go when a run of duplicates begins; packs of usual size have about thirty.
const MAX_AHEAD: u32 = 64;

/// Chunks looked up together by [`ChunkIndex::lookup_all`]: more than memory accesses can be under way at once.
const TOGETHER: usize = 32;

/// The database, or why there is none any more.
#[derive(Debug)]
enum Link {
    Up(Session),
    Down(Fault),
}

#[derive(Debug, Default)]
struct Counters {
    lookups: AtomicU64,
    filter_misses: AtomicU64,
    page_loads: AtomicU64,
    footer_loads: AtomicU64,
    rebuilds: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// From chunk ids to places in packs. Look-ups may come from several threads.
pub struct ChunkIndex {
    files: Files,
    tuning: Tuning,
    footers: Footers,
    directory: Directory,
    cache: PageCache,
    link: Mutex<Link>,
    /// Ordinal of the pack that a page was last loaded of.
    last_loaded: AtomicU32,
    counters: Counters,
}

impl fmt::Debug for ChunkIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkIndex").field("dir", &self.files.dir()).finish_non_exhaustive()
    }
}

pub(super) fn index_error(files: &Files, fault: &Fault) -> IndexError {
    let dir = PathBuf::from(files.dir());
    match fault.environment() {
        Some(error) if error.kind() == std::io::ErrorKind::WouldBlock => IndexError::Locked { dir },
        Some(error) => IndexError::Disk { dir, source: std::io::Error::new(error.kind(), error.to_string()) },
        None => IndexError::Unusable { dir, fault: fault.to_string() },
    }
}

impl ChunkIndex {
    pub(super) fn new(files: Files, tuning: Tuning, footers: Footers, session: Session, directory: Directory) -> Self {
        let cache = PageCache::new(tuning.cache_pages);
        let (link, last_loaded) = (Mutex::new(Link::Up(session)), AtomicU32::new(u32::MAX));
        ChunkIndex { files, tuning, footers, directory, cache, link, last_loaded, counters: Counters::default() }
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Where a chunk is; if several packs hold it, in the one with the smallest id.
    ///
    /// A new chunk is answered from memory. Fails only when the database has failed and a footer cannot be loaded either.
    pub fn lookup(&self, id: &ChunkId) -> Result<Option<Location>, IndexError> {
        self.locate(self.directory.salt().key(id.as_bytes()), id)
    }

    /// Looks up many chunks, in the same order; faster than one by one.
    ///
    /// # Errors
    /// As [`ChunkIndex::lookup`], for the first chunk that fails.
    pub fn lookup_all(&self, ids: &[ChunkId]) -> Result<Vec<Option<Location>>, IndexError> {
        let mut answers = Vec::with_capacity(ids.len());
        for ids in ids.chunks(TOGETHER) {
            // A look-up spends most of its time waiting for one line of the filter; here the waits overlap.
            let mut keys = [self.directory.salt().key(&[0; ChunkId::LEN]); TOGETHER];
            let mut read = 0;
            for (slot, id) in keys.iter_mut().zip(ids) {
                let (key, line) = self.directory.approach(id);
                (*slot, read) = (key, read ^ line);
            }
            black_box(read);
            for (id, key) in ids.iter().zip(keys) {
                answers.push(self.locate(key, id)?);
            }
        }
        Ok(answers)
    }

    fn locate(&self, key: Key, id: &ChunkId) -> Result<Option<Location>, IndexError> {
        count(&self.counters.lookups);
        let mut answer: Result<Option<Location>, IndexError> = Ok(None);
        let mut candidates = 0;
        self.directory.visit(key, |info| {
            candidates += 1;
            let better = matches!(&answer, Ok(best) if best.is_none_or(|best| info.pack < best.pack));
            if !better {
                return;
            }
            match self.find(info, key, id) {
                Ok(Some(Spot { frame, offset, len })) => {
                    answer = Ok(Some(Location { pack: info.pack, frame, offset, len }));
                }
                Ok(None) => (),
                Err(error) => answer = Err(error),
            }
        });
        if candidates == 0 {
            count(&self.counters.filter_misses);
        }
        answer
    }

    fn find(&self, info: &PackInfo, key: Key, id: &ChunkId) -> Result<Option<Spot>, IndexError> {
        for (number, span) in info.pages_for(key) {
            let look = |page: &Page| page.find(self.directory.salt(), key, id, span);
            let spot = match self.cache.with(info.ordinal, number, look) {
                Some(spot) => spot,
                None => {
                    let page = self.load(info, number)?;
                    let spot = look(&page);
                    self.cache.put(info.ordinal, number, page);
                    spot
                }
            };
            if spot.is_some() {
                return Ok(spot);
            }
        }
        Ok(None)
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page that is not in the cache. The second one of a pack in a row is the beginning of a run of duplicates, which
    /// will want them all: keys say nothing about neighbourhood.
    fn load(&self, info: &PackInfo, number: u32) -> Result<Page, IndexError> {
        let run = self.last_loaded.swap(info.ordinal, Ordering::Relaxed) == info.ordinal;
        let also = if run { 1..info.pages().min(MAX_AHEAD) } else { 0..0 };
        let ahead = also.map(|step| (number + step) % info.pages());
        let numbers = std::iter::once(number).chain(ahead.filter(|&other| !self.cache.contains(info.ordinal, other)));
        let numbers: Vec<u32> = numbers.collect();
        let mut link = self.link();
        if let Link::Up(session) = &mut *link {
            match read(session, info.ordinal, &numbers) {
                Ok(pages) => {
                    drop(link);
                    self.counters.page_loads.fetch_add(numbers.len() as u64, Ordering::Relaxed);
                    return self.keep(info, number, numbers.into_iter().zip(pages));
                }
                Err(fault) => self.go_down(&mut link, fault),
            }
        }
        drop(link);
        self.load_from_footer(info, number)
    }

    /// Repeats what the pack's table was made from; all its pages go to the cache, since one footer paid for them.
    fn load_from_footer(&self, info: &PackInfo, number: u32) -> Result<Page, IndexError> {
        count(&self.counters.footer_loads);
        let entries = self.entries(info.pack)?;
        let size = PageSize::Entries(info.per_page);
        let table = table::build(self.directory.salt(), info.ordinal, info.pack, &entries, size);
        let pages = table.pages.into_iter().zip(0u32..);
        let pages = pages.filter_map(|(bytes, at)| Some((at, Page::decode(bytes, info.ordinal, at)?)));
        self.keep(info, number, pages)
    }

    /// Puts pages into the cache, except the wanted one.
    fn keep(&self, info: &PackInfo, wanted: u32, pages: impl Iterator<Item = (u32, Page)>) -> Result<Page, IndexError> {
        let mut found = None;
        for (number, page) in pages {
            if number == wanted {
                found = Some(page);
            } else {
                self.cache.put(info.ordinal, number, page);
            }
        }
        let differs = || IndexError::Footer { pack: info.pack, source: "it lists fewer chunks than before".into() };
        found.ok_or_else(differs)
    }

    pub(super) fn entries(&self, pack: PackId) -> Result<Vec<IndexEntry>, IndexError> {
        let entries = (self.footers)(pack).map_err(|source| IndexError::Footer { pack, source })?;
        within_limit(pack, &entries)?;
        Ok(entries)
    }

    fn go_down(&self, link: &mut Link, fault: Fault) {
        if fault.environment().is_none() {
            // If even the note cannot be written, the next start finds the damage as this one did.
            let _ = self.files.note_damaged();
        }
        let hung = matches!(fault, Fault::Hung(_));
        if let Link::Up(session) = std::mem::replace(link, Link::Down(fault))
            && !hung
        {
            session.abandon();
        }
    }

    /// Runs an operation that writes; if the database fails or has failed, rebuilds it and runs the operation once more.
    fn write(&mut self, work: impl Fn(&mut Directory, &mut Session) -> Result<(), Fault>) -> Result<(), IndexError> {
        let mut rebuilt = false;
        loop {
            let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
            if let Link::Up(session) = &mut *link {
                match work(&mut self.directory, session) {
                    Ok(()) => return Ok(()),
                    Err(fault) => self.go_down(&mut link, fault),
                }
            }
            if let Link::Down(fault) = &*link
                && (rebuilt || fault.environment().is_some())
            {
                return Err(index_error(&self.files, fault));
            }
            drop(link);
            self.rebuild()?;
            rebuilt = true;
        }
    }

    /// Makes the database anew from the footers of the packs in the directory.
    fn rebuild(&mut self) -> Result<(), IndexError> {
        count(&self.counters.rebuilds);
        self.files.give_up_database()?;
        let unusable = |fault: Fault| index_error(&self.files, &fault);
        let mut session = Session::create(&self.files, &self.tuning).map_err(unusable)?;
        let mut directory = Directory::new(session.salt(), usize::try_from(self.directory.chunks()).unwrap_or(0));
        for pack in self.directory.packs() {
            let entries = self.entries(*pack)?;
            add(&mut directory, &mut session, &self.tuning, *pack, &entries).map_err(unusable)?;
        }
        flush(&directory, &mut session).map_err(unusable)?;
        self.directory = directory;
        self.cache.clear();
        *self.link() = Link::Up(session);
        Ok(())
    }

    /// Adds a pack with its entries in frame order; look-ups see it at once, and it is durable after [`ChunkIndex::flush`].
    /// From now on its footer must be loadable. A pack that is there already stays as it is.
    pub fn add_pack(&mut self, pack: PackId, entries: &[IndexEntry]) -> Result<(), IndexError> {
        within_limit(pack, entries)?;
        let tuning = self.tuning.clone();
        self.write(|directory, session| add(directory, session, &tuning, pack, entries))
    }

    /// Removes a pack; one that is not there is no error.
    pub fn remove_pack(&mut self, pack: &PackId) -> Result<(), IndexError> {
        let salt = self.directory.salt();
        // Out of the directory first: a rebuild must not ask for the footer of a pack that goes.
        let Some(info) = self.directory.forget(pack) else { return Ok(()) };
        self.write(|directory, session| {
            // After a rebuild it is not there any more, and its ordinal may be another's.
            if session.salt() == salt { remove(directory, session, &info) } else { Ok(()) }
        })
    }

    /// Makes all additions and removals durable.
    pub fn flush(&mut self) -> Result<(), IndexError> {
        self.write(|directory, session| flush(directory, session))
    }

    /// Flushes and closes the database. Dropping the index does the same and says nothing about errors.
    pub fn close(mut self) -> Result<(), IndexError> {
        self.flush()?;
        self.shut().map_err(|fault| index_error(&self.files, &fault))
    }

    fn shut(&mut self) -> Result<(), Fault> {
        let link = self.link.get_mut().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(link, Link::Down(Fault::Damaged("the index is closed"))) {
            Link::Up(mut session) => match flush(&self.directory, &mut session) {
                Ok(()) => session.close(),
                Err(fault) => {
                    session.abandon();
                    Err(fault)
                }
            },
            Link::Down(_) => Ok(()),
        }
    }

    /// Sizes and counters.
    pub fn stats(&self) -> IndexStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        IndexStats {
            packs: self.directory.packs().count() as u64,
            chunks: self.directory.chunks(),
            memory_bytes: (self.directory.bytes() + self.cache.bytes()) as u64,
            disk_bytes: self.files.disk_bytes(),
            lookups: read(&self.counters.lookups),
            filter_misses: read(&self.counters.filter_misses),
            page_loads: read(&self.counters.page_loads),
            footer_loads: read(&self.counters.footer_loads),
            rebuilds: read(&self.counters.rebuilds),
        }
    }
}

impl Drop for ChunkIndex {
    fn drop(&mut self) {
        // sled flushes when it is dropped; it must not do so behind the checkpoint's back.
        let _ = self.shut();
    }
}
