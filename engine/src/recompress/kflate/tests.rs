#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::io::Read;

use proptest::prelude::*;

use super::samples::{FLUSHES, LEVELS, PARTS, hash, hashed, recorded};
use super::{Encoder, Framing, Params, Revision, TAIL};
use crate::recompress::coding::samples::{Piece, assert_same, build, in_pieces, len, piece};
use crate::recompress::place::{Bits, Place};

fn framing(part: u32) -> Framing {
    if part == 0 { Framing::Plain } else { Framing::Parallel(part) }
}

fn params(part: u32, level: i8, revision: Revision) -> Params {
    Params::new(framing(part), level, revision).unwrap()
}

/// Of all revisions that have such parts.
fn each(part: u32, level: i8) -> impl Iterator<Item = Params> {
    Revision::ALL.into_iter().filter_map(move |revision| Params::new(framing(part), level, revision))
}

fn encode(params: Params, data: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut encoder = Encoder::new(params).unwrap();
    let mut out = Vec::new();
    in_pieces(data, cuts).into_iter().for_each(|piece| encoder.write(piece, &mut out));
    encoder.finish(&mut out);
    out
}

#[track_caller]
fn assert_inflates(stream: &[u8], data: &[u8]) {
    let mut decoder = flate2::bufread::DeflateDecoder::new(stream);
    let mut inflated = Vec::new();
    decoder.read_to_end(&mut inflated).unwrap();
    assert!(inflated == data, "inflates to something else");
    assert_eq!(decoder.total_in(), stream.len() as u64, "bytes behind the last block");
}

#[test]
fn recorded_streams() {
    let input = recorded();
    let first: [(i8, &[u8]); 9] = [
        (1, include_bytes!("../../../testdata/recompress/klauspost/level1.deflate")),
        (2, include_bytes!("../../../testdata/recompress/klauspost/level2.deflate")),
        (3, include_bytes!("../../../testdata/recompress/klauspost/level3.deflate")),
        (4, include_bytes!("../../../testdata/recompress/klauspost/level4.deflate")),
        (5, include_bytes!("../../../testdata/recompress/klauspost/level5.deflate")),
        (6, include_bytes!("../../../testdata/recompress/klauspost/level6.deflate")),
        (7, include_bytes!("../../../testdata/recompress/klauspost/level7.deflate")),
        (8, include_bytes!("../../../testdata/recompress/klauspost/level8.deflate")),
        (9, include_bytes!("../../../testdata/recompress/klauspost/level9.deflate")),
    ];
    let second: [(i8, &[u8]); 4] = [
        (4, include_bytes!("../../../testdata/recompress/klauspost/level4-1.18.deflate")),
        (7, include_bytes!("../../../testdata/recompress/klauspost/level7-1.18.deflate")),
        (8, include_bytes!("../../../testdata/recompress/klauspost/level8-1.18.deflate")),
        (9, include_bytes!("../../../testdata/recompress/klauspost/level9-1.18.deflate")),
    ];
    let third: [(i8, &[u8]); 7] = [
        (1, include_bytes!("../../../testdata/recompress/klauspost/level1-1.20.deflate")),
        (2, include_bytes!("../../../testdata/recompress/klauspost/level2-1.20.deflate")),
        (3, include_bytes!("../../../testdata/recompress/klauspost/level3-1.20.deflate")),
        (4, include_bytes!("../../../testdata/recompress/klauspost/level4-1.20.deflate")),
        (5, include_bytes!("../../../testdata/recompress/klauspost/level5-1.20.deflate")),
        (6, include_bytes!("../../../testdata/recompress/klauspost/level6-1.20.deflate")),
        (9, include_bytes!("../../../testdata/recompress/klauspost/level9-1.20.deflate")),
    ];
    for (level, stream) in first {
        let changed = |changes: &[(i8, &'static [u8])], before: &'static [u8]| {
            changes.iter().find(|(other, _)| *other == level).map_or(before, |(_, stream)| stream)
        };
        let later = changed(&second, stream);
        for (params, stream) in each(70_000, level).zip([stream, later, changed(&third, later)]) {
            assert_same(&encode(params, &input, &[]), stream, &params);
        }
    }
    let go: [(i8, &[u8]); 2] = [
        (-1, include_bytes!("../../../testdata/recompress/klauspost/level6-go1.27.deflate")),
        (9, include_bytes!("../../../testdata/recompress/klauspost/level9-go1.27.deflate")),
    ];
    for (level, stream) in go {
        assert_same(&encode(params(0, level, Revision::Go1_27), &input, &[]), stream, &level);
    }
}

#[test]
fn hashed_streams() {
    let inputs = hashed();
    let mut lines = 0;
    for line in include_str!("../../../testdata/recompress/klauspost/streams.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (input, part, level) = (&inputs[words[0].parse::<usize>().unwrap()], words[1], words[2].parse().unwrap());
        let mut expected = "";
        assert_eq!(words.len() - 3, each(part.parse().unwrap(), level).count());
        for (params, recorded) in each(part.parse().unwrap(), level).zip(&words[3..]) {
            if *recorded != "=" {
                expected = recorded;
            }
            let stream = encode(params, input, &[]);
            assert_eq!(format!("{}:{:016x}", stream.len(), hash(&stream)), expected, "{line}, {params:?}");
        }
        lines += 1;
    }
    assert_eq!(lines, inputs.len() * PARTS.len() * LEVELS.len());
}

/// The same for writers that flush.
#[test]
fn flushed_streams() {
    let inputs = hashed();
    let mut lines = 0;
    for line in include_str!("../../../testdata/recompress/klauspost/flushes.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (input, plan) = (&inputs[words[0].parse::<usize>().unwrap()], FLUSHES[words[1].parse::<usize>().unwrap()]);
        let mut expected = "";
        for (params, recorded) in each(0, words[2].parse().unwrap()).zip(&words[3..]) {
            if *recorded != "=" {
                expected = recorded;
            }
            let (mut encoder, mut rest, mut stream) = (Encoder::new(params).unwrap(), input.as_slice(), Vec::new());
            for &distance in plan.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at(rest.len().min(distance));
                encoder.write(now, &mut stream);
                encoder.flush(&mut stream);
                rest = later;
            }
            encoder.finish(&mut stream);
            assert_eq!(format!("{}:{:016x}", stream.len(), hash(&stream)), expected, "{line}, {params:?}");
        }
        lines += 1;
    }
    assert_eq!(lines, inputs.iter().filter(|input| input.len() > 80_000).count() * FLUSHES.len() * LEVELS.len());
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let distance = prop_oneof![1usize..40, 1usize..33_000, 32_760usize..32_772];
    prop_oneof![7 => piece(200_000, distance), 1 => len(200_000).prop_map(Piece::Steep)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn inflates_to_the_input_and_cuts_make_no_difference(
        pieces in prop::collection::vec(any_piece(), 0..10),
        seed in any::<u64>(),
        level in -2i8..=9,
        part in prop_oneof![Just(0u32), 16_385u32..300_000, Just(65_535u32), Just(1u32 << 20)],
        revision in prop::sample::select(&Revision::ALL[..]),
        cuts in prop::collection::vec(prop_oneof![0usize..4, 0usize..1000, 0usize..70_000], 0..24),
    ) {
        let data = build(&pieces, seed);
        let params = params(if revision == Revision::Go1_27 { 0 } else { part }, level, revision);
        let stream = encode(params, &data, &cuts);
        assert_inflates(&stream, &data);
        prop_assert!(stream == encode(params, &data, &[]), "depends on cuts");
    }

    #[test]
    fn small_inputs(data in prop::collection::vec(0u8..3, 0..400), part in prop_oneof![Just(0u32), Just(20_000u32)]) {
        for level in LEVELS {
            for params in each(part, level) {
                assert_inflates(&encode(params, &data, &[data.len() / 2]), &data);
            }
        }
    }
}

#[test]
fn byte_by_byte() {
    let data = build(&[Piece::Tar(100_000), Piece::Random(20_000), Piece::FewSymbols(4, 50_000)], 6);
    for level in LEVELS {
        for params in [params(70_000, level, Revision::V1_18), params(0, level, Revision::Go1_27)] {
            assert!(encode(params, &data, &vec![1; data.len()]) == encode(params, &data, &[]), "{params:?}");
        }
    }
}

/// The stream goes on for long after its tables and buffers have wrapped many times.
#[test]
fn long_streams_inflate() {
    let data = build(&[Piece::Tar(300_000), Piece::Random(10_000)], 12).repeat(12);
    for level in [1, 3, 5] {
        for revision in [Revision::V1_15, Revision::Go1_27] {
            assert_inflates(&encode(params(0, level, revision), &data, &[]), &data);
        }
    }
}

/// An empty part is a mark; the last block is one of fixed codes without symbols.
#[test]
fn next_to_nothing() {
    for level in LEVELS {
        assert_eq!(encode(params(0, level, Revision::V1_15), b"", &[]), [3, 0]);
        assert_eq!(encode(params(1 << 20, level, Revision::V1_15), b"", &[]), [0, 0, 0, 0xff, 0xff, 3, 0]);
        let whole = encode(params(20_000, level, Revision::V1_15), &[5; 20_000], &[]);
        assert!(whole.ends_with(&[0, 0, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 3, 0]), "level {level}");
    }
}

#[test]
fn default_is_level_5_or_with_go_6() {
    for params in each(1 << 20, -1).chain(each(0, -1)) {
        assert_eq!(params.level(), if params.revision() == Revision::Go1_27 { 6 } else { 5 });
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    for (framing, level) in [
        (Framing::Plain, -3),
        (Framing::Plain, 10),
        (Framing::Parallel(16_384), 5),
        (Framing::Parallel(0), 5),
        (Framing::Parallel(u32::MAX), 5),
    ] {
        assert_eq!(Params::new(framing, level, Revision::V1_18), None, "{framing:?} {level}");
    }
    assert_eq!(Params::new(Framing::Parallel(1 << 20), 6, Revision::Go1_27), None);
    assert_eq!(Params::from_bytes(&[6, 3, 0, 0, 0, 0]), Some(params(0, 6, Revision::Go1_27)));
    assert_eq!(Params::from_bytes(&[6, 3, 0, 0, 1, 0]), None);
    assert_eq!(Params::from_bytes(&[6, 4, 0, 0, 0, 0]), None);
}

/// An encoder that is resumed at a part's start writes what one writes that has come there by itself.
#[test]
fn parts_are_encoded_by_themselves() {
    let data = build(&[Piece::Tar(150_000), Piece::Random(70_000), Piece::Words(120_000), Piece::Run(7, 60_000)], 7);
    for level in LEVELS {
        for params in each(70_000, level) {
            let part = params.part_len();
            assert_eq!(part.is_none(), level == 4 && params.revision() > Revision::V1_15);
            let Some(part) = part else { continue };
            for number in 1..data.len() as u64 / part {
                let at = (number * part) as usize;
                let mut before = Vec::new();
                let mut encoder = Encoder::new(params).unwrap();
                encoder.write(&data[..at], &mut before);
                let mut whole = Vec::new();
                encoder.write(&data[at..], &mut whole);
                encoder.finish(&mut whole);
                let from = at - TAIL - number as usize;
                let lead = Bits::default();
                let place =
                    Place { plain: &data[from..], plain_at: from as u64, clean: at as u64, block: at as u64, lead };
                let mut resumed = Vec::new();
                Encoder::resume(params, &place, &mut resumed).unwrap().finish(&mut resumed);
                assert_same(&resumed, &whole, &(params, number));
                let amid = Place { clean: at as u64 + 1, block: at as u64 + 1, ..place };
                assert!(Encoder::resume(params, &amid, &mut Vec::new()).is_none());
            }
        }
    }
}
