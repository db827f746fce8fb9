//! Images into the archive: blobs read and checked, layers taken apart, everything committed in one write at the end.

mod buffers;
mod dissect;
mod feed;
mod graph;
mod layer;
mod meter;
mod packer;
mod pipeline;
mod recode;
mod session;
mod spool;
mod stream;
mod trees;
mod window;

pub use meter::{Meter, Phase};
pub use packer::PackerTotals;
pub(crate) use packer::{PackUse, Packer, index_entries};
pub(crate) use recode::{Blobs, prove};
pub use session::{Comeback, IngestOptions, Ingested, IngestedLayer, Originals, Session};
pub(crate) use stream::StreamWriter;
pub(crate) use trees::{LayerMetadata, Merged, merge};
