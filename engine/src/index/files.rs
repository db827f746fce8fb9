//! The index directory: `sled-<salt>/` the database, `checkpoint` what must be in it, `opening` and `damaged` notes to the next
//! start, `quarantine/` the last database that was given up.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::checkpoint::{Checkpoint, MAX_LEN};
use super::db;
use super::error::IndexError;
use super::key::Salt;

/// Starts that may end while the database is being opened before it is given up: one kill is an accident.
const OPEN_ATTEMPTS: u64 = 2;
/// What the names of databases begin with.
const PREFIX: &str = "sled-";

/// Why a database was made anew from footers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RebuildReason {
    /// Earlier starts ended, or were killed, while they opened it.
    OpeningNeverEnded,
    /// A look-up had found it damaged.
    FoundDamaged,
    /// There is a database but no intact checkpoint of it.
    NoCheckpoint,
    /// There is a checkpoint but no database.
    DatabaseMissing,
    /// The files of the database are not those that were there when it was closed.
    FilesChanged,
    /// The database opened, but does not hold what the checkpoint says.
    ContentLost,
    /// The database could not be opened or read.
    Failed(String),
}

impl std::fmt::Display for RebuildReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RebuildReason::OpeningNeverEnded => "earlier attempts to open it never ended",
            RebuildReason::FoundDamaged => "a look-up had found it damaged",
            RebuildReason::NoCheckpoint => "its checkpoint was missing or damaged",
            RebuildReason::DatabaseMissing => "its database was missing",
            RebuildReason::FilesChanged => "files of its database were missing or not as they were left",
            RebuildReason::ContentLost => "it did not hold what its checkpoint says",
            RebuildReason::Failed(why) => return write!(f, "it could not be read: {why}"),
        })
    }
}

/// What lies in the index directory.
#[derive(Debug)]
pub(super) enum Survey {
    Nothing,
    Database(Checkpoint),
    Suspect(RebuildReason),
}

/// The directory.
#[derive(Debug, Clone)]
pub(super) struct Files {
    dir: PathBuf,
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> IndexError + 'a {
    move |source| IndexError::File { action, path: path.to_owned(), source }
}

fn absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

impl Files {
    /// Creates the directory if need be.
    pub fn in_dir(dir: &Path) -> Result<Files, IndexError> {
        fs::create_dir_all(dir).map_err(failed("create", dir))?;
        Ok(Files { dir: dir.to_owned() })
    }

    /// The index directory itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the database with this salt is. Every database has a place of its own: a thread that still hangs in one
    /// that was given up must not find the next one under the same path.
    pub fn database(&self, salt: Salt) -> PathBuf {
        self.dir.join(format!("{PREFIX}{:032x}", u128::from_le_bytes(salt.to_bytes())))
    }

    fn databases(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let ours = entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()));
        ours.map(|entry| entry.path()).collect()
    }

    /// Where a database goes that was given up.
    pub fn quarantine(&self) -> PathBuf {
        self.dir.join("quarantine")
    }

    fn opening(&self) -> PathBuf {
        self.dir.join("opening")
    }

    fn damaged(&self) -> PathBuf {
        self.dir.join("damaged")
    }

    fn checkpoint(&self) -> PathBuf {
        self.dir.join("checkpoint")
    }

    /// Judges the directory without touching the database.
    pub fn survey(&self) -> Survey {
        let Some(checkpoint) = self.read_checkpoint() else {
            let nothing = self.databases().is_empty();
            return if nothing { Survey::Nothing } else { Survey::Suspect(RebuildReason::NoCheckpoint) };
        };
        let database = self.database(checkpoint.salt);
        if !database.exists() {
            return Survey::Suspect(RebuildReason::DatabaseMissing);
        }
        if fs::metadata(self.opening()).is_ok_and(|note| note.len() >= OPEN_ATTEMPTS) {
            return Survey::Suspect(RebuildReason::OpeningNeverEnded);
        }
        if self.damaged().exists() {
            return Survey::Suspect(RebuildReason::FoundDamaged);
        }
        match checkpoint.seal {
            Some(seal) if !db::seal(&database).is_ok_and(|now| now == seal) => {
                Survey::Suspect(RebuildReason::FilesChanged)
            }
            _ => Survey::Database(checkpoint),
        }
    }

    fn read_checkpoint(&self) -> Option<Checkpoint> {
        let mut bytes = Vec::new();
        File::open(self.checkpoint()).ok()?.take(MAX_LEN as u64).read_to_end(&mut bytes).ok()?;
        Checkpoint::decode(&bytes)
    }

    /// Replaces the checkpoint: a crash leaves the old one or the new one.
    pub fn write_checkpoint(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let new = self.dir.join("checkpoint.new");
        let mut file = File::create(&new)?;
        file.write_all(&checkpoint.encode())?;
        file.sync_all()?;
        fs::rename(&new, self.checkpoint())?;
        self.sync()
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    /// Notes that the database is being opened; one byte an attempt.
    pub fn note_opening(&self) -> io::Result<()> {
        let mut note = OpenOptions::new().create(true).append(true).open(self.opening())?;
        note.write_all(b"1")?;
        note.sync_all()?;
        self.sync()
    }

    /// Takes that note back.
    pub fn note_opened(&self) -> io::Result<()> {
        remove(&self.opening())?;
        self.sync()
    }

    /// Tells the next start to rebuild.
    pub fn note_damaged(&self) -> io::Result<()> {
        File::create(self.damaged())?.sync_all()?;
        self.sync()
    }

    /// Moves the database aside, in place of the one before it, and clears the notes; says where it is now.
    pub fn give_up_database(&self) -> Result<Option<PathBuf>, IndexError> {
        let quarantine = self.quarantine();
        let mut moved = None;
        for database in self.databases() {
            match fs::remove_dir_all(&quarantine) {
                Err(error) if !absent(&error) => return Err(failed("remove", &quarantine)(error)),
                _ => fs::rename(&database, &quarantine).map_err(failed("move aside", &database))?,
            }
            moved = Some(quarantine.clone());
        }
        // The checkpoint goes first: notes without it mean nothing.
        for note in [self.checkpoint(), self.damaged(), self.opening()] {
            remove(&note).map_err(failed("remove", &note))?;
        }
        self.sync().map_err(failed("sync", &self.dir))?;
        Ok(moved)
    }

    /// Bytes on disk, without what is in quarantine.
    pub fn disk_bytes(&self) -> u64 {
        fn below(dir: &Path) -> u64 {
            let entries = fs::read_dir(dir).into_iter().flatten().flatten();
            entries.map(|entry| size(&entry.path())).sum()
        }
        fn size(path: &Path) -> u64 {
            fs::symlink_metadata(path).map_or(0, |data| if data.is_dir() { below(path) } else { data.blocks() * 512 })
        }
        self.databases().iter().map(|database| size(database)).sum::<u64>() + size(&self.checkpoint())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if !absent(&error) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::State;
    use super::*;

    fn checkpoint(seal: Option<[u8; 32]>) -> Checkpoint {
        Checkpoint { salt: Salt::draw(), states: vec![State::of(1, std::iter::empty())], seal }
    }

    fn reason(files: &Files) -> Option<RebuildReason> {
        match files.survey() {
            Survey::Suspect(reason) => Some(reason),
            Survey::Nothing | Survey::Database(_) => None,
        }
    }

    #[test]
    fn the_survey_sees_what_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::in_dir(&dir.path().join("new/index")).unwrap();
        assert!(matches!(files.survey(), Survey::Nothing));
        let mut checkpoint = checkpoint(None);
        files.write_checkpoint(&checkpoint).unwrap();
        assert_eq!(reason(&files), Some(RebuildReason::DatabaseMissing));
        let database = files.database(checkpoint.salt);
        for part in ["slabs", "metadata"] {
            fs::create_dir_all(database.join(part)).unwrap();
        }
        fs::write(database.join("slabs/64"), "12345").unwrap();
        assert!(matches!(files.survey(), Survey::Database(_)));
        checkpoint.seal = Some(db::seal(&database).unwrap());
        files.write_checkpoint(&checkpoint).unwrap();
        assert!(matches!(files.survey(), Survey::Database(_)));
        fs::write(database.join("slabs/64"), "1234").unwrap();
        assert_eq!(reason(&files), Some(RebuildReason::FilesChanged));
        fs::write(database.join("slabs/64"), "12345").unwrap();
        files.note_damaged().unwrap();
        assert_eq!(reason(&files), Some(RebuildReason::FoundDamaged));
        let quarantine = files.give_up_database().unwrap().unwrap();
        assert!(quarantine.join("slabs/64").exists());
        assert!(matches!(files.survey(), Survey::Nothing));
        fs::create_dir_all(files.database(Salt::draw())).unwrap();
        assert_eq!(reason(&files), Some(RebuildReason::NoCheckpoint));
        files.give_up_database().unwrap();
        assert!(!quarantine.join("slabs").exists(), "only the last one is kept");
        assert_eq!(files.give_up_database().unwrap(), None);
    }

    #[test]
    fn the_second_opening_without_an_end_is_suspect() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::in_dir(dir.path()).unwrap();
        let checkpoint = checkpoint(None);
        fs::create_dir_all(files.database(checkpoint.salt).join("slabs")).unwrap();
        files.write_checkpoint(&checkpoint).unwrap();
        files.note_opening().unwrap();
        assert_eq!(reason(&files), None);
        files.note_opened().unwrap();
        files.note_opening().unwrap();
        files.note_opening().unwrap();
        assert_eq!(reason(&files), Some(RebuildReason::OpeningNeverEnded));
    }
}
