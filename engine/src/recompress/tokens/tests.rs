#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::io::Write;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use proptest::prelude::*;

use super::{
    BlockEnd, BlockHeader, BlockKind, CodeFault, Families, Fault, Step, Survey, SurveyedKind, TokenError, TokenReader,
    TokenSink,
};

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

struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
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
        self.put(code.reverse_bits().checked_shr(64 - n as u32).unwrap_or(0), n)
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

/// Code lengths 1 and 18 have codes 0 and 1: the order of transmission is 16, 17, 18, 0, 8, … 1.
const ONE_AND_18: [u64; 18] = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
/// Bits before the lengths then.
const LENGTHS_AT: u64 = 3 + 14 + 18 * 3;

fn zeros(bits: Bits, n: u64) -> Bits {
    bits.put(1, 1).put(n - 11, 7)
}

#[test]
fn a_fixed_block_token_by_token() {
    // "a", then four more by a match at distance 1, then the end; 3 bits of the last byte are padding.
    let bits = Bits::default().put(0b011, 3).code(0x30 + 0x61, 8).code(2, 7).code(0, 5).code(0, 7).put(0b10, 2);
    let (record, end) = bits.check();
    assert_eq!(record.decoded, b"aaaaa");
    assert_eq!(record.tokens, [(0x61, 0), (4, 1)]);
    assert_eq!(record.blocks, [Seen { bit: 0, decoded: 0, last: true, kind: Kind::Fixed }]);
    assert_eq!(record.ends, [BlockEnd { bit: 30, decoded: 5, tokens: 2 }]);
    assert_eq!(end, Ok((4, 0b10)));
}

#[test]
fn stored_blocks_and_padding() {
    let bits = Bits::default().put(0b000, 3).put(0b10101, 5).put(3, 16).put(0xfffc, 16).put(0x63_6261, 24);
    let bits = bits.put(0b001, 3).put(0, 5).put(0xffff_0000, 32).put(0xabcd, 16);
    let (record, end) = bits.check();
    assert_eq!(record.decoded, b"abc");
    assert_eq!(record.blocks[0].kind, Kind::Stored(3, 0b10101));
    assert_eq!(record.blocks[1], Seen { bit: 64, decoded: 3, last: true, kind: Kind::Stored(0, 0) });
    assert_eq!(record.ends[1], BlockEnd { bit: 104, decoded: 3, tokens: 0 });
    assert_eq!(end, Ok((13, 0)));
    Bits::default()
        .put(0b001, 3)
        .put(0, 5)
        .put(0xfffe_0000, 32)
        .refused(8, Fault::StoredLength { len: 0, complement: 0xfffe });
}

#[test]
fn the_lengths_as_sent() {
    // 'a' and the end of block, no distance code to speak of.
    let bits = zeros(Bits::default().dynamic(257, 1, &ONE_AND_18), 97).put(0, 1);
    let bits = zeros(zeros(bits, 138), 20).put(0, 1).put(0, 1).put(0, 3).put(1, 1);
    let (record, end) = bits.check();
    assert_eq!(end, Ok((bits.0.len(), 0)));
    assert_eq!(record.decoded, b"aaa");
    let Kind::Dynamic(literals, distances, sent, sent_bits) = &record.blocks[0].kind else { panic!() };
    assert_eq!((literals.len(), literals[97], literals[256], distances.as_slice()), (257, 1, 1, &[1][..]));
    assert_eq!(literals.iter().filter(|len| **len > 0).count(), 2);
    // The header again, without the block's type.
    let all = bits.0.iter().rev().fold(Bits::default(), |_, _| Bits::default());
    let again = (0..*sent_bits).fold(all, |again, i| again.put(u64::from(bits.0[(i + 3) / 8] >> ((i + 3) % 8) & 1), 1));
    assert_eq!(sent, &again.0);
    assert_eq!(record.ends[0].bit, 3 + *sent_bits as u64 + 4);
}

#[test]
fn the_longest_match_in_two_ways() {
    let start = || Bits::default().put(0b011, 3).code(0x30, 8);
    let (usual, _) = start().code(0b1100_0101, 8).code(0, 5).code(0, 7).check();
    let (odd, _) = start().code(0b1100_0100, 8).put(31, 5).code(0, 5).code(0, 7).check();
    assert_eq!((usual.decoded.len(), usual.in_full, odd.in_full), (259, 0, 1));
    assert_eq!(usual.tokens, odd.tokens);
    let (less, _) = start().code(0b1100_0100, 8).put(30, 5).code(0, 5).code(0, 7).check();
    assert_eq!((less.tokens[1], less.in_full), ((257, 1), 0));
}

#[test]
fn what_is_refused_and_where() {
    Bits::default().put(0b111, 3).put(0, 40).refused(0, Fault::BlockType);
    Bits::default().put(0b010, 3).code(0, 7).put(0b110, 3).put(0, 40).refused(10, Fault::BlockType);
    let too_many = |literals, distances| Fault::TooManySymbols { literals, distances };
    Bits::default().dynamic(287, 1, &[0; 4]).refused(3, too_many(287, 1));
    Bits::default().dynamic(286, 31, &[0; 4]).refused(3, too_many(286, 31));
    let of_code = |lens: &[u64]| Bits::default().dynamic(257, 1, lens).put(0, 64);
    of_code(&[1, 1, 1, 0]).refused(29, Fault::CodeLengthCode(CodeFault::OverSubscribed));
    of_code(&[1, 0, 0, 0]).refused(29, Fault::CodeLengthCode(CodeFault::Incomplete));
    of_code(&[1, 2, 0, 0]).refused(29, Fault::CodeLengthCode(CodeFault::Incomplete));
    Bits::default().dynamic(257, 1, &[0; 4]).put(0, 300).refused(29 + 258, Fault::NoEndOfBlock);
    of_code(&[1, 1, 0, 0]).refused(29, Fault::RepeatOfNothing);
    let dynamic = || Bits::default().dynamic(257, 1, &ONE_AND_18);
    zeros(zeros(dynamic(), 138), 121).put(0, 99).refused(LENGTHS_AT + 8, Fault::RepeatTooLong);
    zeros(zeros(dynamic(), 138), 120).put(0, 99).refused(LENGTHS_AT + 16, Fault::NoEndOfBlock);
    let over = zeros(zeros(dynamic().put(0, 2), 138), 116).put(0, 2);
    over.refused(LENGTHS_AT + 20, Fault::LiteralCode(CodeFault::OverSubscribed));
    // Lengths 0 and 2 only, codes 0 and 1: one symbol of two bits is not enough.
    let lens = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let short = Bits::default().dynamic(257, 1, &lens);
    let short = short.put(0, 64).put(0, 64).put(0, 64).put(0, 64).put(0b01, 2);
    short.refused(65 + 258, Fault::LiteralCode(CodeFault::Incomplete));
    Bits::default().put(0b011, 3).code(0b1100_0110, 8).put(0, 30).refused(3, Fault::LiteralSymbol);
    let fixed = || Bits::default().put(0b011, 3).code(0x30, 8);
    fixed().code(1, 7).code(30, 5).put(0, 30).refused(11, Fault::DistanceSymbol);
    fixed().code(1, 7).code(1, 5).put(0, 30).refused(11, Fault::TooFar { distance: 2, decoded: 1 });
    assert_eq!(fixed().check().1, Err(TokenError { bit: 11, fault: Fault::Truncated }));
}

/// A single code of one bit is complete enough, and its other bit means nothing.
#[test]
fn codes_of_one_symbol() {
    let only_end = || zeros(zeros(Bits::default().dynamic(257, 1, &ONE_AND_18), 138), 118).put(0, 1).put(0, 1);
    let end = 71 + 16 + 2;
    assert_eq!(only_end().put(0, 1).check().1, Ok((12, 0)));
    only_end().put(1, 1).put(0, 30).refused(end, Fault::LiteralSymbol);
    // A distance code of one symbol, with a length to use it: symbols 256 and 257 of one bit each.
    let one = || zeros(zeros(Bits::default().dynamic(258, 1, &ONE_AND_18), 138), 118).put(0, 3);
    one().put(0b01, 2).put(0, 30).refused(end + 1, Fault::TooFar { distance: 1, decoded: 0 });
    one().put(0b11, 2).put(0, 30).refused(end + 1, Fault::DistanceSymbol);
    // None at all.
    let none = zeros(zeros(Bits::default().dynamic(258, 11, &ONE_AND_18), 138), 118).put(0, 2);
    zeros(none, 11).put(0b01, 2).put(0, 30).refused(end + 8, Fault::DistanceSymbol);
}

#[test]
fn nothing_at_all() {
    assert_eq!(check(&[], &[1]).1, Err(TokenError { bit: 0, fault: Fault::Truncated }));
    assert_eq!(check(&[3, 0], &[1]).1, Ok((2, 0)));
}

#[test]
fn every_kind_of_flush_at_every_level() {
    let data = mixture(300_000, 7);
    for level in 0..=9 {
        for flush in [FlushCompress::None, FlushCompress::Sync, FlushCompress::Partial, FlushCompress::Full] {
            for every in [700, 300_000] {
                let stream = deflate(&data, level, every, flush);
                let (record, end) = check(&stream, &[1, 7, 300, 5000]);
                assert_eq!((record.decoded == data, end), (true, Ok((stream.len(), 0))));
                let tokens: u64 = record.ends.iter().map(|end| end.tokens).sum();
                assert_eq!(tokens, record.tokens.len() as u64);
            }
        }
    }
}

#[test]
fn expansion_by_a_thousand_in_bounded_pieces() {
    struct Sizes(usize, u64);
    impl TokenSink for Sizes {
        fn decoded(&mut self, bytes: &[u8]) {
            self.0 = self.0.max(bytes.len());
            self.1 += bytes.len() as u64;
        }
    }
    let stream = deflate(&vec![0; 20_000_000], 9, usize::MAX, FlushCompress::None);
    let mut sizes = Sizes(0, 0);
    let mut reader = TokenReader::new();
    assert_eq!(reader.push(&stream, &mut sizes), Ok(Step::End { consumed: stream.len(), padding: 0 }));
    assert_eq!(sizes.1, 20_000_000);
    assert!(sizes.0 <= 100_000);
}

fn pieces() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1usize..4, 1usize..40, 1usize..3000], 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn real_streams(len in 0usize..200_000, seed in any::<u64>(), level in 0u32..=9, every in 1000usize..100_000,
                    tail in prop::collection::vec(any::<u8>(), 0..20), sizes in pieces()) {
        let data = mixture(len, seed);
        let mut stream = deflate(&data, level, every, FlushCompress::Sync);
        let used = stream.len();
        stream.extend(tail);
        let (record, end) = check(&stream, &sizes);
        prop_assert!(record.decoded == data);
        prop_assert_eq!(end.unwrap().0, used);
    }

    #[test]
    fn damaged_streams(len in 1usize..60_000, seed in any::<u64>(), level in 0u32..=9,
                       damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
                       keep in any::<prop::sample::Index>(), sizes in pieces()) {
        let mut stream = deflate(&mixture(len, seed), level, 10_000, FlushCompress::Partial);
        for (at, byte) in damage {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        let _ = check(&stream, &sizes);
        let _ = check(&stream[..keep.index(stream.len())], &sizes);
    }

    /// Damage in the first bytes goes through the header far more often.
    #[test]
    fn damaged_headers(seed in any::<u64>(), at in 0usize..100, bit in 0u32..8, sizes in pieces()) {
        let mut stream = deflate(&mixture(3000, seed), 6, usize::MAX, FlushCompress::None);
        let at = at % stream.len();
        stream[at] ^= 1 << bit;
        let _ = check(&stream, &sizes);
    }

    #[test]
    fn random_bytes(mut stream in prop::collection::vec(any::<u8>(), 0..3000), head in 0u8..8, sizes in pieces()) {
        if let Some(first) = stream.first_mut() {
            *first = *first & !7 | head;
        }
        let _ = check(&stream, &sizes);
    }

    /// Random complete codes of all shapes, with random bits behind them.
    #[test]
    fn random_codes(seed in any::<u64>(), bytes in prop::collection::vec(any::<u8>(), 1..4000), sizes in pieces()) {
        let mut noise = Noise(seed | 1);
        let literals = random_code(257 + noise.below(30), &mut noise, true);
        let all = 1 + noise.below(30);
        let distances = random_code(all, &mut noise, false);
        // Every code length by its own symbol, each in four or five bits: 13 codes of 4 and 6 of 5.
        let of_code: Vec<u64> = (0..19).map(|i| if i < 13 { 4 } else { 5 }).collect();
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15usize];
        let mut bits = Bits::default().dynamic(literals.len() as u64, distances.len() as u64, &of_code);
        for &len in literals.iter().chain(&distances) {
            let (code, n) = code_of(usize::from(len), &of_code, &order);
            bits = bits.code(code, n);
        }
        for byte in bytes {
            bits = bits.put(byte.into(), 8);
        }
        let _ = check(&bits.0, &sizes);
    }
}

/// The canonical code of a code length.
fn code_of(symbol: usize, of_code: &[u64], order: &[usize]) -> (u64, usize) {
    let mut by_symbol = [0; 19];
    for (len, at) in of_code.iter().zip(order) {
        by_symbol[*at] = *len;
    }
    let mut code = 0;
    for len in 1..=7 {
        for (s, l) in by_symbol.iter().enumerate() {
            if *l == len {
                if s == symbol {
                    return (code, len as usize);
                }
                code += 1;
            }
        }
        code <<= 1;
    }
    unreachable!()
}

/// Lengths of a complete code, by splitting leaves at random, for some of `symbols` symbols.
fn random_code(symbols: usize, noise: &mut Noise, with_end: bool) -> Vec<u8> {
    let mut leaves = vec![1u8, 1];
    let wanted = 2 + noise.below(symbols.max(2) - 1);
    let deep = noise.below(3);
    while leaves.len() < wanted {
        let at = if deep > 0 {
            leaves.len() - 1 - noise.below(leaves.len().min(1 << (2 * deep)))
        } else {
            noise.below(leaves.len())
        };
        if leaves[at] >= 15 {
            if leaves.iter().all(|l| *l >= 15) || noise.below(50) == 0 {
                break;
            }
            continue;
        }
        leaves[at] += 1;
        let len = leaves[at];
        leaves.push(len);
    }
    let mut lengths = vec![0; symbols];
    let mut places: Vec<usize> = (0..symbols).collect();
    for i in (1..places.len()).rev() {
        places.swap(i, noise.below(i + 1));
    }
    if with_end {
        let at = places.iter().position(|p| *p == 256).unwrap();
        places.swap(0, at);
    }
    for (place, len) in places.iter().zip(leaves) {
        lengths[*place] = len;
    }
    lengths
}

/// Recorded streams of one and the same content, who can have written them, and who did.
const GOLDEN: [(&str, Families, Families); 6] = [
    ("zlib-6", Families::ZLIB_8.or(Families::PIGZ), Families::ZLIB_8),
    // Above level 2, GNU gzip and zlib at memory level 9 write the same unless a block compresses well.
    ("gzip-6", Families::ZLIB_9.or(Families::GNU_GZIP), Families::GNU_GZIP),
    ("pigz-6-b32", Families::PIGZ, Families::PIGZ),
    ("go-6", Families::GO.or(Families::KLAUSPOST), Families::GO),
    ("go-1", Families::GO.or(Families::KLAUSPOST), Families::GO),
    ("pgzip-40000", Families::KLAUSPOST, Families::KLAUSPOST),
];

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/testdata/tokens/{name}.deflate", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn golden_streams() {
    let mut content = None;
    for (name, possible, _) in GOLDEN {
        let stream = golden(name);
        let (record, end) = check(&stream, &[1, 100, 5000]);
        assert_eq!(end, Ok((stream.len(), 0)));
        assert!(*content.get_or_insert(record.decoded.clone()) == record.decoded);
        assert_eq!(Families::possible(&Survey::of(&stream, 64).unwrap()), possible, "{name}");
    }
}

#[test]
fn no_prefix_rules_the_writer_out() {
    for (name, _, writer) in GOLDEN {
        let stream = golden(name);
        for len in (0..300).chain((300..stream.len()).step_by(97)) {
            for blocks in [1, 2, 3, 64] {
                let families = Families::possible(&Survey::of(&stream[..len], blocks).unwrap());
                assert!(families.contains(writer), "{name}, {len} bytes, {blocks} blocks: {families}");
            }
        }
    }
}

#[test]
fn nothing_seen_leaves_every_family() {
    let families = Families::possible(&Survey::default());
    assert_eq!(families.iter().count(), 7);
    assert!(!families.contains(Families::UNKNOWN));
    assert_eq!(Families::NONE.to_string(), "none");
    assert_eq!((Families::GO.or(Families::PIGZ)).to_string(), "Go 1.8 to 1.26, pigz");
}

#[test]
fn what_no_encoder_does_is_unknown() {
    let padded = Bits::default().put(0b011, 3).code(0, 7).put(1, 1);
    let in_full = Bits::default().put(0b011, 3).code(0x30, 8).code(0b1100_0100, 8).put(31, 5).code(0, 5).code(0, 7);
    let far_and_short = {
        // A match of 3 from 32768 back: neither zlib nor Go.
        let mut bits = Bits::default().put(0, 8).put(32_768, 16).put(0x7fff, 16);
        bits.0.extend(mixture(32_768, 3));
        bits.1 += 32_768 * 8;
        bits.put(0b011, 3).code(1, 7).code(29, 5).put(0x1fff, 13).code(0, 7)
    };
    for bits in [padded, in_full, far_and_short] {
        let survey = Survey::of(&bits.0, 9).unwrap();
        assert_eq!(Families::possible(&survey), Families::UNKNOWN, "{survey:?}");
    }
}

#[test]
fn a_survey_says_what_the_blocks_are() {
    let data = mixture(100_000, 5);
    let stream = deflate(&data, 6, 20_000, FlushCompress::Sync);
    let (record, _) = read(&stream, &[usize::MAX]);
    let survey = Survey::of(&stream, 64).unwrap();
    assert_eq!(survey.blocks.len(), record.blocks.len());
    assert_eq!(survey.flush_spacing(), Some(20_000));
    assert_eq!(survey.flushes().collect::<Vec<_>>(), [20_000, 40_000, 60_000, 80_000, 100_000]);
    for ((block, seen), end) in survey.blocks.iter().zip(&record.blocks).zip(&record.ends) {
        assert_eq!((block.start.bit, block.start.decoded, block.last), (seen.bit, seen.decoded, seen.last));
        assert_eq!(block.end.map(|e| (e.bit, e.decoded)), Some((end.bit, end.decoded)));
        assert_eq!((block.tokens, block.bytes), (end.tokens, end.decoded - seen.decoded));
        assert_eq!(block.kind == SurveyedKind::Stored, matches!(seen.kind, Kind::Stored(..)));
    }
    let matches = || record.tokens.iter().filter(|token| token.1 > 0);
    assert_eq!(survey.least_len(), matches().map(|m| m.0).min());
    assert_eq!(Some(survey.greatest_distance()), matches().map(|m| m.1).max());
    let few = Survey::of(&stream, 3).unwrap();
    assert_eq!(few.blocks, survey.blocks[..3]);
    assert_eq!(Survey::of(&stream, usize::MAX).unwrap(), survey);
    // Hostile numbers of blocks are not kept.
    let many = deflate(&data, 6, 100, FlushCompress::Sync);
    assert_eq!(Survey::of(&many, usize::MAX).unwrap().blocks.len(), 64);
    assert_eq!(Survey::of(&[7, 0], 1).unwrap_err().fault, Fault::BlockType);
}

/// Every flush of zlib leaves zlib possible, whatever else it allows; zlib-rs ends its blocks where zlib does.
#[test]
fn flushes_do_not_rule_zlib_out() {
    let data = mixture(400_000, 8);
    for level in 0..=9 {
        for flush in [FlushCompress::Sync, FlushCompress::Partial, FlushCompress::Full] {
            for every in [100, 30_000] {
                let stream = deflate(&data, level, every, flush);
                let survey = Survey::of(&stream, 64).unwrap();
                assert!(Families::possible(&survey).contains(Families::ZLIB_8), "{level} {flush:?} {every}");
            }
        }
    }
}
