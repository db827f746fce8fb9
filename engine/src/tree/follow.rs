//! Paths as a process inside the image would resolve them.

use super::{Ino, NodeKind, Tree, TreeError};

/// Symbolic links followed in one path, as Linux allows.
const MAX_LINKS: u32 = 40;
/// Longest path at any point of its resolution, in bytes.
const MAX_PATH: usize = 64 << 10;

impl Tree {
    /// Walks `path` from the root and follows every symbolic link, the last one too. Links and `..` stay inside the tree.
    ///
    /// # Errors
    /// [`TreeError::Corrupt`] for a damaged tree. Links in a circle lead nowhere: `None`.
    pub fn resolve_following(&self, path: &[u8]) -> Result<Option<Ino>, TreeError> {
        let mut at = Ino::ROOT;
        let mut links = 0;
        // Components still to be walked, the next one last.
        let mut ahead: Vec<Vec<u8>> = components(path);
        while let Some(name) = ahead.pop() {
            if name == b".." {
                at = self.parent(at)?;
                continue;
            }
            if self.node(at)?.kind != NodeKind::Directory {
                return Ok(None);
            }
            let Some(next) = self.lookup(at, &name)? else { return Ok(None) };
            if self.node(next)?.kind != NodeKind::Symlink {
                at = next;
                continue;
            }
            links += 1;
            let target = self.link_target(next)?;
            let length: usize = ahead.iter().map(|name| name.len() + 1).sum();
            if links > MAX_LINKS || length + target.len() > MAX_PATH {
                return Ok(None);
            }
            if target.first() == Some(&b'/') {
                at = Ino::ROOT;
            }
            ahead.extend(components(target));
        }
        Ok(Some(at))
    }
}

/// The components of a path, last one first, without empty ones and `.`.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.rsplit(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    parts.map(<[u8]>::to_vec).collect()
}
