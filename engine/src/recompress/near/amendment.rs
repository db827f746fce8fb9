use std::sync::Arc;

use super::Flush;
use crate::recompress::DeflateEncoder;
use crate::recompress::place::Habits;

/// Longest encoded recipe with amendments in bytes: a thirty-second of 32 MiB, and what an image record takes.
pub const MAX_AMENDED_RECIPE: usize = 1 << 20;
/// Most amendments of one recipe, and most early slides: each may cost an encoder's start when it is carried out.
pub const MAX_AMENDMENTS: usize = 1 << 16;

/// What has to be done to an encoder so that it writes one member's deflate stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amendments {
    /// Slides of Go's window that happened one position early, ascending.
    pub slides: Vec<u32>,
    /// In stream order.
    pub list: Vec<Amendment>,
}

/// One place where data and encoder do not tell what the stream has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amendment {
    /// The encoder was flushed.
    Flush {
        /// Decoded bytes of the member before it.
        at: u64,
        /// How.
        kind: Flush,
    },
    /// Blocks as they stand.
    Stretch(Stretch),
}

/// Bytes of the stream that the encoder does not write, and where it goes on behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Offset in the deflate stream of the first byte; bits of it may belong to the block before.
    pub at: u64,
    /// 1 or more. When the stream goes on at a bit amid the last byte, the bits from there on are 0.
    pub bytes: Arc<[u8]>,
    /// What comes behind them.
    pub resume: Resume,
}

/// How a stream goes on behind a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// Not at all.
    End,
    /// With a block that the encoder writes.
    Block {
        /// Bits of the last byte that belong to the stretch, 1 to 8.
        bits: u8,
        /// Decoded bytes of the member before that block.
        at: u64,
        /// Literals between the last match and the block, by which the encoder is resumed.
        literals: u64,
    },
}

impl Amendments {
    /// Whether there is nothing to amend.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slides.is_empty() && self.list.is_empty()
    }

    /// Bytes kept as they stand, without those of places.
    #[must_use]
    pub fn stretched_bytes(&self) -> u64 {
        self.list.iter().map(Amendment::stretched_bytes).sum()
    }

    /// Whether they say where the encoder can be resumed and nothing else.
    #[must_use]
    pub fn are_places(&self) -> bool {
        self.slides.is_empty() && self.list.iter().all(|amendment| amendment.as_place().is_some())
    }

    /// Whether the encoder can do what they ask for.
    pub(in crate::recompress) fn suit(&self, encoder: DeflateEncoder) -> bool {
        let slides = self.slides.is_empty() || encoder.slides_early();
        slides
            && self.list.iter().all(|amendment| match amendment {
                Amendment::Flush { kind, .. } => encoder.can_flush(*kind),
                Amendment::Stretch(stretch) => stretch.resume == Resume::End || encoder.origin(0).is_some(),
            })
    }

    pub(super) fn habits(&self) -> Habits<'_> {
        let flushes = self.list.iter().any(|amendment| matches!(amendment, Amendment::Flush { .. }));
        Habits { slides: &self.slides, flushes }
    }
}

impl Amendment {
    /// Bytes it keeps as they stand; none if it is a place.
    #[must_use]
    pub fn stretched_bytes(&self) -> u64 {
        match self {
            Self::Stretch(stretch) if self.as_place().is_none() => stretch.bytes.len() as u64,
            Self::Flush { .. } | Self::Stretch(_) => 0,
        }
    }

    /// The stretch that is a *place*: so short that it has no block, it only tells where the encoder can be resumed.
    #[must_use]
    pub fn as_place(&self) -> Option<&Stretch> {
        match self {
            Self::Stretch(stretch) if stretch.bytes.len() == 1 && stretch.resume != Resume::End => Some(stretch),
            Self::Flush { .. } | Self::Stretch(_) => None,
        }
    }
}

impl Stretch {
    /// Offset in the deflate stream behind the last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.at.saturating_add(self.bytes.len() as u64)
    }
}
