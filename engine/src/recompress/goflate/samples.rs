//! Inputs for tests: made by rule, so that only what Go wrote for them has to be kept.

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
    Words(usize),
    Run(u8, usize),
    Period(usize, usize),
    /// A copy from this far back, with a byte changed now and then.
    Copy(usize, usize),
    Tar(usize),
    /// Strings that share a bucket of the levels from 2 on.
    Colliding(usize),
}

pub fn build(pieces: &[Piece], seed: u64) -> Vec<u8> {
    let mut noise = Noise(seed | 1);
    let mut data = Vec::new();
    for piece in pieces {
        match *piece {
            Piece::Random(len) => data.extend((0..len).map(|_| noise.next() as u8)),
            Piece::FewSymbols(n, len) => data.extend((0..len).map(|_| noise.below(n) as u8)),
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
            Piece::Tar(len) => tar(&mut data, len, &mut noise),
            Piece::Colliding(len) => colliding(&mut data, len, &mut noise),
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

fn tar(data: &mut Vec<u8>, len: usize, noise: &mut Noise) {
    let end = data.len() + len;
    while data.len() < end {
        let mut header = format!("usr/lib/thing{}/file{}.py", noise.below(9), noise.below(999)).into_bytes();
        header.resize(100, 0);
        header.extend(format!("0000644\x000000000\x000000000\x00{:011o}\x00", noise.below(9999)).bytes());
        header.resize(512, 0);
        data.extend(header);
        let body = noise.below(3000);
        words(data, body, noise);
        data.resize(data.len().next_multiple_of(512), 0);
    }
}

/// The inverse of the hash's multiplier turns a bucket and any low bits back into a string of that bucket.
fn colliding(data: &mut Vec<u8>, len: usize, noise: &mut Noise) {
    const MULTIPLIER: u32 = 0x1e35_a7bd;
    let inverse = (0..5).fold(MULTIPLIER, |x, _| x.wrapping_mul(2u32.wrapping_sub(MULTIPLIER.wrapping_mul(x))));
    let end = data.len() + len;
    while data.len() < end {
        let string = inverse.wrapping_mul(0x1234_8000 | noise.below(0x8000) as u32);
        data.extend(string.to_be_bytes());
        if noise.below(5) == 0 {
            data.push(noise.next() as u8);
        }
    }
    data.truncate(end);
}

/// Frequencies like Fibonacci numbers make codes that are too long.
fn fibonacci() -> Vec<u8> {
    let mut data = Vec::new();
    let (mut a, mut b) = (1usize, 1usize);
    for symbol in 0..21u8 {
        data.extend(std::iter::repeat_n(symbol * 11, a));
        (a, b) = (b, a + b);
    }
    let mut noise = Noise(77);
    for i in (1..data.len()).rev() {
        data.swap(i, noise.below(i + 1));
    }
    data
}

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
