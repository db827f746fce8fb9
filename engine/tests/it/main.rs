//! The engine's integration tests: one binary, so that it is linked once.

mod archive;
mod common;
mod recompress;
