//! klauspost's zstd, imitated, on any data in any slices and frames: the slices do not matter, nor what was encoded before, and what comes out
//! decodes back.
#![no_main]

use std::io::Read;

use firn_engine::codec::{DecodeLimits, decoder};
use firn_engine::recompress::{KlauspostZstdParams, KlauspostZstdRelease, Recipe, ZstdEncoder, ZstdPart, ZstdRecipe};
use libfuzzer_sys::fuzz_target;

mod common;
use common::blob;

/// A slice's unit in bytes.
const STEP: usize = 371;

/// Some parameters for every byte.
fn encoder(choice: u8) -> Option<ZstdEncoder> {
    let release = KlauspostZstdRelease::ALL[usize::from(choice / 8 % 3)];
    let params = KlauspostZstdParams::new(choice % 4 + 1, release)?;
    Some(ZstdEncoder::Klauspost(params.flushed(choice & 4 > 0).sniffed(choice & 128 > 0)))
}

/// The bytes, repeated with a change in each round and runs between rounds, so that short inputs reach past blocks.
fn stretched(bytes: &[u8], rounds: u8) -> Vec<u8> {
    let mut data = Vec::new();
    for round in 0..=rounds {
        data.extend(bytes.iter().map(|byte| byte.wrapping_add(round & 3)));
        data.extend(std::iter::repeat_n(round, usize::from(round % 5) * 30_000));
        if data.len() > 500_000 {
            break;
        }
    }
    data
}

fuzz_target!(|input: (u8, u8, u16, [u8; 4], &[u8])| {
    let (choice, rounds, first, slices, bytes) = input;
    let Some(encoder) = encoder(choice) else { return };
    let data = stretched(bytes, rounds);
    let first = usize::from(first).min(data.len());
    let recipe = |lens: &[usize]| {
        let parts = lens.iter().map(|len| ZstdPart::Frame { encoder, len: *len as u64 });
        Recipe::Zstd(ZstdRecipe { parts: parts.collect() })
    };
    let whole = blob(&recipe(&[first, data.len() - first]), &data, &[255; 1], STEP);
    assert!(blob(&recipe(&[first, data.len() - first]), &data, &slices, STEP) == whole, "slices matter to {encoder:?}");
    let (head, tail) = data.split_at(first);
    let apart =
        [blob(&recipe(&[head.len()]), head, &[255], STEP), blob(&recipe(&[tail.len()]), tail, &[255], STEP)].concat();
    assert!(apart == whole, "a frame before matters to {encoder:?}");
    if whole.is_empty() {
        return assert!(data.is_empty());
    }
    let mut back = Vec::new();
    decoder(whole.as_slice(), DecodeLimits::default()).expect("zstd").read_to_end(&mut back).expect("zstd");
    assert!(back == data, "{encoder:?} does not decode back");
});
