//! What was used, without prices: the only input of the bill besides the price table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::class::{Class, Tier};
use crate::op::Group;

/// What one request costs, in kind. The request log holds them, so that every line of a bill can be traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// One request at the rate of a class.
    Request {
        /// PUT or GET rate.
        group: Group,
        /// Whose rate.
        class: Class,
    },
    /// One accepted RestoreObject.
    Restore {
        /// Where the object is archived.
        class: Class,
        /// The tier asked for.
        tier: Tier,
    },
    /// Bytes read from a class that bills reads (or copied out of it).
    Retrieved {
        /// The class read from.
        class: Class,
        /// Bytes of the answer.
        bytes: u64,
    },
    /// Bytes of an object whose restore began.
    Thawed {
        /// Where the object is archived.
        class: Class,
        /// The tier it is billed at.
        tier: Tier,
        /// The object's size.
        bytes: u64,
    },
    /// The same bytes go on at a faster tier: they are no longer billed at this one.
    Unthawed {
        /// Where the object is archived.
        class: Class,
        /// The tier they were billed at.
        tier: Tier,
        /// The object's size.
        bytes: u64,
    },
    /// One lifecycle transition into a class.
    Transition {
        /// The class it went to.
        class: Class,
    },
}

/// Sums of everything that is billed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests by rate.
    pub requests: BTreeMap<(Group, Class), u64>,
    /// Accepted RestoreObject requests.
    pub restores: BTreeMap<(Class, Tier), u64>,
    /// Lifecycle transitions by destination.
    pub transitions: BTreeMap<Class, u64>,
    /// Bytes read directly.
    pub retrieved: BTreeMap<Class, u64>,
    /// Bytes restored.
    pub thawed: BTreeMap<(Class, Tier), u64>,
    /// Byte-seconds at each class's own rate, minimum sizes and archive overhead included.
    pub stored: BTreeMap<Class, u128>,
    /// Byte-seconds at the `STANDARD` rate for the names and metadata of archived objects.
    pub overhead: BTreeMap<Class, u128>,
    /// Byte-seconds of unfinished multipart uploads.
    pub staged: BTreeMap<Class, u128>,
    /// Byte-seconds of restored copies, at the `STANDARD` rate.
    pub copies: BTreeMap<Class, u128>,
    /// Byte-seconds still owed for objects that left a class before its minimum duration.
    pub early: BTreeMap<Class, u128>,
}

fn span(bytes: u64, seconds: u64) -> u128 {
    u128::from(bytes) * u128::from(seconds)
}

impl Usage {
    /// Adds one charge.
    pub fn charge(&mut self, charge: Charge) {
        match charge {
            Charge::Request { group, class } => *self.requests.entry((group, class)).or_default() += 1,
            Charge::Restore { class, tier } => *self.restores.entry((class, tier)).or_default() += 1,
            Charge::Retrieved { class, bytes } => *self.retrieved.entry(class).or_default() += bytes,
            Charge::Thawed { class, tier, bytes } => *self.thawed.entry((class, tier)).or_default() += bytes,
            Charge::Unthawed { class, tier, bytes } => {
                let sum = self.thawed.entry((class, tier)).or_default();
                *sum = sum.saturating_sub(bytes);
            }
            Charge::Transition { class } => *self.transitions.entry(class).or_default() += 1,
        }
    }

    /// Adds `seconds` of an object of `size` bytes in `class`.
    pub fn store(&mut self, class: Class, size: u64, seconds: u64) {
        *self.stored.entry(class).or_default() += span(class.billed_bytes(size), seconds);
        if class.is_archive() {
            *self.overhead.entry(class).or_default() += span(class.billed_standard_bytes(), seconds);
        }
    }

    /// Adds what an object of `size` bytes still owes that leaves `class` after `age` seconds.
    ///
    /// The rest of the minimum duration is billed for the bytes at the class's own rate; the 8 KiB of an archived
    /// object at the `STANDARD` rate have no minimum duration.
    pub fn leave(&mut self, class: Class, size: u64, age: u64) {
        let owed = class.minimum_seconds().saturating_sub(age);
        if owed > 0 {
            *self.early.entry(class).or_default() += span(class.billed_bytes(size), owed);
        }
    }

    /// Adds `seconds` of a part of an unfinished upload to `class`.
    pub fn stage(&mut self, class: Class, size: u64, seconds: u64) {
        *self.staged.entry(class.staging()).or_default() += span(size, seconds);
    }

    /// Adds `seconds` of the restored copy of an object archived in `class`.
    pub fn copy(&mut self, class: Class, size: u64, seconds: u64) {
        *self.copies.entry(class).or_default() += span(size, seconds);
    }
}
