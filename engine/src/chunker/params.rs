//! The parameters of the cut rule, as an archive's config carries them.

use super::rule::WINDOW;

/// Number of the cut rule that this module implements.
pub const ALGORITHM: u32 = 1;

/// Smallest permitted minimum, in bytes: below it a chunk costs more in the index than it can save.
const MIN_FLOOR: u32 = 64;
/// Largest permitted maximum, in bytes: a chunk is held in memory whole.
const MAX_CEILING: u32 = 16 << 20;

const _: () = assert!(MIN_FLOOR as usize >= WINDOW);

/// Parameters that no chunker can work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// Another cut rule.
    #[error("chunker algorithm {0} is unknown; this version knows only {ALGORITHM}, a newer firn may know it")]
    UnknownAlgorithm(u32),
    /// A minimum below the window of the rule, or senselessly small.
    #[error("chunk minimum of {0} bytes is too small; the least is {MIN_FLOOR}")]
    MinTooSmall(u32),
    /// A maximum beyond what is held in memory.
    #[error("chunk maximum of {0} bytes is too large; the most is {MAX_CEILING}")]
    MaxTooLarge(u32),
    /// A minimum that is not below the maximum.
    #[error("chunk minimum of {min} bytes must be smaller than the maximum of {max}")]
    NotARange {
        /// The minimum given.
        min: u32,
        /// The maximum given.
        max: u32,
    },
}

/// Chunk size bounds of one archive. On data without repetition sizes are spread almost evenly between them, so the mean
/// is a little above half their sum (the last of equal candidates wins).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Params {
    min: u32,
    max: u32,
}

impl Params {
    /// Takes the bounds of a chunk's length in bytes.
    ///
    /// # Errors
    /// Unless 64 <= `min` < `max` <= 16 MiB.
    pub fn new(min: u32, max: u32) -> Result<Self, ParamsError> {
        if min < MIN_FLOOR {
            Err(ParamsError::MinTooSmall(min))
        } else if max > MAX_CEILING {
            Err(ParamsError::MaxTooLarge(max))
        } else if min >= max {
            Err(ParamsError::NotARange { min, max })
        } else {
            Ok(Self { min, max })
        }
    }

    /// For metadata streams: larger chunks, because every one costs 36 bytes in a record and hardly any is shared.
    pub const fn metadata() -> Self {
        Self { min: 32 << 10, max: 96 << 10 }
    }

    /// Takes the fields as an archive's config stores them.
    ///
    /// # Errors
    /// As [`Params::new`], and for any `algorithm` other than [`ALGORITHM`].
    pub fn from_config(algorithm: u32, min: u32, max: u32) -> Result<Self, ParamsError> {
        if algorithm == ALGORITHM { Self::new(min, max) } else { Err(ParamsError::UnknownAlgorithm(algorithm)) }
    }

    /// The number of the cut rule, for the config.
    pub fn algorithm(self) -> u32 {
        ALGORITHM
    }

    /// Least length of a chunk in bytes, except at the end of a file.
    pub fn min(self) -> u32 {
        self.min
    }

    /// Greatest length of a chunk in bytes.
    pub fn max(self) -> u32 {
        self.max
    }

    pub(super) fn min_len(self) -> usize {
        self.min as usize
    }

    pub(super) fn max_len(self) -> usize {
        self.max as usize
    }
}

impl Default for Params {
    /// 8 KiB to 24 KiB: a mean near 16 KiB, and near 17 on real files larger than 256 KiB.
    fn default() -> Self {
        Self { min: 8 << 10, max: 24 << 10 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_checked() {
        assert_eq!(Params::new(63, 4096), Err(ParamsError::MinTooSmall(63)));
        assert_eq!(Params::new(64, (16 << 20) + 1), Err(ParamsError::MaxTooLarge((16 << 20) + 1)));
        assert_eq!(Params::new(64, 64), Err(ParamsError::NotARange { min: 64, max: 64 }));
        let least = Params::new(64, 65).map(|p| (p.min(), p.max()));
        assert_eq!(least, Ok((64, 65)));
        assert!(Params::new((16 << 20) - 1, 16 << 20).is_ok());
    }

    #[test]
    fn config_round_trips_and_unknown_algorithms_are_refused() {
        let p = Params::default();
        assert_eq!(Params::from_config(p.algorithm(), p.min(), p.max()), Ok(p));
        assert_eq!(Params::from_config(2, p.min(), p.max()), Err(ParamsError::UnknownAlgorithm(2)));
    }
}
