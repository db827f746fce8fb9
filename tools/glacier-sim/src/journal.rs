//! One file of JSON lines: the request log and everything that ever changed. Its fold is the state.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::class::{Class, Tier};
use crate::faults::FaultKind;
use crate::op::Op;
use crate::state::Effect;
use crate::time::Time;
use crate::usage::Charge;

/// One request as it was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Its number; also sent to the client as `x-amz-request-id`.
    pub seq: u64,
    /// When, on the simulated clock.
    pub at: Time,
    /// What was asked for; `None` when that could not be told, e.g. because the signature is wrong.
    pub op: Option<Op>,
    /// The bucket, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bucket: String,
    /// The key, the upload's key or the prefix of a listing, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// The HTTP status of the answer, whether or not it reached the client; 0 when the connection was reset instead.
    pub status: u16,
    /// The S3 error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Body bytes of objects that came in.
    #[serde(default)]
    pub bytes_in: u64,
    /// Body bytes of objects that the answer announced.
    #[serde(default)]
    pub bytes_out: u64,
    /// The object's class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// The tier of a RestoreObject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The fault it met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultKind>,
    /// What it is billed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<Charge>,
}

/// One line: a request and its effects, or effects alone (a clock that was moved, a reset).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When, on the simulated clock.
    pub at: Time,
    /// The request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// What it changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk refuses.
    #[error("journal {0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// A line other than the last is damaged.
    #[error("journal {path}, line {line}: {source}; the directory was not written by this version, or is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The open file.
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Where the next line goes.
    end: u64,
    /// Where the first line after the last reset starts.
    since_reset: u64,
    fsync: bool,
}

impl Journal {
    /// Opens the journal, creating it if need be, and hands every entry to `replay` in order. A last line that a crash
    /// cut short was never answered for and is removed.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(path: &Path, fsync: bool, mut replay: impl FnMut(Entry)) -> Result<Journal, JournalError> {
        let io = |e| JournalError::Io(path.to_owned(), e);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        let (mut end, mut since_reset, mut line) = (0, 0, 0);
        let mut reader = BufReader::new(&mut file);
        let mut text = Vec::new();
        loop {
            text.clear();
            let read = reader.read_until(b'\n', &mut text).map_err(io)?;
            if !text.ends_with(b"\n") {
                break;
            }
            line += 1;
            let entry: Entry = serde_json::from_slice(&text).map_err(|source| JournalError::Damaged {
                path: path.to_owned(),
                line,
                source,
            })?;
            end += read as u64;
            if entry.effects.contains(&Effect::Reset) {
                since_reset = end;
            }
            replay(entry);
        }
        file.set_len(end).map_err(io)?;
        file.seek(SeekFrom::Start(end)).map_err(io)?;
        Ok(Journal { path: path.to_owned(), file, end, since_reset, fsync })
    }

    /// Appends an entry; one with effects is on disk when this returns.
    ///
    /// # Errors
    /// Those of the disk; the journal is then as it was before.
    pub fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let mut text = serde_json::to_vec(entry)
            .map_err(|e| JournalError::Io(self.path.clone(), io::Error::new(io::ErrorKind::InvalidData, e)))?;
        text.push(b'\n');
        let sync = self.fsync && !entry.effects.is_empty();
        let written = self.file.write_all(&text).and_then(|()| if sync { self.file.sync_data() } else { Ok(()) });
        if let Err(e) = written {
            // Half a line must not stay in front of the next one.
            let _ = self.file.set_len(self.end).and_then(|()| self.file.seek(SeekFrom::Start(self.end)));
            return Err(JournalError::Io(self.path.clone(), e));
        }
        self.end += text.len() as u64;
        if entry.effects.contains(&Effect::Reset) {
            self.since_reset = self.end;
        }
        Ok(())
    }

    /// Where to read the requests since the last reset.
    pub fn log(&self) -> LogView {
        LogView { path: self.path.clone(), from: self.since_reset, to: self.end }
    }
}

/// A stretch of the journal that can be read while it grows.
pub struct LogView {
    path: PathBuf,
    from: u64,
    to: u64,
}

impl LogView {
    /// The requests with a number of at least `first`, at most `limit` of them.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn requests(&self, first: u64, limit: usize) -> Result<Vec<Request>, JournalError> {
        let io = |e| JournalError::Io(self.path.clone(), e);
        let mut file = File::open(&self.path).map_err(io)?;
        file.seek(SeekFrom::Start(self.from)).map_err(io)?;
        let reader = BufReader::new(io::Read::take(file, self.to.saturating_sub(self.from)));
        let mut requests = Vec::new();
        for (line, text) in (1..).zip(reader.split(b'\n')) {
            let entry: Entry = serde_json::from_slice(&text.map_err(io)?).map_err(|source| JournalError::Damaged {
                path: self.path.clone(),
                line,
                source,
            })?;
            if requests.len() >= limit {
                break;
            }
            requests.extend(entry.request.filter(|request| request.seq >= first));
        }
        Ok(requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u64) -> Entry {
        let bucket = format!("bucket{n}");
        Entry { at: Time::from_unix(n), request: None, effects: vec![Effect::BucketCreated { bucket }] }
    }

    fn replayed(path: &Path) -> Result<Vec<Entry>, JournalError> {
        let mut entries = Vec::new();
        Journal::open(path, false, |entry| entries.push(entry)).map(|_| entries)
    }

    #[test]
    fn every_cut_leaves_whole_entries() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut journal = Journal::open(&path, true, |_| panic!("empty")).unwrap();
        (1..=3).for_each(|n| journal.append(&entry(n)).unwrap());
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let lines = whole[..cut].iter().filter(|b| **b == b'\n').count() as u64;
            assert_eq!(replayed(&path).unwrap(), (1..=lines).map(entry).collect::<Vec<_>>());
            let mut journal = Journal::open(&path, false, |_| {}).unwrap();
            journal.append(&entry(9)).unwrap();
            assert_eq!(replayed(&path).unwrap().last(), Some(&entry(9)), "cut at {cut}");
        }
    }

    #[test]
    fn damage_in_the_middle_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        std::fs::write(&path, "{\"at\":1}\nnonsense\n{\"at\":2}\n").unwrap();
        assert!(replayed(&path).unwrap_err().to_string().contains("line 2"));
    }
}
