//! firn's engine: container images cut into content-defined chunks, deduplicated, packed, and given back bit for bit.
//!
//! It knows nothing of terminals, environment variables, FUSE or gRPC: everything comes in as arguments. Data flows one way,
//! `ingest` in and `read`/`restore` out, over `pack` and `index`, which stand on `store` and `format`.

pub mod archive;
pub mod bucket;
pub mod cache;
pub mod chunker;
pub mod codec;
pub mod cost;
pub mod diff;
mod error;
mod file_lock;
mod file_part;
pub mod format;
pub mod id;
pub mod index;
pub mod ingest;
mod known;
mod map;
pub mod oci;
pub mod pack;
mod parallel;
pub mod pin;
pub mod read;
pub mod recompress;
pub mod remote;
pub mod restore;
pub mod settle;
pub mod stats;
pub mod store;
pub mod tar;
pub mod thaw;
pub mod tier;
pub mod tree;

pub use archive::Archive;
pub use error::{Error, ErrorKind, LayerError, with_causes};
pub use parallel::{Crew, one_per_core};
