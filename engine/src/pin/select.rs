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

/// The chunks that hold these ranges of stored bytes of these files; ranges that reach beyond a file's end are cut.
///
/// # Errors
/// The image's metadata contradicts itself.
pub fn select(
    image: &OpenImage,
    wanted: impl IntoIterator<Item = (ContentRef, Vec<Range<u64>>)>,
) -> Result<PinSet, Error> {
    let mut set = PinSet::default();
    for (content, ranges) in wanted {
        let ranges = widened(ranges);
        let mut rest = ranges.iter().peekable();
        let (mut start, mut any) = (0, false);
        for chunk in image.chunk_refs(content)? {
            let chunk = chunk?;
            let end = start + u64::from(chunk.len);
            while rest.next_if(|range| range.end <= start).is_some() {}
            if rest.peek().is_some_and(|range| range.start < end) {
                any = true;
                set.add(chunk);
            }
            start = end;
        }
        set.files += u64::from(any);
    }
    Ok(set)
}

/// Whole blocks, ascending and apart.
fn widened(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.start);
    let mut wide: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        let start = range.start - range.start % BLOCK;
        let end = range.end.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX);
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
        assert_eq!(widened(vec![]), []);
        let empty = BLOCK..BLOCK;
        let ranges = vec![3 * BLOCK + 1..3 * BLOCK + 2, 5..6, empty, BLOCK..BLOCK + 1, u64::MAX - 1..u64::MAX];
        let last = u64::MAX - u64::MAX % BLOCK - if u64::MAX % BLOCK == 0 { BLOCK } else { 0 };
        assert_eq!(widened(ranges), [0..2 * BLOCK, 3 * BLOCK..4 * BLOCK, last..u64::MAX]);
    }
}
