//! A stored stream as a reader.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Deref;

use super::chunks::{ChunkBytes, ChunkReader};
use crate::error::Error;
use crate::format::{CHUNK_REF_LEN, ChunkRef, StreamRef};
use crate::store::PackArea;

/// Reads the bytes that a [`StreamRef`] stands for, chunk by chunk.
///
/// `R` is a reference to a [`ChunkReader`], or a share in one.
pub struct StreamReader<R> {
    reader: R,
    area: PackArea,
    refs: Refs<R>,
    current: Option<ChunkBytes>,
    position: usize,
    left: u64,
}

/// Where the references to a stream's chunks come from.
enum Refs<R> {
    Inline(VecDeque<ChunkRef>),
    /// A stored list of them.
    List(Box<StreamReader<R>>),
}

impl<R: Deref<Target = ChunkReader> + Clone> StreamReader<R> {
    /// `area` is where the stream's own chunks are; lists of references are metadata always.
    pub fn new(reader: R, area: PackArea, stream: &StreamRef) -> Self {
        let refs = if stream.depth == 0 {
            Refs::Inline(stream.chunks.iter().copied().collect())
        } else {
            Refs::List(Box::new(StreamReader::new(reader.clone(), PackArea::Meta, &list_of(stream))))
        };
        StreamReader { reader, area, refs, current: None, position: 0, left: stream.len }
    }

    /// The next chunk as a whole, or `None` at the end.
    pub fn next_chunk(&mut self) -> Result<Option<ChunkBytes>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        let Some(chunk) = self.next_counted()? else { return Ok(None) };
        self.reader.chunk(self.area, &chunk).map(Some)
    }

    /// What the next chunk is called, or `None` at the end; its bytes are passed over.
    pub(crate) fn next_name(&mut self) -> Result<Option<ChunkRef>, Error> {
        if self.left == 0 { Ok(None) } else { self.next_counted() }
    }

    fn next_counted(&mut self) -> Result<Option<ChunkRef>, Error> {
        let Some(chunk) = self.next_ref()? else {
            // Only the innermost list of a deep stream has no length of its own.
            return if self.left > u64::MAX / 2 { Ok(None) } else { Err(short(self.left)) };
        };
        self.left = self.left.checked_sub(chunk.len.into()).ok_or_else(|| short(self.left))?;
        Ok(Some(chunk))
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

/// The stored list that a stream of some depth is named by.
fn list_of(stream: &StreamRef) -> StreamRef {
    let len = if stream.depth == 1 { stream.referenced_len() } else { u64::MAX };
    StreamRef { len, depth: stream.depth.saturating_sub(1), chunks: stream.chunks.clone() }
}

/// Names every chunk that a stream needs, those of its lists too. Reads only the lists.
pub(crate) fn for_each_chunk(
    reader: &ChunkReader,
    area: PackArea,
    stream: &StreamRef,
    visit: &mut dyn FnMut(PackArea, &ChunkRef) -> Result<(), Error>,
) -> Result<(), Error> {
    if stream.depth > 0 {
        for_each_chunk(reader, PackArea::Meta, &list_of(stream), visit)?;
    }
    let mut stream = StreamReader::new(reader, area, stream);
    while let Some(chunk) = stream.next_name()? {
        visit(area, &chunk)?;
    }
    Ok(())
}

fn short(left: u64) -> Error {
    let what = format!("{left} bytes are missing at the end of its chunks");
    Error::metadata("a stored stream")(io::Error::new(io::ErrorKind::UnexpectedEof, what))
}

impl<R: Deref<Target = ChunkReader> + Clone> Read for StreamReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_some(buf).map_err(io::Error::other)
    }
}
