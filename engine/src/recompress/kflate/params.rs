//! What fixes a stream besides the data.

/// Whole parts of a stream that are encoded on their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// One part: `klauspost/compress/flate`, as its gzip and zlib writers use it.
    Plain,
    /// `klauspost/pgzip`: parts of this many bytes, each ended by an empty stored block. 1 MiB unless its user sets another.
    Parallel(u32),
}

/// Which releases of `klauspost/compress`, or of what Go made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Revision {
    /// As of 1.15.12.
    V1_15 = 0,
    /// As of 1.18.0: levels 4, 7, 8 and 9 differ.
    V1_18 = 1,
    /// As of 1.20.3: all levels but -2 and 0 differ.
    V1_20 = 2,
    /// Go's own `compress/flate` as of 1.27: as 1.20.3, but for level 9. It has no parts, and its default is level 6.
    Go1_27 = 3,
}

impl Revision {
    /// In the order of their numbers.
    pub const ALL: [Self; 4] = [Self::V1_15, Self::V1_18, Self::V1_20, Self::Go1_27];

    /// The level that a default (-1) stands for.
    #[must_use]
    pub const fn default_level(self) -> i8 {
        match self {
            Self::V1_15 | Self::V1_18 | Self::V1_20 => 5,
            Self::Go1_27 => 6,
        }
    }

    /// Tables of codes list only the symbols that occur, up to the last of them, and always have a code for the block's end.
    pub(super) fn has_short_tables(self) -> bool {
        self >= Self::V1_20
    }
}

/// Everything that, with the data, fixes a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Params {
    framing: Framing,
    level: i8,
    revision: Revision,
}

/// Bytes of a part that the next may refer to.
pub(in crate::recompress) const TAIL: usize = 16 << 10;
/// Largest part; nobody is known to use more than 1 MiB, and a part's size costs no memory.
const MAX_PART: u32 = 1 << 30;

impl Params {
    /// Huffman codes for literals, no matches.
    pub const HUFFMAN_ONLY: i8 = -2;

    /// `None` unless `level` is -2 to 9 and a part, if there are any, is larger than 16 KiB and at most 1 GiB; Go has none.
    ///
    /// -1 is the revision's default level, and is that from here on.
    #[must_use]
    pub fn new(framing: Framing, level: i8, revision: Revision) -> Option<Self> {
        let framing_valid = match framing {
            Framing::Plain => true,
            Framing::Parallel(part) => part as usize > TAIL && part <= MAX_PART && revision != Revision::Go1_27,
        };
        let level = if level == -1 { revision.default_level() } else { level };
        (framing_valid && (-2..=9).contains(&level)).then_some(Self { framing, level, revision })
    }

    /// What is usually met, likeliest first: Go's plain streams, then umoci's parts, pgzip's own, and plain streams, each at all
    /// levels. A revision is among them only where it writes another stream than those before it, except that what 1.20.3
    /// and Go both write is called Go's if it is plain.
    pub(in crate::recompress) fn usual() -> impl Iterator<Item = Self> {
        use Revision::{Go1_27, V1_15, V1_18, V1_20};
        const ALL: &[Framing] = &[Framing::Parallel(256 << 10), Framing::Parallel(1 << 20), Framing::Plain];
        const PARTS: &[Framing] = &[Framing::Parallel(256 << 10), Framing::Parallel(1 << 20)];
        const PLAIN: &[Framing] = &[Framing::Plain];
        let settings: [(Revision, &[Framing], &[i8]); 5] = [
            (Go1_27, PLAIN, &[6, 9, 1, 5, 4, 3, 2, 7, 8]),
            (V1_15, ALL, &[5, 1, 9, 6, 3, 2, 4, 7, 8, Self::HUFFMAN_ONLY]),
            (V1_18, ALL, &[4, 7, 8, 9]),
            (V1_20, PARTS, &[5, 1, 9, 6, 3, 2, 4, 7, 8]),
            (V1_20, PLAIN, &[9]),
        ];
        settings.into_iter().flat_map(|(revision, framings, levels)| {
            let each = move |&level| framings.iter().filter_map(move |&framing| Self::new(framing, level, revision));
            levels.iter().flat_map(each)
        })
    }

    /// As a recipe holds them: level (i8), revision, size of a part (u32 LE, 0 for a plain stream).
    pub(in crate::recompress) fn to_bytes(self) -> [u8; 6] {
        let part = match self.framing {
            Framing::Plain => 0,
            Framing::Parallel(part) => part,
        };
        let ([level], [a, b, c, d]) = (self.level.to_le_bytes(), part.to_le_bytes());
        [level, self.revision as u8, a, b, c, d]
    }

    /// Reads what `to_bytes` wrote; `None` for anything else.
    pub(in crate::recompress) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let &[level, revision, a, b, c, d] = bytes else { return None };
        let revision = *Revision::ALL.get(usize::from(revision))?;
        let framing = match u32::from_le_bytes([a, b, c, d]) {
            0 => Framing::Plain,
            part => Framing::Parallel(part),
        };
        Self::new(framing, i8::from_le_bytes([level]), revision).filter(|params| params.to_bytes() == bytes)
    }

    /// Decoded bytes of a part, if parts are encoded by themselves.
    ///
    /// Level 4 from 1.18.0 on compares bytes that parts before have left in its buffer.
    pub(in crate::recompress) fn part_len(&self) -> Option<u64> {
        match self.framing {
            Framing::Parallel(part) if self.level != 4 || self.revision < Revision::V1_18 => Some(part.into()),
            Framing::Parallel(_) | Framing::Plain => None,
        }
    }

    /// How the stream is cut into parts.
    #[must_use]
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Level: 0 to 9, or -2.
    #[must_use]
    pub fn level(&self) -> i8 {
        self.level
    }

    /// Releases.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }
}
