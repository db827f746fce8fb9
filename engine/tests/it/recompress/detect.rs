//! Detection on made streams: what is found is exact, whatever the stream, and the effort is bounded.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::io::{self, Cursor, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use firn_engine::codec::layer::{DecodeLimits, LayerError, decoder};
use firn_engine::recompress::{
    DeflateEncoder, DetectError, DetectLimits, Detection, EncodeError, Encoder, GoLevel, GzipRecipe, MAX_MEMBERS,
    MAX_TRAILING, Member, Recipe, Strategy as ZStrategy, Trailing, ZlibParams, detect,
};
use proptest::prelude::*;

const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

fn text(len: usize, seed: u32) -> Vec<u8> {
    super::text(len, seed, 30_000)
}

fn zlib(level: u8, mem: u8) -> DeflateEncoder {
    DeflateEncoder::Zlib(ZlibParams::new(level, 15, mem, ZStrategy::Default).unwrap())
}

fn recipe(members: &[(&[u8], DeflateEncoder, usize)]) -> Recipe {
    let members = members.iter().map(|(header, encoder, len)| Member {
        header: Arc::from(*header),
        encoder: *encoder,
        len: *len as u64,
    });
    Recipe::Gzip(GzipRecipe { members: members.collect(), trailing: Trailing::default() })
}

fn encode(recipe: &Recipe, data: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(recipe, Vec::new());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn run(blob: &[u8], limits: DetectLimits) -> Result<Detection, DetectError> {
    let owned = blob.to_vec();
    let open = move || Ok(Box::new(Cursor::new(owned.clone())) as Box<dyn Read + Send>);
    detect(&open, blob.len() as u64, limits, &AtomicBool::new(false))
}

/// Decodes, re-encodes by the recipe, compares; the claim that every recipe makes.
fn holds(recipe: &Recipe, blob: &[u8]) -> bool {
    let mut plain = Vec::new();
    decoder(blob, DecodeLimits::default()).unwrap().read_to_end(&mut plain).unwrap();
    encode(&Recipe::decode(&recipe.encode()).unwrap(), &plain) == blob
}

#[test]
fn every_level_and_memory_level_is_found_on_a_long_stream() {
    let data = text(1_900_000, 7);
    for level in 1..=9 {
        for mem in [8, 9] {
            let made = recipe(&[(&HEADER, zlib(level, mem), data.len())]);
            let blob = encode(&made, &data);
            let found = run(&blob, DetectLimits::default()).unwrap();
            assert_eq!(found.verified_bytes, blob.len() as u64);
            assert!(found.prefix_bytes < data.len() as u64, "{found:?}");
            assert!(holds(&found.recipe.unwrap(), &blob), "level {level} memory {mem}");
        }
    }
}

#[test]
fn an_encoder_that_goes_wrong_late_is_replaced() {
    // Long runs look the same at levels 6 and 9 (mem 8); what follows does not.
    let mut data = vec![0; 9 << 20];
    data.extend_from_slice(&text(600_000, 3));
    let level_6 = encode(&recipe(&[(&HEADER, zlib(6, 8), data.len())]), &data);
    let blob = encode(&recipe(&[(&HEADER, zlib(9, 8), data.len())]), &data);
    assert!(level_6 != blob);
    let opened = AtomicU32::new(0);
    let open = || {
        opened.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Cursor::new(blob.clone())) as Box<dyn Read + Send>)
    };
    let found = detect(&open, blob.len() as u64, DetectLimits::default(), &AtomicBool::new(false)).unwrap();
    assert!(holds(&found.recipe.unwrap(), &blob));
    assert!(opened.load(Ordering::Relaxed) > 1, "the first guess was level 6");
    let once = DetectLimits { passes: 1, ..DetectLimits::default() };
    assert_eq!(run(&blob, once).unwrap().recipe, None, "no second pass, no recipe");
}

/// zlib at level 6, made to flush after `flush_at` bytes as a program does that wants its output on the wire.
fn flushed(data: &[u8], flush_at: usize) -> Vec<u8> {
    use libz_sys::{Z_DEFLATED, Z_FINISH, Z_STREAM_END, Z_SYNC_FLUSH, deflate, deflateEnd, deflateInit2_, z_stream};
    let mut body = vec![0u8; data.len() + 1000];
    let mut memory = Box::new(std::mem::MaybeUninit::<z_stream>::zeroed());
    let stream = memory.as_mut_ptr();
    // SAFETY: zeroed is how zlib wants the struct; both buffers outlive the calls and hold the lengths given.
    let len = unsafe {
        let size = size_of::<z_stream>() as i32;
        assert_eq!(deflateInit2_(stream, 6, Z_DEFLATED, -15, 8, 0, libz_sys::zlibVersion(), size), 0);
        (*stream).next_in = data.as_ptr().cast_mut();
        (*stream).avail_in = flush_at as u32;
        (*stream).next_out = body.as_mut_ptr();
        (*stream).avail_out = body.len() as u32;
        assert_eq!(deflate(stream, Z_SYNC_FLUSH), 0);
        (*stream).avail_in = (data.len() - flush_at) as u32;
        assert_eq!(deflate(stream, Z_FINISH), Z_STREAM_END);
        let len = body.len() - (*stream).avail_out as usize;
        deflateEnd(stream);
        len
    };
    let mut crc = flate2::Crc::new();
    crc.update(data);
    [&HEADER, &body[..len], &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes()].concat()
}

#[test]
fn a_difference_behind_the_prefix_is_seen_and_amended() {
    let data = text(2_000_000, 5);
    for flush_at in [1_700_000, 1_999_999, 2_000_000] {
        let blob = flushed(&data, flush_at);
        let opened = AtomicU32::new(0);
        let open = || {
            opened.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(Cursor::new(blob.clone())) as Box<dyn Read + Send>)
        };
        let found = detect(&open, blob.len() as u64, DetectLimits::default(), &AtomicBool::new(false)).unwrap();
        assert!(matches!(&found.recipe, Some(Recipe::Amended(_))), "flushed at {flush_at}");
        let recipe = found.recipe.as_ref().unwrap();
        assert!(holds(recipe, &blob) && recipe.encode().len() < 64, "flushed at {flush_at}: {recipe}");
        assert!(found.prefix_bytes < flush_at as u64, "{found:?}");
        // More than one level may agree on the prefix; each is misled for one pass.
        let opened = opened.load(Ordering::Relaxed);
        let passes = DetectLimits::default().passes;
        assert!((4..=passes).contains(&opened), "flushed at {flush_at}: {opened} passes");
        // Amendments are looked for and proved in two passes more; who allows fewer wants none.
        let few = DetectLimits { passes: 3, ..DetectLimits::default() };
        assert_eq!(run(&blob, few).unwrap().recipe, None);
    }
}

#[test]
fn too_many_members_are_not_encodable() {
    let member = encode(&recipe(&[(&HEADER, zlib(6, 8), 1)]), b"x");
    let most = run(&member.repeat(MAX_MEMBERS), DetectLimits::default()).unwrap();
    assert!(most.recipe.is_some_and(|r| matches!(&r, Recipe::Gzip(g) if g.members.len() == MAX_MEMBERS)));
    assert_eq!(most.tried, MAX_MEMBERS as u32, "the member before tells the encoder");
    let padded = [member.repeat(MAX_MEMBERS), vec![0; 9]].concat();
    assert!(run(&padded, DetectLimits::default()).unwrap().recipe.is_some());
    assert_eq!(run(&member.repeat(MAX_MEMBERS + 1), DetectLimits::default()).unwrap().recipe, None);
}

#[test]
fn long_headers_and_trailing_bytes_are_not_encodable() {
    let mut long = vec![0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
    long.extend_from_slice(&vec![b'n'; 70_000]);
    long.push(0);
    let blob = encode(&recipe(&[(&long, zlib(6, 8), 1)]), b"x");
    assert_eq!(run(&blob, DetectLimits::default()).unwrap().recipe, None);
    let short = encode(&recipe(&[(&HEADER, zlib(6, 8), 1)]), b"x");
    let fits = [short.clone(), vec![1; MAX_TRAILING]].concat();
    assert!(holds(&run(&fits, DetectLimits::default()).unwrap().recipe.unwrap(), &fits));
    let over = [short, vec![1; MAX_TRAILING + 1]].concat();
    assert_eq!(run(&over, DetectLimits::default()).unwrap().recipe, None);
}

#[test]
fn other_formats_and_errors() {
    let found = run(b"plain bytes", DetectLimits::default()).unwrap();
    assert_eq!((found.recipe, found.verified_bytes), (Some(Recipe::Identity), 11));
    assert_eq!(run(&[], DetectLimits::default()).unwrap().recipe, Some(Recipe::Identity));

    let blob = encode(&recipe(&[(&HEADER, zlib(6, 8), 3)]), b"abc");
    let cut = run(&blob[..blob.len() - 1], DetectLimits::default());
    assert!(matches!(cut, Err(DetectError::Layer(LayerError::Truncated { .. }))));
    let open = || Ok(Box::new(Cursor::new(blob.clone())) as Box<dyn Read + Send>);
    let length = detect(&open, 9, DetectLimits::default(), &AtomicBool::new(false));
    assert!(matches!(length, Err(DetectError::Length { expected: 9, .. })));
    let cancelled = detect(&open, blob.len() as u64, DetectLimits::default(), &AtomicBool::new(true));
    assert!(matches!(cancelled, Err(DetectError::Cancelled)));
    let missing = detect(&|| Err(io::Error::other("gone")), 9, DetectLimits::default(), &AtomicBool::new(false));
    assert!(matches!(missing, Err(DetectError::Open(_))));
}

#[test]
fn bombs_are_bounded_in_detection_too() {
    let zeros = vec![0; 8 << 20];
    let blob = encode(&recipe(&[(&HEADER, zlib(6, 8), zeros.len())]), &zeros);
    let decode = DecodeLimits { max_decoded: 1 << 20, ..DecodeLimits::default() };
    let bounded = run(&blob, DetectLimits { decode, ..DetectLimits::default() });
    assert!(matches!(bounded, Err(DetectError::Layer(LayerError::TooLarge { .. }))));
    // Empty stored blocks: compressed bytes without end that decode to nothing.
    let mut hollow = HEADER.to_vec();
    hollow.extend([0, 0, 0, 0xff, 0xff].repeat(1 << 20));
    hollow.extend([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    let found = run(&hollow, DetectLimits::default()).unwrap();
    assert_eq!(found.recipe, None);
    assert!(found.verified_bytes < hollow.len() as u64);
}

#[test]
fn an_encoder_takes_exactly_what_the_recipe_is_for() {
    let two = recipe(&[(&HEADER, zlib(1, 8), 3), (&HEADER, zlib(1, 8), 0), (&HEADER, zlib(9, 9), 4)]);
    let mut short = Encoder::new(&two, Vec::new());
    short.push(b"ab").unwrap();
    assert!(matches!(short.finish(), Err(EncodeError::TooShort { missing: 5 })));
    let mut long = Encoder::new(&two, Vec::new());
    assert!(matches!(long.push(b"abcdefgh"), Err(EncodeError::TooLong { expected: 7 })));
    assert!(matches!(long.push(b""), Err(EncodeError::Failed)));
    assert!(matches!(long.finish(), Err(EncodeError::Failed)));
    let blob = encode(&two, b"abcdefg");
    let mut plain = Vec::new();
    decoder(blob.as_slice(), DecodeLimits::default()).unwrap().read_to_end(&mut plain).unwrap();
    assert_eq!(plain, b"abcdefg");
    assert_eq!(encode(&Recipe::Identity, b"abc"), b"abc");
}

fn header() -> impl Strategy<Value = Vec<u8>> {
    (any::<u32>(), 0u8..5, any::<u8>(), prop::collection::vec(1u8.., 0..20), any::<bool>()).prop_map(
        |(mtime, xfl, os, name, named)| {
            let mut bytes = vec![0x1f, 0x8b, 8, if named { 8 } else { 0 }];
            bytes.extend_from_slice(&mtime.to_le_bytes());
            bytes.extend_from_slice(&[xfl, os]);
            if named {
                bytes.extend_from_slice(&name);
                bytes.push(0);
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_zlib_wrote_is_always_found(
        members in prop::collection::vec((header(), 1u8..10, 8u8..10, 0usize..150_000, any::<u32>()), 1..4),
        literal in prop::collection::vec(any::<u8>(), 0..20),
        zeros in 0usize..2000,
    ) {
        let mut blob = Vec::new();
        for (header, level, mem, len, seed) in &members {
            blob.extend(encode(&recipe(&[(header, zlib(*level, *mem), *len)]), &text(*len, *seed)));
        }
        blob.extend(&literal);
        blob.resize(blob.len() + zeros, 0);
        prop_assume!(!literal.starts_with(&[0x1f, 0x8b, 8]));
        let found = run(&blob, DetectLimits::default()).unwrap();
        prop_assert!(found.recipe.is_some_and(|recipe| holds(&recipe, &blob)));
    }

    #[test]
    fn a_mutated_stream_gets_an_exact_recipe_or_none(
        level in 1u8..10,
        len in 0usize..20_000,
        seed: u32,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
        repair: bool,
    ) {
        let data = text(len, seed);
        let mut blob = encode(&recipe(&[(&HEADER, zlib(level, 8), len)]), &data);
        let body = HEADER.len()..blob.len() - 8;
        for (at, byte) in flips {
            // With the trailer repaired below, flips in the body reach the comparison instead of the checksum.
            let at = if repair { body.start + at.index(body.len()) } else { at.index(blob.len()) };
            blob[at] = byte;
        }
        if repair {
            let mut plain = Vec::new();
            let ok = flate2::read::DeflateDecoder::new(&blob[body.clone()]).take(10 << 20).read_to_end(&mut plain).is_ok();
            if ok {
                let mut crc = flate2::Crc::new();
                crc.update(&plain);
                blob[body.end..body.end + 4].copy_from_slice(&crc.sum().to_le_bytes());
                blob[body.end + 4..].copy_from_slice(&crc.amount().to_le_bytes());
            }
        }
        if let Ok(Detection { recipe: Some(recipe), .. }) = run(&blob, DetectLimits::default()) {
            prop_assert!(holds(&recipe, &blob));
        }
    }
}

/// Long enough for several lanes, with stretches that compress well and hardly.
fn long(len: usize) -> Vec<u8> {
    let mut data = text(len, 5);
    for at in (1 << 20..len).step_by(3 << 20) {
        let end = (at + (300 << 10)).min(len);
        data[at..end].fill(b'=');
    }
    data
}

fn gzip(encoder: DeflateEncoder, data: &[u8]) -> Vec<u8> {
    encode(&recipe(&[(&HEADER, encoder, data.len())]), data)
}

#[test]
fn any_number_of_threads_proves_the_same() {
    let data = long(14 << 20);
    let go = |level| DeflateEncoder::Go(GoLevel::new(level).unwrap());
    let gnu = |level| DeflateEncoder::GnuGzip { level, rsyncable: false };
    let encoders = [zlib(1, 8), zlib(4, 9), zlib(6, 8), zlib(9, 9), go(1), go(4), go(6), go(9), gnu(6), gnu(1)];
    for encoder in encoders {
        let blob = gzip(encoder, &data);
        let mut first = None;
        for threads in [1, 3] {
            let found = run(&blob, DetectLimits { threads, ..DetectLimits::default() }).unwrap();
            let expected = recipe(&[(&HEADER, encoder, data.len())]);
            match found.recipe.as_ref() {
                Some(Recipe::Amended(amended)) if amended.is_exact() => {
                    assert_eq!(Recipe::Gzip(amended.gzip.clone()), expected, "{encoder} on {threads} threads");
                }
                other => assert_eq!(other, Some(&expected), "{encoder} on {threads} threads"),
            }
            assert_eq!(first.get_or_insert_with(|| found.recipe.clone()), &found.recipe, "{encoder}");
            assert_eq!(found.verified_bytes, blob.len() as u64);
        }
    }
    // Not among the candidates: nobody uses it.
    assert_eq!(run(&gzip(zlib(6, 1), &data), DetectLimits::default()).unwrap().recipe, None);
}

#[test]
fn what_the_real_programs_wrote_is_found() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/recompress");
    let mut found = 0;
    for program in ["gnugzip", "pigz"] {
        for file in std::fs::read_dir(format!("{folder}/{program}")).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            // Block sizes other than the default are not looked for.
            if path.extension().is_none_or(|end| end != "gz")
                || name.contains("block")
                || name.ends_with("independent-rsyncable")
            {
                continue;
            }
            let blob = std::fs::read(&path).unwrap();
            let detection = run(&blob, DetectLimits::default()).unwrap();
            let recipe = detection.recipe.unwrap_or_else(|| panic!("{program} {name} was not recognised"));
            assert!(holds(&recipe, &blob), "{program} {name}");
            found += 1;
        }
    }
    assert!(found > 30, "only {found} streams");
}

#[test]
fn a_difference_in_a_later_lane_is_seen() {
    let data = long(12 << 20);
    let blob = gzip(zlib(4, 8), &data);
    let limits = DetectLimits { threads: 2, passes: 2, ..DetectLimits::default() };
    let mut differed = 0;
    for place in [55, 70, 85, 95, 99] {
        let mut changed = blob.clone();
        let at = changed.len() * place / 100;
        changed[at] ^= 0x10;
        // What is left is a valid member if the trailer is made to fit.
        let body = &changed[HEADER.len()..changed.len() - 8];
        let mut plain = Vec::new();
        if flate2::read::DeflateDecoder::new(body).read_to_end(&mut plain).is_err() {
            continue;
        }
        let mut crc = flate2::Crc::new();
        crc.update(&plain);
        let trailer = changed.len() - 8;
        changed.truncate(trailer);
        changed.extend_from_slice(&crc.sum().to_le_bytes());
        changed.extend_from_slice(&crc.amount().to_le_bytes());
        match run(&changed, limits).map(|found| found.recipe) {
            Ok(Some(recipe)) => assert!(holds(&recipe, &changed)),
            Ok(None) => differed += 1,
            // The change made the stream end early, and its end now lies amid what follows.
            Err(_) => {}
        }
    }
    assert!(differed > 0);
}

#[test]
fn a_prefix_that_hardly_compresses_is_no_obstacle() {
    let mut state = 1u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    let mut data: Vec<u8> = noise.take(1_300_000).collect();
    data.extend_from_slice(&text(600_000, 3));
    let blob = gzip(zlib(6, 8), &data);
    let found = run(&blob, DetectLimits::default()).unwrap();
    assert_eq!(found.recipe, Some(recipe(&[(&HEADER, zlib(6, 8), data.len())])));
}
