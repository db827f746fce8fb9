//! What differs between two images' merged trees: metadata and chunk references only, no content is read.
//!
//! Files of one archive are cut by one rule, so equal bytes are equal references. The one thing that this can't see: a file
//! stored sparse in one image and with its zeros in the other counts as changed content.

mod chunks;
mod compare;
mod kinds;
mod walk;

use crate::error::Error;
use crate::read::OpenImage;
use crate::tree::{Node, TreeError};

pub use kinds::{Kind, Kinds};

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Only the second image has it.
    Added(Node),
    /// Only the first image has it.
    Removed(Node),
    /// Both have it, and it differs.
    Changed {
        /// In the first image.
        before: Node,
        /// In the second.
        after: Node,
        /// In what it differs; after a change of type, nothing else is compared.
        kinds: Kinds,
    },
}

/// What a comparison went through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Paths that only the second image has.
    pub added: u64,
    /// Paths that only the first image has.
    pub removed: u64,
    /// Paths that differ.
    pub changed: u64,
    /// Paths that are the same, the root counted.
    pub same: u64,
    /// How many paths changed in what, in the order of [`Kind::ALL`].
    pub by_kind: [u64; Kind::ALL.len()],
    /// Bytes of file content that both images have, each chunk counted once.
    pub shared_bytes: u64,
    /// Bytes that only the first has.
    pub only_first_bytes: u64,
    /// Bytes that only the second has.
    pub only_second_bytes: u64,
}

impl Summary {
    /// Whether no path differs.
    pub fn is_same(&self) -> bool {
        self.added + self.removed + self.changed == 0
    }
}

/// Takes a path that differs, and how.
pub type Each<'e> = dyn FnMut(&[u8], &Change) -> Result<(), Error> + 'e;

/// Compares two images of one archive, path by path in the order of names, and gives `each` every path that differs in
/// something that is not in `ignored`. Memory is bounded by the chunk references of both.
pub fn diff(first: &OpenImage, second: &OpenImage, ignored: Kinds, each: &mut Each<'_>) -> Result<Summary, Error> {
    for image in [first, second] {
        image.tree().check().map_err(damaged)?;
    }
    walk::Walk::new(first, second, ignored).run(each)
}

fn damaged(error: TreeError) -> Error {
    Error::metadata("the merged tree")(error)
}
