//! One token at a time, at the edges of input and blocks and where something is wrong.

use super::bits::Bits;
use super::table::{ALMOST_LONGEST, DISTANCE_BITS, END, LITERAL, LITERAL_BITS, LONGER, ODD, Tables, value};
use super::window::Window;
use super::{Fault, TokenSink};

/// What came next.
pub(super) enum Found {
    Token,
    EndOfBlock,
    /// Part of a token; more input is needed.
    Part,
}

/// Decodes a token, or nothing when it is not all there; the window is not full.
#[expect(clippy::cast_possible_truncation, reason = "a byte, lengths up to 258 and distances up to 32768")]
pub(super) fn token(
    bits: &mut Bits<'_>,
    tables: &Tables,
    window: &mut Window,
    sink: &mut impl TokenSink,
) -> Result<Found, Fault> {
    bits.fill();
    // Missing bits read as zeros; what is found counts only if it takes no more than there are.
    let all = bits.buffer;
    let mut entry = tables.literal_first(all);
    let mut at = 0;
    if entry & LONGER != 0 {
        at = LITERAL_BITS;
        entry = tables.literal_second(entry, all >> at);
    }
    let after = at + (entry & 63);
    if after > bits.count {
        return Ok(Found::Part);
    }
    if entry & LITERAL != 0 {
        let byte = (entry >> 16) as u8;
        window.append(&[byte]);
        sink.literal(byte);
        bits.drop(after);
        return Ok(Found::Token);
    }
    if entry & ODD != 0 && entry & ALMOST_LONGEST == 0 {
        if entry & END == 0 {
            return Err(Fault::LiteralSymbol);
        }
        bits.drop(after);
        return Ok(Found::EndOfBlock);
    }
    let len = value(entry, all >> at);
    let in_full = entry & ALMOST_LONGEST != 0 && len == 258;

    let mut entry = tables.distance_first(all >> after);
    at = after;
    if entry & LONGER != 0 {
        at += DISTANCE_BITS;
        entry = tables.distance_second(entry, all >> at);
    }
    let end = at + (entry & 63);
    if entry & ODD != 0 && end <= bits.count {
        return Err(Fault::DistanceSymbol);
    }
    if end > bits.count {
        return Ok(Found::Part);
    }
    let distance = value(entry, all >> at);
    if distance > window.end as u64 {
        return Err(Fault::TooFar { distance: distance as u16, decoded: window.decoded() });
    }
    window.copy(len as usize, distance as usize);
    if in_full {
        sink.matched_in_full(distance as u16);
    } else {
        sink.matched(len as u16, distance as u16);
    }
    bits.drop(end);
    Ok(Found::Token)
}
