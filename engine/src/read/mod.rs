//! Stored bytes back out: every chunk that leaves here was verified against its name.

mod blob;
mod chunks;
mod frames;
mod layer;
mod locator;
mod needs;
mod object;
mod open_image;
mod stream;
mod touched;

pub use blob::{write_blob, write_diff};
pub use chunks::{ChunkBytes, ChunkReader, FramePlace, ReadStats};
pub use layer::write_tar;
pub(crate) use layer::{LayerStreams, for_each_chunk_of_tar, next_ref};
pub use needs::{Needs, needs, needs_of_files};
pub use open_image::{OpenImage, TreeCache, open_tree};
pub use stream::StreamReader;
pub(crate) use stream::for_each_chunk;
