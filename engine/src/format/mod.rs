//! Bytes ↔ structs, without I/O. FORMAT.md is the normative text; a golden file holds the bytes of each object.

mod config;
mod footer;
mod frame;
mod image;
mod name;
mod ops;
mod pack;
mod pin;
mod sealed;
mod stream;
pub(crate) mod wire;

pub(crate) use sealed::Kind;
pub(crate) use wire::{Put, Reader};

pub use config::Config;
pub use footer::{ChunkEntry, Footer, FrameEntry};
pub use frame::{Codec, FRAME_HEADER_LEN, FrameHeader, MAX_CHUNK_LEN, MAX_FRAME_CHUNKS, MAX_FRAME_RAW};
pub use image::{BlobBody, BlobRecord, Filesystem, ImageRecord, LayerRecord, MountTree, Wrapper};
pub use name::{ImageName, NameRecord};
pub use ops::{OpsDecoder, OpsEncoder};
pub use pack::{MAX_PACK_LEN, PACK_HEADER_LEN, PACK_TRAILER_LEN, PackClass, PackHeader, PackTrailer};
pub use pin::{PinOrigin, PinOrigins, PinRecord};
pub use stream::{CHUNK_REF_LEN, ChunkRef, MAX_INLINE_REFS, StreamRef};

/// Why stored bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The bytes end early.
    #[error("{object}: {wanted} bytes wanted, {left} left: cut short or damaged")]
    Truncated {
        /// What was being read.
        object: &'static str,
        /// Length of the field.
        wanted: usize,
        /// Bytes that were left.
        left: usize,
    },
    /// The first bytes are another object's.
    #[error("{object}: wrong magic bytes: not such an object, or damaged")]
    Magic {
        /// What was being read.
        object: &'static str,
    },
    /// A version this program does not know.
    #[error("{object}: version {found}, but this firn knows only version {known}: use a newer firn")]
    Version {
        /// What was being read.
        object: &'static str,
        /// Version found.
        found: u16,
        /// Version this program reads.
        known: u16,
    },
    /// The checksum is another one.
    #[error("{object}: checksum mismatch: the stored bytes are damaged")]
    Checksum {
        /// What was being read.
        object: &'static str,
    },
    /// A number is beyond a limit of the format.
    #[error("{object}: {what} of {value}, more than the {limit} the format allows")]
    Limit {
        /// What was being read or written.
        object: &'static str,
        /// Which number.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The limit.
        limit: u64,
    },
    /// Anything else that contradicts FORMAT.md.
    #[error("{object}: {what}")]
    Invalid {
        /// What was being read.
        object: &'static str,
        /// What is wrong.
        what: String,
    },
}

/// The golden bytes of an object; written anew when `FIRN_BLESS` is set, which a change of the format's version needs.
#[cfg(test)]
fn golden(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/format").join(name);
    if std::env::var_os("FIRN_BLESS").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    std::fs::read(&path).unwrap()
}
