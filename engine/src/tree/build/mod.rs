//! Merging layers into one filesystem: what `umoci unpack` as root would leave on disk, without a disk.
//!
//! Members are applied in stream order to an arena of inodes and names. Only whiteouts look at which layer brought a name.

mod arena;
mod create;
mod index;
mod order;
mod resolve;
mod whiteout;
mod write;
mod xattrs;

use std::cell::Cell;

use arena::{Arena, Inode, NONE, Payload, ROOT};
use resolve::Parent;
use xattrs::XattrSets;

use super::error::{BuildError, show};
use super::limits::Limits;
use super::node::ContentRef;
use crate::tar::{DataRun, Entry, EntryKind, PathError, normalise};

/// Merges layers, lowest first. After an error the builder refuses everything with [`BuildError::Failed`].
#[derive(Debug)]
pub struct TreeBuilder {
    limits: Limits,
    arena: Arena,
    /// Targets of all symbolic links.
    targets: Vec<u8>,
    sparse: Vec<Box<[DataRun]>>,
    sparse_runs: usize,
    xattrs: XattrSets,
    /// Layers begun so far; 0 before the first.
    layer: u32,
    /// Members applied, and components of link targets followed for them.
    members: u64,
    link_steps: Cell<u64>,
    failed: bool,
}

impl TreeBuilder {
    /// An empty root directory: mode 0755, owner 0:0, modified at the epoch, until an entry says otherwise.
    pub fn new(limits: Limits) -> TreeBuilder {
        TreeBuilder {
            limits,
            arena: Arena::new(bare_directory(new_directory(NONE, 0))),
            targets: Vec::new(),
            sparse: Vec::new(),
            sparse_runs: 0,
            xattrs: XattrSets::default(),
            layer: 0,
            members: 0,
            link_steps: Cell::new(0),
            failed: false,
        }
    }

    /// Starts the next layer up: whiteouts applied from now on hide what came before.
    pub fn begin_layer(&mut self) {
        self.layer = self.layer.saturating_add(1);
    }

    /// Applies one member of the current layer. `content` tells where a file's stored bytes are; it is ignored for everything
    /// else, and may be `None` when there are none.
    ///
    /// # Errors
    /// [`BuildError`], naming the member. The builder is of no use afterwards.
    pub fn apply(&mut self, entry: &Entry, content: Option<ContentRef>) -> Result<(), BuildError> {
        if self.failed {
            return Err(BuildError::Failed);
        }
        let result = self.try_apply(entry, content);
        self.failed = result.is_err();
        result
    }

    /// The finished tree's bytes; `FORMAT.md` describes them. The same merged filesystem gives the same bytes.
    ///
    /// # Errors
    /// [`BuildError::Failed`], [`BuildError::Limit`].
    pub fn finish(self) -> Result<Vec<u8>, BuildError> {
        if self.failed {
            return Err(BuildError::Failed);
        }
        write::write(self)
    }

    fn try_apply(&mut self, entry: &Entry, content: Option<ContentRef>) -> Result<(), BuildError> {
        if self.layer == 0 {
            return Err(BuildError::NoLayer);
        }
        self.members += 1;
        let components = split(entry, &entry.path)?;
        let Some((name, parents)) = components.split_last() else {
            return self.apply_root(entry);
        };
        if name.starts_with(whiteout::PREFIX) {
            return self.whiteout(&entry.path, parents, name);
        }
        let dir = self.make_parent(entry, parents)?;
        let name = match entry.kind {
            EntryKind::Directory => self.apply_directory(entry, dir, name)?,
            EntryKind::HardLink => self.apply_hard_link(entry, dir, name)?,
            _ => {
                let inode = self.new_inode(entry, content)?;
                self.put(entry, dir, name, inode)?
            }
        };
        self.touch(name);
        Ok(())
    }

    fn apply_root(&mut self, entry: &Entry) -> Result<(), BuildError> {
        if entry.kind != EntryKind::Directory {
            return Err(BuildError::RootNotDirectory { path: show(&entry.path) });
        }
        self.set_directory(entry, ROOT)
    }

    /// A directory over a directory keeps what is in it and takes the new metadata; over anything else it replaces it.
    fn apply_directory(&mut self, entry: &Entry, dir: u32, name: &[u8]) -> Result<u32, BuildError> {
        let name = match self.arena.find(dir, name) {
            Some(found) if self.arena.is_directory(self.arena.name(found).inode) => found,
            _ => self.put_directory(&entry.path, dir, name)?,
        };
        self.set_directory(entry, self.arena.name(name).inode)?;
        Ok(name)
    }

    /// The old name goes before the target is looked up, as on disk: a link cannot reach its target through itself.
    fn apply_hard_link(&mut self, entry: &Entry, dir: u32, name: &[u8]) -> Result<u32, BuildError> {
        let shown = || (show(&entry.path), show(&entry.link));
        let components = split(entry, &entry.link)?;
        let Some((last, parents)) = components.split_last() else {
            let (path, target) = shown();
            return Err(BuildError::HardLinkToDirectory { path, target });
        };
        if let Some(existing) = self.arena.find(dir, name) {
            if self.follow(&entry.link, parents)? == Parent::Found(dir) && last == &name {
                let (path, target) = shown();
                return Err(BuildError::HardLinkCycle { path, target });
            }
            self.arena.detach(existing);
        }
        let target = match self.follow(&entry.link, parents)? {
            Parent::Found(target_dir) => self.child(target_dir, last),
            _ => None,
        };
        let Some(inode) = target else {
            let (path, target) = shown();
            return Err(if components_equal(&entry.path, &components) {
                BuildError::HardLinkCycle { path, target }
            } else {
                BuildError::HardLinkMissing { path, target }
            });
        };
        if self.arena.is_directory(inode) {
            let (path, target) = shown();
            return Err(BuildError::HardLinkToDirectory { path, target });
        }
        let links = &mut self.arena.inode_mut(inode).nlink;
        *links = links.saturating_add(1);
        self.put(entry, dir, name, inode)
    }

    /// Marks a name and every directory above it as this layer's. Stops at the first that is: what is above it is too.
    fn touch(&mut self, name: u32) {
        let mut at = name;
        while at != NONE && self.arena.name(at).touched != self.layer {
            self.arena.name_mut(at).touched = self.layer;
            at = match self.arena.inode(self.arena.name(at).dir).payload {
                Payload::Directory { name, .. } => name,
                _ => NONE,
            };
        }
    }

    fn limit(&self, path: &[u8], what: &'static str, limit: u32, field: &'static str) -> BuildError {
        BuildError::Limit { path: show(path), what, limit: u64::from(limit), field }
    }
}

fn split<'a>(entry: &Entry, path: &'a [u8]) -> Result<Vec<&'a [u8]>, BuildError> {
    normalise(path).map_err(|error| match error {
        PathError::NameTooLong { component } => BuildError::NameTooLong { path: show(path), len: component.len() },
        PathError::Nul { .. } => {
            BuildError::BadEntry { path: show(&entry.path), why: "a NUL byte in its path or link" }
        }
    })
}

fn components_equal(path: &[u8], components: &[&[u8]]) -> bool {
    normalise(path).is_ok_and(|own| own == components)
}

/// A directory nobody declared: root:root, 0755, modified at the epoch.
fn bare_directory(payload: Payload) -> Inode {
    Inode { secs: 0, nanos: 0, uid: 0, gid: 0, nlink: 1, xattrs: 0, mode: 0o755, payload }
}

fn new_directory(name: u32, depth: u32) -> Payload {
    Payload::Directory { children: NONE, name, depth, declared: 0, cleared: 0, first: 0, count: 0 }
}
