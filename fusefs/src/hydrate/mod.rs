//! Bringing whole files here, under the names of their contents, so that the kernel opens them by itself.

mod directory;
mod pacer;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use directory::{ObjectDir, Stats, Trimmed};
pub use pacer::{Pacer, Reading};

use crate::engine::{Ino, Tree, TreeError};
use crate::fs::{Fs, FsError};
use directory::Added;
use firn_engine::id::ObjectId;

/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;
/// What is written before it is made durable and gets its names, at most: bytes and files.
const BATCH: (u64, usize) = (64 << 20, 4096);

/// A file that can be brought here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Its number in the tree of objects.
    pub ino: Ino,
    /// Its name.
    pub object: ObjectId,
    /// Its length with its holes, in bytes.
    pub size: u64,
}

/// Why files could not be brought here.
#[derive(Debug, thiserror::Error)]
pub enum HydrateError {
    /// A file's bytes could not be read.
    #[error("reading a file of the image: {0}")]
    Read(#[from] FsError),
    /// The tree of objects is damaged.
    #[error("the list of files: {0}")]
    Tree(#[from] TreeError),
    /// The image has fewer bytes of a file than it says.
    #[error("the file of content {0} ends before its recorded length")]
    Short(ObjectId),
    /// The disk is full, or its quota.
    #[error(
        "{}: no space left for more files; what is there stays and can be used: firn cache trim makes room", .0.display()
    )]
    Full(PathBuf),
    /// The directory of objects can't be used.
    #[error("{}: {source}", path.display())]
    Directory {
        /// What was used.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// How far it is.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files done, whether they were here before, were brought or are asleep.
    pub files: AtomicU64,
    /// Their bytes.
    pub bytes: AtomicU64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Files that were brought here.
    pub brought: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were here before.
    pub present: u64,
    /// Files that sleep in cold storage.
    pub asleep: u64,
}

/// All files of a tree of objects.
///
/// # Errors
/// A damaged tree.
pub fn wanted(objects: &Tree) -> Result<Vec<Wanted>, TreeError> {
    let mut all = Vec::new();
    let mut prefix = 0;
    while let Some((first, dir, _)) = objects.entry(Ino::ROOT, prefix)? {
        let mut index = 0;
        while let Some((rest, ino, _)) = objects.entry(dir, index)? {
            let name = [first, rest].concat();
            // Nothing else is ever put into such a tree.
            if let Some(object) = str::from_utf8(&name).ok().and_then(|name| name.parse().ok()) {
                all.push(Wanted { ino, object, size: objects.node(ino)?.size });
            }
            index += 1;
        }
        prefix += 1;
    }
    Ok(all)
}

/// What bringing files here goes by.
#[derive(Debug, Clone, Copy)]
pub struct Manner<'m> {
    /// Says when it may go on.
    pub pacer: &'m Pacer,
    /// Ends it early, and without an error. What was brought by then stays.
    pub stop: &'m AtomicBool,
    /// Hears how far it is.
    pub progress: &'m Progress,
}

/// Brings these files of `fs`, which serves the tree `objects`, into `dir`, in this order; those that sleep are left out.
///
/// # Errors
/// See [`HydrateError`].
pub fn hydrate(
    fs: &Fs,
    objects: &Tree,
    wanted: &[Wanted],
    dir: &ObjectDir,
    manner: Manner<'_>,
) -> Result<Report, HydrateError> {
    let stopped = || manner.stop.load(Ordering::Relaxed);
    let mut report = Report::default();
    let mut left = wanted.iter();
    while !left.as_slice().is_empty() && !stopped() {
        let mut batch = dir.begin()?;
        for one in left.by_ref() {
            if dir.has(&one.object) {
                report.present += 1;
            } else {
                match batch.add(fs, objects, one, manner)? {
                    Added::Whole => (report.brought, report.bytes) = (report.brought + 1, report.bytes + one.size),
                    Added::Asleep => report.asleep += 1,
                    Added::Stopped => break,
                }
            }
            manner.progress.files.fetch_add(1, Ordering::Relaxed);
            manner.progress.bytes.fetch_add(one.size, Ordering::Relaxed);
            if batch.is_full() || stopped() {
                break;
            }
        }
        batch.commit()?;
    }
    Ok(report)
}
