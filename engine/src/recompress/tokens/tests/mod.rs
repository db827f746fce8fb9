//! A sink that records, streams to read, and the comparison with zlib-rs that every test goes through.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod crafted;
mod families;
mod real;

use std::io::Write;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::{BlockEnd, BlockHeader, BlockKind, Fault, Step, TokenError, TokenReader, TokenSink};
use crate::recompress::coding::samples::Noise;

/// Everything a sink is told, with what the tokens mean expanded apart from what was decoded.
#[derive(Debug, Default, PartialEq)]
struct Record {
    decoded: Vec<u8>,
    expanded: Vec<u8>,
    tokens: Vec<(u16, u16)>,
    in_full: usize,
    blocks: Vec<Seen>,
    ends: Vec<BlockEnd>,
}

#[derive(Debug, PartialEq)]
struct Seen {
    bit: u64,
    decoded: u64,
    last: bool,
    kind: Kind,
}

#[derive(Debug, PartialEq)]
enum Kind {
    Stored(u16, u8),
    Fixed,
    Dynamic(Vec<u8>, Vec<u8>, Vec<u8>, usize),
}

impl TokenSink for Record {
    fn block(&mut self, header: &BlockHeader<'_>) {
        assert_eq!(self.blocks.len(), self.ends.len());
        let kind = match header.kind {
            BlockKind::Stored { len, padding } => Kind::Stored(len, padding),
            BlockKind::Fixed => Kind::Fixed,
            BlockKind::Dynamic(c) => Kind::Dynamic(c.literals.into(), c.distances.into(), c.sent.into(), c.sent_bits),
        };
        self.blocks.push(Seen { bit: header.bit, decoded: header.decoded, last: header.last, kind });
    }
    fn literal(&mut self, byte: u8) {
        self.tokens.push((u16::from(byte), 0));
        self.expanded.push(byte);
    }
    fn matched(&mut self, len: u16, distance: u16) {
        assert!((3..=258).contains(&len) && (1..=32768).contains(&distance));
        self.tokens.push((len, distance));
        // Stored bytes are not expanded, so what a match says can be checked only in streams without them.
        if let Some(from) = self.expanded.len().checked_sub(distance.into()) {
            for at in from..from + usize::from(len) {
                self.expanded.push(self.expanded[at]);
            }
        }
    }
    fn matched_in_full(&mut self, distance: u16) {
        self.in_full += 1;
        self.matched(258, distance);
    }
    fn decoded(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty());
        self.decoded.extend_from_slice(bytes);
    }
    fn end_block(&mut self, end: &BlockEnd) {
        self.ends.push(*end);
        assert_eq!(self.blocks.len(), self.ends.len());
    }
}

/// A stream read in slices of these sizes over and over: what the sink was told and how it ended, as bytes used.
fn read(stream: &[u8], sizes: &[usize]) -> (Record, Result<(usize, u8), TokenError>) {
    let mut record = Record::default();
    let mut reader = TokenReader::new();
    let (mut at, mut sizes) = (0, sizes.iter().cycle());
    while at < stream.len() {
        let size = (*sizes.next().unwrap()).min(stream.len() - at);
        match reader.push(&stream[at..at + size], &mut record) {
            Ok(Step::More) => at += size,
            Ok(Step::End { consumed, padding }) => {
                assert_eq!(reader.push(b"more", &mut ()), Ok(Step::End { consumed: 0, padding }));
                reader.finish().unwrap();
                assert_eq!(reader.decoded(), record.decoded.len() as u64);
                return (record, Ok((at + consumed, padding)));
            }
            Err(error) => {
                assert_eq!(reader.push(b"", &mut ()).unwrap_err().fault, Fault::Refused);
                return (record, Err(error));
            }
        }
    }
    let end = reader.finish().unwrap_err();
    assert_eq!(end, TokenError { bit: end.bit, fault: Fault::Truncated });
    (record, Err(end))
}

/// What zlib-rs makes of it: decoded bytes, and bytes used if the stream is complete, or whether more input is wanted.
fn inflate(stream: &[u8]) -> (Vec<u8>, Result<usize, bool>) {
    let mut inflate = Decompress::new(false);
    let (mut out, mut room) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let (used, before) = (inflate.total_in() as usize, inflate.total_out());
        let status = inflate.decompress(&stream[used..], &mut room, FlushDecompress::None);
        let made = (inflate.total_out() - before) as usize;
        out.extend_from_slice(&room[..made]);
        match status {
            Ok(Status::StreamEnd) => return (out, Ok(inflate.total_in() as usize)),
            Ok(_) if made == 0 && inflate.total_in() as usize == used => return (out, Err(true)),
            Ok(_) => {}
            Err(_) => return (out, Err(false)),
        }
    }
}

/// Reads a stream in one slice and in others, and compares with zlib-rs.
#[track_caller]
fn check(stream: &[u8], sizes: &[usize]) -> (Record, Result<(usize, u8), TokenError>) {
    let (record, end) = read(stream, &[usize::MAX]);
    let (bytes, theirs) = inflate(stream);
    match (&end, theirs) {
        (Ok((used, _)), Ok(theirs)) => assert_eq!(*used, theirs),
        (Err(e), Err(starved)) => assert_eq!(e.fault == Fault::Truncated, starved, "{e}"),
        (ours, theirs) => panic!("{ours:?} where zlib-rs says {theirs:?}"),
    }
    assert!(record.decoded == bytes, "{} bytes against {}", record.decoded.len(), bytes.len());
    if !record.blocks.iter().any(|block| matches!(block.kind, Kind::Stored(1.., _))) {
        assert!(record.decoded == record.expanded);
    }
    for (block, end) in record.blocks.iter().zip(&record.ends) {
        assert!(block.bit < end.bit && block.decoded <= end.decoded);
    }
    for pair in record.blocks.windows(2).zip(&record.ends) {
        assert_eq!((pair.0[1].bit, pair.0[1].decoded, pair.0[0].last), (pair.1.bit, pair.1.decoded, false));
    }
    let sliced = read(stream, sizes);
    assert!(sliced == (record, end), "slices make a difference");
    sliced
}

/// Words, runs, periods, noise and old copies, a bit of each.
fn mixture(len: usize, seed: u64) -> Vec<u8> {
    let mut noise = Noise(seed | 1);
    let mut data = Vec::new();
    while data.len() < len {
        match noise.below(6) {
            0 => (0..noise.below(400)).for_each(|_| data.push(noise.next() as u8)),
            1 => data.resize(data.len() + noise.below(3000), noise.next() as u8),
            2 => {
                let period: Vec<u8> = (0..=noise.below(20)).map(|_| noise.next() as u8).collect();
                data.extend(period.iter().cycle().take(noise.below(600)));
            }
            3 if !data.is_empty() => {
                let back = 1 + noise.below(data.len().min(32_768));
                for _ in 0..noise.below(800) {
                    data.push(data[data.len() - back]);
                }
            }
            _ => (0..noise.below(200)).for_each(|_| write!(data, "{} ", noise.below(60)).unwrap()),
        }
    }
    data.truncate(len);
    data
}

/// A stream with flushes of a kind after every `every` bytes.
fn deflate(data: &[u8], level: u32, every: usize, flush: FlushCompress) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(level), false);
    let mut out = Vec::with_capacity(data.len() + data.len() / every.max(1) * 16 + 1000);
    for piece in data.chunks(every.max(1)) {
        let mut rest = piece;
        loop {
            let before = compress.total_in();
            compress.compress_vec(rest, &mut out, flush).unwrap();
            rest = &rest[(compress.total_in() - before) as usize..];
            if rest.is_empty() {
                break;
            }
            out.reserve(10_000);
        }
    }
    while compress.compress_vec(&[], &mut out, FlushCompress::Finish).unwrap() != Status::StreamEnd {
        out.reserve(10_000);
    }
    out
}

/// Bits in writing, for streams no encoder makes.
#[derive(Default)]
struct Bits(Vec<u8>, usize);

impl Bits {
    fn put(mut self, value: u64, n: usize) -> Self {
        for i in 0..n {
            if self.1.is_multiple_of(8) {
                self.0.push(0);
            }
            *self.0.last_mut().unwrap() |= ((value.checked_shr(i as u32).unwrap_or(0) & 1) as u8) << (self.1 % 8);
            self.1 += 1;
        }
        self
    }
    /// A code of a prefix code, highest bit first.
    fn code(self, code: u64, n: usize) -> Self {
        self.put(code.reverse_bits() >> (64 - n), n)
    }
    /// The beginning of a dynamic block with these numbers of symbols and these lengths of the code length code.
    fn dynamic(self, literals: u64, distances: u64, of_code: &[u64]) -> Self {
        let mut bits = self.put(0b101, 3).put(literals - 257, 5).put(distances - 1, 5).put(of_code.len() as u64 - 4, 4);
        for len in of_code {
            bits = bits.put(*len, 3);
        }
        bits
    }
    fn check(&self) -> (Record, Result<(usize, u8), TokenError>) {
        check(&self.0, &[1])
    }
    #[track_caller]
    fn refused(&self, bit: u64, fault: Fault) {
        assert_eq!(self.check().1, Err(TokenError { bit, fault }));
    }
}
