//! What a match costs, estimated by the tables that need not be written.

use super::sequences::{self, match_code, offset_code};

/// Bits of codes and of what is behind them.
pub(super) struct Prices {
    offsets: [u8; 32],
    lengths: [u8; 64],
}

impl Prices {
    pub(super) fn new() -> Self {
        let (offsets, lengths) = sequences::predefined_bits();
        Self { offsets, lengths }
    }

    /// Bits of a match by its offset and its length less 3, without what its bytes cost as literals.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "codes are masked")]
    pub(super) fn of(&self, offset: u32, len: u32) -> i32 {
        let offset = self.offsets[usize::from(offset_code(offset)) % 32];
        i32::from(offset) + i32::from(self.lengths[usize::from(match_code(len)) % 64])
    }
}
