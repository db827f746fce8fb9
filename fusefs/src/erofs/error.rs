//! Why a tree has no EROFS image.

use std::io;

use crate::engine::TreeError;

/// Why an image could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ErofsError {
    /// The format can't hold something that the tree has. The tree can be mounted by FUSE all the same.
    #[error("inode {ino}: {what}")]
    Unsupported {
        /// The inode.
        ino: u64,
        /// What it has.
        what: String,
    },
    /// The tree is damaged.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// What a file's bytes are called could not be found out.
    #[error("inode {ino}: {source}")]
    Name {
        /// The inode.
        ino: u64,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Writing failed.
    #[error("writing an EROFS image: {0}")]
    Io(#[from] io::Error),
}
