#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use proptest::prelude::*;

use super::rule::{WINDOW, last_max, score};
use super::*;

fn kernels() -> Vec<(&'static str, Kernel)> {
    let mut kernels: Vec<(&str, Kernel)> = vec![("portable", portable::last_max)];
    #[cfg(target_arch = "x86_64")]
    {
        kernels.extend(simd::avx2_kernel().map(|k| ("avx2", k)));
        kernels.extend(simd::avx512_kernel().map(|k| ("avx512", k)));
    }
    kernels
}

fn xorshift(seed: u64) -> impl FnMut() -> u64 {
    let mut x = seed;
    move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x
    }
}

fn random(seed: u64, len: usize) -> Vec<u8> {
    let mut next = xorshift(seed);
    (0..len).map(|_| (next() >> 32) as u8).collect()
}

/// Words of a small vocabulary in lines: bytes that repeat the way text does.
fn text(seed: u64, len: usize) -> Vec<u8> {
    const WORDS: [&str; 12] =
        ["snow", "firn", "ice", "layer", "pack", "chunk", "the", "of", "glacier", "index", "return", "0x7f"];
    let mut next = xorshift(seed);
    let mut out = Vec::new();
    while out.len() < len {
        let r = next() >> 20;
        out.extend_from_slice(WORDS[(r % 12) as usize].as_bytes());
        out.push(if (r / 12).is_multiple_of(9) { b'\n' } else { b' ' });
    }
    out.truncate(len);
    out
}

fn lengths(chunker: Chunker, mut data: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while !data.is_empty() {
        let len = chunker.next_len(data);
        lengths.push(len);
        data = &data[len..];
    }
    lengths
}

fn assert_kernels_agree(span: &[u8]) {
    let want = last_max(span);
    for (name, kernel) in kernels() {
        assert_eq!(kernel(span), want, "{name}, span of {}", span.len());
    }
}

#[test]
fn score_is_what_the_format_says() {
    assert_eq!(score(b"firnfirn"), 0);
    assert_eq!(score(&[0x90; WINDOW]), 0);
    // (0x0201 - 0x0605) * 0x9e37 + (0x0403 - 0x0807) * 0x79b9, modulo 2^16
    assert_eq!(score(&[1, 2, 3, 4, 5, 6, 7, 8]), 0xe040);
    assert_eq!(score(&[1, 0, 0, 0, 0, 0, 0, 0]), 0x9e37);
    assert_eq!(score(&[0, 0, 1, 0, 0, 0, 0, 0]), 0x79b9);
}

#[test]
fn the_last_of_equal_windows_wins() {
    let mut span = vec![0; 100];
    span[20] = 1;
    span[60] = 1;
    // A lone 1 counts most, 0xc900, where it is the sixth byte of a window.
    assert_eq!(last_max(&span), 55);
    assert_eq!(last_max(&[0; 100]), 92);
    assert_eq!(last_max(&[0; WINDOW - 1]), 0);
}

#[test]
fn a_file_that_ends_below_the_maximum_is_one_chunk() {
    let params = Params::new(64, 200).unwrap();
    let chunker = Chunker::new(params);
    let data = random(7, 200);
    for len in 0..200 {
        assert_eq!(chunker.next_len(&data[..len]), len);
    }
    assert_eq!(chunker.next_len(&data), 64 + last_max(&data[56..200]));
}

#[test]
fn bytes_past_the_maximum_do_not_matter() {
    let chunker = Chunker::new(Params::new(256, 1024).unwrap());
    let data = random(9, 4096);
    let len = chunker.next_len(&data[..1024]);
    for end in 1024..1100 {
        assert_eq!(chunker.next_len(&data[..end]), len);
    }
}

#[test]
fn constant_and_short_period_data_gives_maximum_chunks() {
    let params = Params::default();
    let max = params.max() as usize;
    for (name, kernel) in kernels() {
        let chunker = Chunker::with_kernel(params, kernel);
        for byte in [0, 0x20, 0x90, 0xcc, 0xff] {
            assert_eq!(lengths(chunker, &vec![byte; 3 * max + 5]), [max, max, max, 5], "{name}");
        }
        for period in 1..=300 {
            let unit = random(period as u64, period);
            let data: Vec<u8> = unit.iter().copied().cycle().take(4 * max).collect();
            assert!(chunker.next_len(&data) + period > max, "{name}, period {period}");
        }
    }
}

#[test]
fn an_edit_moves_only_cuts_near_it() {
    let chunker = Chunker::new(Params::default());
    let before = random(11, 4 << 20);
    let mut after = before.clone();
    after.splice(1 << 20..1 << 20, *b"inserted");
    let ends = |data: &[u8], shift: usize| -> Vec<usize> {
        lengths(chunker, data)
            .iter()
            .scan(0, |end, len| {
                *end += len;
                Some(*end - shift)
            })
            .collect()
    };
    let (before, after) = (ends(&before, 0), ends(&after, 8));
    let far = (1 << 20) + (512 << 10);
    assert_eq!(
        before.iter().filter(|e| **e > far).collect::<Vec<_>>(),
        after.iter().filter(|e| **e > far).collect::<Vec<_>>()
    );
}

/// FNV-1a over the lengths as little-endian u32: one number that pins every cut of a buffer.
fn fingerprint(lengths: &[usize]) -> u64 {
    lengths
        .iter()
        .flat_map(|len| (*len as u32).to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Name, parameters, bytes; first lengths, number of chunks, fingerprint of all lengths.
type Golden = (&'static str, Params, Vec<u8>, &'static [usize], usize, u64);

/// A changed value here is a changed format: archives stop sharing chunks with their own past.
#[test]
fn golden_cuts() {
    let small = Params::new(1000, 3001).unwrap();
    let mut mixed = random(4, 300_000);
    mixed[50_000..150_000].fill(0);
    let cases: [Golden; 6] = [
        (
            "random",
            Params::default(),
            random(1, 1 << 20),
            &[19581, 22388, 9209, 18274, 17063, 21408],
            61,
            0x1b2e_2e48_4bee_c2b2,
        ),
        ("random, small", small, random(2, 200_000), &[2383, 2059, 1731, 2012, 2788, 1712], 96, 0x37d0_e2d5_b07e_734f),
        ("zeros", Params::default(), vec![0; 100_000], &[24576, 24576, 24576, 24576, 1696], 5, 0x0ab6_cfca_d3c9_0793),
        (
            "text",
            Params::default(),
            text(3, 1 << 20),
            &[12503, 24486, 21468, 21275, 13541, 13009],
            55,
            0x773f_b11b_47cd_61c2,
        ),
        (
            "random with zeros",
            Params::default(),
            mixed,
            &[10342, 20908, 17874, 24576, 24576, 24576],
            15,
            0x5e59_0c9f_b5cc_be3e,
        ),
        ("text, small", small, text(5, 200_000), &[2977, 2815, 2555, 2577, 1392, 2946], 84, 0xae39_e834_c014_b32d),
    ];
    for (name, kernel) in kernels().into_iter().chain([("rule", last_max as Kernel)]) {
        for (case, params, data, head, count, print) in &cases {
            let got = lengths(Chunker::with_kernel(*params, kernel), data);
            assert_eq!((&got[..head.len()], got.len(), fingerprint(&got)), (*head, *count, *print), "{case}, {name}");
        }
    }
}

#[test]
fn kernels_agree_at_every_length() {
    for len in 0..1500 {
        assert_kernels_agree(&random(len as u64 + 1, len));
        assert_kernels_agree(&vec![7; len]);
    }
}

#[test]
fn kernels_find_the_last_window_wherever_it_is() {
    // One lone byte makes a handful of windows score above zero, at every place relative to steps and blocks.
    for len in [64, 71, 72, 583, 584, 585, 1100, 2048, 2119] {
        for at in 0..len {
            let mut span = vec![0; len];
            span[at] = 1;
            assert_kernels_agree(&span);
        }
    }
}

proptest! {
    #[test]
    fn kernels_agree_on_random_bytes(span in prop::collection::vec(any::<u8>(), 0..5000)) {
        assert_kernels_agree(&span);
    }

    #[test]
    fn kernels_agree_on_few_symbols(span in prop::collection::vec(0u8..3, 0..5000)) {
        assert_kernels_agree(&span);
    }

    #[test]
    fn kernels_agree_on_periodic_bytes(unit in prop::collection::vec(any::<u8>(), 1..600), len in 0usize..5000) {
        let span: Vec<u8> = unit.iter().copied().cycle().take(len).collect();
        assert_kernels_agree(&span);
    }

    #[test]
    fn kernels_agree_on_runs(runs in prop::collection::vec((any::<u8>(), 1usize..700), 0..20)) {
        let span: Vec<u8> = runs.iter().flat_map(|(byte, len)| std::iter::repeat_n(*byte, *len)).collect();
        assert_kernels_agree(&span);
    }

    #[test]
    fn cuts_agree_and_stay_in_bounds(
        data in prop::collection::vec(any::<u8>(), 0..20_000), min in 64u32..1500, more in 1u32..3000,
    ) {
        let params = Params::new(min, min + more).unwrap();
        let want = lengths(Chunker::with_kernel(params, last_max), &data);
        prop_assert_eq!(want.iter().sum::<usize>(), data.len());
        if let Some((_, inner)) = want.split_last() {
            prop_assert!(inner.iter().all(|len| (min as usize..=(min + more) as usize).contains(len)));
        }
        for (name, kernel) in kernels() {
            prop_assert_eq!(&lengths(Chunker::with_kernel(params, kernel), &data), &want, "{}", name);
        }
    }
}
