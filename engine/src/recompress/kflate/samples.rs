//! Inputs of the golden streams and of the property tests; the same bits everywhere, so that only outputs are recorded.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

/// xorshift64*
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// One stretch of data of a kind.
#[derive(Debug, Clone)]
pub enum Piece {
    Random(usize),
    FewSymbols(usize, usize),
    /// Bytes whose frequencies fall by half each.
    Steep(usize),
    Words(usize),
    Run(u8, usize),
    Period(usize, usize),
    /// A copy from this far back, with a byte changed now and then.
    Copy(usize, usize),
    Tar(usize),
}

pub fn build(pieces: &[Piece], seed: u64) -> Vec<u8> {
    let mut noise = Noise(seed | 1);
    let mut data = Vec::new();
    for piece in pieces {
        match *piece {
            Piece::Random(len) => data.extend((0..len).map(|_| noise.next() as u8)),
            Piece::FewSymbols(n, len) => data.extend((0..len).map(|_| noise.below(n) as u8)),
            Piece::Steep(len) => data.extend((0..len).map(|_| 11 * (noise.next() | 1 << 22).trailing_zeros() as u8)),
            Piece::Words(len) => words(&mut data, len, &mut noise),
            Piece::Run(byte, len) => data.extend(std::iter::repeat_n(byte, len)),
            Piece::Period(period, len) => {
                let unit: Vec<u8> = (0..period).map(|_| noise.next() as u8).collect();
                data.extend(unit.iter().cycle().take(len));
            }
            Piece::Copy(back, len) => {
                for _ in 0..len {
                    let byte = data.len().checked_sub(back).map_or(7, |at| data[at]);
                    data.push(if noise.below(400) == 0 { noise.next() as u8 } else { byte });
                }
            }
            Piece::Tar(len) => {
                let end = data.len() + len;
                while data.len() < end {
                    let mut header =
                        format!("usr/lib/thing{}/file{}.py", noise.below(9), noise.below(999)).into_bytes();
                    header.resize(100, 0);
                    header.extend(format!("0000644\x000000000\x000000000\x00{:011o}\x00", noise.below(9999)).bytes());
                    header.resize(512, 0);
                    data.extend(header);
                    let body = noise.below(3000);
                    words(&mut data, body, &mut noise);
                    data.resize(data.len().next_multiple_of(512), 0);
                }
            }
        }
    }
    data
}

fn words(data: &mut Vec<u8>, len: usize, noise: &mut Noise) {
    const WORDS: [&str; 16] = [
        "self", "return ", "def ", "import ", "(", ")\n", "    ", "chunk", "frame", "pack", " = ", "None", "index.",
        "the ", "snow", "ice ",
    ];
    let end = data.len() + len;
    while data.len() < end {
        if noise.below(6) == 0 {
            data.push(b'a' + noise.below(26) as u8);
        }
        data.extend(WORDS[noise.below(16) & noise.below(16)].bytes());
    }
    data.truncate(end);
}

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
