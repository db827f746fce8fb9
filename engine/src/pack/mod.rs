//! Packs: frames compressed, written, sealed and read again.

mod build;
mod encode;
mod load;
mod scan;

pub(crate) use build::PackBuilder;
pub use build::SealedPack;
pub(crate) use encode::{EncodedFrame, FrameEncoder};
pub use load::{FrameError, decode_payload, load_footer};
pub use scan::rebuild_footer;

#[cfg(test)]
mod tests;
