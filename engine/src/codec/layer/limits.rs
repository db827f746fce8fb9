use super::LayerError;

/// Bounds on what decoding one layer may produce and hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Most bytes that a layer may decode to (`--max-layer-size`).
    pub max_decoded: u64,
    /// Most decoded bytes for each compressed byte (`--max-layer-ratio`); counts only past `ratio_allowance`.
    pub max_ratio: u64,
    /// Decoded bytes that any layer may have, whatever its ratio: a layer of zeros is legal and small ones are common.
    pub ratio_allowance: u64,
    /// Base-2 logarithm of the largest zstd window, which is the memory a frame asks for (`--max-zstd-window`); 10 to 31.
    pub zstd_window_log: u32,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_decoded: 64 << 30, max_ratio: 200, ratio_allowance: 1 << 30, zstd_window_log: 27 }
    }
}

impl DecodeLimits {
    /// Fails when `decoded` bytes out of `compressed` are more than allowed.
    pub(crate) fn check(&self, decoded: u64, compressed: u64) -> Result<(), LayerError> {
        if decoded > self.max_decoded {
            return Err(LayerError::TooLarge { limit: self.max_decoded });
        }
        let by_ratio = compressed.saturating_mul(self.max_ratio);
        if decoded > self.ratio_allowance && decoded > by_ratio {
            return Err(LayerError::RatioTooHigh { decoded, compressed, limit: self.max_ratio });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_inclusive_and_the_allowance_comes_first() {
        let limits = DecodeLimits { max_decoded: 1000, max_ratio: 10, ratio_allowance: 100, zstd_window_log: 27 };
        assert!(limits.check(100, 0).is_ok());
        assert!(matches!(limits.check(101, 10), Err(LayerError::RatioTooHigh { limit: 10, .. })));
        assert!(limits.check(110, 11).is_ok());
        assert!(limits.check(1000, 100).is_ok());
        assert!(matches!(limits.check(1001, 1000), Err(LayerError::TooLarge { limit: 1000 })));
        assert!(limits.check(1000, u64::MAX).is_ok(), "the product saturates");
    }

    #[test]
    fn messages_name_the_flag() {
        let limits = DecodeLimits { max_decoded: 10, max_ratio: 1, ratio_allowance: 0, zstd_window_log: 27 };
        let large = limits.check(11, 11).map_err(|e| e.to_string());
        assert!(large.is_err_and(|m| m.contains("--max-layer-size")));
        let ratio = limits.check(9, 1).map_err(|e| e.to_string());
        assert!(ratio.is_err_and(|m| m.contains("--max-layer-ratio")));
    }
}
