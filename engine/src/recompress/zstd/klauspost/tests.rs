#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::convert::Infallible;

use proptest::prelude::*;

use super::samples::{hash, hashed, recorded};
use super::{Encoder, Params, Release};
use crate::recompress::coding::samples::{Piece, assert_same, build, in_pieces, len, piece};

fn params(level: u8, release: Release) -> Params {
    Params::new(level, release).unwrap()
}

fn every() -> impl Iterator<Item = Params> {
    (1..=4).flat_map(|level| Release::ALL.map(|release| params(level, release)))
}

fn frame(encoder: &mut Encoder, flushed: bool, pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sink = |bytes: &[u8]| -> Result<(), Infallible> {
        out.extend_from_slice(bytes);
        Ok(())
    };
    encoder.begin();
    let Ok(()) = pieces.iter().try_for_each(|piece| encoder.push(piece, &mut sink));
    let Ok(()) = encoder.finish(flushed, &mut sink);
    out
}

fn encode(params: Params, data: &[u8]) -> Vec<u8> {
    frame(&mut Encoder::new(params), params.is_flushed(), &[data])
}

#[track_caller]
fn assert_decodes(frame: &[u8], data: &[u8]) {
    if !frame.is_empty() {
        assert!(zstd::decode_all(frame).unwrap() == data, "decodes to something else");
    }
}

#[test]
fn recorded_streams() {
    let input = recorded();
    let streams: [(u8, Release, &[u8]); 8] = [
        (1, Release::V1_15, include_bytes!("../../../../testdata/recompress/klauspost-zstd/level1-1.15.zst")),
        (2, Release::V1_15, include_bytes!("../../../../testdata/recompress/klauspost-zstd/level2-1.15.zst")),
        (2, Release::V1_20, include_bytes!("../../../../testdata/recompress/klauspost-zstd/level2-1.20.zst")),
        (3, Release::V1_15, include_bytes!("../../../../testdata/recompress/klauspost-zstd/level3-1.15.zst")),
        (3, Release::V1_18, include_bytes!("../../../../testdata/recompress/klauspost-zstd/level3-1.18.zst")),
        (3, Release::V1_20, include_bytes!("../../../../testdata/recompress/klauspost-zstd/level3-1.20.zst")),
        (4, Release::V1_15, include_bytes!("../../../../testdata/recompress/klauspost-zstd/level4-1.15.zst")),
        (4, Release::V1_18, include_bytes!("../../../../testdata/recompress/klauspost-zstd/level4-1.18.zst")),
    ];
    for params in every() {
        let until =
            |(level, release, _): &&(u8, Release, &[u8])| *level == params.level() && *release <= params.release();
        let (_, _, stream) = streams.iter().rfind(until).unwrap();
        assert_same(&encode(params, &input), stream, &params);
    }
}

/// What `Write` of 8 bytes and `ReadFrom` of the rest made, by FNV-1a.
#[test]
fn sniffed_streams() {
    let input = recorded();
    let hashes: [[u64; 3]; 4] = [
        [0xf6b6_6d46_12bd_6560, 0xf6b6_6d46_12bd_6560, 0x929c_2505_783a_169e],
        [0x84d4_7f65_3e5f_9ea4, 0x84d4_7f65_3e5f_9ea4, 0x5068_6e9d_877a_649f],
        [0xe0bd_0534_01d5_1412, 0x4b23_9f6e_7a5c_c8c4, 0x9f49_d287_ff29_389d],
        [0x5542_0df3_0c4c_fea1, 0x7947_ed39_13f6_1809, 0x7947_ed39_13f6_1809],
    ];
    for params in every().map(|params| params.sniffed(true)) {
        let stream = encode(params, &input);
        assert_decodes(&stream, &input);
        let recorded = hashes[usize::from(params.level()) - 1][params.release() as usize];
        assert_eq!(hash(&stream), recorded, "{params:?} {:016x}", hash(&stream));
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert!(frame(&mut Encoder::new(params), false, &bytes) == stream);
        assert!(encode(params, &input[..7]) == encode(params.sniffed(false), &input[..7]));
    }
}

#[test]
fn hashed_streams() {
    let inputs = hashed();
    let mut encoders: Vec<(Params, Encoder)> = every().map(|params| (params, Encoder::new(params))).collect();
    let mut lines = 0;
    for line in include_str!("../../../../testdata/recompress/klauspost-zstd/streams.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (input, level, flushed) = (&inputs[words[0].parse::<usize>().unwrap()], words[1], words[2] == "f");
        for (release, recorded) in Release::ALL.into_iter().zip(words[3..].chunks_exact(2)) {
            let wanted = params(level.parse().unwrap(), release);
            // One encoder for all frames, as in layers of many.
            let (_, encoder) = encoders.iter_mut().find(|(params, _)| *params == wanted).unwrap();
            let stream = frame(encoder, flushed, &[input]);
            assert_eq!([stream.len().to_string(), format!("{:016x}", hash(&stream))], *recorded, "{line}, {release:?}");
            assert_decodes(&stream, input);
        }
        lines += 1;
    }
    assert_eq!(lines, inputs.len() * 4 * 2);
}

/// What is left in tables of earlier frames, and that they are lowered between frames and within one, does not show.
#[test]
fn positions_run_out_unnoticed() {
    let data = build(&[Piece::Tar(400_000), Piece::Random(9_000), Piece::Copy(300_000, 300_000)], 6);
    for params in every() {
        let fresh = encode(params, &data);
        let mut encoder = Encoder::new(params);
        for _ in 0..2 {
            encoder.history.raise();
            assert!(frame(&mut encoder, false, &[&data]) == fresh, "{params:?}");
        }
        // The frame begins high, and goes on.
        let mut encoder = Encoder::new(params);
        encoder.begin();
        encoder.history.raise();
        let mut out = Vec::new();
        let mut sink = |bytes: &[u8]| -> Result<(), Infallible> {
            out.extend_from_slice(bytes);
            Ok(())
        };
        let Ok(()) = encoder.push(&data, &mut sink);
        let Ok(()) = encoder.finish(false, &mut sink);
        assert!(out == fresh, "{params:?}");
    }
}

/// Nothing at all is no frame before 1.20.
#[test]
fn nothing() {
    for params in every() {
        let frame = encode(params, b"");
        if params.release() < Release::V1_20 {
            assert!(frame.is_empty());
        } else {
            let window = if params.level() == 1 { 0x60 } else { 0x68 };
            assert_eq!(frame, [0x28, 0xb5, 0x2f, 0xfd, 4, window, 1, 0, 0, 0x99, 0xe9, 0xd8, 0x51]);
        }
    }
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let distance = prop_oneof![1usize..40, 1usize..33_000, 100_000usize..300_000];
    prop_oneof![7 => piece(300_000, distance), 1 => len(200_000).prop_map(Piece::Steep)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn decodes_to_the_input_and_cuts_make_no_difference(
        pieces in prop::collection::vec(any_piece(), 0..8),
        seed in any::<u64>(),
        level in 1u8..=4,
        release in prop::sample::select(Release::ALL.as_slice()),
        flushed in any::<bool>(),
        cuts in prop::collection::vec(prop_oneof![0usize..4, 0usize..1000, 0usize..140_000], 0..24),
    ) {
        let data = build(&pieces, seed);
        let params = params(level, release).flushed(flushed);
        let whole = encode(params, &data);
        assert_decodes(&whole, &data);
        let mut encoder = Encoder::new(params);
        frame(&mut encoder, false, &[&data[data.len() / 2..]]);
        prop_assert!(frame(&mut encoder, flushed, &in_pieces(&data, &cuts)) == whole, "depends on cuts or what was before");
    }

    #[test]
    fn small_inputs(data in prop::collection::vec(0u8..3, 0..400)) {
        for params in every() {
            assert_decodes(&encode(params, &data), &data);
        }
    }
}

#[test]
fn codes_that_would_be_too_long() {
    let data = crate::recompress::coding::samples::fibonacci();
    for params in every() {
        assert_decodes(&encode(params, &data), &data);
    }
}
