//! The loop that nearly all tokens go through: no check for the end of input or of room but one a round.

use super::TokenSink;
use super::bits::Bits;
use super::table::{DISTANCE_BITS, LITERAL, LITERAL_BITS, LONGER, ODD, Tables, value};
use super::window::{FULL, Window, copy};

/// Input bytes a round may load.
const ROUND: usize = 24;

/// Decodes tokens while the next round is sure to have input and room, up to anything that is neither literal nor a valid
/// match; returns how many.
#[expect(clippy::cast_possible_truncation, reason = "bytes, lengths up to 258 and distances up to 32768")]
pub(super) fn tokens(bits: &mut Bits<'_>, tables: &Tables, window: &mut Window, sink: &mut impl TokenSink) -> u64 {
    let input = bits.input;
    let Some(last_round) = input.len().checked_sub(ROUND) else { return 0 };
    let bytes = &mut *window.bytes;
    let (mut at, mut end) = (bits.at, window.end);
    let mut tokens = 0;
    // Above `count`, of which the low 6 bits count, the buffer may hold bits that the next refill puts there again.
    let (mut buffer, mut count) = (bits.buffer, bits.count);
    if at > last_round || end >= FULL {
        return 0;
    }
    refill(input, &mut at, &mut buffer, &mut count);
    let mut next = tables.literal_first(buffer);
    while at <= last_round && end < FULL {
        let mut entry = next;
        if entry & LITERAL != 0 {
            // 56 bits hold 5 literals of the first table; with 3, a match's length still fits behind them.
            take(entry, &mut buffer, &mut count);
            literal(entry, bytes, &mut end, sink);
            tokens += 1;
            entry = tables.literal_first(buffer);
            if entry & LITERAL != 0 {
                take(entry, &mut buffer, &mut count);
                literal(entry, bytes, &mut end, sink);
                tokens += 1;
                entry = tables.literal_first(buffer);
                if entry & LITERAL != 0 {
                    take(entry, &mut buffer, &mut count);
                    literal(entry, bytes, &mut end, sink);
                    tokens += 1;
                    refill(input, &mut at, &mut buffer, &mut count);
                    next = tables.literal_first(buffer);
                    continue;
                }
            }
            refill(input, &mut at, &mut buffer, &mut count);
        }
        // From here on 56 bits suffice for the longest match, of 48. What cannot be done is put back.
        let (old_buffer, old_count) = (buffer, count);
        if entry & LONGER != 0 {
            buffer >>= LITERAL_BITS;
            count = count.wrapping_sub(LITERAL_BITS);
            entry = tables.literal_second(entry, buffer);
            if entry & LITERAL != 0 {
                take(entry, &mut buffer, &mut count);
                literal(entry, bytes, &mut end, sink);
                tokens += 1;
                refill(input, &mut at, &mut buffer, &mut count);
                next = tables.literal_first(buffer);
                continue;
            }
        }
        if entry & ODD != 0 {
            (buffer, count) = (old_buffer, old_count);
            break;
        }
        let len = value(entry, buffer) as usize;
        take(entry, &mut buffer, &mut count);

        let mut entry = tables.distance_first(buffer);
        if entry & LONGER != 0 {
            buffer >>= DISTANCE_BITS;
            count = count.wrapping_sub(DISTANCE_BITS);
            entry = tables.distance_second(entry, buffer);
        }
        let distance = value(entry, buffer) as usize;
        if entry & ODD != 0 || distance > end {
            (buffer, count) = (old_buffer, old_count);
            break;
        }
        take(entry, &mut buffer, &mut count);
        refill(input, &mut at, &mut buffer, &mut count);
        next = tables.literal_first(buffer);
        copy(bytes, end, len, distance);
        end += len;
        tokens += 1;
        sink.matched(len as u16, distance as u16);
    }
    count &= 63;
    (bits.at, bits.buffer, bits.count) = (at, buffer & ((1 << count) - 1), count);
    window.end = end;
    tokens
}

/// Loads as many whole bytes as fit: 56 to 63 bits are there then.
#[inline(always)]
fn refill(input: &[u8], at: &mut usize, buffer: &mut u64, count: &mut u32) {
    let word = input.get(*at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    *buffer |= word << (*count & 63);
    *at += (63 - (*count & 63)) as usize / 8;
    *count |= 56;
}

#[inline(always)]
fn take(entry: u32, buffer: &mut u64, count: &mut u32) {
    *buffer >>= entry & 63;
    *count = count.wrapping_sub(entry);
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the literal is in the byte above bit 16")]
fn literal(entry: u32, bytes: &mut [u8], end: &mut usize, sink: &mut impl TokenSink) {
    let byte = (entry >> 16) as u8;
    if let Some(place) = bytes.get_mut(*end) {
        *place = byte;
    }
    *end += 1;
    sink.literal(byte);
}
