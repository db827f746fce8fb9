//! What a file of an opened image contains, piece by piece.

use crate::error::Error;
use crate::read::OpenImage;
use crate::tree::{Ino, Node, Tree};

use super::walk::damaged;

/// Takes the data of a file: its offset in the file, and the bytes.
pub(super) type Put<'p> = dyn FnMut(u64, &[u8]) -> Result<(), Error> + 'p;

fn wrong(ino: Ino) -> Error {
    let what = "its chunks are not as long as the tree says";
    let error = std::io::Error::new(std::io::ErrorKind::InvalidData, what);
    Error::metadata(format!("the content of inode {}", ino.0))(error)
}

/// Gives the stored data of a file in order: what it does not give is a hole. Each piece is a part of one chunk.
///
/// Fails, after everything it could give, where the chunks are longer or shorter than the tree says.
pub(super) fn pieces(image: &OpenImage, tree: &Tree, ino: Ino, node: &Node, put: &mut Put<'_>) -> Result<(), Error> {
    let mut runs = if node.is_sparse {
        tree.sparse_runs(ino).map_err(damaged)?.into_iter().map(|run| (run.offset, run.len)).collect()
    } else {
        vec![(0, node.size)]
    }
    .into_iter()
    .filter(|(_, len)| *len > 0);
    let mut run = runs.next();
    if let Some(content) = node.content {
        for chunk in image.chunk_refs(content)? {
            let chunk = image.chunk(&chunk?)?;
            let mut bytes = chunk.as_ref();
            while !bytes.is_empty() {
                let Some((offset, left)) = run else { return Err(wrong(ino)) };
                let len = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let (piece, rest) = bytes.split_at(len);
                put(offset, piece)?;
                bytes = rest;
                let (offset, left) = (offset + len as u64, left - len as u64);
                run = if left > 0 { Some((offset, left)) } else { runs.next() };
            }
        }
    }
    if run.is_none() { Ok(()) } else { Err(wrong(ino)) }
}
