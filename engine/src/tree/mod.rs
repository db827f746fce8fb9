//! The merged filesystem of a chain of layers.
//!
//! Data flows one way: members of layers, lowest layer first, go into a [`TreeBuilder`]; its `finish` gives the bytes of a
//! flat tree (`FORMAT.md`); a [`Tree`] answers questions about such bytes without unpacking them. Nothing here does
//! I/O, knows of FUSE, or reads file contents: a file is a [`ContentRef`] that somebody else resolves.

#![forbid(unsafe_code)]

mod build;
mod error;
mod follow;
mod format;
mod limits;
mod node;
mod overlay_names;
mod read;
#[cfg(test)]
mod tests;

pub use build::TreeBuilder;
pub use error::{BuildError, TreeError};
pub use limits::Limits;
pub use node::{ContentRef, DirEntry, Ino, Node, NodeKind, Totals, Xattr};
pub use overlay_names::{escaped_xattr, unescaped_xattr};
pub use read::{Tree, TreeBytes};
