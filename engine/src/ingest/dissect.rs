//! A tar stream into skeleton, operations and content chunks.

use std::path::Path;

use super::packer::{PackUse, Packer};
use super::spool::{Part, Spool, SpoolWriter};
use super::stream::{Cutter, StreamWriter};
use crate::chunker::Chunker;
use crate::error::Error;
use crate::format::{CHUNK_REF_LEN, ChunkRef, OpsEncoder, PackClass, StreamRef};
use crate::id::ChunkId;
use crate::tar::{Event, Limits, Splitter, TarError};

/// References and operations are handed on in pieces of this many bytes.
const BATCH: usize = 1024 * CHUNK_REF_LEN;

/// What stopped a dissection: the stream, or everything else.
#[derive(Debug)]
pub(crate) enum DissectError {
    Tar(TarError),
    Other(Error),
}

impl From<TarError> for DissectError {
    fn from(error: TarError) -> Self {
        DissectError::Tar(error)
    }
}

impl From<Error> for DissectError {
    fn from(error: Error) -> Self {
        DissectError::Other(error)
    }
}

/// The parts of one layer.
pub(crate) struct Dissected {
    pub(crate) tar_len: u64,
    pub(crate) members: u64,
    pub(crate) skeleton: StreamRef,
    pub(crate) ops: StreamRef,
    pub(crate) refs: StreamRef,
    pub(crate) spool: Spool,
    pub(crate) used: PackUse,
}

/// Takes the tar stream of one layer apart.
pub(crate) struct Dissector<'p> {
    splitter: Splitter,
    sink: Sink<'p>,
}

struct Sink<'p> {
    packer: &'p mut Packer,
    cutter: Cutter,
    ops: OpsEncoder,
    skeleton_stream: StreamWriter,
    ops_stream: StreamWriter,
    refs_stream: StreamWriter,
    refs: Vec<u8>,
    spool: SpoolWriter,
    used: PackUse,
    tar_len: u64,
    members: u64,
}

impl<'p> Dissector<'p> {
    pub(crate) fn new(packer: &'p mut Packer, tmp: &Path, limits: Limits) -> Result<Self, Error> {
        let chunker = Chunker::new(packer.config().content_chunker);
        let sink = Sink {
            cutter: Cutter::content_defined(chunker),
            ops: OpsEncoder::default(),
            skeleton_stream: StreamWriter::meta(packer, "skeleton"),
            ops_stream: StreamWriter::meta(packer, "ops"),
            refs_stream: StreamWriter::meta(packer, "refs"),
            refs: Vec::with_capacity(BATCH),
            spool: SpoolWriter::create(tmp).map_err(Error::system("creating temporary files"))?,
            used: PackUse::default(),
            tar_len: 0,
            members: 0,
            packer,
        };
        Ok(Dissector { splitter: Splitter::new(limits), sink })
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), DissectError> {
        let sink = &mut self.sink;
        self.splitter.feed(bytes, &mut |event| sink.event(event).map_err(DissectError::Other))
    }

    pub(crate) fn packer_mut(&mut self) -> &mut Packer {
        self.sink.packer
    }

    pub(crate) fn finish(self) -> Result<Dissected, DissectError> {
        self.splitter.finish()?;
        let sink = self.sink;
        Ok(sink.finish()?)
    }
}

impl Sink<'_> {
    fn event(&mut self, event: Event<'_>) -> Result<(), Error> {
        match event {
            Event::Skeleton(bytes) => self.skeleton(bytes),
            Event::Entry(entry) => {
                self.members += 1;
                self.packer.begin_file(PackClass::Content, &entry.path);
                Ok(())
            }
            Event::Content(bytes) => self.content(bytes),
            Event::EndEntry => {
                let (packer, refs, used) = (&mut *self.packer, &mut self.refs, &mut self.used);
                self.cutter.finish(&mut |chunk| store_content(packer, chunk, refs, used))?;
                self.flush_refs(BATCH)
            }
        }
    }

    fn skeleton(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.tar_len += bytes.len() as u64;
        self.ops.skeleton(bytes.len() as u64);
        self.flush_ops()?;
        self.spool.write(Part::Skeleton, bytes).map_err(Error::system("writing temporary files"))?;
        self.skeleton_stream.write(self.packer, bytes, &mut self.used)
    }

    fn content(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.tar_len += bytes.len() as u64;
        self.ops.content(bytes.len() as u64);
        let (packer, refs, used) = (&mut *self.packer, &mut self.refs, &mut self.used);
        self.cutter.push(bytes, &mut |chunk| store_content(packer, chunk, refs, used))?;
        self.flush_refs(BATCH)
    }

    fn flush_refs(&mut self, at_least: usize) -> Result<(), Error> {
        if self.refs.len() >= at_least && !self.refs.is_empty() {
            self.spool.write(Part::Refs, &self.refs).map_err(Error::system("writing temporary files"))?;
            self.refs_stream.write(self.packer, &self.refs, &mut self.used)?;
            self.refs.clear();
        }
        Ok(())
    }

    fn flush_ops(&mut self) -> Result<(), Error> {
        let bytes = self.ops.take();
        if bytes.is_empty() {
            return Ok(());
        }
        self.write_ops(&bytes)
    }

    fn write_ops(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.spool.write(Part::Ops, bytes).map_err(Error::system("writing temporary files"))?;
        self.ops_stream.write(self.packer, bytes, &mut self.used)
    }

    fn finish(mut self) -> Result<Dissected, Error> {
        self.flush_refs(0)?;
        let rest = std::mem::take(&mut self.ops).finish();
        self.write_ops(&rest)?;
        let used = &mut self.used;
        Ok(Dissected {
            tar_len: self.tar_len,
            members: self.members,
            skeleton: self.skeleton_stream.finish(self.packer, used)?,
            ops: self.ops_stream.finish(self.packer, used)?,
            refs: self.refs_stream.finish(self.packer, used)?,
            spool: self.spool.finish().map_err(Error::system("writing temporary files"))?,
            used: self.used,
        })
    }
}

fn store_content(packer: &mut Packer, chunk: &[u8], refs: &mut Vec<u8>, used: &mut PackUse) -> Result<(), Error> {
    let id = ChunkId::of(chunk);
    packer.add(PackClass::Content, id, chunk, used)?;
    ChunkRef { id, len: u32::try_from(chunk.len()).unwrap_or(u32::MAX) }.encode(refs);
    Ok(())
}
