//! Where a member's parent path leads inside the image.

use super::TreeBuilder;
use super::arena::{NONE, Payload, ROOT};
use crate::tree::error::{BuildError, show};
use crate::tree::limits::{LINK_STEPS_FREE, LINK_STEPS_PER_MEMBER, MAX_HOPS, MAX_STEPS};

/// Outcome of following a parent path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// An existing directory, by inode.
    Found(u32),
    /// The deepest existing directory and what has to be made below it.
    Missing(u32, Vec<Vec<u8>>),
    /// Something that is neither a directory nor a symbolic link is in the way.
    Blocked(Vec<u8>),
}

/// A link target by components.
type Components<'a> = std::slice::Split<'a, u8, fn(&u8) -> bool>;

impl TreeBuilder {
    /// Follows `components` from the root, symbolic links included, as if the image's root were `/`: `..` and absolute
    /// targets stay inside. Components that do not exist are kept literally, so that a dangling link names the place where
    /// its target would be.
    pub(super) fn follow(&self, path: &[u8], components: &[&[u8]]) -> Result<Parent, BuildError> {
        let mut at = ROOT;
        let mut missing: Vec<Vec<u8>> = Vec::new();
        // Targets still to be walked, innermost last; then the path itself.
        let mut targets: Vec<Components<'_>> = Vec::new();
        let mut rest = components.iter();
        let (mut hops, mut steps) = (0, 0);
        loop {
            let component = match targets.last_mut().map(Iterator::next) {
                Some(None) => {
                    targets.pop();
                    continue;
                }
                Some(Some(component)) => component,
                None => match rest.next() {
                    Some(component) => component,
                    None => break,
                },
            };
            steps += 1;
            if hops > 0 {
                self.link_steps.set(self.link_steps.get().saturating_add(1));
            }
            let allowed = LINK_STEPS_FREE.saturating_add(self.members.saturating_mul(LINK_STEPS_PER_MEMBER));
            if steps > MAX_STEPS || hops > MAX_HOPS || self.link_steps.get() > allowed {
                return Err(BuildError::SymlinkLoop { path: show(path) });
            }
            match component {
                b"" | b"." => continue,
                b".." if missing.pop().is_some() => continue,
                b".." => at = self.arena.parent(at),
                name if !missing.is_empty() => missing.push(name.to_vec()),
                name => match self.child(at, name) {
                    None => missing.push(name.to_vec()),
                    Some(inode) => match self.arena.inode(inode).payload {
                        Payload::Directory { .. } => at = inode,
                        Payload::Symlink { start, len } => {
                            hops += 1;
                            let target = self.target(start, len);
                            if target.first() == Some(&b'/') {
                                at = ROOT;
                            }
                            targets.push(target.split(is_slash as fn(&u8) -> bool));
                        }
                        _ => return Ok(Parent::Blocked(name.to_vec())),
                    },
                },
            }
        }
        Ok(if missing.is_empty() { Parent::Found(at) } else { Parent::Missing(at, missing) })
    }

    /// The inode of a name in a directory.
    pub(super) fn child(&self, dir: u32, name: &[u8]) -> Option<u32> {
        let inode = self.arena.name(self.arena.find(dir, name)?).inode;
        Some(inode).filter(|&inode| inode != NONE)
    }

    /// Target of a symbolic link.
    pub(super) fn target(&self, start: u32, len: u16) -> &[u8] {
        let start = start as usize;
        self.targets.get(start..start + usize::from(len)).unwrap_or_default()
    }
}

fn is_slash(byte: &u8) -> bool {
    *byte == b'/'
}
