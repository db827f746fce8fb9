use std::sync::Arc;

use super::ZstdEncoder;

/// Longest encoded recipe of a zstd blob in bytes: the parts of a `zstd:chunked` layer with a frame for every file, and its
/// table of contents.
pub const MAX_ZSTD_RECIPE: usize = 1 << 20;
/// Most frames, skippable ones too.
pub const MAX_FRAMES: usize = 1 << 18;

/// A zstd blob: frames one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZstdRecipe {
    /// At most [`MAX_FRAMES`].
    pub parts: Vec<ZstdPart>,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZstdPart {
    /// A frame of data.
    Frame {
        /// What wrote it.
        encoder: ZstdEncoder,
        /// Decoded bytes.
        len: u64,
    },
    /// Bytes that stand in the blob as they are: a skippable frame. At least one.
    Literal(Arc<[u8]>),
}
