use super::history::BLOCK;

/// What, with the data, fixes a frame that the package writes with default options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Params {
    level: u8,
    release: Release,
    flushed: bool,
    sniffed: bool,
}

/// Bytes that `containers/image` looks at before it knows how a layer is compressed, and hands on by themselves.
pub(super) const SNIFFED: usize = 8;

/// Releases of `klauspost/compress` with another output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Release {
    /// As of 1.15.12.
    V1_15 = 0,
    /// As of 1.18.0.
    V1_18 = 1,
    /// As of 1.20.3.
    V1_20 = 2,
}

impl Release {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::V1_15, Self::V1_18, Self::V1_20];
}

impl Params {
    /// Level 1 (`SpeedFastest`) to 4 (`SpeedBestCompression`); `None` for others.
    #[must_use]
    pub fn new(level: u8, release: Release) -> Option<Self> {
        matches!(level, 1..=4).then_some(Self { level, release, flushed: false, sniffed: false })
    }

    /// Whether `Flush` was called before `Close`.
    #[must_use]
    pub fn flushed(self, flushed: bool) -> Self {
        Self { flushed, ..self }
    }

    /// Whether `Flush` was called before `Close`.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.flushed
    }

    /// Whether the first 8 bytes were written before `ReadFrom` took the rest, which makes them a block.
    #[must_use]
    pub fn sniffed(self, sniffed: bool) -> Self {
        Self { sniffed, ..self }
    }

    /// Whether the first 8 bytes are a block.
    #[must_use]
    pub fn is_sniffed(&self) -> bool {
        self.sniffed
    }

    /// 1 to 4.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.level
    }

    /// The release.
    #[must_use]
    pub fn release(&self) -> Release {
        self.release
    }

    /// Bytes of the window.
    pub(in super::super) fn window(self) -> usize {
        match (self.level, self.release) {
            (1, _) => 4 << 20,
            (3, Release::V1_15) => 16 << 20,
            (4, Release::V1_15) => 32 << 20,
            _ => 8 << 20,
        }
    }

    /// Bytes of a block.
    pub(in super::super) fn block(self) -> usize {
        if self.level == 1 { BLOCK / 2 } else { BLOCK }
    }

    /// Whether a block without matches may be Huffman coded.
    pub(super) fn codes_bare_literals(self) -> bool {
        self.level > if self.release == Release::V1_15 { 1 } else { 2 }
    }

    pub(in super::super) fn to_bytes(self) -> [u8; 3] {
        [self.level, self.release as u8, u8::from(self.flushed) | u8::from(self.sniffed) << 1]
    }

    pub(in super::super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let &[level, release, flags @ 0..=3] = bytes else { return None };
        let release = *Release::ALL.get(usize::from(release))?;
        Some(Self::new(level, release)?.flushed(flags & 1 != 0).sniffed(flags & 2 != 0))
    }
}
