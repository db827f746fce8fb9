//! Streams that encoders wrote, whole and damaged, and random ones.

use flate2::FlushCompress;
use proptest::prelude::*;

use super::{Bits, Noise, check, deflate, mixture};
use crate::recompress::tokens::{Step, TokenReader, TokenSink};

#[test]
fn every_kind_of_flush_at_every_level() {
    let data = mixture(300_000, 7);
    for level in 0..=9 {
        for flush in [FlushCompress::None, FlushCompress::Sync, FlushCompress::Partial, FlushCompress::Full] {
            for every in [700, 300_000] {
                let stream = deflate(&data, level, every, flush);
                let (record, end) = check(&stream, &[1, 7, 300, 5000]);
                assert_eq!((record.decoded == data, end), (true, Ok((stream.len(), 0))));
                let tokens: u64 = record.ends.iter().map(|end| end.tokens).sum();
                assert_eq!(tokens, record.tokens.len() as u64);
            }
        }
    }
}

#[test]
fn expansion_by_a_thousand_in_bounded_pieces() {
    struct Sizes(usize, u64);
    impl TokenSink for Sizes {
        fn decoded(&mut self, bytes: &[u8]) {
            self.0 = self.0.max(bytes.len());
            self.1 += bytes.len() as u64;
        }
    }
    let stream = deflate(&vec![0; 20_000_000], 9, usize::MAX, FlushCompress::None);
    let mut sizes = Sizes(0, 0);
    let mut reader = TokenReader::new();
    assert_eq!(reader.push(&stream, &mut sizes), Ok(Step::End { consumed: stream.len(), padding: 0 }));
    assert_eq!(sizes.1, 20_000_000);
    assert!(sizes.0 <= 100_000);
}

fn pieces() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1usize..4, 1usize..40, 1usize..3000], 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn real_streams(len in 0usize..200_000, seed in any::<u64>(), level in 0u32..=9, every in 1000usize..100_000,
                    tail in prop::collection::vec(any::<u8>(), 0..20), sizes in pieces()) {
        let data = mixture(len, seed);
        let mut stream = deflate(&data, level, every, FlushCompress::Sync);
        let used = stream.len();
        stream.extend(tail);
        let (record, end) = check(&stream, &sizes);
        prop_assert!(record.decoded == data);
        prop_assert_eq!(end.unwrap().0, used);
    }

    #[test]
    fn damaged_streams(len in 1usize..60_000, seed in any::<u64>(), level in 0u32..=9,
                       damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
                       keep in any::<prop::sample::Index>(), sizes in pieces()) {
        let mut stream = deflate(&mixture(len, seed), level, 10_000, FlushCompress::Partial);
        for (at, byte) in damage {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        let _ = check(&stream, &sizes);
        let _ = check(&stream[..keep.index(stream.len())], &sizes);
    }

    /// Damage in the first bytes goes through the header far more often.
    #[test]
    fn damaged_headers(seed in any::<u64>(), at in 0usize..100, bit in 0u32..8, sizes in pieces()) {
        let mut stream = deflate(&mixture(3000, seed), 6, usize::MAX, FlushCompress::None);
        let at = at % stream.len();
        stream[at] ^= 1 << bit;
        let _ = check(&stream, &sizes);
    }

    #[test]
    fn random_bytes(mut stream in prop::collection::vec(any::<u8>(), 0..3000), head in 0u8..8, sizes in pieces()) {
        if let Some(first) = stream.first_mut() {
            *first = *first & !7 | head;
        }
        let _ = check(&stream, &sizes);
    }

    /// Random complete codes of all shapes, with random bits behind them.
    #[test]
    fn random_codes(seed in any::<u64>(), bytes in prop::collection::vec(any::<u8>(), 1..4000), sizes in pieces()) {
        let mut noise = Noise(seed | 1);
        let literals = random_code(257 + noise.below(30), &mut noise, true);
        let all = 1 + noise.below(30);
        let distances = random_code(all, &mut noise, false);
        // Every code length by its own symbol, each in four or five bits: 13 codes of 4 and 6 of 5.
        let of_code: Vec<u64> = (0..19).map(|i| if i < 13 { 4 } else { 5 }).collect();
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15usize];
        let mut bits = Bits::default().dynamic(literals.len() as u64, distances.len() as u64, &of_code);
        for &len in literals.iter().chain(&distances) {
            let (code, n) = code_of(usize::from(len), &of_code, &order);
            bits = bits.code(code, n);
        }
        for byte in bytes {
            bits = bits.put(byte.into(), 8);
        }
        let _ = check(&bits.0, &sizes);
    }
}

/// The canonical code of a code length.
fn code_of(symbol: usize, of_code: &[u64], order: &[usize]) -> (u64, usize) {
    let mut by_symbol = [0; 19];
    for (len, at) in of_code.iter().zip(order) {
        by_symbol[*at] = *len;
    }
    let mut code = 0;
    for len in 1..=7 {
        for (s, l) in by_symbol.iter().enumerate() {
            if *l == len {
                if s == symbol {
                    return (code, len as usize);
                }
                code += 1;
            }
        }
        code <<= 1;
    }
    unreachable!()
}

/// Lengths of a complete code, by splitting leaves at random, for some of `symbols` symbols.
fn random_code(symbols: usize, noise: &mut Noise, with_end: bool) -> Vec<u8> {
    let mut leaves = vec![1u8, 1];
    let wanted = 2 + noise.below(symbols.max(2) - 1);
    let deep = noise.below(3);
    while leaves.len() < wanted {
        let at = if deep > 0 {
            leaves.len() - 1 - noise.below(leaves.len().min(1 << (2 * deep)))
        } else {
            noise.below(leaves.len())
        };
        if leaves[at] >= 15 {
            if leaves.iter().all(|l| *l >= 15) || noise.below(50) == 0 {
                break;
            }
            continue;
        }
        leaves[at] += 1;
        let len = leaves[at];
        leaves.push(len);
    }
    let mut lengths = vec![0; symbols];
    let mut places: Vec<usize> = (0..symbols).collect();
    for i in (1..places.len()).rev() {
        places.swap(i, noise.below(i + 1));
    }
    if with_end {
        let at = places.iter().position(|p| *p == 256).unwrap();
        places.swap(0, at);
    }
    for (place, len) in places.iter().zip(leaves) {
        lengths[*place] = len;
    }
    lengths
}
