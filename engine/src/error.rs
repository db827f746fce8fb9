//! What can go wrong in the engine, and of which kind it is.

use std::io;
use std::path::PathBuf;

use crate::format::FormatError;
use crate::id::{ChunkId, Digest};
use crate::index::IndexError;
use crate::pack::FrameError;
use crate::remote::RemoteError;
use crate::store::{Key, StoreError};

/// What a person can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The named thing does not exist: check the name.
    NotFound,
    /// The input is at fault: get a good copy of it.
    BadInput,
    /// The input is beyond a limit that a flag raises.
    Limit,
    /// Stored bytes are damaged or missing: verify and repair the archive.
    Damaged,
    /// What is wanted sleeps in an archive class: thaw it first.
    Frozen,
    /// The storage or the machine failed: mend that and run the same again.
    System,
    /// Somebody else is writing to the archive: wait.
    Busy,
    /// The request makes no sense here.
    Usage,
    /// A defect of this program.
    Internal,
}

/// An error and its causes on one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// Any failure of the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A pack could not be read.
    #[error(transparent)]
    Pack(#[from] FrameError),
    /// The index failed.
    #[error("the chunk index failed")]
    Index(#[from] IndexError),
    /// A small object is damaged.
    #[error("{key} can't be read")]
    Object {
        /// The object.
        key: Key,
        /// What is wrong with it.
        #[source]
        source: FormatError,
    },
    /// Metadata of an image is not what the format says.
    #[error("{what} is damaged")]
    Metadata {
        /// Which metadata of which image or layer.
        what: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A chunk is in no pack.
    #[error("chunk {id} is in no pack of this archive")]
    MissingChunk {
        /// The chunk.
        id: ChunkId,
    },
    /// A chunk's bytes are not what its name says.
    #[error("chunk {id} in pack {pack} is damaged: its bytes do not hash to its name")]
    DamagedChunk {
        /// The chunk.
        id: ChunkId,
        /// The pack.
        pack: crate::id::PackId,
    },
    /// A restored blob does not have its digest.
    #[error("blob {digest} was put together, but its bytes hash to {found}")]
    WrongBlob {
        /// What was wanted.
        digest: Digest,
        /// What came out.
        found: Digest,
    },
    /// A layer's compressed bytes were given up when it was archived.
    #[error(
        "layer {digest} was archived without its compressed bytes (--fidelity content): only its content can be restored"
    )]
    BlobDropped {
        /// The layer's blob.
        digest: Digest,
    },
    /// A blob of the source is not what its digest says.
    #[error("{origin}: blob {digest} hashes to {found}: damaged or tampered with")]
    DigestMismatch {
        /// Where the blob came from.
        origin: String,
        /// The digest it should have.
        digest: Digest,
        /// The digest it has.
        found: Digest,
    },
    /// A blob of the source is longer or shorter than its descriptor says.
    #[error("{origin}: blob {digest} is {found} bytes long, its descriptor says {size}")]
    SizeMismatch {
        /// Where the blob came from.
        origin: String,
        /// The blob.
        digest: Digest,
        /// Its descriptor's size.
        size: u64,
        /// Its size.
        found: u64,
    },
    /// The source can't be read or makes no sense.
    #[error("{origin}: {what}")]
    Source {
        /// Which source.
        origin: String,
        /// What is wrong.
        what: String,
        /// Its cause.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A layer can't be taken apart.
    #[error("layer {digest} can't be read")]
    Layer {
        /// The layer's blob.
        digest: Digest,
        /// Why.
        #[source]
        source: LayerError,
    },
    /// A filesystem can't be mounted because of what its layers are.
    #[error("image {image} can't be mounted: {reason}")]
    Unmountable {
        /// The image or manifest.
        image: Digest,
        /// Why.
        reason: String,
    },
    /// No image of that name or digest.
    #[error("no image '{wanted}' in this archive")]
    NoSuchImage {
        /// What was asked for.
        wanted: String,
        /// Names that look like it.
        similar: Vec<String>,
    },
    /// No such path in an image.
    #[error("no {path} in image {image}")]
    NoSuchPath {
        /// The path.
        path: String,
        /// The image.
        image: String,
    },
    /// The directory holds no archive.
    #[error("{} is not a firn archive", path.display())]
    NotAnArchive {
        /// The directory.
        path: PathBuf,
    },
    /// The directory can't become an archive.
    #[error("{} {what}", path.display())]
    CannotCreate {
        /// The directory.
        path: PathBuf,
        /// Why not.
        what: &'static str,
    },
    /// Another process writes to the archive.
    #[error("another firn is writing to {}", path.display())]
    Locked {
        /// The archive.
        path: PathBuf,
    },
    /// A restore into a directory stopped half-way.
    #[error("{} holds only a part of the image, {entries} entries: remove it before the next attempt", path.display())]
    Incomplete {
        /// The directory.
        path: PathBuf,
        /// How many entries were written.
        entries: u64,
        /// What stopped it.
        #[source]
        source: Box<Error>,
    },
    /// What was asked for does not apply.
    #[error("{0}")]
    Usage(String),
    /// The machine failed.
    #[error("{what}")]
    System {
        /// What was attempted.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A defect of this program.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Why a layer's blob can't be taken apart.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// It does not decompress.
    #[error(transparent)]
    Decode(#[from] crate::codec::DecodeError),
    /// What it decompresses to is no tar stream.
    #[error(transparent)]
    Tar(#[from] crate::tar::TarError),
}

impl LayerError {
    fn is_limit(&self) -> bool {
        use crate::codec::DecodeError;
        matches!(
            self,
            LayerError::Decode(
                DecodeError::TooLarge { .. } | DecodeError::RatioTooHigh { .. } | DecodeError::WindowTooLarge { .. }
            )
        )
    }
}

impl Error {
    pub(crate) fn worker_lost() -> Self {
        Error::Internal("a worker thread ended before its work was done".to_owned())
    }

    pub(crate) fn source(origin: impl Into<String>, what: impl Into<String>) -> Self {
        Error::Source { origin: origin.into(), what: what.into(), source: None }
    }

    pub(crate) fn source_because<E: std::error::Error + Send + Sync + 'static>(
        origin: impl Into<String>,
        what: impl Into<String>,
    ) -> impl FnOnce(E) -> Self {
        let (origin, what) = (origin.into(), what.into());
        move |error| Error::Source { origin, what, source: Some(Box::new(error)) }
    }

    pub(crate) fn metadata<E: std::error::Error + Send + Sync + 'static>(
        what: impl Into<String>,
    ) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |error| Error::Metadata { what, source: Box::new(error) }
    }

    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Error::System { what, source }
    }

    /// The data pack that sleeps, where that is why.
    pub fn frozen_pack(&self) -> Option<crate::id::PackId> {
        match self {
            Error::Store(StoreError::Frozen { key: Key::Pack(_, pack), .. })
            | Error::Pack(FrameError::Store(StoreError::Frozen { key: Key::Pack(_, pack), .. })) => Some(*pack),
            Error::Incomplete { source, .. } => source.frozen_pack(),
            _ => None,
        }
    }

    /// What a person can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Store(error) => store_kind(error),
            Error::Pack(FrameError::Store(error)) => store_kind(error),
            Error::Pack(_)
            | Error::Object { .. }
            | Error::Metadata { .. }
            | Error::MissingChunk { .. }
            | Error::DamagedChunk { .. }
            | Error::WrongBlob { .. } => ErrorKind::Damaged,
            Error::Layer { source, .. } if source.is_limit() => ErrorKind::Limit,
            Error::DigestMismatch { .. } | Error::SizeMismatch { .. } | Error::Source { .. } | Error::Layer { .. } => {
                ErrorKind::BadInput
            }
            Error::NoSuchImage { .. } | Error::NoSuchPath { .. } | Error::NotAnArchive { .. } => ErrorKind::NotFound,
            Error::Locked { .. } => ErrorKind::Busy,
            Error::Index(_) | Error::System { .. } => ErrorKind::System,
            Error::Usage(_) | Error::BlobDropped { .. } | Error::CannotCreate { .. } | Error::Unmountable { .. } => {
                ErrorKind::Usage
            }
            Error::Incomplete { source, .. } => source.kind(),
            Error::Internal(_) => ErrorKind::Internal,
        }
    }
}

fn store_kind(error: &StoreError) -> ErrorKind {
    match error {
        StoreError::NotFound { .. } | StoreError::ShortRead { .. } | StoreError::TooLarge { .. } => ErrorKind::Damaged,
        StoreError::Frozen { .. } => ErrorKind::Frozen,
        StoreError::Remote(RemoteError::Damaged { .. }) => ErrorKind::Damaged,
        StoreError::Remote(_) | StoreError::Io { .. } => ErrorKind::System,
    }
}
