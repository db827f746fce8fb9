//! The encoder writes what pigz wrote, and in any case a valid stream.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use proptest::prelude::*;

use super::{DICTIONARY, Encoder, Params};
use crate::recompress::coding::samples::{assert_same, in_pieces, inflate, recorded_gzip, stretches};
use crate::recompress::place::{Bits, Place};

const DEFAULT: Params =
    Params { level: 6, block_len: 128 << 10, independent: false, rsyncable: false, single_thread: false };

fn encode(params: Params, data: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut encoder = Encoder::new(params).unwrap();
    let mut out = Vec::new();
    in_pieces(data, cuts).into_iter().for_each(|piece| encoder.write(piece, &mut out));
    encoder.finish(&mut out);
    out
}

#[track_caller]
fn check(params: Params, name: &str) {
    let stream = recorded_gzip(&format!("pigz/{name}"));
    let ours = encode(params, &inflate(&stream), &[]);
    assert_same(&ours, &stream, &name);
}

#[test]
fn every_level_as_recorded() {
    for level in 1..=9 {
        check(Params { level, ..DEFAULT }, &level.to_string());
    }
}

#[test]
fn options_as_recorded() {
    for level in [1, 6] {
        let plain = Params { level, ..DEFAULT };
        let rsyncable = Params { rsyncable: true, ..plain };
        check(Params { single_thread: true, ..plain }, &format!("{level}-single"));
        check(Params { independent: true, ..plain }, &format!("{level}-independent"));
        check(rsyncable, &format!("{level}-rsyncable"));
        check(Params { single_thread: true, ..rsyncable }, &format!("{level}-single-rsyncable"));
        check(Params { block_len: 32 << 10, ..plain }, &format!("{level}-block32"));
        check(Params { block_len: 32 << 10, ..rsyncable }, &format!("{level}-block32-rsyncable"));
    }
    check(Params { level: 1, rsyncable: true, ..DEFAULT }, "1-rsyncable-short");
    let independent = Params { block_len: 32 << 10, independent: true, rsyncable: true, ..DEFAULT };
    check(independent, "6-independent-rsyncable");
    check(Params { single_thread: true, ..independent }, "6-single-independent-rsyncable");
}

#[test]
fn parameters_out_of_range_are_refused() {
    let threads = Params { rsyncable: true, block_len: (2 << 20) + 1, ..DEFAULT };
    for bad in [
        Params { level: 0, ..DEFAULT },
        Params { level: 10, ..DEFAULT },
        Params { block_len: (32 << 10) - 1, ..DEFAULT },
        Params { block_len: (512 << 20) + 1, ..DEFAULT },
        threads,
    ] {
        assert!(Encoder::new(bad).is_none(), "{bad:?}");
    }
    assert!(Encoder::new(Params { single_thread: true, ..threads }).is_some());
    assert!(Encoder::new(Params { independent: true, ..threads }).is_some());
}

#[test]
fn nothing_is_one_fixed_block() {
    for (independent, rsyncable) in [(false, false), (false, true), (true, false), (true, true)] {
        for single_thread in [false, true] {
            assert_eq!(encode(Params { independent, rsyncable, single_thread, ..DEFAULT }, &[], &[]), [3, 0]);
        }
    }
}

fn params() -> impl Strategy<Value = Params> {
    let block_len = prop_oneof![Just(32u32 << 10), Just(33 << 10), Just(128 << 10)];
    (1u8..=9, block_len, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(level, block_len, independent, rsyncable, single_thread)| Params {
            level,
            block_len,
            independent,
            rsyncable,
            single_thread,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn streams_are_valid_and_do_not_depend_on_slices(
        pieces in prop::collection::vec((0u8..10, prop_oneof![0usize..300, 0usize..60_000]), 0..6),
        seed in any::<u64>(),
        params in params(),
        cuts in prop::collection::vec(prop_oneof![0usize..4, 0usize..1000, 0usize..70_000], 0..24),
    ) {
        let data = stretches(&pieces, seed);
        let stream = encode(params, &data, &cuts);
        prop_assert!(inflate(&stream) == data);
        prop_assert!(stream == encode(params, &data, &[]));
    }
}

/// The input ends exactly at, one before and one behind the end of a block.
#[test]
fn ends_of_input_at_ends_of_blocks() {
    let data = stretches(&[(9, 300), (2, 70_000)], 5);
    for len in [32_767, 32_768, 32_769, 65_535, 65_536, 65_537] {
        for (independent, single_thread) in [(false, false), (true, false), (false, true)] {
            let params = Params { block_len: 32 << 10, independent, single_thread, ..DEFAULT };
            let stream = encode(params, &data[..len], &[]);
            assert!(inflate(&stream) == data[..len], "{params:?}, {len} bytes");
            assert!(stream == encode(params, &data[..len], &vec![1; len]), "{params:?}, {len} bytes one by one");
        }
    }
}

/// An encoder that is resumed at a piece's start writes what one writes that has come there by itself.
#[test]
fn pieces_are_encoded_by_themselves() {
    let data = stretches(&[(9, 60_000), (2, 70_000), (0, 80_000), (5, 90_000)], 6);
    for level in 1..=9 {
        let params = Params { level, block_len: 40 << 10, ..DEFAULT };
        for number in 1..data.len() / (40 << 10) {
            let at = number * (40 << 10);
            let (mut behind, mut before) = (Vec::new(), Vec::new());
            let mut encoder = Encoder::new(params).unwrap();
            // Only with more input is a piece flushed.
            encoder.write(&data[..=at], &mut before);
            encoder.write(&data[at + 1..], &mut behind);
            encoder.finish(&mut behind);
            let from = at - DICTIONARY - number;
            let (plain_at, block, lead) = (from as u64, at as u64, Bits::default());
            let place = Place { plain: &data[from..], plain_at, clean: block, block, lead };
            let mut resumed = Vec::new();
            Encoder::resume(params, &place, &mut resumed).unwrap().finish(&mut resumed);
            assert_same(&[before, behind].concat(), &encode(params, &data, &[]), &level);
            assert!(encode(params, &data, &[]).ends_with(&resumed), "level {level}, piece {number}");
            assert!(resumed.len() > 10);
            let other = Place { clean: block + 1, block: block + 1, ..place };
            assert!(Encoder::resume(params, &other, &mut Vec::new()).is_none());
        }
    }
    for other in [
        Params { independent: true, ..DEFAULT },
        Params { rsyncable: true, ..DEFAULT },
        Params { single_thread: true, ..DEFAULT },
    ] {
        assert_eq!(other.part_len(), None);
    }
}
