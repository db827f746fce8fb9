//! A layer's tar stream, put together again.

use std::io::{self, BufReader, Read, Write};

use super::chunks::ChunkReader;
use super::stream::{StreamReader, for_each_chunk};
use crate::error::Error;
use crate::format::{CHUNK_REF_LEN, ChunkRef, LayerRecord, OpsDecoder};
use crate::store::PackArea;

/// The three streams of a layer, from their first byte on.
pub(crate) struct LayerStreams<'r> {
    pub(crate) skeleton: StreamReader<&'r ChunkReader>,
    pub(crate) ops: BufReader<StreamReader<&'r ChunkReader>>,
    pub(crate) refs: BufReader<StreamReader<&'r ChunkReader>>,
}

impl<'r> LayerStreams<'r> {
    pub(crate) fn open(reader: &'r ChunkReader, layer: &LayerRecord) -> Self {
        let stream = |stream| StreamReader::new(reader, PackArea::Meta, stream);
        LayerStreams {
            skeleton: stream(&layer.skeleton),
            ops: BufReader::new(stream(&layer.ops)),
            refs: BufReader::new(stream(&layer.refs)),
        }
    }
}

/// Reads the next chunk reference of a layer.
pub(crate) fn next_ref(refs: &mut impl Read) -> io::Result<ChunkRef> {
    let mut encoded = [0; CHUNK_REF_LEN];
    refs.read_exact(&mut encoded)?;
    ChunkRef::decode(&encoded).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Names every chunk that a layer's tar stream needs, those of its recipe too. Reads only the lists.
pub(crate) fn for_each_chunk_of_tar(
    reader: &ChunkReader,
    layer: &LayerRecord,
    visit: &mut dyn FnMut(PackArea, &ChunkRef) -> Result<(), Error>,
) -> Result<(), Error> {
    for stream in [&layer.skeleton, &layer.ops, &layer.refs] {
        for_each_chunk(reader, PackArea::Meta, stream, visit)?;
    }
    let mut refs = BufReader::new(StreamReader::new(reader, PackArea::Meta, &layer.refs));
    for _ in 0..layer.refs.len / CHUNK_REF_LEN as u64 {
        let chunk = next_ref(&mut refs).map_err(Error::metadata(format!("the recipe of layer {}", layer.diff_id)))?;
        visit(PackArea::Data, &chunk)?;
    }
    Ok(())
}

/// What stopped a stream on its way out: reading it, or the one it is written to.
pub(crate) fn output_failed(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(inner) => inner,
        Err(error) => Error::system("writing the restored bytes")(error),
    }
}

/// Writes the exact tar stream of a layer. Memory is bounded by the reader's cache.
pub fn write_tar(reader: &ChunkReader, layer: &LayerRecord, out: &mut dyn Write) -> Result<(), Error> {
    let damaged = || Error::metadata::<io::Error>(format!("the recipe of layer {}", layer.diff_id));
    let mut streams = LayerStreams::open(reader, layer);
    let mut ops = OpsDecoder::new(streams.ops);
    while let Some((skeleton, mut content)) = ops.next_op().map_err(damaged())? {
        copy_exactly(&mut streams.skeleton, skeleton, out, layer)?;
        while content > 0 {
            let chunk = next_ref(&mut streams.refs).map_err(damaged())?;
            let bytes = reader.chunk(PackArea::Data, &chunk)?;
            content = content.checked_sub(chunk.len.into()).ok_or_else(|| {
                damaged()(io::Error::new(io::ErrorKind::InvalidData, "a chunk reaches past the end of its file"))
            })?;
            out.write_all(bytes.as_ref()).map_err(output_failed)?;
        }
    }
    Ok(())
}

fn copy_exactly(
    skeleton: &mut StreamReader<&ChunkReader>,
    mut len: u64,
    out: &mut dyn Write,
    layer: &LayerRecord,
) -> Result<(), Error> {
    let mut buffer = [0; 16 << 10];
    while len > 0 {
        let want = buffer.len().min(usize::try_from(len).unwrap_or(usize::MAX));
        let read = skeleton.read_some(buffer.get_mut(..want).unwrap_or_default())?;
        if read == 0 {
            let error = io::Error::new(io::ErrorKind::UnexpectedEof, "the skeleton ends early");
            return Err(Error::metadata(format!("the recipe of layer {}", layer.diff_id))(error));
        }
        out.write_all(buffer.get(..read).unwrap_or_default()).map_err(output_failed)?;
        len -= read as u64;
    }
    Ok(())
}
