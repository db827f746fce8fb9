//! Rootfs mode: a writable root filesystem whose metadata the kernel serves by itself.
//!
//! An overlay over three kinds of layers: an EROFS image of the tree's metadata ([`crate::erofs`]), a directory of whole files that are
//! here already, and a FUSE mount that serves all of them, whether here or not. Files are named by their content in the latter two, so
//! those that images share are one file and one set of pages in memory. The kernel looks for a file's data when it is opened for
//! the first time: in the directory, and only then at FUSE.

mod error;
mod kernel;
mod objects;
mod overlay;
mod parts;
mod upper;

pub use error::RootfsError;
pub(crate) use objects::path as object_path;
pub use overlay::{Layers, Upper, mount, resume};
pub use parts::{Parts, objects_in_use, prepare};
