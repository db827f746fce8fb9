//! The merged tree of a filesystem, from the skeletons of its layers.

use std::io::{self, BufReader, Read};

use super::spool::Spool;
use crate::error::Error;
use crate::format::{LayerRecord, OpsDecoder};
use crate::read::{ChunkReader, LayerStreams};
use crate::tar::{Entry, Event, Limits, Splitter, TarError};
use crate::tree::{BuildError, ContentRef, TreeBuilder};

/// Stands for file content, which a tree does not need.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Where a layer's metadata is read from.
pub(crate) enum LayerMetadata<'m> {
    /// It was taken apart in this session.
    Spool(&'m Spool),
    /// It is in the archive.
    Stored(&'m ChunkReader, &'m LayerRecord),
}

/// Why a layer does not merge.
#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    Tar(#[from] TarError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("its metadata can't be read")]
    Io(#[from] io::Error),
}

/// What came of a merge.
pub(crate) enum Merged {
    Tree(Vec<u8>),
    /// The layers are valid blobs, but make no filesystem.
    Unmountable(String),
}

/// Merges layers, lowest first.
pub(crate) fn merge(layers: &[LayerMetadata<'_>], limits: &Limits) -> Result<Merged, Error> {
    let mut builder = TreeBuilder::new(crate::tree::Limits::default());
    for (number, metadata) in layers.iter().enumerate() {
        builder.begin_layer();
        let layer = u32::try_from(number).unwrap_or(u32::MAX);
        let replayed = match metadata {
            LayerMetadata::Spool(spool) => {
                let [skeleton, ops, refs] = spool.open();
                replay(&mut builder, layer, skeleton, ops, refs, limits)
            }
            LayerMetadata::Stored(reader, record) => {
                let LayerStreams { skeleton, ops, refs } = LayerStreams::open(reader, record);
                replay(&mut builder, layer, skeleton, ops, refs, limits)
            }
        };
        match replayed {
            Ok(()) => {}
            // The image is odd, not the archive.
            Err(ReplayError::Tar(error)) => return Ok(Merged::Unmountable(format!("layer {}: {error}", number + 1))),
            Err(ReplayError::Build(error)) => return Ok(Merged::Unmountable(format!("layer {}: {error}", number + 1))),
            Err(ReplayError::Io(error)) => {
                return Err(Error::metadata(format!("the metadata of layer {}", number + 1))(error));
            }
        }
    }
    match builder.finish() {
        Ok(bytes) => Ok(Merged::Tree(bytes)),
        Err(error) => Ok(Merged::Unmountable(error.to_string())),
    }
}

/// Runs the tar splitter over a layer whose content is not at hand.
fn replay(
    builder: &mut TreeBuilder,
    layer: u32,
    mut skeleton: impl Read,
    ops: impl Read,
    refs: impl Read,
    limits: &Limits,
) -> Result<(), ReplayError> {
    let mut splitter = Splitter::new(*limits);
    let mut sink = TreeSink { builder, layer, refs: BufReader::new(refs), next_ref: 0, entry: None, content: 0 };
    let mut ops = OpsDecoder::new(ops);
    let mut buffer = vec![0; 16 << 10];
    while let Some((skeleton_len, content_len)) = ops.next_op()? {
        let mut left = skeleton_len;
        while left > 0 {
            let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let piece = buffer.get_mut(..want).unwrap_or_default();
            skeleton.read_exact(piece)?;
            splitter.feed(piece, &mut |event| sink.event(event))?;
            left -= want as u64;
        }
        let mut left = content_len;
        while left > 0 {
            let want = ZEROS.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            splitter.feed(ZEROS.get(..want).unwrap_or_default(), &mut |event| sink.event(event))?;
            left -= want as u64;
        }
    }
    splitter.finish()?;
    Ok(())
}

struct TreeSink<'b, R> {
    builder: &'b mut TreeBuilder,
    layer: u32,
    refs: R,
    next_ref: u64,
    entry: Option<Entry>,
    /// Content bytes of the open entry.
    content: u64,
}

impl<R: Read> TreeSink<'_, R> {
    fn event(&mut self, event: Event<'_>) -> Result<(), ReplayError> {
        match event {
            Event::Skeleton(_) => Ok(()),
            Event::Content(bytes) => {
                self.content += bytes.len() as u64;
                Ok(())
            }
            Event::Entry(entry) => {
                self.entry = Some(entry);
                self.content = 0;
                Ok(())
            }
            Event::EndEntry => {
                let first = self.next_ref;
                let mut left = self.content;
                while left > 0 {
                    let chunk = crate::read::next_ref(&mut self.refs)?;
                    self.next_ref += 1;
                    left = left.checked_sub(chunk.len.into()).ok_or_else(|| {
                        io::Error::new(io::ErrorKind::InvalidData, "a chunk reaches past the end of its file")
                    })?;
                }
                let count = self.next_ref - first;
                let content = (count > 0).then_some(ContentRef { layer: self.layer, first, count });
                match self.entry.take() {
                    Some(entry) => Ok(self.builder.apply(&entry, content)?),
                    None => Ok(()),
                }
            }
        }
    }
}
