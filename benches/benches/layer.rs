//! The stages that every byte of a layer passes: inflate, tar, hash; one core each.
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::Write;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use firn_engine::codec::{DecodeLimits, decoder};
use firn_engine::id::ChunkId;
use firn_engine::recompress::{DeflateEncoder, Encoder, GzipRecipe, Member, Recipe, Strategy, Trailing, ZlibParams};
use firn_engine::tar::{Splitter, TarError};

fn main() {
    divan::main();
}

/// Text-like bytes: this very program's sources, over and over.
fn text(len: usize) -> Vec<u8> {
    let sources = concat!(include_str!("layer.rs"), include_str!("chunker.rs"), include_str!("../src/lib.rs"));
    sources
        .bytes()
        .cycle()
        .enumerate()
        .map(|(at, byte)| if at % 97 == 0 { at.to_le_bytes()[0] } else { byte })
        .take(len)
        .collect()
}

fn recipe(len: usize, level: u8) -> Recipe {
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let encoder = DeflateEncoder::Zlib(ZlibParams::new(level, 15, 8, Strategy::Default).unwrap());
    let members = vec![Member { header: header.as_slice().into(), encoder, len: len as u64 }];
    Recipe::Gzip(GzipRecipe { members, trailing: Trailing::default() })
}

fn gzip(data: &[u8], level: u8) -> Vec<u8> {
    let mut encoder = Encoder::new(&recipe(data.len(), level), Vec::new());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[divan::bench]
fn inflate(bencher: Bencher<'_, '_>) {
    let data = text(16 << 20);
    let blob = gzip(&data, 6);
    let mut buffer = vec![0; 256 << 10];
    bencher.counter(BytesCount::new(data.len())).bench_local(|| {
        let mut decoder = decoder(blob.as_slice(), DecodeLimits::default()).unwrap();
        while decoder.decode(black_box(&mut buffer)).unwrap() > 0 {}
    });
}

#[divan::bench(args = [1, 6, 9])]
fn re_encode_zlib(bencher: Bencher<'_, '_>, level: u8) {
    let data = text(4 << 20);
    bencher.counter(BytesCount::new(data.len())).bench(|| gzip(black_box(&data), level));
}

#[divan::bench]
fn blake3_of_16_kib_chunks(bencher: Bencher<'_, '_>) {
    let data = text(16 << 20);
    bencher
        .counter(BytesCount::new(data.len()))
        .bench(|| data.chunks(16 << 10).fold(0u8, |sum, chunk| sum ^ ChunkId::of(black_box(chunk)).as_bytes()[0]));
}

#[divan::bench]
fn split_tar(bencher: Bencher<'_, '_>) {
    // One large member: what is measured is the passing on of content.
    let mut tar = vec![0; 512];
    tar.splice(0..1, *b"x");
    let data = text(16 << 20);
    let size = format!("{:011o}\0", data.len());
    tar.splice(124..136, size.bytes());
    tar.splice(148..156, *b"        ");
    let sum: u32 = tar.iter().map(|byte| u32::from(*byte)).sum();
    tar.splice(148..156, format!("{sum:06o}\0 ").bytes());
    tar.extend_from_slice(&data);
    bencher.counter(BytesCount::new(tar.len())).bench(|| {
        let mut splitter = Splitter::new(Default::default());
        for piece in tar.chunks(256 << 10) {
            splitter.feed::<TarError>(black_box(piece), &mut |_| Ok(())).unwrap();
        }
        splitter.finish().unwrap()
    });
}
