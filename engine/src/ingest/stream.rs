//! Byte streams into chunks: file contents, metadata streams, kept originals.

use super::packer::{PackUse, Packer};
use crate::chunker::Chunker;
use crate::error::Error;
use crate::format::{CHUNK_REF_LEN, ChunkRef, MAX_CHUNK_LEN, MAX_INLINE_REFS, PackClass, StreamRef};
use crate::id::ChunkId;

/// Where a stream is cut.
#[derive(Debug)]
enum Cut {
    /// Where the content says so.
    Content(Chunker),
    /// Every so many bytes: for bytes that share nothing with anything.
    Every(usize),
}

impl Cut {
    fn longest(&self) -> usize {
        match self {
            Cut::Content(chunker) => chunker.max_len(),
            Cut::Every(len) => *len,
        }
    }

    fn next_len(&self, data: &[u8]) -> usize {
        match self {
            Cut::Content(chunker) => chunker.next_len(data),
            Cut::Every(len) => data.len().min(*len),
        }
    }
}

/// Cuts bytes as they come and hands each piece on, without copying what lies whole in one input.
#[derive(Debug)]
pub(crate) struct Cutter {
    cut: Cut,
    carry: Vec<u8>,
}

impl Cutter {
    pub(crate) fn content_defined(chunker: Chunker) -> Self {
        Cutter { cut: Cut::Content(chunker), carry: Vec::new() }
    }

    fn every(len: usize) -> Self {
        Cutter { cut: Cut::Every(len), carry: Vec::new() }
    }

    pub(crate) fn push(
        &mut self,
        mut data: &[u8],
        emit: &mut impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let longest = self.cut.longest();
        while !self.carry.is_empty() {
            let carried = self.carry.len();
            // Fill up to what the next cut can need.
            let missing = longest.saturating_sub(carried).min(data.len());
            self.carry.extend_from_slice(data.get(..missing).unwrap_or_default());
            if self.carry.len() < longest {
                return Ok(());
            }
            let len = self.cut.next_len(&self.carry).clamp(1, self.carry.len());
            emit(self.carry.get(..len).unwrap_or_default())?;
            if let Some(taken) = len.checked_sub(carried) {
                // All that was carried is used up: from here on the input is cut in place.
                self.carry.clear();
                data = data.get(taken..).unwrap_or_default();
            } else {
                self.carry.truncate(carried);
                self.carry.drain(..len);
            }
        }
        while data.len() >= longest {
            let (chunk, rest) = data.split_at(self.cut.next_len(data).clamp(1, data.len()));
            emit(chunk)?;
            data = rest;
        }
        self.carry.extend_from_slice(data);
        Ok(())
    }

    /// The stream ends here; the cutter starts anew.
    pub(crate) fn finish(&mut self, emit: &mut impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let carry = std::mem::take(&mut self.carry);
        let mut rest = carry.as_slice();
        while !rest.is_empty() {
            let (chunk, tail) = rest.split_at(self.cut.next_len(rest).clamp(1, rest.len()));
            emit(chunk)?;
            rest = tail;
        }
        self.carry = carry;
        self.carry.clear();
        Ok(())
    }
}

/// Stores one stream.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    class: PackClass,
    /// What metadata chunks are arranged by.
    kind: &'static str,
    cutter: Cutter,
    len: u64,
    refs: Vec<ChunkRef>,
    /// The list of references, once it is too long for a record.
    list: Option<Box<StreamWriter>>,
}

impl StreamWriter {
    /// A stream of metadata; `kind` names it, so that like lies by like.
    pub(crate) fn meta(packer: &Packer, kind: &'static str) -> Self {
        let cutter = Cutter::content_defined(Chunker::new(packer.config().meta_chunker));
        StreamWriter { class: PackClass::Meta, kind, cutter, len: 0, refs: Vec::new(), list: None }
    }

    /// A blob that is kept as it is.
    pub(crate) fn original() -> Self {
        StreamWriter {
            class: PackClass::Original,
            kind: "",
            cutter: Cutter::every(MAX_CHUNK_LEN as usize),
            len: 0,
            refs: Vec::new(),
            list: None,
        }
    }

    pub(crate) fn write(&mut self, packer: &mut Packer, data: &[u8], used: &mut PackUse) -> Result<(), Error> {
        self.len += data.len() as u64;
        let (class, kind, refs) = (self.class, self.kind, &mut self.refs);
        self.cutter.push(data, &mut |chunk| store(packer, class, kind, chunk, refs, used))?;
        self.spill_refs(packer, used)
    }

    /// Moves full blocks of references into the list, so that memory stays bounded.
    fn spill_refs(&mut self, packer: &mut Packer, used: &mut PackUse) -> Result<(), Error> {
        if self.refs.len() <= MAX_INLINE_REFS {
            return Ok(());
        }
        let list = self.list.get_or_insert_with(|| Box::new(StreamWriter::meta(packer, "list")));
        let mut encoded = Vec::with_capacity(self.refs.len() * CHUNK_REF_LEN);
        self.refs.drain(..).for_each(|chunk| chunk.encode(&mut encoded));
        list.write(packer, &encoded, used)
    }

    pub(crate) fn finish(mut self, packer: &mut Packer, used: &mut PackUse) -> Result<StreamRef, Error> {
        let (class, kind, refs) = (self.class, self.kind, &mut self.refs);
        self.cutter.finish(&mut |chunk| store(packer, class, kind, chunk, refs, used))?;
        let Some(mut list) = self.list.take() else {
            if self.refs.len() <= MAX_INLINE_REFS {
                return Ok(StreamRef { len: self.len, depth: 0, chunks: self.refs });
            }
            self.spill_refs(packer, used)?;
            return self.finish(packer, used);
        };
        let mut encoded = Vec::with_capacity(self.refs.len() * CHUNK_REF_LEN);
        self.refs.iter().for_each(|chunk| chunk.encode(&mut encoded));
        list.write(packer, &encoded, used)?;
        let list = list.finish(packer, used)?;
        Ok(StreamRef { len: self.len, depth: list.depth + 1, chunks: list.chunks })
    }
}

fn store(
    packer: &mut Packer,
    class: PackClass,
    kind: &str,
    chunk: &[u8],
    refs: &mut Vec<ChunkRef>,
    used: &mut PackUse,
) -> Result<(), Error> {
    let id = ChunkId::of(chunk);
    packer.begin_file(class, kind.as_bytes());
    packer.add(class, id, chunk, used)?;
    refs.push(ChunkRef { id, len: u32::try_from(chunk.len()).unwrap_or(u32::MAX) });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slicing_does_not_move_cuts(
            data in proptest::collection::vec(any::<u8>(), 0..300_000),
            slices in proptest::collection::vec(1usize..70_000, 1..20),
        ) {
            let cut = |slices: &[usize]| {
                let mut cutter = Cutter::content_defined(Chunker::new(Default::default()));
                let mut chunks: Vec<Vec<u8>> = Vec::new();
                let mut emit = |chunk: &[u8]| { chunks.push(chunk.to_vec()); Ok(()) };
                let mut rest = data.as_slice();
                for len in slices.iter().cycle() {
                    if rest.is_empty() { break }
                    let (head, tail) = rest.split_at((*len).min(rest.len()));
                    cutter.push(head, &mut emit).unwrap();
                    rest = tail;
                }
                cutter.finish(&mut emit).unwrap();
                chunks
            };
            let whole = cut(&[usize::MAX]);
            prop_assert_eq!(whole.concat(), data.clone());
            prop_assert_eq!(cut(&slices), whole);
        }
    }
}
