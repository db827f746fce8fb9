//! The cut rule against `mincdc` and `fastcdc` at the same mean, on the same buffers, in the same run.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation, clippy::indexing_slicing)]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use firn_engine::chunker::{Chunker, Params};

fn main() {
    divan::main();
}

/// In the second-level cache, and far beyond the last.
const SIZES: [usize; 2] = [1 << 20, 128 << 20];

fn noise(len: usize) -> Vec<u8> {
    let mut x = 1u64;
    let next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 32) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn run(bencher: Bencher<'_, '_>, data: &[u8], count: impl Fn(&[u8]) -> usize + Sync) {
    bencher.counter(BytesCount::new(data.len())).bench(|| count(black_box(data)));
}

fn firn_count(chunker: &Chunker, data: &[u8]) -> usize {
    let (mut rest, mut count) = (data, 0);
    while !rest.is_empty() {
        rest = &rest[chunker.next_len(rest)..];
        count += 1;
    }
    count
}

#[divan::bench(args = SIZES)]
fn firn_8_24_kib(bencher: Bencher<'_, '_>, len: usize) {
    let chunker = Chunker::new(Params::default());
    run(bencher, &noise(len), |data| firn_count(&chunker, data));
}

#[divan::bench(args = SIZES)]
fn mincdc_8_24_kib(bencher: Bencher<'_, '_>, len: usize) {
    let count = |data: &[u8]| mincdc::SliceChunker::new(data, 8 << 10, 24 << 10, mincdc::MinCdcHash4::new()).count();
    run(bencher, &noise(len), count);
}

#[divan::bench(args = SIZES)]
fn fastcdc_mean_16_kib(bencher: Bencher<'_, '_>, len: usize) {
    let count = |data: &[u8]| fastcdc::v2020::FastCDC::new(data, 4 << 10, 13 << 10, 52 << 10).count();
    run(bencher, &noise(len), count);
}

#[divan::bench]
fn firn_zeros(bencher: Bencher<'_, '_>) {
    let chunker = Chunker::new(Params::default());
    run(bencher, &vec![0; 16 << 20], |data| firn_count(&chunker, data));
}
