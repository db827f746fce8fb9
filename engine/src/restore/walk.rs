//! A merged tree, entry by entry: parents before children, names in byte order, each directory at one stretch.

use std::collections::HashMap;

use crate::error::Error;
use crate::read::OpenImage;
use crate::tree::{Ino, Node, NodeKind, Tree, TreeError};

/// Where the first name of a hard-linked inode is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The directory.
    pub dir: Ino,
    /// Which of its entries.
    index: u32,
}

/// What a walk comes to.
pub(super) enum Visit<'t> {
    /// An inode by its first name; the root's is empty.
    Node { name: &'t [u8], ino: Ino, node: Node },
    /// A further name of an inode.
    Link { name: &'t [u8], ino: Ino, node: Node, first: Place },
    /// The end of a directory.
    Leave { ino: Ino, node: Node },
}

struct Frame {
    dir: Ino,
    node: Node,
    next: u32,
    path_len: usize,
}

/// A walk. Its memory is bounded by the depth of the tree and by the number of hard-linked inodes.
pub(super) struct Walk<'t> {
    tree: &'t Tree,
    stack: Vec<Frame>,
    path: Vec<u8>,
    firsts: HashMap<Ino, Place>,
    is_started: bool,
}

/// A tree error of an archived image.
pub(super) fn damaged(error: TreeError) -> Error {
    Error::metadata("the merged tree")(error)
}

/// The tree of an image, every rule of its format checked: names are names, and walks end.
pub(super) fn sound_tree(image: &OpenImage) -> Result<&Tree, Error> {
    let tree = image.tree().as_ref();
    tree.check().map_err(damaged)?;
    Ok(tree)
}

impl<'t> Walk<'t> {
    pub(super) fn new(tree: &'t Tree) -> Self {
        Walk { tree, stack: Vec::new(), path: Vec::new(), firsts: HashMap::new(), is_started: false }
    }

    /// Path of what was visited last, relative to the root.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// The next visit; `None` when the root was left.
    pub(super) fn next(&mut self) -> Result<Option<Visit<'t>>, Error> {
        self.step().map_err(damaged)
    }

    fn step(&mut self) -> Result<Option<Visit<'t>>, TreeError> {
        if !self.is_started {
            self.is_started = true;
            let node = self.tree.node(Ino::ROOT)?;
            self.stack.push(Frame { dir: Ino::ROOT, node, next: 0, path_len: 0 });
            return Ok(Some(Visit::Node { name: b"", ino: Ino::ROOT, node }));
        }
        let Some(frame) = self.stack.last_mut() else { return Ok(None) };
        self.path.truncate(frame.path_len);
        let place = Place { dir: frame.dir, index: frame.next };
        let Some((name, ino, kind)) = self.tree.entry(place.dir, place.index)? else {
            let Frame { dir, node, .. } = *frame;
            self.stack.pop();
            return Ok(Some(Visit::Leave { ino: dir, node }));
        };
        frame.next += 1;
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        let node = self.tree.node(ino)?;
        if kind == NodeKind::Directory {
            self.stack.push(Frame { dir: ino, node, next: 0, path_len: self.path.len() });
        } else if node.nlink > 1 {
            if let Some(first) = self.firsts.get(&ino) {
                return Ok(Some(Visit::Link { name, ino, node, first: *first }));
            }
            self.firsts.insert(ino, place);
        }
        Ok(Some(Visit::Node { name, ino, node }))
    }
}

impl Place {
    /// The name there.
    pub(super) fn name(self, tree: &Tree) -> Result<&[u8], Error> {
        let gone = TreeError::NoSuchInode { ino: self.dir.0 };
        tree.entry(self.dir, self.index).and_then(|entry| Ok(entry.ok_or(gone)?.0)).map_err(damaged)
    }

    /// The whole path, relative to the root.
    pub(super) fn path(self, tree: &Tree) -> Result<Vec<u8>, Error> {
        let mut names = directory_names(tree, self.dir)?;
        names.push(self.name(tree)?);
        Ok(names.join(&b'/'))
    }
}

/// Names of the directories from the root to `dir`, that one included.
pub(super) fn directory_names(tree: &Tree, mut dir: Ino) -> Result<Vec<&[u8]>, Error> {
    let mut names = Vec::new();
    while dir != Ino::ROOT {
        names.push(tree.name(dir).map_err(damaged)?);
        dir = tree.parent(dir).map_err(damaged)?;
    }
    names.reverse();
    Ok(names)
}
