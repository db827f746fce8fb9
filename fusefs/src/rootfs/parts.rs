//! What rootfs mode derives from a tree, made once and kept.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_engine::id::{FilesId, ObjectId};
use firn_engine::read::open_tree;
use rustix::fs::{FlockOperation, flock};

use super::error::RootfsError;
use super::objects;
use crate::engine::{Ino, Node, Tree};
use crate::erofs;
use crate::hydrate::{HydrateError, wanted};
use crate::making::Making;

/// Goes up when what is derived from a tree becomes something else.
const VERSION: u32 = 1;
const METADATA: &str = "metadata.erofs";
const OBJECTS: &str = "objects.tree";

/// The derived files of one tree.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The metadata image.
    pub metadata: PathBuf,
    /// Its files by the names of their contents.
    pub objects: Arc<Tree>,
    /// Says that they are in use, as long as it is open.
    pub(super) in_use: Arc<File>,
}

/// Says what a file's content is called; `None` if it has none.
pub type ObjectOf<'o> = &'o dyn Fn(Ino) -> Result<Option<ObjectId>, Box<dyn std::error::Error + Send + Sync>>;

/// The parts of `tree`, which is named by `files`: those kept in `cache`, or new ones, which are kept there.
///
/// Anything below `cache` may be deleted while it is not mounted. Several processes may do this at once.
///
/// # Errors
/// See [`RootfsError`]; `cache` has no half-made parts then.
pub fn prepare(cache: &Path, files: &FilesId, tree: &Tree, object: ObjectOf<'_>) -> Result<Parts, RootfsError> {
    let dir = cache.join(format!("{files}-{VERSION}"));
    if let Some(parts) = kept(&dir) {
        return Ok(parts);
    }
    let new = Making::in_dir(cache).map_err(RootfsError::cache(cache))?;
    make(new.path(), files, tree, object)?;
    // What lies there is damaged, or was made by another process just now.
    match fs::rename(new.path(), &dir) {
        Ok(()) => {}
        Err(_) if kept(&dir).is_some() => {}
        Err(_) => {
            fs::remove_dir_all(&dir).map_err(RootfsError::cache(&dir))?;
            fs::rename(new.path(), &dir).map_err(RootfsError::cache(&dir))?;
        }
    }
    let dir_file = File::open(cache).and_then(|dir| dir.sync_all());
    dir_file.map_err(RootfsError::cache(cache))?;
    kept(&dir).ok_or_else(|| RootfsError::Cache {
        path: dir,
        source: std::io::Error::other("what was just written can't be read"),
    })
}

fn make(dir: &Path, files: &FilesId, tree: &Tree, object: ObjectOf<'_>) -> Result<(), RootfsError> {
    let files_named = named(tree, object)?;
    let path = dir.join(METADATA);
    let mut file = File::create_new(&path).map_err(RootfsError::cache(&path))?;
    let mut uuid = [0; 16];
    for (to, from) in uuid.iter_mut().zip(files.as_bytes()) {
        *to = *from;
    }
    let redirect = |ino| {
        let found = files_named.binary_search_by_key(&ino, |(ino, _, _)| *ino).ok();
        let (_, _, object) =
            found.and_then(|at| files_named.get(at)).ok_or("a file without content has no name for it")?;
        Ok(objects::path(object))
    };
    erofs::write(tree, uuid, &redirect, &mut file)?;
    file.sync_all().map_err(RootfsError::cache(&path))?;

    let path = dir.join(OBJECTS);
    let bytes = objects::tree(tree, &files_named)?;
    let write = || {
        let mut file = File::create_new(&path)?;
        file.write_all(&bytes)?;
        file.sync_all()
    };
    write().map_err(RootfsError::cache(&path))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(RootfsError::cache(dir))
}

/// All files with stored bytes, by number, and what these are called.
fn named(tree: &Tree, object: ObjectOf<'_>) -> Result<Vec<(Ino, Node, ObjectId)>, RootfsError> {
    let mut files = Vec::new();
    for inode in tree.inodes() {
        let (ino, node) = inode?;
        let name = object(ino).map_err(|source| erofs::ErofsError::Name { ino: ino.0, source })?;
        files.extend(name.map(|name| (ino, node, name)));
    }
    Ok(files)
}

/// The parts in `dir`, if they are whole.
fn kept(dir: &Path) -> Option<Parts> {
    let metadata = dir.join(METADATA);
    let file = File::open(&metadata).ok()?;
    erofs::is_whole(&file).then_some(())?;
    flock(&file, FlockOperation::LockShared).ok()?;
    let objects = Arc::new(open_tree(&dir.join(OBJECTS))?);
    Some(Parts { metadata, objects, in_use: Arc::new(file) })
}

/// The objects of all trees below `cache` that are in use, by this process or another one.
///
/// # Errors
/// The directory can't be read; a tree that is damaged.
pub fn objects_in_use(cache: &Path) -> Result<HashSet<ObjectId>, HydrateError> {
    let failed = |source| HydrateError::Directory { path: cache.to_owned(), source };
    let dirs = match fs::read_dir(cache) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
        other => other.map_err(failed)?,
    };
    let mut in_use = HashSet::new();
    for dir in dirs {
        let dir = dir.map_err(failed)?.path();
        let Ok(metadata) = File::open(dir.join(METADATA)) else { continue };
        if flock(&metadata, FlockOperation::NonBlockingLockExclusive).is_err()
            && let Some(objects) = open_tree(&dir.join(OBJECTS))
        {
            in_use.extend(wanted(&objects)?.into_iter().map(|one| one.object));
        }
    }
    Ok(in_use)
}
