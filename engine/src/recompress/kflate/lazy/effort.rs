//! What a level means.

use super::super::params::Revision;
use super::window::{CAPACITY, HALF};

/// How hard one level searches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// A match of this length or more is taken without looking at the next position.
    pub(super) lazy: usize,
    /// A match of this length or more ends a search.
    pub(super) nice: usize,
    /// Most candidates that one search looks at.
    pub(super) chain: u32,
    /// How candidates are weighed, if not by length alone.
    pub(super) gain: Option<Gain>,
    pub(super) revision: Revision,
}

/// A candidate counts by the bits it saves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gain {
    /// Bytes ahead whose frequencies tell what literals cost.
    pub(super) counted: usize,
    /// What a literal costs that is not among them.
    pub(super) unknown: u8,
    /// What a match is taken to cost besides extra bits.
    pub(super) cost: i64,
    /// What it must save more than.
    pub(super) least: i64,
}

impl Effort {
    /// `None` unless `level` is 7 to 9.
    pub(super) fn of(level: u8, revision: Revision) -> Option<Self> {
        let (lazy, nice, chain) = match level {
            7 => (12, 16, 24),
            8 => (30, 40, 64),
            9 => (258, 258, 1024),
            _ => return None,
        };
        let gain = match revision {
            Revision::V1_15 => Gain { counted: CAPACITY, unknown: 0, cost: 6, least: 0 },
            Revision::V1_18 => Gain { counted: CAPACITY, unknown: 0, cost: 3, least: 4 },
            Revision::V1_20 => Gain { counted: HALF, unknown: 0, cost: 3, least: 4 },
            Revision::Go1_27 => Gain { counted: HALF, unknown: 1, cost: 3, least: 4 },
        };
        Some(Self { lazy, nice, chain, gain: (level == 9).then_some(gain), revision })
    }
}
