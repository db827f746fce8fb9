//! Errors of building and of reading trees.

/// Why layers cannot be merged. Paths are shown escaped and cut to 300 bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A member came before the first `begin_layer`.
    #[error("a member was applied before the first layer was begun")]
    NoLayer,
    /// An earlier call failed; the half-merged state is of no use.
    #[error("the tree builder already failed; start again with a new one")]
    Failed,
    /// A path component over 255 bytes, which no Linux filesystem can hold.
    #[error("{path}: a path component of {len} bytes; file names have at most 255")]
    NameTooLong {
        /// The path.
        path: String,
        /// Length of the component in bytes.
        len: usize,
    },
    /// The parent path runs through something that is neither a directory nor a symbolic link.
    #[error("{path}: `{component}` on the way is not a directory")]
    NotADirectory {
        /// The path.
        path: String,
        /// The component that is in the way.
        component: String,
    },
    /// Cyclic or absurdly long chain of symbolic links on the way.
    #[error(
        "{path}: too many symbolic links on the way (a cycle, more than 255 links or 16384 components, or 64 a member on average)"
    )]
    SymlinkLoop {
        /// The path that was being resolved.
        path: String,
    },
    /// A member for the root that is not a directory.
    #[error("{path}: the root can only be a directory")]
    RootNotDirectory {
        /// The path as stored.
        path: String,
    },
    /// A hard link whose target is not there when the member is met.
    #[error("hard link {path}: its target {target} does not exist at this point of the layer")]
    HardLinkMissing {
        /// The new name.
        path: String,
        /// The name it should share.
        target: String,
    },
    /// A hard link that names itself.
    #[error("hard link {path}: its target {target} is the link itself")]
    HardLinkCycle {
        /// The new name.
        path: String,
        /// The name it should share.
        target: String,
    },
    /// A hard link to a directory.
    #[error("hard link {path}: its target {target} is a directory")]
    HardLinkToDirectory {
        /// The new name.
        path: String,
        /// The name it should share.
        target: String,
    },
    /// A whiteout that names nothing, `.` or `..`.
    #[error("{path}: a whiteout must name a sibling")]
    BadWhiteout {
        /// The path as stored.
        path: String,
    },
    /// A member no filesystem could hold, or that contradicts itself.
    #[error("{path}: {why}")]
    BadEntry {
        /// The path as stored.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A bound of [`super::Limits`] was crossed.
    #[error("{path}: over the limit of {limit} {what}; raise `Limits::{field}`")]
    Limit {
        /// The path that crossed it.
        path: String,
        /// What is counted.
        what: &'static str,
        /// The bound.
        limit: u64,
        /// The field that holds the bound.
        field: &'static str,
    },
    /// The builder contradicted itself: a defect of firn, not of the image.
    #[error("tree builder defect: {0}")]
    Defect(&'static str),
}

/// Why a tree cannot be opened or asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Not a tree at all.
    #[error("not a firn tree: wrong magic bytes")]
    BadMagic,
    /// Written by a later firn.
    #[error("tree format version {found}; this firn reads version {known}: use a newer firn")]
    UnsupportedVersion {
        /// Version in the header.
        found: u16,
        /// Version this code reads.
        known: u16,
    },
    /// The checksum over header and body does not match: the bytes are damaged.
    #[error("tree checksum mismatch: the tree is damaged; fetch or build it again")]
    ChecksumMismatch,
    /// The bytes break a rule of the format.
    #[error("corrupt tree: {what} (at {at})")]
    Corrupt {
        /// The rule.
        what: &'static str,
        /// Entry index or byte offset, by the rule.
        at: u64,
    },
    /// No inode has this number.
    #[error("no inode {ino} in this tree")]
    NoSuchInode {
        /// The number asked for.
        ino: u64,
    },
    /// A question only directories can answer.
    #[error("inode {ino} is not a directory")]
    NotADirectory {
        /// The number asked for.
        ino: u64,
    },
    /// A question only symbolic links can answer.
    #[error("inode {ino} is not a symbolic link")]
    NotASymlink {
        /// The number asked for.
        ino: u64,
    },
}

/// A path for a message: escaped, and cut so that a hostile one cannot flood a log.
pub(super) fn show(path: &[u8]) -> String {
    const SHOWN: usize = 300;
    match path.get(..SHOWN) {
        Some(start) if path.len() > SHOWN => format!("{}…", start.escape_ascii()),
        _ => path.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::show;

    #[test]
    fn long_and_binary_paths_are_shown_short_and_escaped() {
        assert_eq!(show(b"a/\xff\n"), "a/\\xff\\n");
        assert_eq!(show(&[b'x'; 300]).len(), 300);
        assert_eq!(show(&[b'x'; 10_000]), format!("{}…", "x".repeat(300)));
    }
}
