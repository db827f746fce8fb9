#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use proptest::prelude::*;

use super::Encoder;
use super::samples::samples;
use crate::recompress::coding::samples::{Piece, assert_same, build, in_pieces, inflate, len, piece};
use crate::recompress::place::Habits;

const LEVELS: [i8; 12] = [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

fn encode(level: i8, early: &[u32], data: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut encoder = Encoder::new(level, Habits { slides: early, flushes: false }).unwrap();
    let mut out = Vec::new();
    in_pieces(data, cuts).into_iter().for_each(|piece| encoder.write(piece, &mut out));
    encoder.finish(&mut out);
    out
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Lengths and checksums of what Go wrote: name of the input, size of the writes, level, length, CRC-32.
#[test]
fn every_sample_at_every_level_is_what_go_wrote() {
    let golden = include_str!("../../../testdata/recompress/go/golden.tsv");
    let samples = samples();
    let mut seen = 0;
    for line in golden.lines() {
        let [name, cut, level, len, sum] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let data = &samples.iter().find(|sample| sample.0 == name).unwrap().1;
        let early: &[u32] = if cut == "65535" { &[0] } else { &[] };
        let stream = encode(level.parse().unwrap(), early, data, &[]);
        let found = format!("{}\t{:08x}", stream.len(), crc(&stream));
        assert_eq!(found, format!("{len}\t{sum}"), "{name}, level {level}, writes of {cut}");
        seen += 1;
    }
    assert!(seen > samples.len() * LEVELS.len(), "early slides make a difference somewhere");
}

/// Whole streams, to look into when the checksums disagree.
#[test]
fn whole_streams_are_what_go_wrote() {
    let data = &samples().into_iter().find(|sample| sample.0 == "98305 bytes").unwrap().1;
    for (level, golden) in [
        (1, &include_bytes!("../../../testdata/recompress/go/short-1.deflate")[..]),
        (6, include_bytes!("../../../testdata/recompress/go/short-6.deflate")),
        (9, include_bytes!("../../../testdata/recompress/go/short-9.deflate")),
    ] {
        let stream = encode(level, &[], data, &[]);
        assert_same(&stream, golden, &level);
    }
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let distance = prop_oneof![1usize..40, 1usize..33_000, 32_400usize..32_800, Just(32_768), Just(32_769)];
    prop_oneof![7 => piece(120_000, distance), 1 => len(120_000).prop_map(Piece::Colliding)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn streams_inflate_and_do_not_depend_on_cuts(
        pieces in prop::collection::vec(any_piece(), 0..14),
        seed in any::<u64>(),
        level in prop::sample::select(&LEVELS[..]),
        early in prop::collection::btree_set(0u32..12, 0..6),
        cuts in prop::collection::vec(prop_oneof![0usize..4, 0usize..1000, 0usize..70_000], 0..24),
    ) {
        let data = build(&pieces, seed);
        let early: Vec<u32> = early.into_iter().collect();
        let stream = encode(level, &early, &data, &[]);
        prop_assert!(inflate(&stream) == data, "level {level} does not inflate to its input");
        prop_assert!(encode(level, &early, &data, &cuts) == stream, "level {level} depends on cuts");
    }

    #[test]
    fn small_inputs(data in prop::collection::vec(0u8..3, 0..700)) {
        for level in LEVELS {
            prop_assert!(inflate(&encode(level, &[], &data, &[data.len() / 2])) == data);
        }
    }
}

#[test]
fn half_a_megabyte_byte_by_byte() {
    let data = build(&[Piece::Tar(300_000), Piece::Random(50_000), Piece::FewSymbols(4, 150_000)], 6);
    for level in LEVELS {
        assert!(encode(level, &[], &data, &vec![1; data.len()]) == encode(level, &[], &data, &[]), "level {level}");
    }
}

#[test]
fn levels_out_of_range_are_refused() {
    for level in [-3, 10, i8::MIN, i8::MAX] {
        assert!(Encoder::new(level, Habits::default()).is_none());
    }
    assert!(LEVELS.iter().all(|&level| Encoder::new(level, Habits::default()).is_some()));
}

/// The same for writers that flush: name of the input, distances between flushes, level, length, CRC-32.
#[test]
fn what_go_wrote_when_it_was_flushed() {
    let golden = include_str!("../../../testdata/recompress/go/flushes.tsv");
    let samples = samples();
    let mut seen = 0;
    for line in golden.lines() {
        let [name, plan, level, len, sum] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let data = &samples.iter().find(|sample| sample.0 == name).unwrap().1;
        let plan: &[usize] = match plan {
            "short" => &[1, 16, 17, 127, 128, 1000, 5000, 70_000, 3, 0, 40_000, 4],
            _ => &[65_274, 1, 32_767, 262, 65_535, 5, 65_278, 98_304],
        };
        let mut encoder = Encoder::new(level.parse().unwrap(), Habits { slides: &[], flushes: true }).unwrap();
        let (mut rest, mut stream) = (data.as_slice(), Vec::new());
        for distance in plan.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at(rest.len().min(*distance));
            encoder.write(now, &mut stream);
            encoder.flush(&mut stream);
            rest = later;
        }
        encoder.finish(&mut stream);
        let found = format!("{}\t{:08x}", stream.len(), crc(&stream));
        assert_eq!(found, format!("{len}\t{sum}"), "{name}, level {level}, flushed by {plan:?}");
        seen += 1;
    }
    assert!(seen > 300, "{seen}");
}
