//! [`ChunkIndex`]: look-ups, additions and removals, and what happens when the database fails under them.
//!
//! A look-up that cannot have a page from the database has it from the pack's footer instead. The next operation that
//! writes then makes the database anew.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
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
        let (link, counters) = (Mutex::new(Link::Up(session)), Counters::default());
        ChunkIndex { files, tuning, footers, directory, cache, link, counters }
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Where a chunk is; if several packs hold it, in the one with the smallest id.
    ///
    /// A new chunk is answered from memory. Fails only when the database has failed and a footer cannot be loaded either.
    pub fn lookup(&self, id: &ChunkId) -> Result<Option<Location>, IndexError> {
        count(&self.counters.lookups);
        let key = self.directory.salt().key(id.as_bytes());
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
            let page = match self.cache.get(info.ordinal, number) {
                Some(page) => page,
                None => self.load(info, number)?,
            };
            if let Some(spot) = page.find(self.directory.salt(), key, id, span) {
                return Ok(Some(spot));
            }
        }
        Ok(None)
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self, info: &PackInfo, number: u32) -> Result<Arc<Page>, IndexError> {
        let mut link = self.link();
        if let Link::Up(session) = &mut *link {
            match read(session, info, number) {
                Ok(page) => {
                    drop(link);
                    count(&self.counters.page_loads);
                    let page = Arc::new(page);
                    self.cache.put(info.ordinal, number, Arc::clone(&page));
                    return Ok(page);
                }
                Err(fault) => self.go_down(&mut link, fault),
            }
        }
        drop(link);
        self.load_from_footer(info, number)
    }

    /// Repeats what the pack's table was made from; all its pages go to the cache, since one footer paid for them.
    fn load_from_footer(&self, info: &PackInfo, number: u32) -> Result<Arc<Page>, IndexError> {
        count(&self.counters.footer_loads);
        let entries = self.entries(info.pack)?;
        let size = PageSize::Entries(info.per_page);
        let table = table::build(self.directory.salt(), info.ordinal, info.pack, &entries, size);
        let mut wanted = None;
        for (at, bytes) in (0u32..).zip(table.pages) {
            if let Some(page) = Page::decode(bytes, info.ordinal, at).map(Arc::new) {
                self.cache.put(info.ordinal, at, Arc::clone(&page));
                wanted = wanted.or((at == number).then_some(page));
            }
        }
        let differs = || IndexError::Footer { pack: info.pack, source: "it lists fewer chunks than before".into() };
        wanted.ok_or_else(differs)
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
            // It has failed already; what it says while closing adds nothing.
            let _ = session.close();
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
            Link::Up(mut session) => flush(&self.directory, &mut session).and(session.close()),
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
