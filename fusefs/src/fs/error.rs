//! What can go wrong in an operation, and the errno that says so.

use crate::content::ContentError;
use crate::engine::{PackId, TreeError};

/// A failed filesystem operation.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    /// The number names no inode of this tree; seen when a file handle of another tree is opened.
    #[error("inode {0} does not exist in this tree")]
    NoSuchInode(u64),
    /// A directory was needed.
    #[error("inode {0} is not a directory")]
    NotADirectory(u64),
    /// A directory cannot be read as a file.
    #[error("inode {0} is a directory")]
    IsADirectory(u64),
    /// The operation makes no sense on this kind of inode, or with these arguments.
    #[error("the operation does not apply to inode {0}")]
    Invalid(u64),
    /// A name of more than 255 bytes.
    #[error("name too long")]
    NameTooLong,
    /// No extended attribute of that name.
    #[error("no such extended attribute")]
    NoXattr,
    /// The caller's buffer is too small for the extended attribute or the list of names.
    #[error("buffer too small")]
    BufferTooSmall,
    /// `SEEK_DATA` or `SEEK_HOLE` from beyond the last data or the end of the file.
    #[error("no data at or after the offset")]
    PastData,
    /// Everything that would change the tree.
    #[error("the filesystem is read-only")]
    ReadOnly,
    /// The tree contradicts itself.
    #[error("inode {ino}: {what}")]
    Corrupt {
        /// The inode that was looked at.
        ino: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The tree could not be read.
    #[error("the tree is damaged: {0}")]
    Tree(TreeError),
    /// The file's bytes could not be read.
    #[error(transparent)]
    Content(#[from] ContentError),
}

impl From<TreeError> for FsError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::NoSuchInode { ino } => FsError::NoSuchInode(ino),
            other => FsError::Tree(other),
        }
    }
}

impl FsError {
    /// The errno a process gets to see.
    ///
    /// `Frozen` is `EREMOTEIO`: unlike `EIO` it can be told from damage, and unlike `EAGAIN` no program
    /// answers it by trying again at once for hours.
    pub fn errno(&self) -> i32 {
        match self {
            FsError::NoSuchInode(_) => libc::ESTALE,
            FsError::NotADirectory(_) => libc::ENOTDIR,
            FsError::IsADirectory(_) => libc::EISDIR,
            FsError::Invalid(_) => libc::EINVAL,
            FsError::NameTooLong => libc::ENAMETOOLONG,
            FsError::NoXattr => libc::ENODATA,
            FsError::BufferTooSmall => libc::ERANGE,
            FsError::PastData => libc::ENXIO,
            FsError::ReadOnly => libc::EROFS,
            FsError::Content(ContentError::Frozen { .. }) => libc::EREMOTEIO,
            FsError::Corrupt { .. } | FsError::Tree(_) | FsError::Content(_) => libc::EIO,
        }
    }

    /// The pack that sleeps, where that is why.
    pub fn asleep(&self) -> Option<PackId> {
        match self {
            FsError::Content(ContentError::Frozen { pack, .. }) => Some(*pack),
            _ => None,
        }
    }

    /// Whether somebody who runs the archive should hear of it: damage, failures, frozen reads.
    /// The rest are everyday answers.
    pub fn is_fault(&self) -> bool {
        matches!(self, FsError::Corrupt { .. } | FsError::Tree(_) | FsError::Content(_))
    }
}
