use crate::recompress::deflate::likely_levels;

/// How zlib looks for matches (`Z_*` strategies); the value is what a recipe holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Strategy {
    /// `Z_DEFAULT_STRATEGY`
    Default = 0,
    /// `Z_FILTERED`
    Filtered = 1,
    /// `Z_HUFFMAN_ONLY`
    HuffmanOnly = 2,
    /// `Z_RLE`
    Rle = 3,
    /// `Z_FIXED`
    Fixed = 4,
}

/// The arguments of zlib's `deflateInit2`, each within what zlib accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ZlibParams {
    level: u8,
    window_bits: u8,
    mem_level: u8,
    strategy: Strategy,
}

impl ZlibParams {
    /// `None` unless `level` is 1 to 9, `window_bits` 9 to 15 and `mem_level` 1 to 9.
    #[must_use]
    pub fn new(level: u8, window_bits: u8, mem_level: u8, strategy: Strategy) -> Option<Self> {
        let valid = (1..=9).contains(&level) && (9..=15).contains(&window_bits) && (1..=9).contains(&mem_level);
        valid.then_some(Self { level, window_bits, mem_level, strategy })
    }

    /// Compression level, 1 to 9.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Base-2 logarithm of the window, 9 to 15.
    #[must_use]
    pub fn window_bits(&self) -> u8 {
        self.window_bits
    }

    /// Memory level, 1 to 9; zlib's own default is 8.
    #[must_use]
    pub fn mem_level(&self) -> u8 {
        self.mem_level
    }

    /// Match strategy.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Level and memory level, if this is the default strategy with a window of 32 KiB: what everybody uses, and what firn's own
    /// encoder writes.
    pub(in crate::recompress) fn own(&self) -> Option<(u8, u8)> {
        let is_own = (self.window_bits, self.strategy) == (15, Strategy::Default);
        is_own.then_some((self.level, self.mem_level))
    }

    /// The parameters as a recipe holds them.
    pub(in crate::recompress) fn to_bytes(self) -> [u8; 4] {
        [self.level, self.window_bits, self.mem_level, self.strategy as u8]
    }

    /// Reads what `to_bytes` wrote; `None` for anything else.
    pub(in crate::recompress) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [level, window_bits, mem_level, strategy] = *bytes else {
            return None;
        };
        let strategy = match strategy {
            0 => Strategy::Default,
            1 => Strategy::Filtered,
            2 => Strategy::HuffmanOnly,
            3 => Strategy::Rle,
            4 => Strategy::Fixed,
            _ => return None,
        };
        Self::new(level, window_bits, mem_level, strategy)
    }

    /// What to try, likeliest first, for a member whose header has this XFL byte: 22 sets in all.
    pub(in crate::recompress) fn candidates(xfl: u8) -> Vec<Self> {
        let levels = likely_levels(xfl);
        let by_level = [8, 9].into_iter().flat_map(|mem| levels.map(|level| (level, mem, Strategy::Default)));
        let by_strategy = [Strategy::HuffmanOnly, Strategy::Rle]
            .into_iter()
            .flat_map(|strategy| [(6, 8, strategy), (6, 9, strategy)]);
        by_level.chain(by_strategy).filter_map(|(level, mem, strategy)| Self::new(level, 15, mem, strategy)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn candidates_are_distinct_and_start_with_the_likeliest() {
        for (xfl, level) in [(0, 6), (2, 9), (4, 1)] {
            let candidates = ZlibParams::candidates(xfl);
            assert_eq!(candidates.len(), 22);
            assert_eq!(candidates.iter().collect::<HashSet<_>>().len(), 22);
            assert_eq!(candidates.first().map(|p| (p.level(), p.mem_level())), Some((level, 8)));
        }
    }

    #[test]
    fn bytes_round_trip_and_others_are_refused() {
        for params in ZlibParams::candidates(0) {
            assert_eq!(ZlibParams::from_bytes(&params.to_bytes()), Some(params));
        }
        for bad in
            [[0, 15, 8, 0], [10, 15, 8, 0], [6, 8, 8, 0], [6, 16, 8, 0], [6, 15, 0, 0], [6, 15, 10, 0], [6, 15, 8, 5]]
        {
            assert_eq!(ZlibParams::from_bytes(&bad), None, "{bad:?}");
        }
        assert_eq!(ZlibParams::from_bytes(&[6, 15, 8]), None);
        assert_eq!(ZlibParams::from_bytes(&[6, 15, 8, 0, 0]), None);
    }
}
