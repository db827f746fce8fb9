//! Layers as hostile bytes: cut, damaged, padded, and larger than they look.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::io::{self, Read, Write};

use firn_engine::codec::layer::{Compression, DecodeLimits, DecodeStats, LayerError, decoder};
use flate2::{Compression as Level, GzBuilder, write::GzEncoder};
use proptest::prelude::*;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn text(len: usize) -> Vec<u8> {
    (0..len as u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 20).to_le_bytes()).take(len).collect()
}

/// A source that gives its bytes in small pieces.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.1.min(out.len());
        self.0.read(&mut out[..n])
    }
}

fn decode_with(blob: &[u8], limits: DecodeLimits, room: usize) -> Result<(Vec<u8>, DecodeStats), LayerError> {
    decode_from(blob, limits, room)
}

fn decode_from(source: impl Read, limits: DecodeLimits, room: usize) -> Result<(Vec<u8>, DecodeStats), LayerError> {
    let mut decoder = decoder(source, limits)?;
    let (mut out, mut buffer) = (Vec::new(), vec![0; room]);
    loop {
        match decoder.decode(&mut buffer)? {
            0 => return Ok((out, decoder.stats())),
            n => out.extend_from_slice(&buffer[..n]),
        }
    }
}

fn decode(blob: &[u8]) -> Result<(Vec<u8>, DecodeStats), LayerError> {
    decode_with(blob, DecodeLimits::default(), 4096)
}

#[test]
fn formats_are_told_by_their_bytes() {
    let data = text(10_000);
    let zst = zstd::encode_all(data.as_slice(), 3).unwrap();
    for (blob, format) in
        [(data.clone(), Compression::None), (gzip(&data), Compression::Gzip), (zst, Compression::Zstd)]
    {
        assert_eq!(decoder(blob.as_slice(), DecodeLimits::default()).unwrap().compression(), format);
        let (out, stats) = decode(&blob).unwrap();
        assert!(out == data);
        assert_eq!((stats.compressed, stats.decoded, stats.trailing), (blob.len() as u64, 10_000, 0));
    }
    assert_eq!(decode(&[]).unwrap().1, DecodeStats::default());
}

#[test]
fn members_follow_one_another_and_trailing_bytes_are_counted() {
    let data = text(5000);
    let mut full = GzBuilder::new().filename("n").comment("c").extra(vec![1; 300]).write(Vec::new(), Level::best());
    full.write_all(&data).unwrap();
    let members = [gzip(&data), full.finish().unwrap(), gzip(b"")].concat();
    for trailing in [&[][..], &[0; 1000], b"garbage", &[0x1f], &[0x1f, 0x8b]] {
        let blob = [&members, trailing].concat();
        for piece in [1, 2, 7, 100_000] {
            let (out, stats) = decode_from(Slow(&blob, piece), DecodeLimits::default(), 333).unwrap();
            assert!(out == [data.as_slice(), &data].concat());
            assert_eq!((stats.members, stats.trailing), (3, trailing.len() as u64));
            assert_eq!(stats.compressed, blob.len() as u64);
        }
    }
}

#[test]
fn every_cut_of_a_gzip_layer_is_an_error() {
    let blob = gzip(&text(300));
    for len in 3..blob.len() {
        let error = decode(&blob[..len]).unwrap_err();
        assert!(matches!(error, LayerError::Truncated { offset, .. } if offset == len as u64), "{len}: {error}");
    }
    let two = [gzip(b"first"), blob].concat();
    assert!(matches!(decode(&two[..two.len() - 9]), Err(LayerError::Truncated { .. })));
}

#[test]
fn every_flipped_bit_of_a_gzip_body_is_found() {
    let blob = gzip(&text(300));
    for at in 10..blob.len() {
        for bit in 0..8 {
            let mut bad = blob.clone();
            bad[at] ^= 1 << bit;
            // Unused bits after the last block are not covered by anything.
            if let Ok((out, _)) = decode(&bad) {
                assert!(out == text(300), "byte {at} bit {bit}");
                assert_eq!(at, blob.len() - 9, "byte {at} bit {bit}");
            }
        }
    }
}

#[test]
fn a_damaged_second_member_is_named_with_its_place() {
    let first = gzip(b"first");
    let mut blob = [first.clone(), gzip(b"second")].concat();
    let last = blob.len() - 1;
    blob[last] ^= 1;
    let error = decode(&blob).unwrap_err();
    assert!(matches!(error, LayerError::Checksum { member: 1, what: "length", .. }), "{error}");
    blob[last - 4] ^= 1;
    assert!(matches!(decode(&blob), Err(LayerError::Checksum { member: 1, what: "CRC-32", .. })));
    let reserved = first.len() + 3;
    blob[reserved] = 0xe0;
    assert!(matches!(decode(&blob), Err(LayerError::Damaged { offset, .. }) if offset == first.len() as u64));
}

#[test]
fn zstd_frames_follow_one_another_and_nothing_else_may() {
    let data = text(5000);
    let frame = zstd::encode_all(data.as_slice(), 3).unwrap();
    let skippable = [0x52, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let blob = [&skippable, frame.as_slice(), &frame, &skippable].concat();
    for piece in [1, 5, 100_000] {
        let (out, stats) = decode_from(Slow(&blob, piece), DecodeLimits::default(), 777).unwrap();
        assert!(out == [data.as_slice(), &data].concat());
        assert_eq!((stats.members, stats.compressed), (4, blob.len() as u64));
    }
    let garbage = [frame.as_slice(), b"garbage"].concat();
    assert!(matches!(decode(&garbage), Err(LayerError::Damaged { format: Compression::Zstd, .. })));
    for len in 4..frame.len() {
        assert!(matches!(decode(&frame[..len]), Err(LayerError::Truncated { format: Compression::Zstd, .. })), "{len}");
    }
}

#[test]
fn a_large_zstd_window_needs_the_flag() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.set_parameter(zstd::zstd_safe::CParameter::WindowLog(22)).unwrap();
    encoder.write_all(&text(10_000)).unwrap();
    let blob = encoder.finish().unwrap();
    let limits = DecodeLimits { zstd_window_log: 21, ..DecodeLimits::default() };
    let error = decode_with(&blob, limits, 4096).unwrap_err();
    assert!(matches!(error, LayerError::WindowTooLarge { limit_log: 21, .. }), "{error}");
    assert!(error.to_string().contains("2 MiB; raise --max-zstd-window"), "{error}");
    let limits = DecodeLimits { zstd_window_log: 22, ..limits };
    assert!(decode_with(&blob, limits, 4096).is_ok());
}

#[test]
fn bombs_stop_at_the_limit() {
    let zeros = vec![0; 4 << 20];
    let limits = DecodeLimits { max_decoded: 1 << 20, max_ratio: 100, ratio_allowance: 1 << 18, zstd_window_log: 27 };
    for bomb in [gzip(&zeros), zstd::encode_all(zeros.as_slice(), 3).unwrap()] {
        let mut decoder = decoder(bomb.as_slice(), limits).unwrap();
        let (mut buffer, mut total) = (vec![0; 4096], 0);
        let error = loop {
            match decoder.read(&mut buffer) {
                Ok(n) => total += n,
                Err(e) => break e,
            }
        };
        assert!(total <= (1 << 18) + 100 * bomb.len(), "{total}");
        assert!(matches!(LayerError::from_io(&error), Some(LayerError::RatioTooHigh { limit: 100, .. })), "{error}");
        assert!(decoder.read(&mut buffer).is_err(), "a failed decoder stays failed");
        let generous = DecodeLimits { max_ratio: u64::MAX, ..limits };
        assert!(matches!(decode_with(&bomb, generous, 4096), Err(LayerError::TooLarge { limit: 1_048_576 })));
    }
    assert!(matches!(decode_with(&zeros, limits, 4096), Err(LayerError::TooLarge { .. })));
    assert_eq!(decode_with(&zeros[..1 << 20], limits, 4096).unwrap().1.decoded, 1 << 20, "plain bytes have no ratio");
}

#[test]
fn a_failing_source_is_passed_on() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk on fire"))
        }
    }
    let blob = gzip(&text(5000));
    let error = decode_from(blob[..100].chain(Broken), DecodeLimits::default(), 4096).unwrap_err();
    assert!(matches!(&error, LayerError::Read { offset: 100, .. }) && error.to_string().contains("disk on fire"));
}

proptest! {
    #[test]
    fn mutated_layers_never_panic_and_any_slicing_agrees(
        zst: bool,
        len in 0usize..3000,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        piece in 1usize..5000,
        room in 1usize..5000,
    ) {
        let data = text(len);
        let mut blob = if zst { zstd::encode_all(data.as_slice(), 1).unwrap() } else { gzip(&data) };
        for (at, byte) in flips {
            let at = at.index(blob.len());
            blob[at] = byte;
        }
        blob.truncate(cut.index(blob.len() * 4).max(4));
        let whole = decode(&blob);
        let pieces = decode_from(Slow(&blob, piece), DecodeLimits::default(), room);
        match (whole, pieces) {
            (Ok(whole), Ok(pieces)) => prop_assert_eq!(whole, pieces),
            (Err(_), Err(_)) => {}
            (whole, pieces) => prop_assert!(false, "{:?} against {:?}", whole.is_ok(), pieces.is_ok()),
        }
    }
}
