//! One database from open to close: which state is on disk, and the order of writes that keeps it known.

use std::io;
use std::time::Duration;

use super::checkpoint::{Checkpoint, State};
use super::db::{self, TableDb};
use super::files::Files;
use super::key::Salt;
use super::owner::{Fault, Owner};
use super::trim::trim;

/// Sizes and limits; tests make them small.
#[derive(Debug, Clone)]
pub(super) struct Tuning {
    /// Bytes of a page.
    pub page_bytes: usize,
    /// Pages kept in memory.
    pub cache_pages: usize,
    /// Bytes written after which the database is closed and opened again, since sled keeps in memory what it wrote.
    pub recycle_bytes: usize,
    /// How long the database may take to open, flush or close: opening waits for the whole system's `sync`.
    pub slow_limit: Duration,
    /// How long it may take to read or enter one thing.
    pub quick_limit: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning {
            page_bytes: db::PAGE_BYTES,
            cache_pages: 32 * 1024 * 1024 / db::PAGE_BYTES,
            recycle_bytes: 24 * 1024 * 1024,
            slow_limit: Duration::from_secs(300),
            quick_limit: Duration::from_secs(60),
        }
    }
}

/// An open database.
#[derive(Debug)]
pub(super) struct Session {
    files: Files,
    tuning: Tuning,
    owner: Owner,
    salt: Salt,
    /// What is on disk.
    state: State,
    /// Bytes entered since the last flush.
    unflushed: usize,
    /// Bytes entered since sled last let go of what it wrote.
    held: usize,
}

impl Session {
    /// A new, empty database.
    pub fn create(files: &Files, tuning: &Tuning) -> Result<Session, Fault> {
        let salt = Salt::draw();
        let owner = Owner::open(&files.database(salt), tuning.slow_limit)?;
        let state = State::of(0, std::iter::empty());
        let (files, tuning) = (files.clone(), tuning.clone());
        let mut session = Session { files, tuning, owner, salt, state, unflushed: 0, held: 0 };
        session.flush(State { generation: 1, ..state })?;
        Ok(session)
    }

    /// The database that a checkpoint describes, in one of its states.
    pub fn resume(files: &Files, tuning: &Tuning, checkpoint: &Checkpoint) -> Result<Session, Fault> {
        files.write_checkpoint(&Checkpoint { seal: None, ..checkpoint.clone() })?;
        let owner = Owner::open(&files.database(checkpoint.salt), tuning.slow_limit)?;
        let meta = owner.call(tuning.quick_limit, |db| db.meta())?;
        let found = |state: &&State| meta.as_deref().is_some_and(|meta| meta == state.to_bytes());
        let state = *checkpoint.states.iter().find(found).ok_or(Fault::Damaged("it holds another state"))?;
        let (files, tuning, salt) = (files.clone(), tuning.clone(), checkpoint.salt);
        Ok(Session { files, tuning, owner, salt, state, unflushed: 0, held: 0 })
    }

    /// The secret that keys are made with.
    pub fn salt(&self) -> Salt {
        self.salt
    }

    /// What is on disk.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether a flush would change what is on disk.
    pub fn is_dirty(&self) -> bool {
        self.unflushed > 0
    }

    /// Whether sled holds so much memory for a store of this many chunks that it is time for [`Session::recycle`].
    /// A byte a chunk more keeps the number of openings low while a large index is built.
    pub fn is_full(&self, chunks: usize) -> bool {
        self.held >= self.tuning.recycle_bytes + chunks
    }

    /// Up to `most` rows from an ordinal on, in batches of about `bytes`.
    pub fn rows(&self, from: u32, most: usize, bytes: usize) -> Result<Vec<(u32, Vec<u8>)>, Fault> {
        self.owner.call(self.tuning.quick_limit, move |db| db.rows(from, most, bytes))
    }

    /// Pages of a pack, in the order of their numbers as given.
    pub fn pages(&self, ordinal: u32, numbers: &[u32]) -> Result<Vec<Option<Vec<u8>>>, Fault> {
        let numbers = numbers.to_vec();
        let read = move |db: &mut TableDb| numbers.iter().map(|&number| db.page(ordinal, number)).collect();
        self.owner.call(self.tuning.quick_limit, read)
    }

    /// Enters a pack.
    pub fn put(&mut self, ordinal: u32, row: Vec<u8>, pages: Vec<Vec<u8>>) -> Result<(), Fault> {
        self.count(row.len() + pages.iter().map(Vec::len).sum::<usize>());
        self.owner.call(self.tuning.quick_limit, move |db| db.put(ordinal, &row, &pages))
    }

    /// Takes a pack out.
    pub fn remove(&mut self, ordinal: u32, pages: u32) -> Result<(), Fault> {
        // Emptied leaves go, but the leaf before them is written again.
        self.count(2 * self.tuning.page_bytes);
        self.owner.call(self.tuning.quick_limit, move |db| db.remove(ordinal, pages))
    }

    fn count(&mut self, bytes: usize) {
        self.unflushed += bytes;
        self.held += bytes;
    }

    /// Makes all of it durable as `next`. The checkpoint allows both states before sled has either.
    pub fn flush(&mut self, next: State) -> Result<(), Fault> {
        let both = Checkpoint { salt: self.salt, states: vec![self.state, next], seal: None };
        self.files.write_checkpoint(&both)?;
        self.owner.call(self.tuning.slow_limit, move |db| {
            db.put_meta(&next.to_bytes())?;
            db.flush()
        })?;
        self.state = next;
        self.unflushed = 0;
        Ok(self.write_checkpoint(None)?)
    }

    fn write_checkpoint(&self, seal: Option<[u8; 32]>) -> io::Result<()> {
        self.files.write_checkpoint(&Checkpoint { salt: self.salt, states: vec![self.state], seal })
    }

    /// Closes the database and opens it anew in a thread of its own, which frees what sled holds, some of it only when its
    /// thread ends, and clears an error that it may have remembered.
    pub fn recycle(&mut self) -> Result<(), Fault> {
        self.owner.close(self.tuning.slow_limit)?;
        trim();
        self.owner = Owner::open(&self.files.database(self.salt), self.tuning.slow_limit)?;
        self.held = 0;
        Ok(())
    }

    /// Closes the database; what was not flushed must not be closed.
    pub fn close(mut self) -> Result<(), Fault> {
        self.owner.close(self.tuning.slow_limit)?;
        let seal = db::seal(&self.files.database(self.salt))?;
        Ok(self.write_checkpoint(Some(seal))?)
    }

    /// Closes a database that has failed, without a word in the checkpoint.
    pub fn abandon(mut self) {
        // It has failed already; what it says while closing adds nothing.
        let _ = self.owner.close(self.tuning.slow_limit);
    }
}
