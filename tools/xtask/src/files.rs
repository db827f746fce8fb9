//! Small file helpers whose errors name the file.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, IoContext, Result};

/// Creates a directory and its parents.
///
/// # Errors
/// It cannot be created.
pub fn make_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).at("cannot create directory", path)
}

/// Removes a directory with everything in it; a missing one is fine.
///
/// # Errors
/// Something in it cannot be removed.
pub fn remove_dir(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).at("cannot remove", path),
        _ => Ok(()),
    }
}

/// Removes a file; a missing one is fine.
///
/// # Errors
/// It cannot be removed.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).at("cannot remove", path),
        _ => Ok(()),
    }
}

/// Makes an empty directory, dropping what was there.
///
/// # Errors
/// As [`remove_dir`] and [`make_dir`].
pub fn fresh_dir(path: &Path) -> Result<()> {
    remove_dir(path)?;
    make_dir(path)
}

/// Reads a whole file.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).at("cannot read", path)
}

/// Writes a whole file.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, bytes).at("cannot write", path)
}

/// Reads a JSON document.
///
/// # Errors
/// It cannot be read or is not JSON.
pub fn read_json(path: &Path) -> Result<Value> {
    serde_json::from_slice(&read(path)?).map_err(|source| Error::Json { path: path.to_owned(), source })
}

/// Writes a JSON document for people, with a final newline.
///
/// # Errors
/// It cannot be written.
pub fn write_json(path: &Path, value: &Value) -> Result<()> {
    write(path, format!("{value:#}\n"))
}

/// Size of a file in bytes.
///
/// # Errors
/// It does not exist or cannot be looked at.
pub fn size(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).at("cannot stat", path)?.len())
}

/// Hard-links a file, or copies it where that is impossible; an existing target is kept.
///
/// # Errors
/// The copy fails.
pub fn link_or_copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() || fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to).at("cannot copy", from).map(drop)
}

/// The entries of a directory, sorted by name.
///
/// # Errors
/// It cannot be read.
pub fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).at("cannot list", dir)? {
        paths.push(entry.at("cannot list", dir)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Bytes of all regular files below `dir` (each hard link counted), as a repository's size is reckoned.
///
/// # Errors
/// Something in it cannot be looked at.
pub fn tree_bytes(dir: &Path) -> Result<u64> {
    let mut total = 0;
    for path in list(dir)? {
        let meta = fs::symlink_metadata(&path).at("cannot stat", &path)?;
        total += if meta.is_dir() { tree_bytes(&path)? } else { meta.len() };
    }
    Ok(total)
}

/// The absolute form of a path that exists.
///
/// # Errors
/// It does not exist.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).at("cannot find", path)
}

/// The first bytes of a file, fewer when it is shorter.
///
/// # Errors
/// It cannot be read.
pub fn read_prefix(path: &Path, n: u64) -> Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let file = fs::File::open(path).at("cannot open", path)?;
    file.take(n).read_to_end(&mut bytes).at("cannot read", path)?;
    Ok(bytes)
}

/// Renames a file.
///
/// # Errors
/// It cannot be renamed.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).at("cannot rename", from)
}
