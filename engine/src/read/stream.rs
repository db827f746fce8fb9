//! A stored stream as a reader.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::chunks::{ChunkBytes, ChunkReader};
use crate::error::Error;
use crate::format::{CHUNK_REF_LEN, ChunkRef, StreamRef};
use crate::store::PackArea;

/// Reads the bytes that a [`StreamRef`] stands for, chunk by chunk.
pub struct StreamReader<'r> {
    reader: &'r ChunkReader,
    area: PackArea,
    refs: Refs<'r>,
    current: Option<ChunkBytes>,
    position: usize,
    left: u64,
}

/// Where the references to a stream's chunks come from.
enum Refs<'r> {
    Inline(VecDeque<ChunkRef>),
    /// A stored list of them.
    List(Box<StreamReader<'r>>),
}

impl<'r> StreamReader<'r> {
    /// `area` is where the stream's own chunks are; lists of references are metadata always.
    pub fn new(reader: &'r ChunkReader, area: PackArea, stream: &StreamRef) -> Self {
        let refs = if stream.depth == 0 {
            Refs::Inline(stream.chunks.iter().copied().collect())
        } else {
            let len = if stream.depth == 1 { stream.referenced_len() } else { u64::MAX };
            let list = StreamRef { len, depth: stream.depth - 1, chunks: stream.chunks.clone() };
            Refs::List(Box::new(StreamReader::new(reader, PackArea::Meta, &list)))
        };
        StreamReader { reader, area, refs, current: None, position: 0, left: stream.len }
    }

    /// The next chunk as a whole, or `None` at the end.
    pub fn next_chunk(&mut self) -> Result<Option<ChunkBytes>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        let Some(chunk) = self.next_ref()? else {
            // Only the innermost list of a deep stream has no length of its own.
            return if self.left > u64::MAX / 2 { Ok(None) } else { Err(short(self.left)) };
        };
        let bytes = self.reader.chunk(self.area, &chunk)?;
        self.left = self.left.checked_sub(chunk.len.into()).ok_or_else(|| short(self.left))?;
        Ok(Some(bytes))
    }

    fn next_ref(&mut self) -> Result<Option<ChunkRef>, Error> {
        match &mut self.refs {
            Refs::Inline(refs) => Ok(refs.pop_front()),
            Refs::List(list) => {
                let mut encoded = [0; CHUNK_REF_LEN];
                let mut filled = 0;
                while let Some(rest) = encoded.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                    match list.read_some(rest)? {
                        0 if filled == 0 => return Ok(None),
                        0 => return Err(short(1)),
                        len => filled += len,
                    }
                }
                ChunkRef::decode(&encoded).map(Some).map_err(Error::metadata("a list of chunk references"))
            }
        }
    }

    /// As [`Read::read`], with the engine's error.
    pub fn read_some(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        loop {
            if let Some(current) = &self.current {
                let rest = current.as_ref().get(self.position..).unwrap_or_default();
                let len = rest.len().min(buf.len());
                if len > 0 || buf.is_empty() {
                    let (to, _) = buf.split_at_mut(len);
                    to.copy_from_slice(rest.get(..len).unwrap_or_default());
                    self.position += len;
                    return Ok(len);
                }
            }
            self.current = self.next_chunk()?;
            self.position = 0;
            if self.current.is_none() {
                return Ok(0);
            }
        }
    }

    /// The whole stream; more than `limit` bytes are refused.
    pub fn read_all(mut self, limit: u64) -> Result<Vec<u8>, Error> {
        if self.left > limit {
            return Err(Error::Internal(format!("a metadata stream of {} bytes, more than {limit}", self.left)));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(self.left).unwrap_or(0));
        while let Some(chunk) = self.next_chunk()? {
            bytes.extend_from_slice(chunk.as_ref());
        }
        Ok(bytes)
    }
}

fn short(left: u64) -> Error {
    let what = format!("{left} bytes are missing at the end of its chunks");
    Error::metadata("a stored stream")(io::Error::new(io::ErrorKind::UnexpectedEof, what))
}

impl Read for StreamReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_some(buf).map_err(io::Error::other)
    }
}
