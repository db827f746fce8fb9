//! firn's read-only filesystem: the merged tree of an image as the kernel sees it.
//!
//! Data flows one way: [`mount`] makes the kernel connection, `fuse` turns its requests into calls
//! of [`fs::Fs`], and `Fs` answers from the tree and from [`content::Content`]. `Fs` knows nothing of
//! FUSE and is tested without a kernel. What a mount promises is written down in `SEMANTICS.md`.

pub mod cold;
pub mod content;
pub mod engine;
pub mod erofs;
pub mod fs;
mod fuse;
pub mod hydrate;
mod image;
mod making;
pub mod mount;
pub mod rootfs;
mod sys;

#[cfg(test)]
use crate as lib_api;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the integration tests, which use all of it")]
#[path = "../tests/common/sample.rs"]
mod sample;
