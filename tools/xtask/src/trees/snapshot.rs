//! What `lstat`, `readlink` and the xattr calls say about every entry of a tree.

use std::collections::BTreeMap;
use std::ffi::{CStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::digest;
use crate::error::{IoContext, Result};
use crate::files;

const TYPE_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const SYMLINK: u32 = 0o120_000;

/// One entry. `None` marks what its type does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Type and permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Length in bytes; a directory's is its filesystem's own business.
    pub size: Option<u64>,
    /// Device number of a device.
    pub rdev: u64,
    /// Modification time: seconds and nanoseconds.
    pub mtime: (i64, i64),
    /// Number of names.
    pub nlink: u64,
    /// Number of names as the tree itself shows it: of a directory 2 and one for each directory in it, else `nlink`.
    pub names: u64,
    /// A symbolic link's target.
    pub target: Option<Vec<u8>>,
    /// Every extended attribute.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// SHA-256 of a regular file's content, when asked for.
    pub content: Option<String>,
    /// The first of a hard-linked file's names in the tree.
    pub first_name: Option<PathBuf>,
}

/// A whole tree by path relative to its root; the root is the empty path.
pub type Tree = BTreeMap<PathBuf, Entry>;

/// Takes a tree down. With `contents`, every file is read.
///
/// # Errors
/// An entry cannot be read.
pub fn take(root: &Path, contents: bool) -> Result<Tree> {
    let mut tree = BTreeMap::new();
    let mut first_names: BTreeMap<FileId, PathBuf> = BTreeMap::new();
    visit(root, Path::new(""), contents, &mut tree)?;
    for (path, (entry, id)) in &mut tree {
        if entry.mode & TYPE_MASK != DIRECTORY && entry.nlink > 1 {
            entry.first_name = Some(first_names.entry(*id).or_insert_with(|| path.clone()).clone());
        }
    }
    Ok(tree.into_iter().map(|(path, (entry, _))| (path, entry)).collect())
}

/// Device and inode number.
type FileId = (u64, u64);

fn visit(root: &Path, relative: &Path, contents: bool, tree: &mut BTreeMap<PathBuf, (Entry, FileId)>) -> Result<u64> {
    let path = if relative.as_os_str().is_empty() { root.to_owned() } else { root.join(relative) };
    let meta = fs::symlink_metadata(&path).at("cannot stat", &path)?;
    let kind = meta.mode() & TYPE_MASK;
    let mut directories = 0;
    if kind == DIRECTORY {
        for child in files::list(&path)? {
            let name = child.file_name().unwrap_or_default();
            directories += visit(root, &relative.join(name), contents, tree)?;
        }
    }
    let target = if kind == SYMLINK { Some(fs::read_link(&path).at("cannot read the link", &path)?) } else { None };
    let content = if contents && kind == REGULAR { Some(digest::of_file(&path)?.digest) } else { None };
    let entry = Entry {
        mode: meta.mode(),
        uid: meta.uid(),
        gid: meta.gid(),
        size: (kind != DIRECTORY).then(|| meta.size()),
        rdev: meta.rdev(),
        mtime: (meta.mtime(), meta.mtime_nsec()),
        nlink: meta.nlink(),
        names: if kind == DIRECTORY { 2 + directories } else { meta.nlink() },
        target: target.map(|t| t.into_os_string().into_vec()),
        xattrs: xattrs(&path)?,
        content,
        first_name: None,
    };
    tree.insert(relative.to_owned(), (entry, (meta.dev(), meta.ino())));
    Ok(u64::from(kind == DIRECTORY))
}

/// Every extended attribute of a path, links not followed.
fn xattrs(path: &Path) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut all = BTreeMap::new();
    let mut names = vec![0; 1 << 16];
    let n = match rustix::fs::llistxattr(path, &mut names[..]) {
        Err(rustix::io::Errno::OPNOTSUPP) => 0,
        other => other.at("cannot list the xattrs of", path)?,
    };
    for name in names.get(..n).unwrap_or_default().split_inclusive(|b| *b == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        let mut value = vec![0; 1 << 16];
        let n = rustix::fs::lgetxattr(path, name, &mut value[..]).at("cannot read an xattr of", path)?;
        value.truncate(n);
        all.insert(name.to_bytes().to_vec(), value);
    }
    Ok(all)
}

/// A name as text for a message: bytes that are not text are escaped.
pub fn shown(path: &Path) -> String {
    let text: OsString = Path::new("/").join(path).into_os_string();
    text.as_bytes().escape_ascii().to_string()
}
