//! firn's development tasks as functions; the `xtask` program is a thin command line over them.

pub mod args;
pub mod bench;
pub mod corpus;
pub mod demo;
pub mod digest;
pub mod e2e;
pub mod error;
pub mod files;
pub mod firn;
pub mod http;
pub mod layouts;
pub mod made;
pub mod oci;
pub mod overlayfs;
pub mod proc;
pub mod setup;
pub mod sim;
pub mod suite;
pub mod trees;
pub mod weed;
