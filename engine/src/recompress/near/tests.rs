#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use super::{Amendment, Amendments, Flush, MAX_AMENDMENTS, Resume, Stretch};
use crate::parallel::Crew;
use crate::recompress::coding::samples::{Piece, build};
use crate::recompress::recipe::{AmendedRecipe, GzipRecipe, Member, Recipe, Trailing};
use crate::recompress::zlib::deflate;
use crate::recompress::{
    DeflateEncoder, DetectLimits, EncodeError, Encoder, GoLevel, KlauspostFraming as Framing, KlauspostParams,
    KlauspostRevision, PigzParams, RecipeError, Strategy as ZStrategy, ZlibParams, detect,
};

const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

fn zlib(level: u8) -> DeflateEncoder {
    DeflateEncoder::Zlib(ZlibParams::new(level, 15, 8, ZStrategy::Default).unwrap())
}

fn go(level: i8) -> DeflateEncoder {
    DeflateEncoder::Go(GoLevel::new(level).unwrap())
}

fn recipe(encoder: DeflateEncoder, len: u64, amendments: Amendments) -> Recipe {
    let members = vec![Member { header: Arc::from(HEADER.as_slice()), encoder, len }];
    let gzip = GzipRecipe { members, trailing: Trailing::default() };
    Recipe::Amended(AmendedRecipe { gzip, amendments: vec![(0, Arc::new(amendments))] })
}

fn carry_out(recipe: &Recipe, data: &[u8], cut: usize) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder::new(recipe, Vec::new());
    for piece in data.chunks(cut.max(1)) {
        encoder.push(piece)?;
    }
    encoder.finish()
}

fn found(blob: &[u8]) -> Option<Recipe> {
    let copy = blob.to_vec();
    let open = move || Ok(Box::new(Cursor::new(copy.clone())) as Box<dyn Read + Send>);
    detect(&open, blob.len() as u64, DetectLimits::default(), &AtomicBool::new(false)).unwrap().recipe
}

fn parts(framing: Framing, level: i8, revision: KlauspostRevision) -> DeflateEncoder {
    DeflateEncoder::Klauspost(KlauspostParams::new(framing, level, revision).unwrap())
}

fn flush(at: u64, kind: Flush) -> Amendment {
    Amendment::Flush { at, kind }
}

fn stretch(at: u64, bytes: &[u8], resume: Resume) -> Amendment {
    Amendment::Stretch(Stretch { at, bytes: Arc::from(bytes), resume })
}

/// FORMAT.md's example.
fn sample() -> Recipe {
    let resume = Resume::Block { bits: 3, at: 90_000, literals: 2 };
    let list = vec![
        flush(1000, Flush::Sync),
        stretch(700, &[0xaa, 0xbb, 0x05], resume),
        flush(95_000, Flush::Partial),
        stretch(802, &[7], Resume::End),
    ];
    recipe(zlib(6), 100_000, Amendments { slides: Vec::new(), list })
}

/// The bytes of FORMAT.md's example, field by field.
const SAMPLE: &[u8] = &[
    1, 3, // version, amended gzip
    1, 10, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, // one header
    1, 1, 0, 1, 0, 4, 6, 15, 8, 0, // one encoder: zlib -6
    1, 0, 0, 0xa0, 0x8d, 6, // one member of 100,000 bytes
    0, 0, // no trailing bytes, no zeros
    1, 0, // one member is amended, the first
    0, // no early slides
    4, // four amendments:
    0, 0xe8, 7, // a sync flush after 1000 bytes
    3, 0xbc, 5, 3, 0xaa, 0xbb, 0x05, 3, 0xa8, 0xb7, 5,
    2, // a stretch from byte 700 on, 3 bits of its last, up to 90,000
    2, 0x88, 0x27, // a partial flush after 95,000
    4, 100, 1, 7, // the stream's last byte, 100 behind the one that the stretch ended in
];

#[test]
fn the_documented_bytes_are_the_encoding() {
    assert_eq!(sample().encode(), SAMPLE);
    assert_eq!(Recipe::decode(SAMPLE), Ok(sample()));
    let slides = recipe(go(6), 1 << 20, Amendments { slides: vec![1, 2, 9], list: Vec::new() });
    assert!(slides.encode().ends_with(&[1, 0, 3, 1, 0, 6, 0]));
    assert_eq!(Recipe::decode(&slides.encode()), Ok(slides));
}

#[test]
fn every_cut_is_refused_and_there_is_one_encoding() {
    for len in 0..SAMPLE.len() {
        assert!(matches!(Recipe::decode(&SAMPLE[..len]), Err(RecipeError::Damaged(_))), "{len} bytes");
    }
    assert!(matches!(Recipe::decode(&[SAMPLE, &[0]].concat()), Err(RecipeError::Damaged(_))));
}

#[test]
fn amendments_that_cannot_be_are_refused() {
    let refused = |encoder, slides: &[u32], list: &[Amendment]| {
        let made = recipe(encoder, 9, Amendments { slides: slides.to_vec(), list: list.to_vec() });
        matches!(Recipe::decode(&made.encode()), Err(RecipeError::Damaged(_)))
    };
    let block = |bits| Resume::Block { bits, at: 5, literals: 0 };
    assert!(refused(zlib(6), &[], &[]), "nothing is amended");
    assert!(refused(zlib(6), &[1], &[]), "zlib has no early slides");
    assert!(refused(go(6), &[2, 1], &[]), "slides are in order");
    assert!(refused(go(6), &[], &[flush(1, Flush::Full)]), "Go has one kind of flush");
    assert!(refused(zlib(6), &[], &[flush(2, Flush::Sync), flush(1, Flush::Sync)]), "flushes are in order");
    assert!(refused(zlib(6), &[], &[stretch(0, &[], Resume::End)]), "a stretch has bytes");
    assert!(refused(zlib(6), &[], &[stretch(0, &[1], Resume::End), flush(1, Flush::Sync)]), "nothing follows the end");
    assert!(refused(zlib(6), &[], &[stretch(0, &[8], block(3))]), "bits of the next block are not told");
    assert!(
        refused(zlib(6), &[], &[stretch(0, &[8], block(0))]) && refused(zlib(6), &[], &[stretch(0, &[8], block(9))])
    );
    assert!(refused(zlib(1), &[], &[stretch(0, &[1], block(8))]), "greedy levels cannot be resumed");
    let many = vec![flush(1, Flush::Sync); MAX_AMENDMENTS + 1];
    assert!(refused(zlib(6), &[], &many));
    assert!(!refused(zlib(6), &[], &many[1..]) && !refused(zlib(6), &[], &[stretch(0, &[7], block(3))]));
}

/// Text, runs, noise: long enough for several windows.
fn data(len: usize, seed: u64) -> Vec<u8> {
    let mut data = Vec::new();
    let mut turn = seed;
    while data.len() < len {
        let pieces = [
            Piece::Tar(90_000),
            Piece::Words(60_000),
            Piece::Random(700),
            Piece::Period(600, 5000),
            Piece::Run(7, 900),
        ];
        data.extend(build(&pieces, turn));
        turn += 1;
    }
    data.truncate(len);
    data
}

#[test]
fn a_stream_with_early_slides_gets_them_as_its_recipe() {
    let mut data = build(&[Piece::FewSymbols(64, 400_000)], 10);
    let slides = [0, 3, 4, 8];
    for slide in slides {
        let at = 65_274 + slide * 32_768;
        data.copy_within(at - 32_600..at - 32_580, at);
    }
    for level in [4, 6, 9] {
        let slides = slides.map(|slide| slide as u32).to_vec();
        let made = recipe(go(level), data.len() as u64, Amendments { slides, list: Vec::new() });
        let blob = carry_out(&made, &data, 10_000).unwrap();
        assert!(blob != carry_out(&recipe(go(level), data.len() as u64, Amendments::default()), &data, 9999).unwrap());
        let Some(Recipe::Amended(found)) = found(&blob) else { panic!("level {level} is not reproduced") };
        assert!(found.amendments[0].1.list.is_empty(), "level {level}: {:?}", found.amendments);
        assert!(carry_out(&Recipe::Amended(found), &data, 77_777).unwrap() == blob);
    }
}

fn kind() -> impl Strategy<Value = Flush> {
    prop_oneof![Just(Flush::Sync), Just(Flush::Full), Just(Flush::Partial)]
}

fn amendment() -> impl Strategy<Value = Amendment> {
    let bytes = prop::collection::vec(any::<u8>(), 1..30);
    let resume = prop_oneof![
        1 => Just(Resume::End),
        4 => (1u8..=8, 0u64..400_000, 0u64..3000).prop_map(|(bits, at, literals)| Resume::Block { bits, at, literals }),
    ];
    prop_oneof![
        (0u64..400_000, kind()).prop_map(|(at, kind)| flush(at, kind)),
        (0u64..60_000, bytes, resume).prop_map(|(at, bytes, resume)| stretch(at, &bytes, resume)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any amendments are carried out or refused; neither their order nor their places make any trouble.
    #[test]
    fn whatever_is_asked_for_is_done_or_refused(
        list in prop::collection::vec(amendment(), 0..12),
        slides in prop::collection::vec(0u32..20, 0..4),
        choice in 0usize..4,
        len in 0usize..400_000,
        cut in 1usize..100_000,
    ) {
        let encoder = [zlib(1), zlib(6), go(1), go(6)][choice];
        let data = data(len, 3);
        let made = recipe(encoder, len as u64, Amendments { slides, list });
        let whole = carry_out(&made, &data, usize::MAX).ok();
        prop_assert_eq!(carry_out(&made, &data, cut).ok(), whole);
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Streams that were flushed anywhere come back, and take a few bytes for each flush.
    #[test]
    fn flushes_are_found(
        flushes in prop::collection::btree_map(0u64..300_000, kind(), 1..20),
        level in 1u8..10,
        family in 0..3,
        seed in 0u64..4,
    ) {
        let data = data(300_000, seed);
        let encoder = match family {
            0 => go(level.cast_signed()),
            1 => parts(Framing::Plain, level.cast_signed(), KlauspostRevision::Go1_27),
            _ => zlib(level),
        };
        let list: Vec<_> =
            flushes.iter().map(|(&at, &kind)| flush(at, if family < 2 { Flush::Sync } else { kind })).collect();
        let most = 64 + 6 * list.len();
        let made = recipe(encoder, data.len() as u64, Amendments { slides: Vec::new(), list });
        let blob = carry_out(&made, &data, 1 << 16).unwrap();
        let found = found(&blob);
        prop_assert!(found.is_some(), "{} with {:?}", encoder, flushes);
        let found = found.unwrap();
        prop_assert!(found.encode().len() <= most, "{}", found);
        prop_assert!(carry_out(&Recipe::decode(&found.encode()).unwrap(), &data, 5000).unwrap() == blob);
    }
}

/// A stream whose blocks end where no encoder ends them: zlib was told `Z_BLOCK` there.
fn with_blocks_ended(data: &[u8], level: u8, ends: &[usize]) -> Vec<u8> {
    let mut encoder = deflate::Encoder::new(level, 8).unwrap();
    let (mut body, mut from) = (Vec::new(), 0);
    for &end in ends {
        encoder.write(&data[from..end], &mut body);
        encoder.end_block(&mut body);
        from = end;
    }
    encoder.write(&data[from..], &mut body);
    encoder.finish(&mut body);
    let mut crc = flate2::Crc::new();
    crc.update(data);
    [&HEADER[..], &body, &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes()].concat()
}

#[test]
fn blocks_that_no_encoder_ends_are_kept_as_they_stand() {
    let data = data(14_000_000, 1);
    for (level, ends) in [(6, &[7_000_000, 7_000_001][..]), (4, &[13_999_990])] {
        let blob = with_blocks_ended(&data, level, ends);
        let Some(Recipe::Amended(found)) = found(&blob) else {
            panic!("level {level}: {} bytes are not reproduced", blob.len())
        };
        let amendments = &found.amendments[0].1;
        assert!(matches!(amendments.list[..], [Amendment::Stretch(_)]), "level {level}: one place");
        assert!(amendments.stretched_bytes() < blob.len() as u64 / 32, "{}", amendments.stretched_bytes());
        let recipe = Recipe::decode(&Recipe::Amended(found).encode()).unwrap();
        assert!(carry_out(&recipe, &data, 77_777).unwrap() == blob, "level {level}");
    }
}

/// One encoder of each kind that can be resumed.
fn resumable() -> [DeflateEncoder; 7] {
    let pigz =
        PigzParams { level: 6, block_len: 128 << 10, independent: false, rsyncable: false, single_thread: false };
    let (pgzip, umoci) = (Framing::Parallel(1 << 20), Framing::Parallel(256 << 10));
    [
        zlib(6),
        go(6),
        go(4),
        DeflateEncoder::Pigz(pigz),
        parts(pgzip, 5, KlauspostRevision::V1_15),
        parts(umoci, 9, KlauspostRevision::V1_15),
        parts(umoci, 8, KlauspostRevision::V1_18),
    ]
}

fn carry_out_together(recipe: &Recipe, data: &[u8], cut: usize) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder::with_crew(recipe, Vec::new(), &Crew::new(4));
    for piece in data.chunks(cut) {
        encoder.push(piece)?;
    }
    encoder.finish()
}

fn places_of(recipe: &Recipe) -> Vec<Amendment> {
    let Recipe::Amended(amended) = recipe else { panic!("{recipe} has no places") };
    assert!(amended.is_exact(), "{recipe}");
    amended.amendments.iter().flat_map(|(_, amendments)| amendments.list.clone()).collect()
}

/// A proof tells where an encoder can be resumed, and then several threads make the stream as one does.
#[test]
fn long_streams_have_places_and_are_made_side_by_side() {
    let data = data(14_000_000, 3);
    for encoder in resumable() {
        let made = recipe(encoder, data.len() as u64, Amendments::default());
        let Recipe::Amended(AmendedRecipe { gzip, .. }) = made else { unreachable!() };
        let plain = Recipe::Gzip(gzip);
        let blob = carry_out(&plain, &data, 1 << 20).unwrap();
        let found = found(&blob).unwrap();
        assert_eq!(found.to_string(), plain.to_string(), "places are nothing to tell of");
        assert!((2..=3).contains(&places_of(&found).len()), "{encoder}");
        assert!(found.encode().len() < plain.encode().len() + 50);
        let found = Recipe::decode(&found.encode()).unwrap();
        assert!(carry_out(&found, &data, 77_777).unwrap() == blob, "{encoder} by one");
        assert!(carry_out_together(&found, &data, 77_777).unwrap() == blob, "{encoder} by several");
        assert!(carry_out_together(&found, &data, usize::MAX).unwrap() == blob, "{encoder} by several, at once");
    }
}

/// Places that do not fit the data end in an error or in other bytes, and so does data that is too short.
#[test]
fn places_that_lie_are_found_out() {
    let data = data(9_000_000, 4);
    let blob = {
        let made = recipe(go(6), data.len() as u64, Amendments::default());
        carry_out(&made, &data, 1 << 20).unwrap()
    };
    let Some(Recipe::Amended(found)) = found(&blob) else { panic!("no places") };
    let lying = |change: &dyn Fn(&mut Stretch)| {
        let mut lying = found.clone();
        let mut list = lying.amendments[0].1.list.clone();
        let Amendment::Stretch(stretch) = &mut list[0] else { panic!("not a place") };
        change(stretch);
        lying.amendments[0].1 = Arc::new(Amendments { slides: Vec::new(), list });
        for made in [
            carry_out_together(&Recipe::Amended(lying.clone()), &data, 1 << 16),
            carry_out(&Recipe::Amended(lying), &data, 1 << 16),
        ] {
            assert!(made.map_or(true, |made| made != blob));
        }
    };
    lying(&|stretch| stretch.at += 1);
    lying(&|stretch| stretch.at = 1 << 40);
    lying(&|stretch| stretch.bytes = [stretch.bytes[0] ^ 1].into());
    let moved = |by: fn(u64) -> u64| {
        move |stretch: &mut Stretch| {
            if let Resume::Block { at, .. } = &mut stretch.resume {
                *at = by(*at);
            }
        }
    };
    lying(&moved(|at| at + 1));
    lying(&moved(|at| at - (1 << 20)));
    lying(&moved(|_| 1 << 40));
    let whole = Recipe::Amended(found.clone());
    for len in [0, 1000, 3 << 20, 5 << 20, data.len() - 1] {
        let made = carry_out_together(&whole, &data[..len], 1 << 16);
        assert!(matches!(made, Err(EncodeError::TooShort { .. })), "{len} bytes");
    }
    let long = [&data[..], b"more"].concat();
    assert!(matches!(carry_out_together(&whole, &long, 1 << 16), Err(EncodeError::TooLong { .. })));
}

#[test]
fn a_flush_before_the_place_where_the_encoder_would_be_is_refused() {
    let resume = Resume::Block { bits: 8, at: 200_000, literals: 0 };
    let list = vec![stretch(0, &[1], resume), flush(100_000, Flush::Sync)];
    for encoder in [zlib(6), zlib(4), go(6), go(4)] {
        let made = recipe(encoder, 400_000, Amendments { slides: Vec::new(), list: list.clone() });
        assert!(matches!(carry_out(&made, &data(400_000, 3), 1 << 16), Err(EncodeError::Unfit)), "{encoder}");
    }
}

/// What a stretch keeps is between parts, too.
#[test]
fn flushes_and_stretches_are_carried_out_side_by_side() {
    let data = data(14_000_000, 1);
    let flushed = {
        let list = [1_000_000u64, 2_500_000, 5_000_000, 5_000_000, 9_000_001];
        let list = list.into_iter().map(|at| flush(at, Flush::Sync)).collect();
        let made = recipe(zlib(6), data.len() as u64, Amendments { slides: Vec::new(), list });
        carry_out(&made, &data, 1 << 20).unwrap()
    };
    for blob in [flushed, with_blocks_ended(&data, 6, &[7_000_000, 7_000_001])] {
        let found = found(&blob).unwrap();
        assert!(carry_out_together(&found, &data, 50_000).unwrap() == blob);
    }
}

#[test]
fn what_takes_more_than_its_share_is_kept() {
    let data = data(2_000_000, 2);
    let blob = with_blocks_ended(&data, 6, &[1_600_000]);
    assert_eq!(found(&blob), None, "a block is more than a thirty-second of {} bytes", blob.len());
    let often: Vec<u64> = (1..40_000).map(|n| 50 * n).collect();
    let list = often.iter().map(|&at| flush(at, Flush::Sync)).collect();
    let made = recipe(zlib(6), data.len() as u64, Amendments { slides: Vec::new(), list });
    let blob = carry_out(&made, &data, 1 << 20).unwrap();
    assert!(blob.len() < 32 * made.encode().len());
    assert_eq!(found(&blob), None);
}
