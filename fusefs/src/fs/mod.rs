//! The filesystem itself: every operation a mount answers, with no FUSE type in it.
//!
//! `Fs` keeps no table of open files and none of known inodes: an inode number is all that any call
//! needs. Whatever process takes over a mount can answer its next request.

mod attr;
mod dir;
mod error;
mod file;
mod sparse;
mod touched;
mod xattr;

use std::sync::Arc;

pub(crate) use attr::encoded_device;
pub use attr::{Attr, BLOCK_SIZE};
pub use dir::{DirEntry, NAME_MAX};
pub use error::FsError;
pub use file::Opened;
pub use touched::{TOUCHED, parse_touched};
pub(crate) use xattr::shown_name;
pub use xattr::{RESERVED_PREFIX, Xattr};

use crate::cold::ColdReads;
use crate::content::Content;
use crate::engine::{Ino, NodeKind, Tree};
use crate::hydrate::Pacer;

/// Hears of damage and failed reads, with the inode they concern.
pub type FaultHook = Box<dyn Fn(Ino, &FsError) + Send + Sync>;

/// A read-only filesystem over one merged tree.
pub struct Fs {
    tree: Arc<Tree>,
    content: Arc<dyn Content>,
    sparse: sparse::SparseCache,
    root_xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    on_fault: Option<FaultHook>,
    cold: Option<Arc<dyn ColdReads>>,
    pacer: Option<Arc<Pacer>>,
}

/// What `statfs` shows; a full filesystem, as nothing can be added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatFs {
    /// Blocks of [`BLOCK_SIZE`] bytes that all files' logical bytes fill.
    pub blocks: u64,
    /// Number of inodes.
    pub files: u64,
}

impl Fs {
    /// A filesystem that shows `tree` and takes file bytes from `content`.
    pub fn new(tree: Arc<Tree>, content: Arc<dyn Content>) -> Fs {
        Fs {
            tree,
            content,
            sparse: sparse::SparseCache::default(),
            root_xattrs: Vec::new(),
            on_fault: None,
            cold: None,
            pacer: None,
        }
    }

    /// Adds a synthetic attribute `user.firn.<name>` to the root directory. It can be asked for by name
    /// and is never listed, so that no copying program carries it along.
    #[must_use]
    pub fn with_root_xattr(mut self, name: &str, value: &[u8]) -> Fs {
        let name = [RESERVED_PREFIX, name.as_bytes()].concat();
        self.root_xattrs.push((name, value.to_vec()));
        self
    }

    /// Reports every damage, failed read and frozen read to `hook`, which must not block.
    #[must_use]
    pub fn with_fault_hook(mut self, hook: FaultHook) -> Fs {
        self.on_fault = Some(hook);
        self
    }

    /// Has `cold` look after content that sleeps, and tell where files are. Without it reads of such content just fail.
    #[must_use]
    pub fn with_cold_reads(mut self, cold: Arc<dyn ColdReads>) -> Fs {
        self.cold = Some(cold);
        self
    }

    /// Tells `pacer` of every read, so that work in the background gives way to it.
    #[must_use]
    pub fn with_pacer(mut self, pacer: Arc<Pacer>) -> Fs {
        self.pacer = Some(pacer);
        self
    }

    /// Who looks after content that sleeps.
    pub fn cold_reads(&self) -> Option<&Arc<dyn ColdReads>> {
        self.cold.as_ref()
    }

    /// Target of a symbolic link.
    ///
    /// # Errors
    /// [`FsError::Invalid`] for other kinds, [`FsError::NoSuchInode`], a damaged tree.
    pub fn readlink(&self, ino: Ino) -> Result<&[u8], FsError> {
        self.watched(ino, || {
            if self.tree.node(ino)?.kind != NodeKind::Symlink {
                return Err(FsError::Invalid(ino.0));
            }
            Ok(self.tree.link_target(ino)?)
        })
    }

    /// Totals of the whole tree.
    pub fn statfs(&self) -> StatFs {
        let totals = self.tree.totals();
        StatFs { blocks: totals.logical_bytes.div_ceil(u64::from(BLOCK_SIZE)), files: totals.inodes }
    }

    /// Whether any inode of the image carries an extended attribute.
    pub fn any_xattrs(&self) -> bool {
        self.tree.totals().any_xattrs
    }

    fn watched<T>(&self, ino: Ino, operation: impl FnOnce() -> Result<T, FsError>) -> Result<T, FsError> {
        let result = operation();
        if let (Err(error), Some(hook)) = (&result, &self.on_fault)
            && error.is_fault()
        {
            hook(ino, error);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Damage, Sample};
    use std::sync::Mutex;

    #[test]
    fn links_and_nothing_else_have_a_target() {
        let mut sample = Sample::new();
        sample.symlink("link", b"to \xff there");
        sample.symlink("long", &[b'x'; 4095]);
        sample.file("file", b"");
        let fs = sample.fs();
        let ino = |name: &str| fs.lookup(Ino::ROOT, name.as_bytes()).unwrap().unwrap().ino;
        assert_eq!(fs.readlink(ino("link")).unwrap(), b"to \xff there");
        assert_eq!(fs.readlink(ino("long")).unwrap().len(), 4095);
        assert!(matches!(fs.readlink(ino("file")), Err(FsError::Invalid(_))));
        assert!(matches!(fs.readlink(Ino(99)), Err(FsError::NoSuchInode(99))));
    }

    #[test]
    fn statfs_counts_the_tree() {
        let mut sample = Sample::new();
        sample.file("a", &[0; 4097]);
        sample.hard_link("b", "a");
        sample.sparse("s", 10_000, &[], b"");
        let fs = sample.fs();
        assert_eq!(fs.statfs(), StatFs { blocks: 14_097_u64.div_ceil(4096), files: 3 });
    }

    #[test]
    fn faults_are_heard_of_and_everyday_answers_are_not() {
        let mut sample = Sample::new();
        sample.file("bad", b"12345");
        sample.damage("bad", Damage::Corrupt);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        let fs = sample.fs().with_fault_hook(Box::new(move |ino, error| {
            log.lock().unwrap().push((ino, error.errno()));
        }));
        let bad = fs.lookup(Ino::ROOT, b"bad").unwrap().unwrap().ino;
        assert!(fs.lookup(Ino::ROOT, b"none").unwrap().is_none());
        assert!(fs.read(Ino::ROOT, 0, &mut [0; 4]).is_err());
        assert!(fs.read(bad, 0, &mut [0; 4]).is_err());
        assert_eq!(*heard.lock().unwrap(), [(bad, libc::EIO)]);
    }
}
