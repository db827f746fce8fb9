//! What a [`super::MemoryRemote`] was asked, and what it is told to get wrong.

use crate::remote::{Class, RestoreAnswer, Tier};
use crate::store::{Family, Key};

/// One request as it was served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When, on the bucket's clock, in seconds since the epoch.
    pub at: i64,
    /// What for.
    pub op: Op,
    /// Whether the bucket did it; one that was refused or never arrived was not done.
    pub done: bool,
    /// Whether the asker learned so.
    pub answered: bool,
}

/// What a request asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A whole object.
    Get(Key),
    /// A part of one.
    ReadAt(Key),
    /// What there is to know about one.
    Head(Key),
    /// To write one.
    Put(Key, Class),
    /// To remove one.
    Delete(Key),
    /// To change its class.
    Reclass(Key, Class),
    /// A readable copy.
    Restore {
        /// Of which object.
        key: Key,
        /// For how long.
        days: u32,
        /// How fast.
        tier: Tier,
        /// The tier of the restore that was running then.
        running: Option<Tier>,
        /// What the bucket answered, whether or not it was heard.
        answer: Option<RestoreAnswer>,
    },
    /// One page of a family.
    List(Family),
}

/// What goes wrong, in so many of a thousand requests. Which ones is drawn from the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Start of the draws.
    pub seed: u64,
    /// Requests refused with the wish to slow down.
    pub refused: u16,
    /// Requests refused for lack of rights.
    pub denied: u16,
    /// Requests that are done, but whose answer never comes.
    pub lost: u16,
    /// Requests that never arrive.
    pub unreachable: u16,
    /// Expedited restores for which there is no capacity.
    pub no_capacity: u16,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Served,
    Refused,
    Denied,
    Lost,
    Unreachable,
}

/// The faults with the state of their draws.
#[derive(Debug, Default)]
pub(super) struct Dice {
    faults: Faults,
    state: u64,
}

impl Dice {
    pub(super) fn new(faults: Faults) -> Self {
        Dice { faults, state: faults.seed }
    }

    /// A number below a thousand: splitmix64.
    fn roll(&mut self) -> u16 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        u16::try_from(mix(self.state) % 1000).unwrap_or(0)
    }

    pub(super) fn fate(&mut self) -> Fate {
        let mut roll = self.roll();
        let Faults { refused, denied, lost, unreachable, .. } = self.faults;
        let shares =
            [(refused, Fate::Refused), (denied, Fate::Denied), (lost, Fate::Lost), (unreachable, Fate::Unreachable)];
        for (share, fate) in shares {
            if roll < share {
                return fate;
            }
            roll -= share;
        }
        Fate::Served
    }

    pub(super) fn has_capacity(&mut self) -> bool {
        self.roll() >= self.faults.no_capacity
    }
}

/// The output function of splitmix64.
pub(super) fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
