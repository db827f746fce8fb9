//! Streaming, bounded decoding of a layer blob.
//!
//! What a blob is compressed with is told by its first bytes, never by its media type. The two formats are sans-I/O state
//! machines ([`gzip`], [`zstd`]); [`decoder`] feeds them from a reader with fixed buffers and holds them to the limits.

mod decoder;
mod error;
pub(crate) mod gzip;
mod gzip_header;
mod input;
mod limits;
mod sniff;
pub(crate) mod zstd;

pub use decoder::{DecodeStats, LayerDecoder, decoder};
pub use error::LayerError;
pub(crate) use gzip_header::GzipHeader;
pub(crate) use input::Input;
pub use limits::DecodeLimits;
pub use sniff::Compression;
pub(crate) use sniff::SNIFF_LEN;
