//! The encoder writes what GNU gzip wrote, and in any case a valid stream.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::io::Read;

use proptest::prelude::*;

use super::Encoder;

/// A recorded file's deflate stream, after ten bytes of header and before eight of trailer.
fn recorded(name: &str) -> Vec<u8> {
    let file = std::fs::read(format!("{}/testdata/recompress/gnugzip/{name}.gz", env!("CARGO_MANIFEST_DIR"))).unwrap();
    file[10..file.len() - 8].to_vec()
}

fn inflate(stream: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    flate2::read::DeflateDecoder::new(stream).read_to_end(&mut data).unwrap();
    data
}

fn encode(level: u8, rsyncable: bool, data: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut encoder = Encoder::new(level, rsyncable).unwrap();
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
fn check(level: u8, rsyncable: bool, name: &str) {
    let stream = recorded(name);
    let ours = encode(level, rsyncable, &inflate(&stream), &[]);
    let differ = ours.iter().zip(&stream).position(|(a, b)| a != b);
    assert!(ours == stream, "{name}: {} against {}, first difference {differ:?}", ours.len(), stream.len());
}

#[test]
fn every_level_as_recorded() {
    for level in 1..=9 {
        check(level, false, &level.to_string());
    }
}

#[test]
fn early_ends_of_blocks_as_recorded() {
    check(2, false, "2-sparse");
    check(3, false, "3-sparse");
}

#[test]
fn rsyncable_as_recorded() {
    check(1, true, "1-rsyncable");
    check(6, true, "6-rsyncable");
}

#[test]
fn ends_of_input_as_recorded() {
    for name in ["6-end", "6-end-65483", "6-end-65500", "6-end-70000"] {
        check(6, false, name);
    }
}

#[test]
fn levels_out_of_range_are_refused() {
    for level in [0, 10, 255] {
        assert!(Encoder::new(level, false).is_none());
    }
}

#[test]
fn nothing_is_one_fixed_block() {
    for level in 1..=9 {
        assert_eq!(encode(level, true, &[], &[]), [3, 0]);
    }
}

/// Stretches of few symbols, of noise, and of copies from all over the window.
fn build(pieces: &[(u8, usize)], mut seed: u64) -> Vec<u8> {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn streams_are_valid_and_do_not_depend_on_slices(
        pieces in prop::collection::vec((0u8..10, prop_oneof![0usize..300, 0usize..50_000]), 0..6),
        seed in any::<u64>(),
        level in 1u8..=9,
        rsyncable in any::<bool>(),
        cuts in prop::collection::vec(prop_oneof![0usize..4, 0usize..1000, 0usize..70_000], 0..24),
    ) {
        let data = build(&pieces, seed);
        let stream = encode(level, rsyncable, &data, &cuts);
        prop_assert!(inflate(&stream) == data);
        prop_assert!(stream == encode(level, rsyncable, &data, &[]));
    }
}

/// Inputs that end at every position around where the window would slide.
#[test]
fn every_length_around_the_window() {
    let data = build(&[(5, 9000), (2, 60_000), (4, 40_000)], 3);
    for len in (65_200..65_560).chain(98_000..98_330).step_by(7) {
        for level in [1, 6] {
            assert!(inflate(&encode(level, false, &data[..len], &[])) == data[..len], "level {level}, {len} bytes");
        }
    }
}
