//! The definition of the cut rule, written to be read. Everything else here must give the same answers.
//!
//! A window of eight bytes has a score, and a chunk ends after the window with the highest one. The score is a
//! multiplicative hash of the *difference* between the window's halves:
//!
//! - runs of one byte, and data of period 2 or 4, score 0, the lowest there is: padding never attracts a cut;
//! - when scores are equal the last wins: data of longer period gives chunks of nearly the maximum;
//! - sixteen bits suffice to tell the candidates of one chunk apart, and let a vector hold twice as many as 32 would.

/// Bytes in a window.
pub(super) const WINDOW: usize = 8;

/// Multiplier of the outer words' difference.
pub(super) const OUTER: u16 = 0x9e37;
/// Multiplier of the inner words' difference.
pub(super) const INNER: u16 = 0x79b9;

/// Score of one window: its four little-endian 16-bit words, differences and products modulo 2^16.
#[inline]
pub(super) fn score(window: &[u8; WINDOW]) -> u16 {
    let [a, b, c, d, e, f, g, h] = *window;
    let outer = u16::from_le_bytes([a, b]).wrapping_sub(u16::from_le_bytes([e, f]));
    let inner = u16::from_le_bytes([c, d]).wrapping_sub(u16::from_le_bytes([g, h]));
    outer.wrapping_mul(OUTER).wrapping_add(inner.wrapping_mul(INNER))
}

/// Offset of the last of the highest-scoring windows in `span`; 0 if no window fits.
pub(super) fn last_max(span: &[u8]) -> usize {
    let mut best = (0, 0);
    for (offset, window) in span.array_windows::<WINDOW>().enumerate() {
        best = best.max((score(window), offset));
    }
    best.1
}
