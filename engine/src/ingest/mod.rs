//! Images into the archive: blobs read and checked, layers taken apart, everything committed in one write at the end.

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
pub(crate) use packer::index_entries;
pub use session::{IngestOptions, Ingested, IngestedLayer, Session};
pub(crate) use trees::{LayerMetadata, Merged, merge};
