//! Inputs of the golden streams.

#![allow(clippy::indexing_slicing)]

use crate::recompress::coding::samples::{Piece, build};

/// The input whose streams are recorded whole: compressible, and longer than two parts of 70,000 bytes.
pub fn recorded() -> Vec<u8> {
    build(
        &[
            Piece::Words(6_000),
            Piece::Run(0, 90_000),
            Piece::Tar(12_000),
            Piece::Random(1_500),
            Piece::Copy(20_000, 40_000),
            Piece::FewSymbols(3, 3_000),
            Piece::Copy(32_768, 10_000),
            Piece::Period(259, 30_000),
        ],
        1,
    )
}

/// The inputs of which only the streams' lengths and hashes are recorded.
pub fn hashed() -> Vec<Vec<u8>> {
    let tar = build(&[Piece::Tar(140_000)], 2);
    let mut inputs: Vec<Vec<u8>> =
        [0, 1, 12, 13, 32, 33, 127, 128, 300, 16_385, 65_535, 65_536, 65_568, 65_663, 70_000, 131_070, 140_000]
            .map(|len| tar[..len].to_vec())
            .into();
    inputs.extend([
        vec![0; 70_001],
        vec![7; 300_000],
        build(&[Piece::Random(100_000)], 3),
        build(&[Piece::Steep(80_000)], 4),
        build(&[Piece::FewSymbols(2, 20_000), Piece::FewSymbols(9, 20_000), Piece::FewSymbols(200, 60_000)], 5),
        build(&[Piece::Random(40_000), Piece::Copy(32_767, 40_000), Piece::Copy(32_768, 40_000)], 6),
        build(&[Piece::Words(200_000)], 7),
        build(
            &[Piece::Tar(200_000), Piece::Random(30_000), Piece::Copy(9_000, 90_000), Piece::FewSymbols(5, 40_000)],
            8,
        ),
        build(&[Piece::Words(50_000), Piece::Random(66_000), Piece::Words(50_000), Piece::Steep(66_000)], 9),
        build(
            &[Piece::Period(5, 3_000), Piece::Period(300, 40_000), Piece::Tar(80_000), Piece::Copy(40_000, 60_000)],
            10,
        ),
        // Bytes that level 9 has not counted when it prices them.
        build(
            &[Piece::Words(40_000), Piece::FewSymbols(250, 4_000), Piece::Copy(3_000, 40_000), Piece::Random(9_000)],
            11,
        ),
    ]);
    inputs
}

/// FNV-1a, 64 bits.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Parts of the golden streams; 0 is none.
pub const PARTS: [u32; 3] = [0, 70_000, 262_144];
/// Levels of the golden streams.
pub const LEVELS: [i8; 11] = [-2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
/// Bytes between flushes, over and over, of the golden streams that are flushed.
pub const FLUSHES: [&[usize]; 2] =
    [&[1, 32, 33, 127, 128, 1000, 5000, 70_000, 3, 0, 40_000, 4], &[65_273, 1, 32_767, 262, 65_535, 5, 65_278, 98_304]];
