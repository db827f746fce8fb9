//! Inputs for tests: made by rule, so that only what Go wrote for them has to be kept.

use crate::recompress::coding::samples::{Piece, build, fibonacci};

/// A match at the first position before which the window may slide, reaching back to what an early slide drops.
fn early(len: usize) -> Vec<u8> {
    let mut data = build(&[Piece::FewSymbols(64, len)], 10);
    data.copy_within(65_274 - 32_600..65_274 - 32_580, 65_274);
    data
}

/// Ends of input around where blocks end and windows slide.
const SIZES: [usize; 22] = [
    0, 1, 4, 5, 16, 17, 127, 128, 129, 32_767, 65_274, 65_275, 65_534, 65_535, 65_536, 65_537, 98_042, 98_043, 98_304,
    98_305, 131_070, 131_071,
];

/// Every input with a name.
pub fn samples() -> Vec<(String, Vec<u8>)> {
    use Piece::{Colliding, Copy, FewSymbols, Period, Random, Run, Tar, Words};
    let mut samples = vec![
        ("tar".into(), build(&[Tar(500_000)], 1)),
        ("words".into(), build(&[Words(300_000)], 2)),
        ("random".into(), build(&[Random(200_000)], 3)),
        ("zeros".into(), build(&[Run(0, 400_000)], 4)),
        ("fibonacci".into(), fibonacci()),
        ("colliding".into(), build(&[Colliding(200_000)], 5)),
        ("far".into(), build(&[Random(32_768), Copy(32_768, 100_000), Copy(32_767, 50_000), Copy(32_769, 50_000)], 6)),
        (
            "nearly random".into(),
            build(&[Random(50_000), Words(4_000), Random(61_535), Words(4_000), Random(9_000)], 7),
        ),
        (
            "mixed".into(),
            build(
                &[
                    Tar(90_000),
                    Random(30_000),
                    Copy(29_000, 70_000),
                    Run(7, 40_000),
                    Words(60_000),
                    Period(600, 50_000),
                ],
                8,
            ),
        ),
    ];
    for symbols in [2, 3, 4, 8, 16, 40, 200] {
        samples.push((format!("{symbols} symbols"), build(&[FewSymbols(symbols, 150_000)], symbols as u64)));
    }
    for period in [1, 2, 3, 4, 5, 31, 257, 258, 259, 4096, 4100] {
        samples.push((format!("period {period}"), build(&[Period(period, 140_000)], period as u64)));
    }
    samples.push(("early slide".into(), early(90_000)));
    samples.push(("early slide at the end".into(), early(65_536)));
    let long = build(&[Tar(60_000), FewSymbols(9, 72_000)], 9);
    for size in SIZES {
        samples.push((format!("{size} bytes"), long[..size].to_vec()));
        samples.push((format!("{size} zeros"), vec![0; size]));
    }
    samples
}
