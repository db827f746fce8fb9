/// Base-2 logarithm of the window of each level 1 to 19 in frames of unknown length; held to the linked library by a test.
const WINDOW_LOGS: [u8; 19] = [19, 20, 21, 21, 21, 21, 21, 21, 22, 22, 22, 22, 22, 22, 22, 22, 23, 23, 23];
/// The window log of all fast levels.
const FAST_WINDOW_LOG: u8 = 19;

/// What, with the data and its length, fixes a frame that libzstd writes through its streaming interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LibzstdParams {
    level: i32,
    /// 0, or the window of long-distance matching.
    long: u8,
    flags: u8,
}

/// An option that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LibzstdFlag {
    /// A checksum ends the frame.
    Checksum = 1,
    /// The header has the content's length, which the encoder then knows from the start.
    ContentSize = 2,
    /// Worker threads compress the frame in jobs; how many threads makes no difference.
    Workers = 4,
    /// Nothing was left to be compressed when the encoder was told of the end.
    EndsAlone = 8,
    /// No block is split before it is searched for matches, as in releases before 1.5.7.
    Unsplit = 16,
}

const ALL_FLAGS: u8 = 31;

impl LibzstdParams {
    /// Fast levels -131,072 to -1 and 1 to 19, without long-distance matching and any option; `None` for other levels: those
    /// above 19 need up to a gigabyte to run.
    #[must_use]
    pub fn new(level: i32) -> Option<Self> {
        matches!(level, -131_072..=-1 | 1..=19).then_some(Self { level, long: 0, flags: 0 })
    }

    /// With long-distance matching in a window of this base-2 logarithm; `None` outside of 10 to 27.
    #[must_use]
    pub fn long(self, window_log: u8) -> Option<Self> {
        matches!(window_log, 10..=27).then_some(Self { long: window_log, ..self })
    }

    /// With the option on or off.
    #[must_use]
    pub fn with(self, flag: LibzstdFlag, on: bool) -> Self {
        let rest = self.flags & !(flag as u8);
        Self { flags: if on { rest | flag as u8 } else { rest }, ..self }
    }

    /// Whether the option is on.
    #[must_use]
    pub fn has(&self, flag: LibzstdFlag) -> bool {
        self.flags & flag as u8 != 0
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> i32 {
        self.level
    }

    /// Base-2 logarithm of the window of long-distance matching.
    #[must_use]
    pub fn long_window(&self) -> Option<u8> {
        (self.long != 0).then_some(self.long)
    }

    /// Base-2 logarithm of the window in a frame of unknown length.
    pub(in super::super) fn window_log(&self) -> u8 {
        let by_level = usize::try_from(self.level - 1).ok().and_then(|row| WINDOW_LOGS.get(row).copied());
        self.long_window().unwrap_or(by_level.unwrap_or(FAST_WINDOW_LOG))
    }

    pub(in super::super) fn to_bytes(self) -> [u8; 6] {
        let [a, b, c, d] = self.level.to_le_bytes();
        [a, b, c, d, self.long, self.flags]
    }

    pub(in super::super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let &[a, b, c, d, long, flags] = bytes else { return None };
        let params = Self::new(i32::from_le_bytes([a, b, c, d]))?;
        let params = if long == 0 { params } else { params.long(long)? };
        (flags & !ALL_FLAGS == 0).then_some(Self { flags, ..params })
    }
}
