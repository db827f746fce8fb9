//! Opening: is the database the one that was written, and does it say what the store's packs say?

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use super::chunk_index::{ChunkIndex, Footers, index_error};
use super::directory::Directory;
use super::error::IndexError;
use super::files::{Files, RebuildReason, Survey};
use super::owner::Fault;
use super::session::{Session, Tuning};
use super::table;
use crate::id::PackId;

/// Rows read from the database in one go, in bytes.
const BATCH: usize = 8 * 1024 * 1024;

/// In what condition the database was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenOutcome {
    /// There was none.
    Created,
    /// It was the one that was written.
    Opened,
    /// It was moved aside and made anew from footers.
    Rebuilt {
        /// Why.
        reason: RebuildReason,
        /// Where the old one is now, if there was one; the next one to be given up takes its place.
        quarantine: Option<PathBuf>,
    },
}

/// What opening found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// The condition of the database.
    pub outcome: OpenOutcome,
    /// Packs loaded from footers because the index did not have them.
    pub packs_loaded: usize,
    /// Packs dropped because the store does not have them.
    pub packs_dropped: usize,
}

/// How far the loading of footers is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Packs loaded so far.
    pub packs_done: usize,
    /// Packs to load.
    pub packs_total: usize,
}

impl ChunkIndex {
    /// Opens or creates the index in `dir` and brings it in line with `packs`, the packs that the store has.
    ///
    /// Packs that the index lacks are loaded through `footers`, those the store lacks are dropped. A database that is
    /// damaged, hangs or is not the one that was written is moved aside and made anew. The caller keeps other writers out.
    ///
    /// # Errors
    /// [`IndexError::Footer`] if a footer cannot be loaded, [`IndexError::Disk`] if the disk is full or closed to us,
    /// [`IndexError::Locked`] if another process has the database open.
    pub fn open(
        dir: &Path,
        packs: &BTreeSet<PackId>,
        footers: Footers,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(ChunkIndex, OpenReport), IndexError> {
        ChunkIndex::open_tuned(dir, packs, footers, progress, Tuning::default())
    }

    pub(super) fn open_tuned(
        dir: &Path,
        packs: &BTreeSet<PackId>,
        footers: Footers,
        progress: &mut dyn FnMut(Progress),
        tuning: Tuning,
    ) -> Result<(ChunkIndex, OpenReport), IndexError> {
        let files = Files::in_dir(dir)?;
        let (session, directory, outcome) = match files.survey() {
            Survey::Nothing => {
                let (session, directory) = create(&files, &tuning)?;
                (session, directory, OpenOutcome::Created)
            }
            Survey::Suspect(reason) => start_over(&files, &tuning, reason)?,
            Survey::Database(checkpoint) => match resume(&files, &tuning, &checkpoint) {
                Ok((session, directory)) => (session, directory, OpenOutcome::Opened),
                Err(fault) if fault.environment().is_some() => return Err(index_error(&files, &fault)),
                Err(fault) => start_over(&files, &tuning, reason_of(&fault))?,
            },
        };
        let mut index = ChunkIndex::new(files, tuning, footers, session, directory);
        let (packs_loaded, packs_dropped) = index.align(packs, progress)?;
        Ok((index, OpenReport { outcome, packs_loaded, packs_dropped }))
    }

    /// Makes the index hold these packs and no others, durably; says how many were loaded and dropped.
    fn align(
        &mut self,
        packs: &BTreeSet<PackId>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(usize, usize), IndexError> {
        let known: BTreeSet<PackId> = self.directory().packs().copied().collect();
        let gone: Vec<&PackId> = known.difference(packs).collect();
        for pack in &gone {
            self.remove_pack(pack)?;
        }
        let missing: Vec<&PackId> = packs.difference(&known).collect();
        let packs_total = missing.len();
        for (packs_done, pack) in missing.into_iter().enumerate() {
            progress(Progress { packs_done, packs_total });
            let entries = self.entries(*pack)?;
            self.add_pack(*pack, &entries)?;
        }
        if packs_total > 0 {
            progress(Progress { packs_done: packs_total, packs_total });
        }
        self.flush()?;
        Ok((packs_total, gone.len()))
    }
}

fn reason_of(fault: &Fault) -> RebuildReason {
    match fault {
        Fault::Damaged(_) => RebuildReason::ContentLost,
        other => RebuildReason::Failed(other.to_string()),
    }
}

fn create(files: &Files, tuning: &Tuning) -> Result<(Session, Directory), IndexError> {
    let session = Session::create(files, tuning).map_err(|fault| index_error(files, &fault))?;
    let directory = Directory::new(session.salt(), 0);
    Ok((session, directory))
}

fn start_over(
    files: &Files,
    tuning: &Tuning,
    reason: RebuildReason,
) -> Result<(Session, Directory, OpenOutcome), IndexError> {
    let quarantine = files.give_up_database()?;
    let (session, directory) = create(files, tuning)?;
    Ok((session, directory, OpenOutcome::Rebuilt { reason, quarantine }))
}

/// Opens the database of a checkpoint, with a note on disk for the case that this process does not survive it.
fn resume(files: &Files, tuning: &Tuning, checkpoint: &Checkpoint) -> Result<(Session, Directory), Fault> {
    files.note_opening()?;
    let session = Session::resume(files, tuning, checkpoint);
    let opened = session.and_then(|session| match scan(&session) {
        Ok(directory) => Ok((session, directory)),
        Err(fault) => {
            if !matches!(fault, Fault::Hung(_)) {
                session.abandon();
            }
            Err(fault)
        }
    });
    // A hang that was noticed needs no note: what is done about it is done now.
    files.note_opened()?;
    opened
}

/// Reads all rows; they must add up to the state that the database says it is in.
fn scan(session: &Session) -> Result<Directory, Fault> {
    let state = session.state();
    let mut directory = Directory::new(session.salt(), usize::try_from(state.chunks).unwrap_or(0));
    let mut left = usize::try_from(state.packs).unwrap_or(usize::MAX);
    while left > 0 {
        let rows = session.rows(directory.next_ordinal(), left, BATCH)?;
        left = if rows.is_empty() { 0 } else { left.saturating_sub(rows.len()) };
        let read = |(ordinal, row): (u32, Vec<u8>)| {
            let row = if ordinal == u32::MAX { None } else { table::decode_row(ordinal, &row) };
            row.ok_or(Fault::Damaged("a row is not what was written"))
        };
        directory.enter(rows.into_iter().map(read).collect::<Result<_, _>>()?);
    }
    if directory.state(state.generation) != state {
        return Err(Fault::Damaged("rows are missing"));
    }
    Ok(directory)
}
