#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::Read;

use proptest::prelude::*;

use crate::recompress::running::RunningEncoder;
use crate::recompress::{DeflateEncoder, EncoderFault, Strategy as ZStrategy, ZlibParams};

fn encode(params: ZlibParams, pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sink = |bytes: &[u8]| -> Result<(), EncoderFault> {
        out.extend_from_slice(bytes);
        Ok(())
    };
    let mut encoder = RunningEncoder::start(DeflateEncoder::Zlib(params)).unwrap();
    for piece in pieces {
        encoder.push(piece, &mut sink).unwrap();
    }
    encoder.finish(&mut sink).unwrap();
    out
}

/// Text whose matches reach as far as the window does, over several windows.
fn text(len: usize, mut seed: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 40);
    while out.len() < len {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (kind, n) = (seed >> 28, (seed >> 8) as usize);
        if kind < 10 && out.len() > 40_000 {
            let from = out.len() - 1 - n % 33_000;
            let len = (3 + n % 30).min(out.len() - from);
            out.extend_from_within(from..from + len);
        } else {
            out.extend_from_slice(&n.to_le_bytes()[..3]);
        }
    }
    out.truncate(len);
    out
}

#[test]
fn output_does_not_depend_on_how_the_input_is_cut() {
    let data = text(400_000, 1);
    for params in ZlibParams::candidates(0) {
        let whole = encode(params, &[&data]);
        for cut in [1, 1000, 32_767, 65_535, 65_536, 65_537, 100_000] {
            let pieces: Vec<_> = data.chunks(cut).collect();
            assert!(encode(params, &pieces) == whole, "{params:?} in pieces of {cut}");
        }
    }
}

#[test]
fn a_sink_that_fails_stops_the_encoder() {
    #[derive(Debug, PartialEq)]
    struct Full;
    impl From<EncoderFault> for Full {
        fn from(_: EncoderFault) -> Self {
            unreachable!("zlib works")
        }
    }
    let params = ZlibParams::new(1, 15, 8, ZStrategy::HuffmanOnly).unwrap();
    let mut encoder = RunningEncoder::start(DeflateEncoder::Zlib(params)).unwrap();
    let mut calls = 0;
    let mut sink = |bytes: &[u8]| {
        if bytes.is_empty() {
            Ok(())
        } else {
            calls += 1;
            Err(Full)
        }
    };
    assert_eq!(encoder.push(&text(1 << 20, 2), &mut sink), Err(Full));
    assert_eq!(calls, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_independent_inflater_reads_it(
        seed: u32,
        len in 0usize..200_000,
        level in 1u8..10,
        window in 9u8..16,
        mem in 1u8..10,
        strategy in 0u8..5,
        cut in 1usize..70_000,
    ) {
        let params = ZlibParams::from_bytes(&[level, window, mem, strategy]).unwrap();
        let data = text(len, seed);
        let pieces: Vec<_> = data.chunks(cut).collect();
        let encoded = encode(params, &pieces);
        let mut back = Vec::new();
        flate2::read::DeflateDecoder::new(encoded.as_slice()).read_to_end(&mut back).unwrap();
        prop_assert!(back == data);
    }
}
