//! Which chunks a working set is made of.

use std::collections::HashSet;
use std::ops::Range;

use crate::archive::Archive;
use crate::error::Error;
use crate::format::ChunkRef;
use crate::id::{ChunkId, Digest};
use crate::pack::load_footer;
use crate::read::OpenImage;
use crate::store::PackArea;
use crate::tree::ContentRef;

/// Ranges are widened to multiples of so many stored bytes: the least that the kernel reads ahead. What was just not read at one start
/// may be read at the next, as it depends on which thread came first.
const BLOCK: u64 = 128 << 10;

/// Of files up to so many stored bytes all is wanted if anything is: a program that takes another way at the next start needs other pages
/// of the same files, and one that maps a file ends by a signal where one is missing.
const WHOLE: u64 = 1 << 20;

/// Chunks to be pinned, each once, in the order in which they are to lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PinSet {
    pub(super) chunks: Vec<ChunkRef>,
    /// Files that have some of them.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    seen: HashSet<ChunkId>,
}

impl PinSet {
    fn add(&mut self, chunk: ChunkRef) {
        if self.seen.insert(chunk.id) {
            self.bytes += u64::from(chunk.len);
            self.chunks.push(chunk);
        }
    }

    /// Adds what is pinned of the image already.
    ///
    /// # Errors
    /// The record or one of the packs can't be read.
    pub fn extend_by(&mut self, archive: &Archive, image: &Digest) -> Result<(), Error> {
        let Some(record) = super::pinned(archive, image)? else { return Ok(()) };
        for pack in record.packs {
            let footer = load_footer(archive.store().as_ref(), PackArea::Pinned, pack)?;
            footer.chunks.iter().for_each(|chunk| self.add(ChunkRef { id: chunk.id, len: chunk.len }));
        }
        self.files = self.files.max(record.files);
        Ok(())
    }

    /// Whether there is nothing to pin.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

/// The chunks that hold these ranges of stored bytes of these files, and what is around them in blocks of 128 KiB; all of files up to 1 MiB.
/// Ranges that reach beyond a file's end are cut.
///
/// # Errors
/// The image's metadata contradicts itself.
pub fn select(
    image: &OpenImage,
    wanted: impl IntoIterator<Item = (ContentRef, Vec<Range<u64>>)>,
) -> Result<PinSet, Error> {
    let mut set = PinSet::default();
    let mut files = HashSet::new();
    for (content, ranges) in wanted {
        let chunks = image.chunk_refs(content)?.collect::<Result<Vec<_>, _>>()?;
        let len: u64 = chunks.iter().map(|chunk| u64::from(chunk.len)).sum();
        let ranges = widened(ranges, if len <= WHOLE { WHOLE } else { BLOCK });
        let mut rest = ranges.iter().peekable();
        let mut start = 0;
        for chunk in chunks {
            let end = start + u64::from(chunk.len);
            while rest.next_if(|range| range.end <= start).is_some() {}
            if rest.peek().is_some_and(|range| range.start < end) {
                files.insert(content);
                set.add(chunk);
            }
            start = end;
        }
    }
    set.files = files.len() as u64;
    Ok(set)
}

/// Whole blocks of so many bytes, ascending and apart.
fn widened(mut ranges: Vec<Range<u64>>, block: u64) -> Vec<Range<u64>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.start);
    let mut wide: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        let start = range.start - range.start % block;
        let end = range.end.checked_next_multiple_of(block).unwrap_or(u64::MAX);
        match wide.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => wide.push(start..end),
        }
    }
    wide
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_become_whole_blocks() {
        assert_eq!(widened(vec![], BLOCK), []);
        let empty = BLOCK..BLOCK;
        let ranges = vec![3 * BLOCK + 1..3 * BLOCK + 2, 5..6, empty, BLOCK..BLOCK + 1, u64::MAX - 1..u64::MAX];
        let last = u64::MAX - u64::MAX % BLOCK - if u64::MAX % BLOCK == 0 { BLOCK } else { 0 };
        assert_eq!(widened(ranges, BLOCK), [0..2 * BLOCK, 3 * BLOCK..4 * BLOCK, last..u64::MAX]);
    }
}
