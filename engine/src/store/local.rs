//! A store in a local directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Body, Family, HashedFile, Key, Listed, Store, StoreError};

/// Objects as files. Writes go through `tmp/`: write, fsync, rename, fsync of the directory.
#[derive(Debug)]
pub struct LocalStore {
    root: PathBuf,
    tmp: PathBuf,
}

impl LocalStore {
    /// Uses `root`, which exists; `tmp` is a directory on the same filesystem for files in the making.
    pub fn new(root: &Path, tmp: &Path) -> Self {
        LocalStore { root: root.to_owned(), tmp: tmp.to_owned() }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.to_string())
    }

    fn open(&self, key: &Key) -> Result<File, StoreError> {
        File::open(self.path(key)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::NotFound { key: key.clone() },
            _ => StoreError::io("opening", key)(error),
        })
    }

    /// Puts the bytes into a new file of `tmp/` and makes them durable.
    fn stage(&self, bytes: &[u8]) -> io::Result<tempfile::TempPath> {
        fs::create_dir_all(&self.tmp)?;
        let mut file = tempfile::Builder::new().prefix("object-").tempfile_in(&self.tmp)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file.into_temp_path())
    }
}

/// Makes directory entries durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(dir)?.sync_all()
}

/// Creates `dir` below the existing `root` and makes every new directory entry durable.
fn create_dirs(root: &Path, dir: &Path) -> io::Result<()> {
    if dir.is_dir() || dir == root {
        return Ok(());
    }
    let parent = dir.parent().unwrap_or(root);
    create_dirs(root, parent)?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_dir(parent),
    }
}

impl Store for LocalStore {
    fn get(&self, key: &Key, limit: u64) -> Result<Vec<u8>, StoreError> {
        let file = self.open(key)?;
        let len = file.metadata().map_err(StoreError::io("reading", key))?.len();
        if len > limit {
            return Err(StoreError::TooLarge { key: key.clone(), len, limit });
        }
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes).map_err(StoreError::io("reading", key))?;
        Ok(bytes)
    }

    fn read_at(&self, key: &Key, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        self.open(key)?.read_exact_at(buf, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                StoreError::ShortRead { key: key.clone(), end: offset.saturating_add(buf.len() as u64) }
            }
            _ => StoreError::io("reading", key)(error),
        })
    }

    fn len(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        match fs::metadata(self.path(key)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("looking up", key)(error)),
        }
    }

    fn put(&self, key: &Key, body: Body<'_>) -> Result<(), StoreError> {
        let write = || -> io::Result<()> {
            let path = self.path(key);
            let dir = path.parent().unwrap_or(&self.root);
            create_dirs(&self.root, dir)?;
            match body {
                Body::Bytes(bytes) => self.stage(bytes)?.persist(&path).map_err(|error| error.error)?,
                Body::File(file) | Body::Hashed(&HashedFile { path: file, .. }) => {
                    File::open(file)?.sync_all()?;
                    fs::rename(file, &path)?;
                }
            }
            sync_dir(dir)
        };
        write().map_err(StoreError::io("writing", key))
    }

    fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Ok(()) => {
                let dir = path.parent().unwrap_or(&self.root);
                sync_dir(dir).map_err(StoreError::io("deleting", key))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StoreError::io("deleting", key)(error)),
        }
    }

    fn list(&self, family: Family) -> Result<Vec<Listed>, StoreError> {
        let dir = self.root.join(family.prefix());
        let mut listed = Vec::new();
        if family.is_fanned_out() {
            for fan in entries(&dir)? {
                if fan.file_type().is_ok_and(|kind| kind.is_dir()) {
                    list_files(&fan.path(), family, &mut listed)?;
                }
            }
        } else {
            list_files(&dir, family, &mut listed)?;
        }
        Ok(listed)
    }
}

fn entries(dir: &Path) -> Result<Vec<fs::DirEntry>, StoreError> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.collect::<Result<_, _>>().map_err(StoreError::io("listing", dir.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(StoreError::io("listing", dir.display())(error)),
    }
}

fn list_files(dir: &Path, family: Family, listed: &mut Vec<Listed>) -> Result<(), StoreError> {
    for entry in entries(dir)? {
        let name = entry.file_name();
        let Some(key) = name.to_str().and_then(|name| family.key(name)) else { continue };
        match entry.metadata() {
            Ok(metadata) => listed.push(Listed { key, len: metadata.len() }),
            // Deleted between the listing and now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::io("listing", entry.path().display())(error)),
        }
    }
    Ok(())
}
