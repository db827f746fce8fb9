//! What is used, in kind: the one place of the formulas. A quantity depends on a table's terms, never on its prices.
//!
//! Sources: S3 user guide, "Understanding and managing Amazon S3 storage classes" (minimum durations and sizes, metadata of
//! archived objects, early deletion), "Archive retrieval options" (restores), and the S3 price page's groups of requests.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{DAY, Prices};
use crate::remote::{Class, Tier};

/// Something that is billed, in the order of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// Objects at the rate of their class, minimum sizes and the class's own overhead included.
    Storage,
    /// Names and metadata of archived objects, at the rate of Standard.
    ArchiveOverhead,
    /// Readable copies of frozen objects, at the rate of Standard.
    RestoredCopy,
    /// The rest of a minimum duration.
    EarlyDeletion,
    /// PUT, COPY, POST.
    PutRequests,
    /// GET, HEAD and others.
    GetRequests,
    /// LIST.
    ListRequests,
    /// Moves by a lifecycle rule.
    Transitions,
    /// Bytes entering a class.
    Entry,
    /// Bytes read or copied from Standard-IA or Glacier Instant.
    Retrieval,
    /// RestoreObject requests that were accepted.
    RestoreRequests,
    /// Bytes restored.
    RestoreRetrieval,
    /// Bytes that leave the region.
    TransferOut,
}

/// What an item is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Byte-seconds, priced by the gigabyte and month.
    #[serde(rename = "GB-month")]
    GbMonth,
    /// Bytes, priced by the gigabyte.
    #[serde(rename = "GB")]
    Gb,
    /// Requests, priced by the thousand.
    #[serde(rename = "1000 requests")]
    Thousand,
}

impl Item {
    /// What it is counted in.
    pub fn unit(self) -> Unit {
        match self {
            Item::Storage | Item::ArchiveOverhead | Item::RestoredCopy | Item::EarlyDeletion => Unit::GbMonth,
            Item::Entry | Item::Retrieval | Item::RestoreRetrieval | Item::TransferOut => Unit::Gb,
            _ => Unit::Thousand,
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Item::Storage => "storage",
            Item::ArchiveOverhead => "archive overhead",
            Item::RestoredCopy => "restored copies",
            Item::EarlyDeletion => "early deletion",
            Item::PutRequests => "writes",
            Item::GetRequests => "reads",
            Item::ListRequests => "listings",
            Item::Transitions => "transitions",
            Item::Entry => "moving in",
            Item::Retrieval => "retrieval",
            Item::RestoreRequests => "restore requests",
            Item::RestoreRetrieval => "restored bytes",
            Item::TransferOut => "transfer out",
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Unit::GbMonth => "GB-month",
            Unit::Gb => "GB",
            Unit::Thousand => "1000 requests",
        })
    }
}

/// How an object changes its class on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// A copy onto itself: a write at the rate of the class it enters, and a read of the one it leaves.
    Copy,
    /// A lifecycle rule: billed as a transition; nothing is read.
    Rule,
}

/// Quantities of everything that is billed, by item, class and restore tier. Adding up is exact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage(BTreeMap<(Item, Class, Option<Tier>), u128>);

fn span(bytes: u64, seconds: u64) -> u128 {
    u128::from(bytes) * u128::from(seconds)
}

/// Whether a read of the class itself is billed by the byte.
fn read_by_the_byte(class: Class) -> bool {
    matches!(class, Class::StandardIa | Class::GlacierInstant)
}

impl Usage {
    fn count(&mut self, item: Item, class: Class, tier: Option<Tier>, quantity: u128) {
        if quantity > 0 {
            let sum = self.0.entry((item, class, tier)).or_default();
            *sum = sum.saturating_add(quantity);
        }
    }

    /// Every quantity above 0: byte-seconds, bytes or requests, as [`Item::unit`] says.
    pub fn quantities(&self) -> impl Iterator<Item = (Item, Class, Option<Tier>, u128)> {
        self.0.iter().map(|(&(item, class, tier), &quantity)| (item, class, tier, quantity))
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Usage) {
        other.quantities().for_each(|(item, class, tier, quantity)| self.count(item, class, tier, quantity));
    }

    /// An object of `bytes` kept for `seconds`: max(bytes, minimum size) + own overhead at the class's rate, and the rest of
    /// the overhead (8 KiB of an archived object) at that of Standard.
    pub fn store(&mut self, prices: &Prices, class: Class, bytes: u64, seconds: u64) {
        let of = prices.of(class);
        self.count(Item::Storage, class, None, span(own_bytes(prices, class, bytes), seconds));
        self.count(Item::ArchiveOverhead, class, None, span(of.overhead_standard_bytes, seconds));
    }

    /// An object leaves its class (deleted, overwritten or moved) after `held` seconds: the rest of the minimum duration at
    /// the class's own rate. The part at the rate of Standard has no minimum.
    pub fn leave(&mut self, prices: &Prices, class: Class, bytes: u64, held: u64) {
        let owed = commitment_seconds(prices, class, held);
        self.count(Item::EarlyDeletion, class, None, span(own_bytes(prices, class, bytes), owed));
    }

    /// An object is written into a class: one write at that class's rate, in however many parts where the class is frozen
    /// (its parts count at the rate of Standard and are left out: a pack is written in one).
    pub fn upload(&mut self, class: Class, bytes: u64) {
        self.count(Item::PutRequests, class, None, 1);
        self.count(Item::Entry, class, None, bytes.into());
    }

    /// An object of `bytes` changes from one class to another after `held` seconds in the first. Out of a frozen class it is
    /// the readable copy that is copied, so reading costs nothing more than the thaw did. Nothing if the class stays.
    pub fn change(&mut self, prices: &Prices, from: Class, to: Class, bytes: u64, held: u64, way: Way) {
        if from == to {
            return;
        }
        let item = if way == Way::Rule { Item::Transitions } else { Item::PutRequests };
        self.count(item, to, None, 1);
        self.count(Item::Entry, to, None, bytes.into());
        if way == Way::Copy && read_by_the_byte(from) {
            self.count(Item::Retrieval, from, None, bytes.into());
        }
        self.leave(prices, from, bytes, held);
    }

    /// `requests` reads (whole or ranged) of `bytes` in all. Of a frozen object they read the copy, which is in Standard:
    /// requests only.
    pub fn read(&mut self, class: Class, requests: u64, bytes: u64) {
        self.count(Item::GetRequests, class, None, requests.into());
        if read_by_the_byte(class) {
            self.count(Item::Retrieval, class, None, bytes.into());
        }
    }

    /// HEAD requests to objects of a class.
    pub fn heads(&mut self, class: Class, requests: u64) {
        self.count(Item::GetRequests, class, None, requests.into());
    }

    /// Listing `keys` keys, 1000 a request, at least one; `rounds` times.
    pub fn lists(&mut self, keys: u64, rounds: u64) {
        let pages = keys.div_ceil(1000).max(1);
        self.count(Item::ListRequests, Class::Standard, None, u128::from(pages) * u128::from(rounds));
    }

    /// Accepted RestoreObject requests. Extending a copy and asking again on a faster tier are such requests too.
    pub fn restore_requests(&mut self, class: Class, tier: Tier, requests: u64) {
        self.count(Item::RestoreRequests, class, Some(tier), requests.into());
    }

    /// Bytes restored; after a change to a faster tier they count at that one alone.
    pub fn restored_bytes(&mut self, class: Class, tier: Tier, bytes: u64) {
        self.count(Item::RestoreRetrieval, class, Some(tier), bytes.into());
    }

    /// A readable copy of a frozen object, kept for `seconds` besides the object itself.
    pub fn copy(&mut self, class: Class, bytes: u64, seconds: u64) {
        self.count(Item::RestoredCopy, class, None, span(bytes, seconds));
    }

    /// One frozen object brought back: a request, its bytes, and a copy for `copy_seconds` (see [`super::copy_seconds`]).
    pub fn thaw(&mut self, class: Class, tier: Tier, bytes: u64, copy_seconds: u64) {
        self.restore_requests(class, tier, 1);
        self.restored_bytes(class, tier, bytes);
        self.copy(class, bytes, copy_seconds);
    }

    /// Bytes sent out of the region; inside it they are free.
    pub fn transfer_out(&mut self, bytes: u64) {
        self.count(Item::TransferOut, Class::Standard, None, bytes.into());
    }
}

/// Bytes that an object of `bytes` is billed for at its class's own rate.
pub(super) fn own_bytes(prices: &Prices, class: Class, bytes: u64) -> u64 {
    let of = prices.of(class);
    bytes.max(of.min_bytes).saturating_add(of.overhead_bytes)
}

/// Seconds of the minimum duration that are left after `held` seconds.
pub(super) fn commitment_seconds(prices: &Prices, class: Class, held: u64) -> u64 {
    (u64::from(prices.of(class).min_days) * DAY).saturating_sub(held)
}

#[cfg(test)]
mod tests;
