//! The files of a tree under the names of their contents: a tree again, so that it is mounted as any other.

use std::collections::HashSet;

use firn_engine::id::ObjectId;
use firn_engine::tar::{Entry, EntryKind};
use firn_engine::tree::{Limits, TreeBuilder};

use super::error::RootfsError;
use crate::engine::{Ino, Node, Tree};

/// Where an object is, in every layer of data: two digits of its name, a slash, the others.
pub(crate) fn path(object: &ObjectId) -> String {
    let mut path = object.to_string();
    path.insert(2, '/');
    path
}

/// Bytes of the tree that has each of these objects once.
pub(super) fn tree(tree: &Tree, objects: &[(Ino, Node, ObjectId)]) -> Result<Vec<u8>, RootfsError> {
    let mut builder = TreeBuilder::new(Limits::default());
    builder.begin_layer();
    builder.apply(&Entry { mode: 0o555, ..Entry::bare(".", EntryKind::Directory) }, None)?;
    for first in 0..=u8::MAX {
        builder.apply(&Entry { mode: 0o555, ..Entry::bare(format!("{first:02x}"), EntryKind::Directory) }, None)?;
    }
    let mut seen = HashSet::new();
    for (ino, node, object) in objects {
        if seen.insert(object) {
            let sparse = if node.is_sparse { Some(tree.sparse_runs(*ino)?) } else { None };
            let stored = sparse.as_ref().map_or(node.size, |runs| runs.iter().map(|run| run.len).sum());
            let file =
                Entry { mode: 0o444, size: node.size, stored, sparse, ..Entry::bare(path(object), EntryKind::File) };
            builder.apply(&file, node.content)?;
        }
    }
    Ok(builder.finish()?)
}
