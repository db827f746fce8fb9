//! A block's code lengths, and the transmitted form they are read from (RFC 1951, 3.2.7).

use super::bits::Bits;
use super::table::MAX_BITS;
use super::{CodeFault, Fault};

/// Literal and length symbols with a fixed code, of which two never occur.
const FIXED_LITERALS: usize = 288;
/// Distance symbols with a fixed code, of which two never occur.
const FIXED_DISTANCES: usize = 32;
/// Most literal and length symbols, and distance symbols, that zlib takes.
const MAX_LITERALS: u16 = 286;
const MAX_DISTANCES: u16 = 30;
/// The symbol that ends a block.
const END_OF_BLOCK: usize = 256;
/// In which order the lengths of the code length code are sent.
const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// Longest code of a code length.
const LENGTH_BITS: u32 = 7;
/// Most bytes a header takes: 14 bits, 19 times 3, and 316 lengths of 7.
const MAX_RAW: usize = (14 + 19 * 3 + 316 * 7_usize).div_ceil(8);

/// Code lengths of a block and how they were sent.
pub(super) struct Lengths {
    of: [u8; FIXED_LITERALS + FIXED_DISTANCES],
    literals: usize,
    distances: usize,
    raw: [u8; MAX_RAW],
    raw_bits: usize,
}

impl Lengths {
    pub(super) fn new() -> Self {
        let of = [0; FIXED_LITERALS + FIXED_DISTANCES];
        Self { of, literals: 0, distances: 0, raw: [0; MAX_RAW], raw_bits: 0 }
    }

    /// By literal and length symbol.
    pub(super) fn literals(&self) -> &[u8] {
        self.of.get(..self.literals).unwrap_or_default()
    }

    /// By distance symbol.
    pub(super) fn distances(&self) -> &[u8] {
        self.of.get(self.literals..self.literals + self.distances).unwrap_or_default()
    }

    /// What was sent, behind the block's type.
    pub(super) fn raw(&self) -> (&[u8], usize) {
        (self.raw.get(..self.raw_bits.div_ceil(8)).unwrap_or_default(), self.raw_bits)
    }

    /// The lengths of RFC 1951, 3.2.6.
    pub(super) fn set_fixed(&mut self) {
        self.clear();
        (self.literals, self.distances) = (FIXED_LITERALS, FIXED_DISTANCES);
        for (symbol, len) in self.of.iter_mut().enumerate() {
            *len = match symbol {
                0..144 | 280..288 => 8,
                144..256 => 9,
                256..280 => 7,
                _ => 5,
            };
        }
    }

    fn clear(&mut self) {
        self.of.fill(0);
        self.raw.fill(0);
        self.raw_bits = 0;
    }

    /// Takes bits that are there, keeping them.
    fn take(&mut self, bits: &mut Bits<'_>, n: u32) -> u16 {
        let value = bits.peek(n);
        bits.drop(n);
        let (at, shift) = (self.raw_bits / 8, self.raw_bits % 8);
        let spread = (u32::from(value) << shift).to_le_bytes();
        for (byte, more) in self.raw.iter_mut().skip(at).zip(spread) {
            *byte |= more;
        }
        self.raw_bits += n as usize;
        value
    }
}

/// Reads a dynamic block's lengths, as far as there is input.
pub(super) struct LengthReader {
    at: Stage,
    code: LengthCode,
    of_code: [u8; 19],
}

enum Stage {
    Counts,
    /// Lengths of the code length code, this many of so many read.
    OfCode(usize, usize),
    /// Lengths, this many read.
    Lengths(usize),
}

impl LengthReader {
    pub(super) fn new() -> Self {
        Self { at: Stage::Counts, code: LengthCode([0; 1 << LENGTH_BITS]), of_code: [0; 19] }
    }

    /// Begins a block's.
    pub(super) fn start(&mut self, lengths: &mut Lengths) {
        self.at = Stage::Counts;
        self.of_code = [0; 19];
        lengths.clear();
    }

    /// Whether all lengths are there; if not, more input is needed.
    pub(super) fn read(&mut self, bits: &mut Bits<'_>, lengths: &mut Lengths) -> Result<bool, Fault> {
        loop {
            match self.at {
                Stage::Counts => {
                    if !bits.have(14) {
                        return Ok(false);
                    }
                    self.at = Stage::OfCode(0, counts(bits, lengths)?);
                }
                Stage::OfCode(have, all) if have < all => {
                    if !bits.have(3) {
                        return Ok(false);
                    }
                    let len = lengths.take(bits, 3).to_le_bytes()[0];
                    let place = ORDER.get(have).and_then(|&symbol| self.of_code.get_mut(usize::from(symbol)));
                    if let Some(place) = place {
                        *place = len;
                    }
                    self.at = Stage::OfCode(have + 1, all);
                }
                Stage::OfCode(..) => {
                    self.code.build(&self.of_code).map_err(Fault::CodeLengthCode)?;
                    self.at = Stage::Lengths(0);
                }
                Stage::Lengths(have) if have < lengths.literals + lengths.distances => {
                    let Some(read) = self.code.read(bits, lengths, have)? else {
                        return Ok(false);
                    };
                    self.at = Stage::Lengths(have + read);
                }
                Stage::Lengths(_) => {
                    return match lengths.literals().get(END_OF_BLOCK) {
                        None | Some(0) => Err(Fault::NoEndOfBlock),
                        Some(_) => Ok(true),
                    };
                }
            }
        }
    }
}

/// Reads how many lengths follow; returns how many of the code length code.
fn counts(bits: &mut Bits<'_>, lengths: &mut Lengths) -> Result<usize, Fault> {
    let all = bits.peek(14);
    let literals = (all & 31) + 257;
    let distances = (all >> 5 & 31) + 1;
    if literals > MAX_LITERALS || distances > MAX_DISTANCES {
        return Err(Fault::TooManySymbols { literals, distances });
    }
    lengths.take(bits, 14);
    (lengths.literals, lengths.distances) = (literals.into(), distances.into());
    Ok(usize::from(all >> 10) + 4)
}

/// The code of the code lengths: by the next 7 bits, symbol times 8 plus code length.
struct LengthCode([u8; 1 << LENGTH_BITS]);

impl LengthCode {
    fn build(&mut self, lengths: &[u8; 19]) -> Result<(), CodeFault> {
        let used = lengths.iter().filter(|len| **len > 0).map(|len| 128u32 >> len).sum::<u32>();
        match used {
            // As zlib does: every bit is a length of 0, and the end of block turns out to have no code.
            0 => {
                self.0 = [1; 1 << LENGTH_BITS];
                return Ok(());
            }
            128 => {}
            1..128 => return Err(CodeFault::Incomplete),
            _ => return Err(CodeFault::OverSubscribed),
        }
        let mut code = 0u8;
        for len in 1..=7u8 {
            for (symbol, _) in (0u8..).zip(lengths).filter(|(_, l)| **l == len) {
                let first = usize::from(code.reverse_bits() >> 1);
                for place in self.0.iter_mut().skip(first).step_by(1 << len) {
                    *place = symbol << 3 | len;
                }
                code = code.wrapping_add(128 >> len);
            }
        }
        Ok(())
    }

    /// Reads one symbol into the lengths from `have` on; how many lengths that was.
    fn read(&self, bits: &mut Bits<'_>, lengths: &mut Lengths, have: usize) -> Result<Option<usize>, Fault> {
        // The most that a symbol takes; near the end of input there may be less.
        bits.have(14);
        let entry = self.0.get(usize::from(bits.peek(LENGTH_BITS))).copied().unwrap_or(0);
        let (symbol, len) = (entry >> 3, u32::from(entry & 7));
        let extra = match symbol {
            16 => 2,
            17 => 3,
            18 => 7,
            _ => 0,
        };
        if bits.count < len + extra {
            return Ok(None);
        }
        let more = usize::from(bits.peek(len + extra) >> len);
        let (value, repeat) = match symbol {
            16 => match have.checked_sub(1).and_then(|last| lengths.of.get(last)) {
                Some(&last) => (last, 3 + more),
                None => return Err(Fault::RepeatOfNothing),
            },
            17 => (0, 3 + more),
            18 => (0, 11 + more),
            _ => (symbol, 1),
        };
        let all = lengths.literals + lengths.distances;
        match lengths.of.get_mut(have..have + repeat) {
            Some(room) if have + repeat <= all => room.fill(value),
            _ => return Err(Fault::RepeatTooLong),
        }
        lengths.take(bits, len + extra);
        Ok(Some(repeat))
    }
}

const _: () = assert!(MAX_BITS == 15, "lengths are kept as they are sent, in 0 to 15");
