//! Names for whole files.

use super::open_image::OpenImage;
use crate::error::Error;
use crate::id::ObjectId;
use crate::tar::DataRun;
use crate::tree::Ino;

/// Keeps these names apart from every other BLAKE3.
const CONTEXT: &str = "firn 2026-11 object: size, data runs, chunk references";

impl OpenImage {
    /// The name of a file's bytes, holes included: equal for equal files of all images of an archive, as equal files are cut into equal
    /// chunks. Reads no content. `None` for whatever has no stored bytes.
    ///
    /// # Errors
    /// A damaged tree or damaged references.
    pub fn object(&self, ino: Ino) -> Result<Option<ObjectId>, Error> {
        let damaged = || Error::metadata("the merged tree");
        let node = self.tree().node(ino).map_err(damaged())?;
        let Some(content) = node.content else { return Ok(None) };
        let runs = if node.is_sparse { Some(self.tree().sparse_runs(ino).map_err(damaged())?) } else { None };
        Ok(Some(name(node.size, runs.as_deref(), self.encoded_refs(content)?)))
    }
}

/// `runs` only for files with holes.
fn name(size: u64, runs: Option<&[DataRun]>, refs: &[u8]) -> ObjectId {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(&size.to_le_bytes());
    hasher.update(&runs.map_or(u64::MAX, |runs| runs.len() as u64).to_le_bytes());
    for run in runs.into_iter().flatten() {
        hasher.update(&run.offset.to_le_bytes());
        hasher.update(&run.len.to_le_bytes());
    }
    hasher.update(refs);
    ObjectId::from_bytes(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_makes_a_file_differ_makes_its_name_differ() {
        let (one, other) = (DataRun { offset: 0, len: 5 }, DataRun { offset: 1, len: 5 });
        let names = [
            name(5, None, b"chunk"),
            name(6, None, b"chunk"),
            name(5, None, b"other"),
            name(6, Some(&[one]), b"chunk"),
            name(6, Some(&[other]), b"chunk"),
            name(6, Some(&[]), b"chunk"),
            name(6, Some(&[one, other]), b"chunk"),
        ];
        for (at, left) in names.iter().enumerate() {
            assert!(names.iter().skip(at + 1).all(|right| left != right), "{at}");
        }
        assert_eq!(name(5, None, b"chunk"), names[0]);
    }
}
