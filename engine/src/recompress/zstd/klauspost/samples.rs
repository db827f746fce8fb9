//! Inputs of the golden streams.

use crate::recompress::coding::samples::{Piece, build};

/// The input whose streams are recorded whole: two blocks and a half, and well compressible.
pub fn recorded() -> Vec<u8> {
    build(
        &[
            Piece::Words(4_000),
            Piece::Run(0, 60_000),
            Piece::Tar(5_000),
            Piece::Random(600),
            Piece::Copy(9_000, 12_000),
            Piece::Run(9, 100_000),
            Piece::FewSymbols(3, 2_000),
            Piece::Period(259, 120_000),
            Piece::Words(3_000),
        ],
        1,
    )
}

/// Lengths where something changes: of headers, of what is coded at all, of blocks.
const LENGTHS: [usize; 40] = [
    0, 1, 2, 3, 4, 9, 10, 15, 16, 17, 31, 32, 33, 48, 100, 255, 256, 600, 1_023, 1_024, 1_025, 3_000, 20_000, 65_535,
    65_536, 65_537, 65_545, 65_600, 65_791, 65_792, 100_000, 131_071, 131_072, 131_073, 131_080, 131_087, 131_088,
    131_150, 262_144, 262_200,
];

/// The inputs of which only the streams' lengths and hashes are recorded.
pub fn hashed() -> Vec<Vec<u8>> {
    use Piece::{Copy, FewSymbols, Period, Random, Run, Steep, Tar, Words};
    let sources = [vec![Tar(300_000)], vec![Run(0, 300_000)], vec![Random(90_000), Words(300), Random(300_000)]];
    let sources = sources.map(|pieces| build(&pieces, 2));
    let cut = |source: &Vec<u8>| LENGTHS.map(|len| source.iter().copied().take(len).collect());
    let mut inputs: Vec<Vec<u8>> = sources.iter().flat_map(cut).collect();
    let made: [&[Piece]; 17] = [
        &[Random(400_000)],
        &[Steep(150_000)],
        &[FewSymbols(2, 90_000)],
        &[FewSymbols(200, 300_000)],
        &[FewSymbols(2, 20_000), FewSymbols(9, 20_000), FewSymbols(200, 60_000), FewSymbols(20, 200_000)],
        &[Words(400_000)],
        &[Tar(200_000), Random(130_000), Copy(9_000, 90_000), FewSymbols(5, 140_000)],
        &[Words(50_000), Random(166_000), Words(50_000), Steep(66_000)],
        &[Period(5, 3_000), Period(300, 240_000), Tar(80_000), Copy(40_000, 60_000)],
        &[Run(1, 131_071), Run(2, 131_072), Run(3, 131_073), Run(4, 400_000), Words(40)],
        &[Run(1, 131_000), Words(30), Run(2, 131_000), Words(60), Run(3, 131_000), Words(90), Run(4, 131_000)],
        &[Words(40), Run(0, 131_032), Words(60), Run(0, 131_012), Words(20), Run(0, 131_052), FewSymbols(5, 40)],
        &[Random(40), Run(0, 65_000), Random(100), Run(1, 65_000), Random(900), Run(2, 130_000), Random(1_100)],
        &[Period(3, 131_072), FewSymbols(3, 131_072), Period(7, 131_072), Words(131_072)],
        // Over the shortest windows, and over where the buffer slides.
        &[Words(30_000), Random(4_190_000), Words(10_000), Copy(4_200_000, 90_000), Random(4_300_000), Tar(60_000)],
        &[Tar(8_300_000), Random(90_000), Copy(8_380_000, 200_000), Copy(8_390_000, 90_000), Tar(90_000)],
        &[Tar(700_000), Run(0, 8_380_000), Copy(8_390_000, 90_000), Run(0, 8_380_000), Copy(8_380_000, 300_000)],
    ];
    inputs.extend(made.into_iter().zip(3..).map(|(pieces, seed)| build(pieces, seed)));
    inputs
}

/// FNV-1a, 64 bits.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
