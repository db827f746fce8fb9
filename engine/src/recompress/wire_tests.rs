#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;
use crate::recompress::{Strategy as ZStrategy, ZlibParams};

fn zlib(level: u8) -> DeflateEncoder {
    DeflateEncoder::Zlib(ZlibParams::new(level, 15, 8, ZStrategy::Default).unwrap())
}

fn sample() -> Recipe {
    let header: Arc<[u8]> = Arc::from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3].as_slice());
    let members =
        [(6, 300), (6, 0), (9, 7)].map(|(level, len)| Member { header: header.clone(), encoder: zlib(level), len });
    Recipe::Gzip(GzipRecipe { members: members.to_vec(), trailing: Trailing { literal: vec![1, 2], zeros: 512 } })
}

/// The bytes of FORMAT.md's example, field by field.
const SAMPLE: &[u8] = &[
    1, 1, // version, gzip
    1, 10, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, // one header
    2, // two encoders
    1, 0, 1, 0, 4, 6, 15, 8, 0, // zlib, version 1: level 6, window 15, memory 8, default strategy
    1, 0, 1, 0, 4, 9, 15, 8, 0, // the same at level 9
    3, 0, 0, 0xac, 2, 0, 0, 0, 0, 1, 7, // members: header, encoder, length
    2, 1, 2, 0x80, 4, // trailing: two bytes, 512 zeros
];

#[test]
fn the_documented_bytes_are_the_encoding() {
    assert_eq!(sample().encode(), SAMPLE);
    assert_eq!(Recipe::decode(SAMPLE), Ok(sample()));
    assert_eq!(Recipe::decode(&[1, 0]), Ok(Recipe::Identity));
}

#[test]
fn what_a_newer_firn_wrote_is_named() {
    let needs = |at: usize, value: u8| {
        let mut bytes = SAMPLE.to_vec();
        bytes[at] = value;
        Recipe::decode(&bytes)
    };
    assert_eq!(needs(0, 2), Err(RecipeError::NeedsNewer { what: "format version", id: 2 }));
    assert_eq!(needs(1, 9), Err(RecipeError::NeedsNewer { what: "kind", id: 9 }));
    assert_eq!(needs(15, 200), Err(RecipeError::NeedsNewer { what: "encoder", id: 200 << 16 | 1 }));
    let error = needs(17, 7).unwrap_err();
    assert_eq!(error, RecipeError::NeedsNewer { what: "encoder", id: 1 << 16 | 7 });
    assert!(error.to_string().contains("newer firn"));
}

#[test]
fn every_cut_is_refused() {
    for len in 0..SAMPLE.len() {
        assert!(matches!(Recipe::decode(&SAMPLE[..len]), Err(RecipeError::Damaged(_))), "{len} bytes");
    }
}

#[test]
fn there_is_one_encoding_only() {
    let mut longer = SAMPLE.to_vec();
    longer.push(0);
    assert!(matches!(Recipe::decode(&longer), Err(RecipeError::Damaged(_))));
    let mut padded = vec![1, 1, 0x81, 0];
    padded.extend_from_slice(&SAMPLE[3..]);
    assert_eq!(Recipe::decode(&padded), Err(RecipeError::Damaged("not in canonical form")));
    assert!(matches!(Recipe::decode(&vec![1; MAX_RECIPE + 1]), Err(RecipeError::TooLong { .. })));
}

#[test]
fn bounds_hold_before_anything_is_allocated() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    for prefix in [&SAMPLE[..2], &SAMPLE[..3], &SAMPLE[..14], &SAMPLE[..33]] {
        let bytes = [prefix, &huge].concat();
        assert!(matches!(Recipe::decode(&bytes), Err(RecipeError::Damaged(_))), "after {}", prefix.len());
    }
    let mut over = SAMPLE[..36].to_vec();
    over.extend_from_slice(&[0xff; 9]);
    over.push(2);
    assert_eq!(Recipe::decode(&over), Err(RecipeError::Damaged("a number over 64 bits")));
}

fn member() -> impl Strategy<Value = Member> {
    let header = prop::collection::vec(any::<u8>(), 10..40);
    (header, 1u8..10, 9u8..16, 1u8..10, 0usize..5, 0u64..1 << 50).prop_map(|(header, level, window, mem, s, len)| {
        let strategies =
            [ZStrategy::Default, ZStrategy::Filtered, ZStrategy::HuffmanOnly, ZStrategy::Rle, ZStrategy::Fixed];
        let params = ZlibParams::new(level, window, mem, strategies[s]).unwrap();
        Member { header: Arc::from(header), encoder: DeflateEncoder::Zlib(params), len }
    })
}

proptest! {
    #[test]
    fn recipes_round_trip(
        members in prop::collection::vec(member(), 1..20),
        mut literal in prop::collection::vec(any::<u8>(), 0..50),
        zeros in 0..=MAX_PADDING,
    ) {
        while literal.last() == Some(&0) {
            literal.pop();
        }
        let recipe = Recipe::Gzip(GzipRecipe { members, trailing: Trailing { literal, zeros } });
        prop_assert_eq!(Recipe::decode(&recipe.encode()), Ok(recipe));
    }

    #[test]
    fn what_decodes_encodes_to_itself(at in 0..SAMPLE.len(), byte: u8) {
        let mut bytes = SAMPLE.to_vec();
        bytes[at] = byte;
        if let Ok(recipe) = Recipe::decode(&bytes) {
            prop_assert_eq!(recipe.encode(), bytes);
        }
    }
}
