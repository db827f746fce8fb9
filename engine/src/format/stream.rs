//! References to stored bytes: a chunk with its length, and a byte stream as a list of chunks.

use super::FormatError;
use super::frame::MAX_CHUNK_LEN;
use super::wire::{Put, Reader};
use crate::id::ChunkId;

/// Bytes of an encoded [`ChunkRef`].
pub const CHUNK_REF_LEN: usize = 36;
/// Most chunk references that a [`StreamRef`] holds itself; a longer list is stored as a stream of its own.
pub const MAX_INLINE_REFS: usize = 256;
/// Levels of indirection; 256 references of at most 1 MiB, each level 29,127 times more, reach past any file.
const MAX_DEPTH: u8 = 3;

/// A chunk and the number of raw bytes it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkRef {
    /// Which chunk.
    pub id: ChunkId,
    /// Its raw length, `1..=MAX_CHUNK_LEN`.
    pub len: u32,
}

impl ChunkRef {
    /// Appends `id 32 | length 4`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.id.as_bytes());
        out.put_u32(self.len);
    }

    /// Reads one reference from exactly [`CHUNK_REF_LEN`] bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new("chunk reference", bytes);
        let chunk = ChunkRef::read(&mut reader)?;
        reader.finish()?;
        Ok(chunk)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        let chunk = ChunkRef { id: ChunkId::from_bytes(reader.array()?), len: reader.u32()? };
        if chunk.len == 0 || chunk.len > MAX_CHUNK_LEN {
            return Err(reader.invalid(format!("a chunk reference of {} bytes", chunk.len)));
        }
        Ok(chunk)
    }
}

/// A stored byte stream.
///
/// At depth 0 the referenced chunks are the stream. At depth d > 0 they are a list of encoded chunk references, which is the
/// same stream at depth d−1: a record stays small however large what it names.
///
/// Encoded as `length 8 | depth 1 | count 4 | count × chunk reference`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamRef {
    /// Bytes of the stream itself.
    pub len: u64,
    /// How many lists of references lie between `chunks` and the stream.
    pub depth: u8,
    /// Chunks of the stream, or of the list that leads to it.
    pub chunks: Vec<ChunkRef>,
}

impl StreamRef {
    /// Appends the encoded reference.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u64(self.len);
        out.put_u8(self.depth);
        out.put_count(self.chunks.len());
        self.chunks.iter().for_each(|chunk| chunk.encode(out));
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        let len = reader.u64()?;
        let depth = reader.u8()?;
        let count = reader.count(CHUNK_REF_LEN)?;
        if depth > MAX_DEPTH || count > MAX_INLINE_REFS {
            return Err(reader.invalid(format!("a stream of depth {depth} with {count} references")));
        }
        let chunks = (0..count).map(|_| ChunkRef::read(reader)).collect::<Result<Vec<_>, _>>()?;
        let stream = StreamRef { len, depth, chunks };
        if depth == 0 && stream.referenced_len() != len {
            return Err(reader.invalid("a stream whose chunks do not add up to its length"));
        }
        if depth > 0 && !stream.referenced_len().is_multiple_of(CHUNK_REF_LEN as u64) {
            return Err(reader.invalid("a list of chunk references that ends inside one"));
        }
        Ok(stream)
    }

    /// Sum of the lengths of `chunks`.
    pub fn referenced_len(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.len)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stream: &StreamRef) -> Result<StreamRef, FormatError> {
        let mut bytes = Vec::new();
        stream.encode(&mut bytes);
        let mut reader = Reader::new("test", &bytes);
        let read = StreamRef::read(&mut reader)?;
        reader.finish()?;
        Ok(read)
    }

    fn chunk(len: u32) -> ChunkRef {
        ChunkRef { id: ChunkId::from_bytes([1; 32]), len }
    }

    #[test]
    fn streams_come_back() {
        for stream in [
            StreamRef::default(),
            StreamRef { len: 30, depth: 0, chunks: vec![chunk(10), chunk(20)] },
            StreamRef { len: 1 << 40, depth: 1, chunks: vec![chunk(72)] },
        ] {
            assert_eq!(read(&stream), Ok(stream));
        }
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        for stream in [
            StreamRef { len: 31, depth: 0, chunks: vec![chunk(10), chunk(20)] },
            StreamRef { len: 31, depth: 1, chunks: vec![chunk(35)] },
            StreamRef { len: 0, depth: 0, chunks: vec![chunk(0)] },
            StreamRef { len: 1, depth: MAX_DEPTH + 1, chunks: vec![] },
            StreamRef { len: 257, depth: 0, chunks: vec![chunk(1); MAX_INLINE_REFS + 1] },
        ] {
            assert!(read(&stream).is_err(), "{stream:?}");
        }
    }
}
