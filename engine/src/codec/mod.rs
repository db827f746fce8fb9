//! Compressed bytes to plain bytes, bounded: nothing here knows of tar, chunks or recipes.
#![forbid(unsafe_code)]

pub mod layer;

pub(crate) use layer::SNIFF_LEN;
pub use layer::{Compression, DecodeLimits, LayerDecoder, LayerError as DecodeError, decoder};
