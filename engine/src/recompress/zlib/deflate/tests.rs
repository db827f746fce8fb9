//! The encoder writes what stock zlib writes, bit for bit.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use proptest::prelude::*;

use super::Encoder;
use crate::recompress::coding::samples::{Noise, Piece, assert_same, build, fibonacci, in_pieces, piece};
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
    let mut out = Vec::new();
    in_pieces(data, cuts).into_iter().for_each(|piece| encoder.write(piece, &mut out));
    encoder.finish(&mut out);
    out
}

#[track_caller]
fn check(level: u8, mem_level: u8, data: &[u8], cuts: &[usize]) {
    let (ours, theirs) = (encode(level, mem_level, data, cuts), stock(level, mem_level, data).unwrap());
    assert_same(&ours, &theirs, &(level, mem_level, data.len()));
}

#[track_caller]
fn check_all(data: &[u8]) {
    for level in 1..=9 {
        for mem_level in [8, 9] {
            check(level, mem_level, data, &[]);
        }
    }
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let distance =
        prop_oneof![1usize..40, 1usize..33_000, 32_400usize..32_800, Just(32_506), Just(32_505), Just(32_507)];
    piece(200_000, distance)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn mixed_data_in_any_slices(
        pieces in prop::collection::vec(any_piece(), 0..14),
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
    check_all(&fibonacci());
}

#[test]
fn parameters_out_of_range_are_refused() {
    for (level, mem_level) in [(0, 8), (10, 8), (6, 0), (6, 10), (255, 255)] {
        assert!(Encoder::new(level, mem_level).is_none());
    }
}
