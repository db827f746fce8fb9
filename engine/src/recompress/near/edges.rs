//! Places behind a stretch.

use crate::recompress::DeflateEncoder;
use crate::recompress::place::{Bits, Place};

/// Decoded bytes kept before it: a window, where it may lie in its buffer, and a block's literals.
pub(super) const HISTORY: u64 = 512 << 10;
/// Decoded bytes given to an encoder beyond a block, so that it gets to the block's end: more than any looks ahead.
pub(super) const BEYOND: u64 = 192 << 10;
/// Decoded bytes wanted behind an edge: enough to resume an encoder there, unless a flush or the stream's end comes first.
pub(super) const AHEAD: u64 = 1 << 10;

/// Where an encoder is resumed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    /// Decoded bytes before the block.
    pub(super) at: u64,
    /// Literals since the last match.
    pub(super) literals: u64,
    /// Bits of the block's first byte that come before it.
    pub(super) lead: Bits,
}

/// The place at `edge`, with the decoded bytes up to `to`; `plain` begins at `plain_at`. `None` if the encoder cannot be resumed
/// or something is missing.
pub(super) fn place(encoder: DeflateEncoder, plain: &[u8], plain_at: u64, edge: Edge, to: u64) -> Option<Place<'_>> {
    let clean = edge.at.checked_sub(edge.literals)?;
    let origin = encoder.origin(clean)?;
    let offset = |at: u64| usize::try_from(at.checked_sub(plain_at)?).ok();
    let plain = plain.get(offset(origin)?..offset(to)?)?;
    Some(Place { plain, plain_at: origin, clean, block: edge.at, lead: edge.lead })
}
