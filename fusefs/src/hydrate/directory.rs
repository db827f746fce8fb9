//! The directory of whole files: `<2 hex>/<62 hex>`, each complete and verified from the moment it has its name.
//!
//! Files are written elsewhere, many are made durable by one call, and only then they are renamed: what a power cut leaves is files
//! with all of their bytes, and nothing else. Several processes may bring the same file; the last one's takes the place of an equal one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use firn_engine::id::ObjectId;

use super::{BATCH, HydrateError, Manner, PIECE, Wanted};
use crate::engine::{DataRun, Tree};
use crate::fs::Fs;
use crate::making::Making;
use crate::rootfs::object_path;

/// The directory.
#[derive(Debug, Clone)]
pub struct ObjectDir(PathBuf);

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Files.
    pub files: u64,
    /// What they take on disk, in bytes.
    pub on_disk: u64,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Files that are gone.
    pub removed: Stats,
    /// Files that are left.
    pub left: Stats,
}

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// It is written.
    Whole,
    /// It sleeps.
    Asleep,
    /// It was to be left.
    Stopped,
}

/// Files that have been written and not yet got their names.
pub(super) struct Batch<'d> {
    dir: &'d ObjectDir,
    making: Making,
    files: Vec<ObjectId>,
    bytes: u64,
    buffer: Vec<u8>,
}

impl ObjectDir {
    /// The one at `path`; it is made when it is needed.
    pub fn at(path: PathBuf) -> ObjectDir {
        ObjectDir(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether a file is here.
    pub fn has(&self, object: &ObjectId) -> bool {
        self.0.join(object_path(object)).exists()
    }

    pub(super) fn begin(&self) -> Result<Batch<'_>, HydrateError> {
        let making = Making::in_dir(&self.0).map_err(|error| self.failed(&self.0, error))?;
        Ok(Batch { dir: self, making, files: Vec::new(), bytes: 0, buffer: Vec::new() })
    }

    /// How much is here.
    ///
    /// # Errors
    /// The directory can't be read; one that is not there has nothing.
    pub fn stats(&self) -> io::Result<Stats> {
        let mut stats = Stats::default();
        self.for_each(|_, _, on_disk| {
            (stats.files, stats.on_disk) = (stats.files + 1, stats.on_disk + on_disk);
            Ok(())
        })?;
        Ok(stats)
    }

    /// Removes files until at most `limit` bytes on disk are left, but none that `keep` says yes to. Programs that use a removed file go on
    /// using it.
    ///
    /// # Errors
    /// The directory can't be read or changed.
    pub fn trim(&self, limit: u64, keep: &dyn Fn(&ObjectId) -> bool) -> io::Result<Trimmed> {
        let mut trimmed = Trimmed { removed: Stats::default(), left: self.stats()? };
        self.for_each(|path, object, on_disk| {
            if trimmed.left.on_disk > limit && !keep(&object) {
                fs::remove_file(path)?;
                trimmed.left.files -= 1;
                trimmed.left.on_disk -= on_disk;
                trimmed.removed.files += 1;
                trimmed.removed.on_disk += on_disk;
            }
            Ok(())
        })?;
        Ok(trimmed)
    }

    /// Each file that is here: its path, name, and bytes on disk.
    fn for_each(&self, mut visit: impl FnMut(&Path, ObjectId, u64) -> io::Result<()>) -> io::Result<()> {
        let dirs = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        for dir in dirs {
            let dir = dir?;
            let first = dir.file_name();
            let Some(first) = first.to_str().filter(|first| first.len() == 2) else { continue };
            for file in fs::read_dir(dir.path())? {
                let file = file?;
                let name = file.file_name().to_str().map(|rest| format!("{first}{rest}"));
                let Some(object) = name.and_then(|name| name.parse().ok()) else { continue };
                // Gone meanwhile, by another hand.
                let Ok(metadata) = file.metadata() else { continue };
                visit(&file.path(), object, metadata.blocks() * 512)?;
            }
        }
        Ok(())
    }

    fn failed(&self, path: &Path, error: io::Error) -> HydrateError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => HydrateError::Full(self.0.clone()),
            _ => HydrateError::Directory { path: path.to_owned(), source: error },
        }
    }
}

impl Batch<'_> {
    /// Writes one.
    pub(super) fn add(
        &mut self,
        files: &Fs,
        objects: &Tree,
        one: &Wanted,
        manner: Manner<'_>,
    ) -> Result<Added, HydrateError> {
        let path = self.making.path().join(one.object.to_string());
        let file = File::options().write(true).create_new(true).mode(0o444).open(&path);
        let file = file.map_err(|error| self.dir.failed(&path, error))?;
        for run in runs(objects, one)? {
            let end = run.offset.saturating_add(run.len).min(one.size);
            let mut at = run.offset;
            while at < end {
                let len = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
                manner.pacer.wait(len as u64, manner.stop);
                if manner.stop.load(Ordering::Relaxed) {
                    return Ok(Added::Stopped);
                }
                self.buffer.resize(len, 0);
                match files.read(one.ino, at, &mut self.buffer) {
                    Ok(got) if got == len => {}
                    Ok(_) => return Err(HydrateError::Short(one.object)),
                    Err(error) if error.asleep().is_some() => {
                        let _ = fs::remove_file(&path);
                        return Ok(Added::Asleep);
                    }
                    Err(error) => return Err(error.into()),
                }
                file.write_all_at(&self.buffer, at).map_err(|error| self.dir.failed(&path, error))?;
                at += len as u64;
                self.bytes += len as u64;
            }
        }
        // A hole at the end is not written.
        file.set_len(one.size).map_err(|error| self.dir.failed(&path, error))?;
        self.files.push(one.object);
        Ok(Added::Whole)
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BATCH.0 || self.files.len() >= BATCH.1
    }

    /// Makes all of them durable and gives them their names.
    pub(super) fn commit(self) -> Result<(), HydrateError> {
        if self.files.is_empty() {
            return Ok(());
        }
        let from = self.making.path();
        let sync = File::open(from).and_then(|dir| rustix::fs::syncfs(dir).map_err(Into::into));
        sync.map_err(|error| self.dir.failed(from, error))?;
        for object in &self.files {
            let to = self.dir.0.join(object_path(object));
            let name = || {
                if let Some(parent) = to.parent() {
                    fs::create_dir_all(parent)?;
                }
                fs::rename(from.join(object.to_string()), &to)
            };
            name().map_err(|error| self.dir.failed(&to, error))?;
        }
        Ok(())
    }
}

/// Where the stored bytes of a file belong.
fn runs(objects: &Tree, one: &Wanted) -> Result<Vec<DataRun>, HydrateError> {
    let node = objects.node(one.ino)?;
    if node.is_sparse {
        return Ok(objects.sparse_runs(one.ino)?);
    }
    Ok(vec![DataRun { offset: 0, len: node.size }])
}
