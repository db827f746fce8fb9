//! The engine's integration tests: one binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod archive;
mod common;
mod recompress;
