//! What the encoders' tests share: made inputs, and ways of looking at streams.
//!
//! The inputs are the same bits everywhere, so that of golden streams only outputs are recorded.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::io::Read;

use proptest::prelude::*;

/// xorshift64*
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// One stretch of data of a kind.
#[derive(Debug, Clone)]
pub enum Piece {
    Random(usize),
    FewSymbols(usize, usize),
    /// Bytes whose frequencies fall by half each.
    Steep(usize),
    Words(usize),
    Run(u8, usize),
    Period(usize, usize),
    /// A copy from this far back, with a byte changed now and then.
    Copy(usize, usize),
    Tar(usize),
    /// Strings that share a bucket of Go's levels from 2 on.
    Colliding(usize),
}

pub fn build(pieces: &[Piece], seed: u64) -> Vec<u8> {
    let mut noise = Noise(seed | 1);
    let mut data = Vec::new();
    for piece in pieces {
        match *piece {
            Piece::Random(len) => data.extend((0..len).map(|_| noise.next() as u8)),
            Piece::FewSymbols(n, len) => data.extend((0..len).map(|_| noise.below(n) as u8)),
            Piece::Steep(len) => data.extend((0..len).map(|_| 11 * (noise.next() | 1 << 22).trailing_zeros() as u8)),
            Piece::Words(len) => words(&mut data, len, &mut noise),
            Piece::Run(byte, len) => data.extend(std::iter::repeat_n(byte, len)),
            Piece::Period(period, len) => {
                let unit: Vec<u8> = (0..period).map(|_| noise.next() as u8).collect();
                data.extend(unit.iter().cycle().take(len));
            }
            Piece::Copy(back, len) => {
                for _ in 0..len {
                    let byte = data.len().checked_sub(back).map_or(7, |at| data[at]);
                    data.push(if noise.below(400) == 0 { noise.next() as u8 } else { byte });
                }
            }
            Piece::Tar(len) => tar(&mut data, len, &mut noise),
            Piece::Colliding(len) => colliding(&mut data, len, &mut noise),
        }
    }
    data
}

fn words(data: &mut Vec<u8>, len: usize, noise: &mut Noise) {
    const WORDS: [&str; 16] = [
        "self", "return ", "def ", "import ", "(", ")\n", "    ", "chunk", "frame", "pack", " = ", "None", "index.",
        "the ", "snow", "ice ",
    ];
    let end = data.len() + len;
    while data.len() < end {
        if noise.below(6) == 0 {
            data.push(b'a' + noise.below(26) as u8);
        }
        data.extend(WORDS[noise.below(16) & noise.below(16)].bytes());
    }
    data.truncate(end);
}

fn tar(data: &mut Vec<u8>, len: usize, noise: &mut Noise) {
    let end = data.len() + len;
    while data.len() < end {
        let mut header = format!("usr/lib/thing{}/file{}.py", noise.below(9), noise.below(999)).into_bytes();
        header.resize(100, 0);
        header.extend(format!("0000644\x000000000\x000000000\x00{:011o}\x00", noise.below(9999)).bytes());
        header.resize(512, 0);
        data.extend(header);
        let body = noise.below(3000);
        words(data, body, noise);
        data.resize(data.len().next_multiple_of(512), 0);
    }
}

/// The inverse of the hash's multiplier turns a bucket and any low bits back into a string of that bucket.
fn colliding(data: &mut Vec<u8>, len: usize, noise: &mut Noise) {
    const MULTIPLIER: u32 = 0x1e35_a7bd;
    let inverse = (0..5).fold(MULTIPLIER, |x, _| x.wrapping_mul(2u32.wrapping_sub(MULTIPLIER.wrapping_mul(x))));
    let end = data.len() + len;
    while data.len() < end {
        let string = inverse.wrapping_mul(0x1234_8000 | noise.below(0x8000) as u32);
        data.extend(string.to_be_bytes());
        if noise.below(5) == 0 {
            data.push(noise.next() as u8);
        }
    }
    data.truncate(end);
}

/// Frequencies like Fibonacci numbers make codes that are too long.
pub fn fibonacci() -> Vec<u8> {
    let mut data = Vec::new();
    let (mut a, mut b) = (1usize, 1usize);
    for symbol in 0..21u8 {
        data.extend(std::iter::repeat_n(symbol * 11, a));
        (a, b) = (b, a + b);
    }
    let mut noise = Noise(77);
    for i in (1..data.len()).rev() {
        data.swap(i, noise.below(i + 1));
    }
    data
}

/// Stretches of all kinds but [`Piece::Steep`] and [`Piece::Colliding`], each up to `longest` bytes, each kind as likely.
pub fn piece(longest: usize, distance: impl Strategy<Value = usize> + 'static) -> impl Strategy<Value = Piece> {
    let len = len(longest);
    prop_oneof![
        len.clone().prop_map(Piece::Random),
        (1usize..20, len.clone()).prop_map(|(n, len)| Piece::FewSymbols(n, len)),
        len.clone().prop_map(Piece::Words),
        (any::<u8>(), len.clone()).prop_map(|(byte, len)| Piece::Run(byte, len)),
        (1usize..700, len.clone()).prop_map(|(period, len)| Piece::Period(period, len)),
        (distance, prop_oneof![0usize..12, 250usize..270, len.clone()]).prop_map(|(back, len)| Piece::Copy(back, len)),
        len.prop_map(Piece::Tar),
    ]
}

/// Lengths of pieces: most of them short.
pub fn len(longest: usize) -> impl Strategy<Value = usize> + Clone {
    prop_oneof![4 => 0usize..600, 3 => 0usize..20_000, 1 => 0..longest]
}

/// Stretches of few symbols, of noise, and of copies from all over the window: pairs of a kind below 10 and a length.
pub fn stretches(pieces: &[(u8, usize)], mut seed: u64) -> Vec<u8> {
    let mut data = Vec::new();
    for &(kind, len) in pieces {
        for _ in 0..len {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = (seed >> 40) as usize;
            let back = [1, 40, 3000, 32_506, 32_768][usize::from(kind) % 5];
            data.push(match kind {
                0..5 => data.len().checked_sub(back).filter(|_| noise & 63 != 0).map_or(noise as u8, |at| data[at]),
                5..8 => (noise % 5) as u8,
                _ => noise as u8,
            });
        }
    }
    data
}

/// `data` in pieces of these lengths, and the rest.
pub fn in_pieces<'a>(mut data: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::with_capacity(cuts.len() + 1);
    for &cut in cuts {
        let (piece, later) = data.split_at(cut.min(data.len()));
        pieces.push(piece);
        data = later;
    }
    pieces.push(data);
    pieces
}

/// What a raw deflate stream decodes to.
pub fn inflate(stream: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    flate2::read::DeflateDecoder::new(stream).read_to_end(&mut data).unwrap();
    data
}

/// The deflate stream of a recorded gzip file, after ten bytes of header and before eight of trailer.
pub fn recorded_gzip(name: &str) -> Vec<u8> {
    let file = std::fs::read(format!("{}/testdata/recompress/{name}.gz", env!("CARGO_MANIFEST_DIR"))).unwrap();
    file[10..file.len() - 8].to_vec()
}

/// Fails unless both streams are the same; says where they part.
#[track_caller]
pub fn assert_same(ours: &[u8], theirs: &[u8], what: &dyn std::fmt::Debug) {
    let differ = ours.iter().zip(theirs).position(|(a, b)| a != b);
    assert!(ours == theirs, "{what:?}: {} against {}, first difference {differ:?}", ours.len(), theirs.len());
}
