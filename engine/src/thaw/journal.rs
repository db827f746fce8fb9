//! A job's journal: one append-only file `<dir>/<job id>.job`. What [`Journal::commit`] returned from is durable.
//!
//! One owner at a time drives a job, by an exclusive lock on its file. Reading needs no lock: a reader sees every frame
//! whole, at most one that is being synced while it looks.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::event::{Event, IllegalTransition};
use super::frames::{self, FRAME_EVENTS, MAX_JOURNAL};
use super::job::{Job, JobSpec, draw_id};
use crate::file_lock::FileLock;
use crate::format::FormatError;
use crate::id::JobId;
use crate::store::sync_dir;

const SUFFIX: &str = ".job";
/// Bytes at the end of the longest journal that are kept for events of the whole job.
const RESERVE: u64 = 4096;

/// Why a journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is no such job.
    #[error("no thaw job {0}")]
    NoSuchJob(JobId),
    /// Another process, or another part of this one, drives the job.
    #[error("thaw job {0} is being driven by another firn: wait for it, or stop it first")]
    Busy(JobId),
    /// The job makes no sense, or the file is damaged.
    #[error("{} can't be used; with it moved away, a new job for the same packs joins what is thawing", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: FormatError,
    },
    /// The job can't be filed.
    #[error("no such job can be filed")]
    Spec(#[source] FormatError),
    /// Too much has happened to the job.
    #[error("thaw job {0} has grown too long: cancel it; a new job for the same packs joins what is thawing")]
    Full(JobId),
    /// It failed before; what is on disk is not known.
    #[error("the journal of thaw job {0} failed before: open it again")]
    Poisoned(JobId),
    /// The job is not over.
    #[error("thaw job {0} is not over: cancel it first")]
    NotOver(JobId),
    /// That can't happen to the job.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The disk failed.
    #[error("{action} {}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { action, path, source }
}

fn path_of(dir: &Path, id: JobId) -> PathBuf {
    dir.join(format!("{id}{SUFFIX}"))
}

/// The jobs in a directory, sorted; none where there is no directory.
pub fn jobs(dir: &Path) -> Result<Vec<JobId>, JournalError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("listing", dir))?,
    };
    let mut ids = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed("listing", dir))?.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(|id| id.parse().ok());
        ids.extend::<Option<JobId>>(id);
    }
    ids.sort_unstable();
    Ok(ids)
}

/// A job as it stands. Whoever drives it is not disturbed.
pub fn read_job(dir: &Path, id: JobId) -> Result<Job, JournalError> {
    let path = path_of(dir, id);
    Ok(load(&open(&path, id, false)?, &path, id)?.0)
}

/// The job that these bytes are the journal of; no bytes make it panic, hang or allocate beyond their length.
///
/// # Errors
/// Where they are damaged, beyond a torn end.
pub fn parse_journal(bytes: &[u8]) -> Result<Job, FormatError> {
    frames::read(bytes).map(|(job, _)| job)
}

fn open(path: &Path, id: JobId, write: bool) -> Result<File, JournalError> {
    File::options().read(true).write(write).open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => JournalError::NoSuchJob(id),
        _ => failed("opening", path)(error),
    })
}

fn load(file: &File, path: &Path, id: JobId) -> Result<(Job, usize), JournalError> {
    let unusable = |source| JournalError::Unusable { path: path.to_owned(), source };
    let len = file.metadata().map_err(failed("reading", path))?.len();
    if len > MAX_JOURNAL {
        let (object, what) = ("thaw journal", "length");
        return Err(unusable(FormatError::Limit { object, what, value: len, limit: MAX_JOURNAL }));
    }
    let mut bytes = Vec::new();
    file.take(MAX_JOURNAL).read_to_end(&mut bytes).map_err(failed("reading", path))?;
    let (job, end) = frames::read(&bytes).map_err(unusable)?;
    if job.id() != id {
        let what = format!("it is the journal of job {}, under a wrong name", job.id());
        return Err(unusable(FormatError::Invalid { object: "thaw journal", what }));
    }
    Ok((job, end))
}

/// An owned journal with the job it tells of.
#[derive(Debug)]
pub struct Journal {
    file: FileLock,
    path: PathBuf,
    job: Job,
    /// Where the next frame goes.
    end: usize,
    poisoned: bool,
    /// After so many frames, only so many bytes of the next one are written: as a crash would leave it.
    #[cfg(test)]
    pub(super) crash: Option<(u32, usize)>,
}

impl Journal {
    /// Files a job in the directory, which is created if need be.
    pub fn create(dir: &Path, spec: JobSpec) -> Result<Self, JournalError> {
        let id = draw_id().map_err(failed("reading", Path::new("/dev/urandom")))?;
        Journal::create_as(dir, id, spec)
    }

    pub(super) fn create_as(dir: &Path, id: JobId, spec: JobSpec) -> Result<Self, JournalError> {
        let bytes = frames::first(id, &spec).map_err(JournalError::Spec)?;
        let path = path_of(dir, id);
        let write = || -> io::Result<FileLock> {
            if !dir.is_dir() {
                fs::create_dir_all(dir)?;
                sync_dir(dir.parent().unwrap_or(dir))?;
            }
            let mut file = tempfile::Builder::new().prefix("filing-").tempfile_in(dir)?;
            file.write_all(&bytes)?;
            file.as_file().sync_all()?;
            let (file, unnamed) = file.into_parts();
            // Before it has a name nobody else can have it.
            let file = FileLock::take(file)?;
            unnamed.persist_noclobber(&path).map_err(|error| error.error)?;
            sync_dir(dir)?;
            Ok(file)
        };
        let file = write().map_err(failed("writing", &path))?;
        Ok(Journal::over(file, path, Job::new(id, spec), bytes.len()))
    }

    /// Takes a job over, to drive it.
    ///
    /// # Errors
    /// [`JournalError::Busy`] when somebody else has it.
    pub fn open(dir: &Path, id: JobId) -> Result<Self, JournalError> {
        let path = path_of(dir, id);
        let file = FileLock::take(open(&path, id, true)?).map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::Busy(id),
            TryLockError::Error(error) => failed("locking", &path)(error),
        })?;
        // Not one that its owner has just removed.
        let same = fs::metadata(&path).and_then(|named| Ok(named.ino() == file.metadata()?.ino()));
        if !same.unwrap_or(false) {
            return Err(JournalError::NoSuchJob(id));
        }
        let (job, end) = load(&file, &path, id)?;
        let journal = Journal::over(file, path, job, end);
        // A torn write, which nobody was told of.
        let len = journal.file.metadata().map_err(failed("reading", &journal.path))?.len();
        if len > end as u64 {
            journal.file.set_len(end as u64).map_err(failed("repairing", &journal.path))?;
        }
        // The last owner may have died between writing and syncing what is whole.
        journal.file.sync_all().map_err(failed("syncing", &journal.path))?;
        Ok(journal)
    }

    fn over(file: FileLock, path: PathBuf, job: Job, end: usize) -> Self {
        Journal {
            file,
            path,
            job,
            end,
            poisoned: false,
            #[cfg(test)]
            crash: None,
        }
    }

    /// The job as far as it is durable.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Makes events durable, and then part of the job. Each must be possible for the job as it is now: at most one for a
    /// pack, and events of the whole job alone.
    ///
    /// # Errors
    /// Where one is not possible, nothing is written. Where the disk fails, some of them may have become durable and part
    /// of the job, in order; after a failed sync the journal must be opened again.
    pub fn commit(&mut self, at: i64, events: &[Event]) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned(self.job.id()));
        }
        for event in events {
            self.job.check(at, event)?;
        }
        for events in events.chunks(FRAME_EVENTS) {
            // Cancelling must work even then.
            let reserve = if matches!(events, [Event::Pack(..), ..]) { RESERVE } else { 0 };
            self.append(&frames::next(self.job.id(), self.end, at, events), MAX_JOURNAL - reserve)?;
            for event in events {
                self.job.apply(at, event)?;
            }
        }
        Ok(())
    }

    fn append(&mut self, frame: &[u8], limit: u64) -> Result<(), JournalError> {
        let start = self.end as u64;
        if start.saturating_add(frame.len() as u64) > limit {
            return Err(JournalError::Full(self.job.id()));
        }
        #[cfg(test)]
        self.crash_if_told(start, frame)?;
        if let Err(error) = self.file.write_all_at(frame, start) {
            // Nothing half written may stay; if it must, it is taken for torn when the journal is opened again.
            self.poisoned = self.file.set_len(start).is_err();
            return Err(failed("writing", &self.path)(error));
        }
        if let Err(error) = self.file.sync_data() {
            // What of it reached the disk can't be known, and another sync would not tell.
            self.poisoned = true;
            return Err(failed("syncing", &self.path)(error));
        }
        self.end += frame.len();
        Ok(())
    }

    #[cfg(test)]
    fn crash_if_told(&mut self, start: u64, frame: &[u8]) -> Result<(), JournalError> {
        match &mut self.crash {
            None => Ok(()),
            Some((0, keep)) => {
                let part = frame.get(..*keep).unwrap_or(frame);
                self.file.write_all_at(part, start).unwrap();
                self.poisoned = true;
                Err(failed("writing", &self.path)(io::Error::other("crash")))
            }
            Some((left, _)) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    /// Removes the journal of a job that is over.
    ///
    /// # Errors
    /// [`JournalError::NotOver`]; or where the disk fails.
    pub fn remove(self) -> Result<(), JournalError> {
        if !self.job.is_over() {
            return Err(JournalError::NotOver(self.job.id()));
        }
        fs::remove_file(&self.path).map_err(failed("removing", &self.path))?;
        sync_dir(self.path.parent().unwrap_or(&self.path)).map_err(failed("syncing", &self.path))
    }
}
