//! Places at which a deflate stream can be cut, and its decoded bytes.

use super::tokens::{BlockEnd, BlockHeader, TokenSink};

/// Where the stream of an encoder can be cut, so that it can be resumed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Between any two blocks, the first of which has a match: a stored block hides its tokens.
    Blocks,
    /// Between parts of so many decoded bytes, which end on a whole byte.
    Parts {
        /// 1 or more.
        len: u64,
        /// Every part ends with an empty block.
        marked: bool,
    },
}

/// A block's end with another block behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    /// First bit of the block behind it, in the deflate stream.
    pub(super) bit: u64,
    /// Decoded offset of that block.
    pub(super) block: u64,
    /// Decoded offset where the last match before it ends; it lies in the block before. The same as `block` between parts.
    pub(super) clean: u64,
}

/// Gathers what is decoded, and finds edges.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    /// What was decoded; whoever reads it clears it.
    pub(super) plain: Vec<u8>,
    pub(super) edges: Edges,
}

/// Finds an edge when one is wanted.
#[derive(Debug, Default)]
pub(super) struct Edges {
    /// Literals since the last match.
    literals: u64,
    /// Whether the block has a match.
    matched: bool,
    last: bool,
    wanted: Option<Cut>,
    /// Decoded offset of the block.
    begun: u64,
    met: Option<Edge>,
}

impl Edges {
    /// Asks for the next edge of this kind.
    pub(super) fn want(&mut self, cut: Cut) {
        self.wanted = Some(cut);
    }

    /// The edge asked for, once it was met.
    pub(super) fn take(&mut self) -> Option<Edge> {
        self.met.take()
    }
}

impl TokenSink for Watcher {
    fn block(&mut self, header: &BlockHeader<'_>) {
        self.edges.last = header.last;
        self.edges.matched = false;
        self.edges.begun = header.decoded;
    }

    #[inline(always)]
    fn literal(&mut self, _: u8) {
        self.edges.literals += 1;
    }

    #[inline(always)]
    fn matched(&mut self, _: u16, _: u16) {
        self.edges.literals = 0;
        self.edges.matched = true;
    }

    fn decoded(&mut self, bytes: &[u8]) {
        self.plain.extend_from_slice(bytes);
    }

    fn end_block(&mut self, end: &BlockEnd) {
        let edges = &mut self.edges;
        let Some(cut) = edges.wanted.filter(|_| !edges.last) else { return };
        let (is_edge, literals) = match cut {
            Cut::Blocks => (edges.matched, edges.literals),
            Cut::Parts { len, marked } => {
                let ends_part = end.decoded > 0 && end.decoded.is_multiple_of(len) && end.bit.is_multiple_of(8);
                (ends_part && (!marked || edges.begun == end.decoded), 0)
            }
        };
        if is_edge {
            edges.wanted = None;
            edges.met = Some(Edge { bit: end.bit, block: end.decoded, clean: end.decoded - literals });
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::super::tokens::TokenReader;
    use super::*;

    fn watch(data: &[u8], level: u32) -> (Vec<Edge>, Vec<u8>) {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(data).unwrap();
        let stream = encoder.finish().unwrap();
        let (mut reader, mut watcher, mut edges) = (TokenReader::new(), Watcher::default(), Vec::new());
        for slice in stream.chunks(1000) {
            watcher.edges.want(Cut::Blocks);
            reader.push(slice, &mut watcher).unwrap();
            edges.extend(watcher.edges.take());
        }
        (edges, watcher.plain)
    }

    #[test]
    fn edges_lie_behind_a_match_and_its_literals() {
        let data: Vec<u8> = (0..400_000u32).flat_map(|n| (n.wrapping_mul(0x9e37_79b1) >> 14).to_le_bytes()).collect();
        let (edges, plain) = watch(&data, 6);
        assert!(plain == data);
        assert!(edges.len() > 2, "{edges:?}");
        for edge in &edges {
            assert!(edge.clean <= edge.block && edge.block - edge.clean < 1 << 16 && edge.block < data.len() as u64);
        }
    }

    #[test]
    fn bytes_that_are_stored_have_no_edges() {
        let mut state = 1u64;
        let data: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(400_000)
        .collect();
        let (edges, plain) = watch(&data, 6);
        assert!(plain == data && edges.is_empty());
    }
}
