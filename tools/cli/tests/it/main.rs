//! The program as its users run it: arguments, output, exit codes, real mounts, kill -9.

#![allow(dead_code, reason = "fixtures are shared with the engine's tests, which use all of them")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod cold;
mod cold_mounts;
mod commands;
mod differences;
mod errors;
mod kept;
mod kill;
mod mounts;
mod pins;
mod rootfs;
mod trees;
mod world;

#[path = "../../../../fusefs/tests/it/os.rs"]
mod os;

#[path = "../../../../engine/tests/it/common/layout.rs"]
mod layout;
#[path = "../../../../engine/tests/it/common/tarball.rs"]
mod tarball;
