//! New chunks waiting to be arranged: similar files end up side by side in the frames that a window becomes.

use std::ops::Range;

use super::buffers::Buffer;
use crate::format::{ChunkEntry, MAX_CHUNK_LEN};
use crate::id::ChunkId;

/// What chunks are arranged by: first the extension, then the file name, then the order of arrival. Files of one kind share
/// a vocabulary, and files of one name are often versions of each other. An empty extension sorts first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct FileKey {
    extension: Box<[u8]>,
    name: Box<[u8]>,
}

impl FileKey {
    fn of(path: &[u8]) -> Self {
        let name = path.rsplit(|byte| *byte == b'/').find(|part| !part.is_empty()).unwrap_or_default();
        // "libfoo.so.1.2" is a shared object, whatever its version.
        let stem_end = name.windows(4).position(|window| window == b".so.").map_or(name.len(), |at| at + 3);
        let stem = name.get(..stem_end).unwrap_or(name);
        let extension = match stem.iter().rposition(|byte| *byte == b'.') {
            Some(dot) if dot > 0 => stem.get(dot + 1..).unwrap_or_default(),
            _ => &[],
        };
        FileKey { extension: extension.into(), name: name.into() }
    }
}

#[derive(Debug)]
struct Waiting {
    id: ChunkId,
    start: usize,
    len: u32,
    file: usize,
}

/// Chunks with their bytes, in order of arrival.
#[derive(Debug)]
pub(crate) struct Window {
    raw: Buffer,
    files: Vec<FileKey>,
    waiting: Vec<Waiting>,
}

/// The chunks of one frame to be, as places in a window's bytes.
#[derive(Debug)]
pub(crate) struct FramePlan {
    pub(crate) picks: Vec<(ChunkEntry, Range<usize>)>,
}

impl Window {
    /// An empty window that gathers its bytes in `raw`.
    pub(crate) fn new(mut raw: Buffer) -> Self {
        raw.clear();
        Window { raw, files: Vec::new(), waiting: Vec::new() }
    }

    pub(crate) fn raw_len(&self) -> usize {
        self.raw.len()
    }

    /// Has room for `limit` bytes and the chunk that goes beyond; an empty window grown bit by bit would be copied again and again.
    pub(crate) fn make_room(&mut self, limit: usize) {
        if self.waiting.is_empty() {
            self.raw.reserve_exact(limit + MAX_CHUNK_LEN as usize);
        }
    }

    /// Chunks added from now on belong to the file at `path`.
    pub(crate) fn begin_file(&mut self, path: &[u8]) {
        self.files.push(FileKey::of(path));
    }

    pub(crate) fn push(&mut self, id: ChunkId, raw: &[u8]) {
        if self.files.is_empty() {
            self.begin_file(&[]);
        }
        let len = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        self.waiting.push(Waiting { id, start: self.raw.len(), len, file: self.files.len() - 1 });
        self.raw.extend_from_slice(raw);
    }

    /// Ends the window: its bytes, and frames of at most `frame_raw` bytes that pick from them in arranged order.
    pub(crate) fn arrange(mut self, frame_raw: u32) -> (Buffer, Vec<FramePlan>) {
        let files = std::mem::take(&mut self.files);
        let mut by_key: Vec<usize> = (0..files.len()).collect();
        by_key.sort_by_key(|file| files.get(*file));
        let mut rank = vec![0usize; files.len()];
        for (position, file) in by_key.into_iter().enumerate() {
            if let Some(slot) = rank.get_mut(file) {
                *slot = position;
            }
        }
        self.waiting.sort_by_key(|chunk| rank.get(chunk.file).copied());
        let mut plans = Vec::new();
        let mut picks = Vec::new();
        let mut raw_len = 0u32;
        for chunk in self.waiting {
            if raw_len + chunk.len > frame_raw && !picks.is_empty() {
                plans.push(FramePlan { picks: std::mem::take(&mut picks) });
                raw_len = 0;
            }
            raw_len += chunk.len;
            let entry = ChunkEntry { id: chunk.id, len: chunk.len };
            picks.push((entry, chunk.start..chunk.start + chunk.len as usize));
        }
        if !picks.is_empty() {
            plans.push(FramePlan { picks });
        }
        (self.raw, plans)
    }
}

#[cfg(test)]
mod tests {
    use super::super::buffers::Buffers;
    use super::*;

    #[test]
    fn similar_files_become_neighbours_and_a_file_stays_in_order() {
        let mut window = Window::new(Buffers::new(1).take());
        for (path, chunks) in [
            ("usr/lib/a.py", vec!["a1", "a2"]),
            ("usr/lib/libz.so.1.2", vec!["z1"]),
            ("opt/lib/a.py", vec!["A1", "A2"]),
            ("usr/bin/env", vec!["e1"]),
            ("opt/lib/libz.so.1.3", vec!["Z1"]),
        ] {
            window.begin_file(path.as_bytes());
            chunks.into_iter().for_each(|raw| window.push(ChunkId::of(raw.as_bytes()), raw.as_bytes()));
        }
        let (raw, plans) = window.arrange(6);
        let frames: Vec<String> = plans
            .iter()
            .map(|plan| plan.picks.iter().map(|(_, place)| std::str::from_utf8(&raw[place.clone()]).unwrap()).collect())
            .collect();
        assert_eq!(frames, ["e1a1a2", "A1A2z1", "Z1"]);
    }

    #[test]
    fn a_chunk_larger_than_a_frame_has_one_of_its_own() {
        let mut window = Window::new(Buffers::new(1).take());
        window.push(ChunkId::of(b"1"), &[1; 10]);
        window.push(ChunkId::of(b"2"), &[2; 3]);
        let (_, plans) = window.arrange(4);
        assert_eq!(plans.iter().map(|plan| plan.picks.len()).collect::<Vec<_>>(), [1, 1]);
    }
}
