//! The encoder writes what GNU gzip wrote, and in any case a valid stream.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use proptest::prelude::*;

use super::Encoder;
use crate::recompress::coding::samples::{assert_same, in_pieces, inflate, recorded_gzip, stretches};

fn encode(level: u8, rsyncable: bool, data: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut encoder = Encoder::new(level, rsyncable).unwrap();
    let mut out = Vec::new();
    in_pieces(data, cuts).into_iter().for_each(|piece| encoder.write(piece, &mut out));
    encoder.finish(&mut out);
    out
}

#[track_caller]
fn check(level: u8, rsyncable: bool, name: &str) {
    let stream = recorded_gzip(&format!("gnugzip/{name}"));
    let ours = encode(level, rsyncable, &inflate(&stream), &[]);
    assert_same(&ours, &stream, &name);
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
        let data = stretches(&pieces, seed);
        let stream = encode(level, rsyncable, &data, &cuts);
        prop_assert!(inflate(&stream) == data);
        prop_assert!(stream == encode(level, rsyncable, &data, &[]));
    }
}

/// Inputs that end at every position around where the window would slide.
#[test]
fn every_length_around_the_window() {
    let data = stretches(&[(5, 9000), (2, 60_000), (4, 40_000)], 3);
    for len in (65_200..65_560).chain(98_000..98_330).step_by(7) {
        for level in [1, 6] {
            assert!(inflate(&encode(level, false, &data[..len], &[])) == data[..len], "level {level}, {len} bytes");
        }
    }
}
