//! Kernel mounts of made-up trees. Needs root and `/dev/fuse`; without them the tests fail and say so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use firn_fusefs as lib_api;

mod access;
mod child;
mod cold;
mod life;
mod listing;
mod os;
mod overlay;
mod reads;
mod rootfs;
#[path = "../common/sample.rs"]
mod sample;
mod semantics;
mod takeover;
mod view;
mod world;
