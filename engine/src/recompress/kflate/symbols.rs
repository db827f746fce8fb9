//! Tokens to bits.

use super::table::Table;
use super::tokens::{Match, Tokens};
use crate::recompress::coding::bits::BitWriter;
use crate::recompress::coding::codes::{Prefix, distance_codes, length_codes, with_room};

/// A literal's code: 15 bits, and from bit 16 their number.
type Packed = u32;

/// Writes `tokens`, which take `size` bits.
pub(super) fn write_tokens(tokens: &Tokens, table: &Table, size: usize, bits: &mut BitWriter, out: &mut Vec<u8>) {
    let literals = literal_codes(table);
    let lengths = length_codes(&table.literals);
    let distances = distance_codes(&table.distances);
    with_room(size as u64, bits, out, |bits, room, mut at| {
        let (mut bytes, matches) = tokens.parts();
        for &found in matches {
            let (run, rest) = bytes.split_at_checked(usize::from(found.literals)).unwrap_or_default();
            bytes = rest;
            at = put_literals(run, &literals, bits, room, at);
            put_match(found, &lengths, &distances, bits);
            at = bits.flush_into(room, at);
        }
        put_literals(bytes, &literals, bits, room, at)
    });
}

/// Writes `bytes` as literals, which take `size` bits.
pub(super) fn write_literals(bytes: &[u8], table: &Table, size: usize, bits: &mut BitWriter, out: &mut Vec<u8>) {
    let literals = literal_codes(table);
    with_room(size as u64, bits, out, |bits, room, at| put_literals(bytes, &literals, bits, room, at));
}

/// Between two flushes there is room for 56 bits; three literals take up to 45.
#[inline(always)]
fn put_literals(bytes: &[u8], codes: &[Packed; 256], bits: &mut BitWriter, room: &mut [u8], mut at: usize) -> usize {
    let mut chunks = bytes.chunks_exact(3);
    for chunk in &mut chunks {
        for &byte in chunk {
            put_literal(byte, codes, bits);
        }
        at = bits.flush_into(room, at);
    }
    for &byte in chunks.remainder() {
        put_literal(byte, codes, bits);
    }
    bits.flush_into(room, at)
}

#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "a byte is within the array")]
fn put_literal(byte: u8, codes: &[Packed; 256], bits: &mut BitWriter) {
    let code = codes[usize::from(byte)];
    bits.put(u64::from(code & 0xffff), code >> 16);
}

/// At most 48 bits.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "a byte, and a number below 32, are within the arrays")]
fn put_match(found: Match, lengths: &[Prefix; 256], distances: &[Prefix; 32], bits: &mut BitWriter) {
    let length = lengths[usize::from(found.len)];
    bits.put(length.bits.into(), length.len.into());
    let prefix = distances[usize::from(found.distance_symbol & 31)];
    let rest = u64::from(found.distance.wrapping_sub(prefix.base));
    bits.put(u64::from(prefix.bits) | rest << (prefix.len & 63), u32::from(prefix.len) + u32::from(prefix.extra));
}

fn literal_codes(table: &Table) -> [Packed; 256] {
    let mut packed = [0; 256];
    for (packed, code) in packed.iter_mut().zip(&table.literals) {
        *packed = u32::from(code.bits) | u32::from(code.len) << 16;
    }
    packed
}
