//! OCI whiteouts: what a layer hides of the layers below it.
//!
//! A whiteout never touches what its own layer brought, whichever comes first in the stream. A directory that exists in
//! this layer only because something below it does loses the metadata that a hidden lower directory left it.

use super::TreeBuilder;
use super::arena::Payload;
use super::resolve::Parent;
use crate::tree::error::{BuildError, show};

/// What marks a whiteout.
pub(super) const PREFIX: &[u8] = b".wh.";
/// Hides everything that lower layers have in its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Names AUFS used for itself; they hide nothing and are not shown.
const RESERVED: &[u8] = b".wh..wh.";

impl TreeBuilder {
    /// Applies the whiteout member `name`, whose parent path is `parents`.
    pub(super) fn whiteout(&mut self, path: &[u8], parents: &[&[u8]], name: &[u8]) -> Result<(), BuildError> {
        if name.starts_with(RESERVED) && name != OPAQUE {
            return Ok(());
        }
        let hidden = name.get(PREFIX.len()..).unwrap_or_default();
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(BuildError::BadWhiteout { path: show(path) });
        }
        // Nothing there, nothing to hide.
        let Parent::Found(dir) = self.follow(path, parents)? else {
            return Ok(());
        };
        if name == OPAQUE {
            self.clear_lower(dir);
        } else if let Some(found) = self.arena.find(dir, hidden) {
            if self.arena.name(found).touched != self.layer {
                self.arena.remove(found);
            } else if self.arena.is_directory(self.arena.name(found).inode) {
                self.forget_lower_metadata(self.arena.name(found).inode);
                self.clear_lower(self.arena.name(found).inode);
            }
        }
        Ok(())
    }

    /// Removes whatever this layer did not bring from a directory and from those below it. Each directory is gone through
    /// once a layer at most, so that many whiteouts of one directory cost no more than one.
    fn clear_lower(&mut self, dir: u32) {
        let mut stack = vec![dir];
        while let Some(dir) = stack.pop() {
            let layer = self.layer;
            match &mut self.arena.inode_mut(dir).payload {
                Payload::Directory { cleared, .. } if *cleared != layer => *cleared = layer,
                _ => continue,
            }
            let mut at = self.arena.first_name(dir);
            while let Some(name) = at {
                at = self.arena.next_name(name);
                let inode = self.arena.name(name).inode;
                if self.arena.name(name).touched != layer {
                    self.arena.remove(name);
                } else if self.arena.is_directory(inode) {
                    self.forget_lower_metadata(inode);
                    stack.push(inode);
                }
            }
        }
    }

    /// A whited-out directory that this layer re-creates without an entry of its own is a missing parent.
    fn forget_lower_metadata(&mut self, dir: u32) {
        let inode = self.arena.inode_mut(dir);
        if let Payload::Directory { declared, .. } = inode.payload
            && declared != self.layer
        {
            *inode = super::bare_directory(inode.payload);
        }
    }
}
