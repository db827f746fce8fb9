//! The encoder writes what stock zlib writes, bit for bit.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use proptest::prelude::*;

use super::Encoder;
use crate::recompress::zlib::ffi::RawDeflate;
use crate::recompress::{EncoderFault, Strategy as ZlibStrategy, ZlibParams};

/// What zlib writes when the whole input is at hand.
fn stock(level: u8, mem_level: u8, mut data: &[u8]) -> Result<Vec<u8>, EncoderFault> {
    let params = ZlibParams::new(level, 15, mem_level, ZlibStrategy::Default).unwrap();
    let mut raw = RawDeflate::new(&params)?;
    let (mut out, mut room) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let step = raw.step(data, &mut room, true)?;
        data = &data[step.consumed..];
        out.extend_from_slice(&room[..step.produced]);
        if step.ended {
            return Ok(out);
        }
    }
}

fn encode(level: u8, mem_level: u8, data: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut encoder = Encoder::new(level, mem_level).unwrap();
    let (mut out, mut rest) = (Vec::new(), data);
    for &cut in cuts {
        let (piece, later) = rest.split_at(cut.min(rest.len()));
        encoder.write(piece, &mut out);
        rest = later;
    }
    encoder.write(rest, &mut out);
    encoder.finish(&mut out);
    out
}

#[track_caller]
fn check(level: u8, mem_level: u8, data: &[u8], cuts: &[usize]) {
    let (ours, theirs) = (encode(level, mem_level, data, cuts), stock(level, mem_level, data).unwrap());
    let differ = ours.iter().zip(&theirs).position(|(a, b)| a != b);
    assert!(
        ours == theirs,
        "level {level}, memory level {mem_level}, {} bytes: {} against {}, first difference {differ:?}",
        data.len(),
        ours.len(),
        theirs.len()
    );
}

#[track_caller]
fn check_all(data: &[u8]) {
    for level in 1..=9 {
        for mem_level in [8, 9] {
            check(level, mem_level, data, &[]);
        }
    }
}

/// xorshift64*
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

/// One stretch of data of a kind.
#[derive(Debug, Clone)]
enum Piece {
    Random(usize),
    FewSymbols(usize, usize),
    Words(usize),
    Run(u8, usize),
    Period(usize, usize),
    /// A copy from this far back, with a byte changed now and then.
    Copy(usize, usize),
    Tar(usize),
}

fn piece() -> impl proptest::strategy::Strategy<Value = Piece> {
    let len = || prop_oneof![4 => 0usize..600, 3 => 0usize..20_000, 1 => 0usize..200_000];
    let distance =
        prop_oneof![1usize..40, 1usize..33_000, 32_400usize..32_800, Just(32_506), Just(32_505), Just(32_507)];
    prop_oneof![
        len().prop_map(Piece::Random),
        (1usize..20, len()).prop_map(|(n, len)| Piece::FewSymbols(n, len)),
        len().prop_map(Piece::Words),
        (any::<u8>(), len()).prop_map(|(byte, len)| Piece::Run(byte, len)),
        (1usize..700, len()).prop_map(|(period, len)| Piece::Period(period, len)),
        (distance, prop_oneof![0usize..12, 250usize..270, len()]).prop_map(|(back, len)| Piece::Copy(back, len)),
        len().prop_map(Piece::Tar),
    ]
}

fn build(pieces: &[Piece], seed: u64) -> Vec<u8> {
    let mut noise = Noise(seed | 1);
    let mut data = Vec::new();
    for piece in pieces {
        match *piece {
            Piece::Random(len) => data.extend((0..len).map(|_| noise.next() as u8)),
            Piece::FewSymbols(n, len) => data.extend((0..len).map(|_| noise.below(n) as u8)),
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
            Piece::Tar(len) => {
                let end = data.len() + len;
                while data.len() < end {
                    let mut header =
                        format!("usr/lib/thing{}/file{}.py", noise.below(9), noise.below(999)).into_bytes();
                    header.resize(100, 0);
                    header.extend(format!("0000644\x000000000\x000000000\x00{:011o}\x00", noise.below(9999)).bytes());
                    header.resize(512, 0);
                    data.extend(header);
                    let body = noise.below(3000);
                    words(&mut data, body, &mut noise);
                    data.resize(data.len().next_multiple_of(512), 0);
                }
            }
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn mixed_data_in_any_slices(
        pieces in prop::collection::vec(piece(), 0..14),
        seed in any::<u64>(),
        level in 1u8..=9,
        mem_level in prop_oneof![4 => Just(8u8), 4 => Just(9u8), 1 => 1u8..=9],
        cuts in prop::collection::vec(prop_oneof![0usize..4, 0usize..1000, 0usize..70_000], 0..24),
    ) {
        check(level, mem_level, &build(&pieces, seed), &cuts);
    }

    #[test]
    fn small_inputs(data in prop::collection::vec(0u8..3, 0..700), mem_level in 1u8..=9) {
        for level in 1..=9 {
            check(level, mem_level, &data, &[data.len() / 2]);
        }
    }
}

#[test]
fn nothing_and_next_to_nothing() {
    for len in 0..6 {
        check_all(&vec![b'a'; len]);
        check_all(&b"abcde"[..len.min(5)]);
    }
}

#[test]
fn every_memory_level() {
    let data =
        build(&[Piece::Tar(300_000), Piece::Random(90_000), Piece::Copy(30_000, 90_000), Piece::Words(90_000)], 5);
    for mem_level in 1..=9 {
        for level in 1..=9 {
            check(level, mem_level, &data, &[]);
        }
    }
}

#[test]
fn a_megabyte_byte_by_byte() {
    let data = build(&[Piece::Tar(400_000), Piece::Random(50_000), Piece::FewSymbols(4, 600_000)], 6);
    for level in [1, 3, 4, 6, 9] {
        check(level, 8, &data, &vec![1; data.len()]);
    }
}

#[test]
fn runs_and_longest_matches() {
    for len in [257, 258, 259, 260, 516, 65_535, 65_536, 65_537, 400_000] {
        check_all(&vec![0; len]);
    }
}

/// Ends of input around where the window slides, with a match at the greatest distance there.
#[test]
fn ends_of_input_near_a_slide() {
    let mut noise = Noise(9);
    for half in [1, 2] {
        let at = 32_768 * half + 32_506;
        for distance in [32_505, 32_506, 32_507] {
            for len in [3, 4, 9, 200, 258] {
                let mut data: Vec<u8> = (0..at).map(|_| noise.next() as u8).collect();
                let from = at - distance;
                data.extend_from_within(from..from + len);
                for tail in [0, 1, 2, 3, 60, 261, 262, 263, 600] {
                    let mut data = data.clone();
                    data.extend((0..tail).map(|_| noise.next() as u8));
                    for level in [1, 4, 6, 9] {
                        check(level, 8, &data, &[]);
                    }
                }
            }
        }
    }
}

/// Inputs that end at every position around the window's size.
#[test]
fn every_length_around_the_window() {
    let data = build(&[Piece::Tar(40_000), Piece::Period(300, 60_000)], 11);
    for len in (65_250..65_560).chain(98_020..98_320) {
        for level in [1, 6] {
            check(level, 8, &data[..len.min(data.len())], &[]);
        }
    }
}

/// Strings that are all different but share a four-byte hash, among many that share zlib's: long chains without matches.
#[test]
fn colliding_hashes() {
    let mut noise = Noise(3);
    // The inverse of the hash's multiplier turns a hash and any low half back into the string.
    let inverse = (0..5).fold(0x9e37_79b1u32, |x, _| x.wrapping_mul(2u32.wrapping_sub(0x9e37_79b1u32.wrapping_mul(x))));
    assert_eq!(inverse.wrapping_mul(0x9e37_79b1), 1);
    let same: Vec<[u8; 4]> = (0..6000).map(|low| inverse.wrapping_mul(0x1234_0000 | low).to_le_bytes()).collect();
    let mut data = Vec::new();
    for _ in 0..60_000 {
        let string = same[noise.below(same.len())];
        data.extend(string);
        if noise.below(5) == 0 {
            data.push(noise.next() as u8);
        }
    }
    check_all(&data);
}

/// Few symbols make zlib's chains run out of candidates long before the window ends.
#[test]
fn exhausted_searches() {
    for symbols in [2, 3, 5, 9] {
        check_all(&build(&[Piece::FewSymbols(symbols, 150_000)], symbols as u64));
    }
}

/// Frequencies like Fibonacci numbers make codes that are too long and have to be repaired.
#[test]
fn code_lengths_over_the_limit() {
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
    check_all(&data);
}

#[test]
fn parameters_out_of_range_are_refused() {
    for (level, mem_level) in [(0, 8), (10, 8), (6, 0), (6, 10), (255, 255)] {
        assert!(Encoder::new(level, mem_level).is_none());
    }
}
