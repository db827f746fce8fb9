//! Why there is no rootfs.

use std::io;
use std::path::PathBuf;

use firn_engine::tree::BuildError;

use crate::engine::TreeError;
use crate::erofs::ErofsError;
use crate::mount::MountError;

/// Why a root filesystem could not be made or mounted.
#[derive(Debug, thiserror::Error)]
pub enum RootfsError {
    /// The metadata can't be written as an EROFS image.
    #[error("the metadata image: {0}")]
    Metadata(#[from] ErofsError),
    /// The list of files can't be made.
    #[error("the list of files: {0}")]
    List(#[from] BuildError),
    /// The list of files can't be read.
    #[error("the list of files: {0}")]
    Listed(#[from] TreeError),
    /// A file or directory of the cache.
    #[error("{}: {source}", path.display())]
    Cache {
        /// Its path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A part could not be mounted.
    #[error("mounting {what}: {source}")]
    Refused {
        /// Which part, and with what options.
        what: String,
        /// The cause.
        source: io::Error,
    },
    /// The FUSE mount or the mount point.
    #[error(transparent)]
    Mount(#[from] MountError),
}

impl RootfsError {
    pub(super) fn cache(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> RootfsError {
        let path = path.into();
        move |source| RootfsError::Cache { path, source }
    }
}
