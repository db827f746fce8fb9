//! The one place that says where the merged tree comes from.

pub use firn_engine::id::PackId;
pub use firn_engine::tar::{DataRun, Timestamp};
pub use firn_engine::tree::{
    ContentRef, DirEntry, Ino, Node, NodeKind, Tree, TreeError, escaped_xattr, unescaped_xattr,
};
