//! Detection on made zstd blobs: frames and what stands between them, damage, hostile sizes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::io::{Cursor, Read, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use firn_engine::codec::layer::{DecodeLimits, LayerError, decoder};
use firn_engine::recompress::{
    DetectError, DetectLimits, Detection, EncodeError, Encoder, KlauspostZstdParams, KlauspostZstdRelease, LibzstdFlag,
    LibzstdParams, Recipe, RecipeError, ZstdEncoder, ZstdPart, ZstdRecipe, detect, dismiss,
};
use proptest::prelude::*;

type Dismissed = Option<Detection>;

fn text(len: usize, seed: u32) -> Vec<u8> {
    super::text(len, seed, 90_000)
}

fn libzstd(level: i32, flags: &[LibzstdFlag]) -> ZstdEncoder {
    let params = LibzstdParams::new(level).unwrap();
    ZstdEncoder::Libzstd(flags.iter().fold(params, |params, flag| params.with(*flag, true)))
}

fn frame(encoder: ZstdEncoder, len: usize) -> ZstdPart {
    ZstdPart::Frame { encoder, len: len as u64 }
}

fn skippable(content: &[u8]) -> ZstdPart {
    let head = [0x5e, 0x2a, 0x4d, 0x18];
    ZstdPart::Literal(Arc::from([&head, &(content.len() as u32).to_le_bytes()[..], content].concat()))
}

fn encode(parts: &[ZstdPart], data: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(&Recipe::Zstd(ZstdRecipe { parts: parts.to_vec() }), Vec::new());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn run(blob: &[u8], limits: DetectLimits) -> (Result<Detection, DetectError>, Result<Dismissed, DetectError>) {
    let owned = blob.to_vec();
    let open = move || Ok(Box::new(Cursor::new(owned.clone())) as Box<dyn Read + Send>);
    let (len, cancel) = (blob.len() as u64, AtomicBool::new(false));
    (detect(&open, len, limits, &cancel), dismiss(&open, len, limits, &cancel))
}

/// Decodes, re-encodes by the recipe, compares; the claim that every recipe makes.
fn assert_found(blob: &[u8]) -> Recipe {
    let (found, dismissed) = run(blob, DetectLimits::default());
    let recipe = found.unwrap().recipe.unwrap();
    assert_eq!(dismissed.unwrap(), None);
    let mut plain = Vec::new();
    decoder(blob, DecodeLimits::default()).unwrap().read_to_end(&mut plain).unwrap();
    let mut encoder = Encoder::new(&Recipe::decode(&recipe.encode()).unwrap(), Vec::new());
    encoder.write_all(&plain).unwrap();
    assert!(encoder.finish().unwrap() == blob);
    recipe
}

#[test]
fn frames_and_what_stands_between_them_are_found() {
    let data = text(2_600_000, 3);
    let (size, sum) = (LibzstdFlag::ContentSize, LibzstdFlag::Checksum);
    let parts = [
        skippable(b"first"),
        frame(libzstd(3, &[LibzstdFlag::Workers, sum, size]), 2_100_000),
        frame(libzstd(1, &[sum]), 0),
        skippable(b""),
        frame(libzstd(5, &[LibzstdFlag::EndsAlone]), 262_144),
        frame(libzstd(1, &[size]), 237_856),
        skippable(&[7; 300]),
    ];
    let blob = encode(&parts, &data);
    let Recipe::Zstd(found) = assert_found(&blob) else { panic!("a zstd recipe") };
    let shape = |parts: &[ZstdPart]| -> Vec<_> {
        let shape = |part: &ZstdPart| match part {
            ZstdPart::Frame { len, .. } => Err(*len),
            ZstdPart::Literal(bytes) => Ok(bytes.len()),
        };
        parts.iter().map(shape).collect()
    };
    assert_eq!(shape(&found.parts), shape(&parts));
}

#[test]
fn a_prefix_that_misleads_is_found_out() {
    // What can't be compressed looks the same at every level that has the same window.
    let mut state = 1u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    let data: Vec<u8> = noise.take(1_100_000).chain(text(300_000, 9)).collect();
    let blob = encode(&[frame(libzstd(6, &[LibzstdFlag::Workers]), data.len())], &data);
    assert_eq!(assert_found(&blob).to_string(), "zstd -6");
    let once = DetectLimits { passes: 1, ..DetectLimits::default() };
    assert_eq!(run(&blob, once).0.unwrap().recipe, None, "the first pass goes by level 3");
}

#[test]
fn a_table_of_contents_may_not_weigh_more_than_a_share_of_its_blob() {
    let data = text(200_000, 5);
    let blob = |content: &[u8]| encode(&[frame(libzstd(1, &[]), data.len()), skippable(content)], &data);
    assert_found(&blob(&[1; 4000]));
    let (found, _) = run(&blob(&[1; 60_000]), DetectLimits::default());
    assert_eq!(found.unwrap().recipe, None);
}

#[test]
fn damage_is_an_error_and_never_a_recipe() {
    let data = text(400_000, 1);
    let blob = encode(&[frame(libzstd(3, &[LibzstdFlag::Checksum]), data.len())], &data);
    let (cut, _) = run(&blob[..blob.len() - 9], DetectLimits::default());
    assert!(matches!(cut, Err(DetectError::Layer(LayerError::Truncated { .. }))), "{cut:?}");
    let mut wrong_sum = blob.clone();
    *wrong_sum.last_mut().unwrap() ^= 1;
    assert!(matches!(run(&wrong_sum, DetectLimits::default()).0, Err(DetectError::Layer(_))));
    let trailing = [&blob[..], &[0; 20]].concat();
    assert_eq!(run(&trailing, DetectLimits::default()).0.unwrap().recipe, None);
}

#[test]
fn hostile_sizes_are_held_to_the_limits() {
    // A window of 2^41 bytes, a skippable frame of 4 GiB, contents over the limit.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0, 0xf8, 1, 0, 0];
    let (found, _) = run(&window, DetectLimits::default());
    assert!(matches!(found, Err(DetectError::Layer(LayerError::WindowTooLarge { .. }))), "{found:?}");
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff, 1];
    assert_eq!(
        run(&[&[0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0], &skippable[..]].concat(), DetectLimits::default())
            .0
            .unwrap()
            .recipe,
        None
    );
    let data = vec![0; 3 << 20];
    let blob = encode(&[frame(libzstd(1, &[]), data.len())], &data);
    let decode = DecodeLimits { max_decoded: 1 << 20, ..DecodeLimits::default() };
    let (found, _) = run(&blob, DetectLimits { decode, ..DetectLimits::default() });
    assert!(matches!(found, Err(DetectError::Layer(LayerError::TooLarge { .. }))), "{found:?}");
}

#[test]
fn compressed_bytes_without_end_that_decode_to_nothing_are_not_gathered() {
    let mut hollow = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x58];
    hollow.extend([0, 0, 0].repeat(4 << 20));
    hollow.extend([1, 0, 0]);
    let found = run(&hollow, DetectLimits::default()).0.unwrap();
    assert_eq!(found.recipe, None);
    assert!(found.verified_bytes < hollow.len() as u64);
}

#[test]
fn a_recipe_takes_exactly_its_contents() {
    let parts = [frame(libzstd(1, &[]), 10), skippable(b"x")];
    let recipe = Recipe::Zstd(ZstdRecipe { parts: parts.to_vec() });
    let mut encoder = Encoder::new(&recipe, Vec::new());
    assert!(matches!(encoder.push(&[0; 11]), Err(EncodeError::TooLong { expected: 10 })));
    let mut encoder = Encoder::new(&recipe, Vec::new());
    encoder.push(&[0; 4]).unwrap();
    assert!(matches!(encoder.finish(), Err(EncodeError::TooShort { missing: 6 })));
}

/// FORMAT.md's example, field by field.
#[test]
fn the_documented_bytes_are_the_encoding() {
    let encoder = libzstd(3, &[LibzstdFlag::Checksum, LibzstdFlag::ContentSize, LibzstdFlag::Workers]);
    let parts = vec![frame(encoder, 300), skippable(b"t"), frame(encoder, 0)];
    let bytes = [
        &[1, 2][..],                                       // version, zstd
        &[1, 1, 0, 1, 0, 6, 3, 0, 0, 0, 0, 7],             // one encoder: libzstd, version 1, level 3, no window, flags
        &[3],                                              // three parts
        &[1, 0xac, 2],                                     // a frame of 300 bytes
        &[0, 9, 0x5e, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, b't'], // bytes as they are
        &[1, 0],                                           // a frame of none
    ]
    .concat();
    let recipe = Recipe::Zstd(ZstdRecipe { parts });
    assert_eq!(recipe.encode(), bytes);
    assert_eq!(Recipe::decode(&bytes), Ok(recipe));
    let with = |at: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        Recipe::decode(&bytes)
    };
    assert!(matches!(with(3, 9), Err(RecipeError::NeedsNewer { what: "zstd encoder", id: 0x9_0001 })));
    assert!(matches!(with(15, 2), Err(RecipeError::Damaged("no such encoder"))));
    assert!(matches!(with(8, 0), Err(RecipeError::Damaged("encoder parameters out of range"))));
    assert!(matches!(Recipe::decode(&bytes[..bytes.len() - 1]), Err(RecipeError::Damaged(_))));
    assert!(matches!(Recipe::decode(&[&bytes[..], &[0]].concat()), Err(RecipeError::Damaged(_))));
    // One frame by klauspost's package at level 2, as of 1.15.12.
    let recipe = Recipe::Zstd(ZstdRecipe { parts: vec![frame(klauspost(2, KlauspostZstdRelease::V1_15), 70_000)] });
    let bytes = [1, 2, 1, 2, 0, 1, 0, 3, 2, 0, 0, 1, 1, 0xf0, 0xa2, 4];
    assert_eq!(recipe.encode(), bytes);
    assert_eq!(Recipe::decode(&bytes), Ok(recipe));
}

fn klauspost(level: u8, release: KlauspostZstdRelease) -> ZstdEncoder {
    ZstdEncoder::Klauspost(KlauspostZstdParams::new(level, release).unwrap())
}

/// As in layers of many small frames: short ones have another header, and often say nothing about level and release.
#[test]
fn frames_of_klausposts_package_are_found_among_others() {
    let data = text(1_900_000, 4);
    let (late, flushed) =
        (klauspost(2, KlauspostZstdRelease::V1_20), KlauspostZstdParams::new(1, KlauspostZstdRelease::V1_18));
    let flushed = ZstdEncoder::Klauspost(flushed.unwrap().flushed(true));
    let mut parts = vec![frame(late, 90), skippable(b"x"), frame(late, 700), frame(late, 0), frame(late, 600_000)];
    parts.extend((0..300).map(|len| frame(late, len * 17)));
    parts.extend([frame(flushed, 70_000), frame(libzstd(3, &[LibzstdFlag::Checksum]), 200_000)]);
    let left = data.len() as u64 - parts.iter().map(decoded_len).sum::<u64>();
    parts.push(frame(klauspost(3, KlauspostZstdRelease::V1_15), left as usize));
    let Recipe::Zstd(found) = assert_found(&encode(&parts, &data)) else { panic!("a zstd recipe") };
    assert_eq!(found.parts.len(), parts.len());
}

fn decoded_len(part: &ZstdPart) -> u64 {
    match part {
        ZstdPart::Frame { len, .. } => *len,
        ZstdPart::Literal(_) => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn frames_of_any_sizes_are_found(
        frames in proptest::collection::vec((prop_oneof![0usize..3000, 120_000usize..140_000], 1i32..5, any::<u8>()), 1..5),
        seed in any::<u32>(),
    ) {
        use LibzstdFlag::{Checksum, ContentSize, EndsAlone, Workers};
        let data = text(frames.iter().map(|frame| frame.0).sum(), seed);
        let parts: Vec<_> = frames.iter().map(|&(len, level, bits)| {
            // Who is told the length ends with the last bytes, as the program does.
            let flags = [Checksum, Workers, if bits & 4 == 0 { ContentSize } else { EndsAlone }];
            let flags: Vec<_> = flags.into_iter().enumerate().filter(|(n, _)| *n == 2 || bits >> n & 1 == 1).collect();
            frame(libzstd(level, &flags.into_iter().map(|(_, flag)| flag).collect::<Vec<_>>()), len)
        }).collect();
        assert_found(&encode(&parts, &data));
    }

    #[test]
    fn any_bytes_behind_a_frame_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..60), at in 0usize..200) {
        let data = text(2_000, 8);
        let mut blob = encode(&[frame(libzstd(1, &[LibzstdFlag::ContentSize]), data.len())], &data);
        let at = at.min(blob.len());
        blob.splice(at.., bytes);
        if let Ok(Detection { recipe: Some(_), .. }) = run(&blob, DetectLimits::default()).0 {
            assert_found(&blob);
        }
    }
}
