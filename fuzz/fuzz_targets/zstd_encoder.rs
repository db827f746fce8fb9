//! klauspost's zstd, imitated, on any data in any slices and frames: the slices do not matter, nor what was encoded before, and what comes out
//! decodes back.
#![no_main]

use std::io::{Read, Write};

use firn_engine::codec::{DecodeLimits, decoder};
use firn_engine::recompress::{
    Encoder, KlauspostZstdParams, KlauspostZstdRelease, Recipe, ZstdEncoder, ZstdPart, ZstdRecipe,
};
use libfuzzer_sys::fuzz_target;

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

fn blob(recipe: &Recipe, data: &[u8], slices: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(recipe, Vec::new());
    let mut rest = data;
    for len in slices.iter().cycle().map(|len| usize::from(*len) * 371 + 1) {
        if rest.is_empty() {
            break;
        }
        let (head, tail) = rest.split_at(len.min(rest.len()));
        encoder.write_all(head).expect("as much as the recipe says");
        rest = tail;
    }
    encoder.finish().expect("as much as the recipe says")
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
    let whole = blob(&recipe(&[first, data.len() - first]), &data, &[255; 1]);
    assert!(blob(&recipe(&[first, data.len() - first]), &data, &slices) == whole, "slices matter to {encoder:?}");
    let (head, tail) = data.split_at(first);
    let apart = [blob(&recipe(&[head.len()]), head, &[255]), blob(&recipe(&[tail.len()]), tail, &[255])].concat();
    assert!(apart == whole, "a frame before matters to {encoder:?}");
    if whole.is_empty() {
        return assert!(data.is_empty());
    }
    let mut back = Vec::new();
    decoder(whole.as_slice(), DecodeLimits::default()).expect("zstd").read_to_end(&mut back).expect("zstd");
    assert!(back == data, "{encoder:?} does not decode back");
});
