//! Symbols to bits, with the codes of one block.

use super::block::Sink;
use super::huffman::Code;
use crate::recompress::coding::alphabet::{
    Class, DISTANCE_CLASSES, END_OF_BLOCK, FIRST_LENGTH, LENGTH_CLASS_OF, LENGTH_CLASSES, distance_symbol,
};
use crate::recompress::coding::bits::BitWriter;

/// A code with what comes before its variable extra bits.
#[derive(Debug, Clone, Copy, Default)]
struct Prefix {
    bits: u32,
    len: u8,
    extra: u8,
    base: u16,
}

/// The codes of a block, arranged for writing.
pub(super) struct SymbolWriter {
    bytes: [Code; 256],
    end: Code,
    lengths: [Prefix; 256],
    distances: [Prefix; 32],
}

impl SymbolWriter {
    pub(super) fn new(literals: &[Code], distances: &[Code]) -> Self {
        Self {
            bytes: literals.first_chunk().copied().unwrap_or([Code::default(); 256]),
            end: literals.get(END_OF_BLOCK).copied().unwrap_or_default(),
            lengths: length_codes(literals),
            distances: distance_codes(distances),
        }
    }

    /// Writes `symbols` (as `Block` keeps them) and the end of the block, at most `size` bits.
    pub(super) fn write(&self, symbols: &[u32], size: u64, sink: &mut Sink<'_>) {
        self.write_with(size, sink, |bits, out, mut at| {
            for &symbol in symbols {
                at = self.put(symbol, bits, out, at);
            }
            at
        });
    }

    /// The same for literals only.
    pub(super) fn write_bytes(&self, bytes: &[u8], size: u64, sink: &mut Sink<'_>) {
        self.write_with(size, sink, |bits, out, mut at| {
            // Three codes are 45 bits at most.
            for three in bytes.chunks(3) {
                for &byte in three {
                    self.put_byte(byte, bits);
                }
                at = bits.flush_into(out, at);
            }
            at
        });
    }

    fn write_with(
        &self,
        size: u64,
        sink: &mut Sink<'_>,
        write: impl FnOnce(&mut BitWriter, &mut [u8], usize) -> usize,
    ) {
        let Sink { bits, out } = sink;
        bits.flush(out);
        let at = out.len();
        // Each flush writes eight bytes, of which the last ones may be beyond the end.
        out.resize(at + usize::try_from(size / 8).unwrap_or(0) + 16, 0);
        let at = write(bits, out, at);
        bits.put(self.end.bits.into(), self.end.len.into());
        let at = bits.flush_into(out, at);
        out.truncate(at);
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a byte indexes 256 entries")]
    fn put_byte(&self, byte: u8, bits: &mut BitWriter) {
        let code = self.bytes[usize::from(byte)];
        bits.put(code.bits.into(), code.len.into());
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "bytes index 256 entries, distance symbols masked to 32")]
    #[expect(clippy::cast_possible_truncation, reason = "a distance fits 16 bits, a literal 8")]
    fn put(&self, symbol: u32, bits: &mut BitWriter, out: &mut [u8], at: usize) -> usize {
        let distance = symbol >> 8;
        if distance == 0 {
            self.put_byte(symbol as u8, bits);
        } else {
            let length = self.lengths[usize::from(symbol as u8)];
            bits.put(length.bits.into(), length.len.into());
            let less_one = (distance - 1) as u16;
            let prefix = self.distances[usize::from(distance_symbol(less_one) & 31)];
            bits.put(prefix.bits.into(), prefix.len.into());
            bits.put(u64::from(less_one.wrapping_sub(prefix.base)), prefix.extra.into());
        }
        bits.flush_into(out, at)
    }
}

/// Code and extra bits of every length, by length - 3.
fn length_codes(literals: &[Code]) -> [Prefix; 256] {
    let mut table = [Prefix::default(); 256];
    for ((value, prefix), &class) in (0u32..).zip(&mut table).zip(&LENGTH_CLASS_OF) {
        let code = literals.get(FIRST_LENGTH + usize::from(class)).copied().unwrap_or_default();
        let Class { extra, base } = LENGTH_CLASSES.get(usize::from(class)).copied().unwrap_or_default();
        let rest = value - u32::from(base);
        *prefix = Prefix { bits: u32::from(code.bits) | rest << code.len, len: code.len + extra, extra: 0, base: 0 };
    }
    table
}

fn distance_codes(codes: &[Code]) -> [Prefix; 32] {
    let mut table = [Prefix::default(); 32];
    for ((prefix, code), class) in table.iter_mut().zip(codes).zip(&DISTANCE_CLASSES) {
        *prefix = Prefix { bits: code.bits.into(), len: code.len, extra: class.extra, base: class.base };
    }
    table
}
