//! A blob, byte for byte.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use super::chunks::ChunkReader;
use super::layer::{output_failed, write_tar};
use super::stream::StreamReader;
use crate::error::Error;
use crate::format::{BlobBody, BlobRecord, LayerRecord, StreamRef, Wrapper};
use crate::id::Digest;
use crate::parallel::Crew;
use crate::recompress::{Encoder, Recipe};
use crate::store::PackArea;

/// Hashes what is written through it.
struct HashingWriter<W> {
    out: W,
    hasher: Sha256,
}

impl<W> HashingWriter<W> {
    fn expect(self, digest: &Digest) -> Result<(), Error> {
        let found = Digest::from_bytes(self.hasher.finalize().into());
        if &found == digest { Ok(()) } else { Err(Error::WrongBlob { digest: *digest, found }) }
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.out.write(bytes)?;
        self.hasher.update(bytes.get(..len).unwrap_or_default());
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes a blob and checks its digest while it streams: on [`Error::WrongBlob`] what was written must be thrown away. Hands
/// of the `crew` that are free help with it.
pub fn write_blob(reader: &ChunkReader, blob: &BlobRecord, crew: &Crew, out: &mut dyn Write) -> Result<(), Error> {
    let mut out = HashingWriter { out, hasher: Sha256::new() };
    match &blob.body {
        BlobBody::Bytes(stream) => write_stream(reader, stream, blob, &mut out)?,
        BlobBody::Layer(layer) => match &layer.wrapper {
            Wrapper::Kept(stream) | Wrapper::Deferred(stream) => write_stream(reader, stream, blob, &mut out)?,
            Wrapper::Dropped => return Err(Error::BlobDropped { digest: blob.digest }),
            Wrapper::Recipe(recipe) => write_recoded(reader, layer, recipe, crew, &mut out)?,
        },
    }
    out.flush().map_err(output_failed)?;
    reader.count_blob(&blob.digest, blob.size);
    out.expect(&blob.digest)
}

/// Writes what a layer decompresses to and checks its diff id while it streams: on [`Error::WrongBlob`] what was written must
/// be thrown away.
pub fn write_diff(reader: &ChunkReader, layer: &LayerRecord, out: &mut dyn Write) -> Result<(), Error> {
    let mut out = HashingWriter { out, hasher: Sha256::new() };
    write_tar(reader, layer, &mut out)?;
    out.flush().map_err(output_failed)?;
    out.expect(&layer.diff_id)
}

/// Where the bytes of a blob that is stored as it is are: small ones lie with the metadata.
fn area_of(blob: &BlobRecord) -> PackArea {
    match &blob.body {
        BlobBody::Bytes(_) if blob.size <= crate::archive::MAX_META_BLOB => PackArea::Meta,
        _ => PackArea::Data,
    }
}

fn write_stream(reader: &ChunkReader, stream: &StreamRef, blob: &BlobRecord, out: &mut dyn Write) -> Result<(), Error> {
    let mut stream = StreamReader::new(reader, area_of(blob), stream);
    while let Some(chunk) = stream.next_chunk()? {
        out.write_all(chunk.as_ref()).map_err(output_failed)?;
    }
    Ok(())
}

fn write_recoded(
    reader: &ChunkReader,
    layer: &LayerRecord,
    recipe: &[u8],
    crew: &Crew,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let damaged = || format!("the compression recipe of layer {}", layer.diff_id);
    let recipe = Recipe::decode(recipe).map_err(Error::metadata(damaged()))?;
    let mut encoder = Encoder::with_crew(&recipe, out, crew);
    write_tar(reader, layer, &mut encoder)?;
    encoder.finish().map_err(|error| output_failed(error.into()))?;
    Ok(())
}
