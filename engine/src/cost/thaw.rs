//! Bringing frozen objects back: until when a copy lives, what each tier asks, and how to wait for it cheaply.

use std::fmt;

use serde::Serialize;

use super::{Bill, DAY, Money, Prices, Usage};
use crate::remote::{Class, Tier};

/// When the copy of an object that became readable at `ready` is gone: `days` later, at the next midnight UTC. Both in
/// seconds since the epoch. Source: S3 user guide, "Working with archived objects".
pub fn copy_expires(ready: i64, days: u32) -> i64 {
    const DAY_I: i64 = DAY.cast_signed();
    let end = ready.saturating_add(i64::from(days) * DAY_I);
    match end.rem_euclid(DAY_I) {
        0 => end,
        into_the_day => end.saturating_add(DAY_I - into_the_day),
    }
}

/// How long that copy is paid for, in seconds: `days` to `days` + 1.
pub fn copy_seconds(ready: i64, days: u32) -> u64 {
    copy_expires(ready, days).saturating_sub(ready).try_into().unwrap_or(0)
}

/// What a tier asks for a set of frozen objects.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ThawQuote {
    /// The tier.
    pub tier: Tier,
    /// Objects that are brought back.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them are of a class that does not have this tier, and are asked for on the fastest it has.
    pub slower: u64,
    /// Retrieval, requests and copies, as if every object took its class's longest time.
    pub bill: Bill,
    /// Longest time until the last of them is readable, in seconds, as the provider states it.
    pub ready_within: u64,
    /// When the last copy is gone at the latest, in seconds since the epoch.
    pub expires: i64,
}

/// What every tier asks for bringing `frozen` (class and bytes of each object) back for `days`, requested at `now` (seconds
/// since the epoch), slowest tier first. Objects of classes that need no thaw are passed over. A tier that none of the classes has
/// is not listed.
///
/// When the objects become readable is not known beforehand; a copy is priced as if it took the longest stated time. It
/// then lives `days` to `days` + 1, so the forecast is off by at most a day of Standard storage per object.
pub fn thaw_quotes(prices: &Prices, frozen: &[(Class, u64)], days: u32, now: i64) -> Vec<ThawQuote> {
    let quote = |tier: Tier| {
        let mut usage = Usage::default();
        let mut quote =
            ThawQuote { tier, objects: 0, bytes: 0, slower: 0, bill: Bill::default(), ready_within: 0, expires: now };
        for &(class, bytes) in frozen.iter().filter(|(class, _)| class.is_frozen()) {
            let Some(asked) = tier.available(class) else { continue };
            let Some(longest) = asked.longest(class) else { continue };
            quote.slower += u64::from(asked != tier);
            let ready = now.saturating_add_unsigned(longest);
            usage.thaw(class, asked, bytes, copy_seconds(ready, days));
            quote.objects += 1;
            quote.bytes = quote.bytes.saturating_add(bytes);
            quote.ready_within = quote.ready_within.max(longest);
            quote.expires = quote.expires.max(copy_expires(ready, days));
        }
        quote.bill = Bill::of(&usage, prices);
        quote
    };
    Tier::ALL.into_iter().map(quote).filter(|quote| quote.objects > quote.slower).collect()
}

/// `bulk: 3 objects, 192.0 MB, $0.0005, within 48 h`.
impl fmt::Display for ThawQuote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
        let megabytes = self.bytes as f64 / 1e6;
        let (time, unit) = match self.ready_within {
            seconds if seconds < 3600 => (seconds.div_ceil(60), "min"),
            seconds => (seconds.div_ceil(3600), "h"),
        };
        write!(f, "{}: {} objects, {megabytes:.1} MB, ", self.tier, self.objects)?;
        write!(f, "{}, within {time} {unit}", self.bill.total)?;
        if self.slower > 0 { write!(f, "; {} of them can't be had as fast", self.slower) } else { Ok(()) }
    }
}

/// How to find out what has become readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Poll {
    /// List everything, with restore states.
    List,
    /// Ask for each object.
    Head,
}

/// The cheaper way of one round, and its price: listing `keys` keys, or a HEAD for each of `in_flight` objects of `class`.
/// At list prices a page of 1000 keys costs as much as 12.5 HEADs.
pub fn cheaper_poll(prices: &Prices, keys: u64, class: Class, in_flight: u64) -> (Poll, Money) {
    let (mut list, mut head) = (Usage::default(), Usage::default());
    list.lists(keys, 1);
    head.heads(class, in_flight);
    let (list, head) = (Bill::of(&list, prices).total, Bill::of(&head, prices).total);
    if list < head { (Poll::List, list) } else { (Poll::Head, head) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Item;

    const GB: u64 = 1 << 30;
    // 2026-01-01T00:00:00Z
    const MIDNIGHT: i64 = 1_767_225_600;

    #[test]
    fn copies_live_to_the_next_midnight() {
        let hour = 3600;
        assert_eq!(copy_expires(MIDNIGHT, 3), MIDNIGHT + 3 * 86_400);
        assert_eq!(copy_seconds(MIDNIGHT, 3), 3 * 86_400);
        // Ready at 05:00, one day: until 05:00 of the 2nd, so to the midnight that ends it: 43 hours.
        assert_eq!(copy_seconds(MIDNIGHT + 5 * hour, 1), 43 * 3600);
        assert_eq!(copy_seconds(MIDNIGHT - 1, 1), 86_401);
        assert_eq!(copy_seconds(-1, 1), 86_401);
        assert!(copy_expires(i64::MAX, u32::MAX) > 0);
    }

    /// One GB in Deep Archive and one in Flexible, 3 days from midnight on.
    /// - bulk: 0.0025 + 0.000025 and free; the copies are ready after 48 h (3 days) and 12 h (3.5 days, so 3 d + 12 h):
    ///   72 h × 0.023 / 730 h = 0.002268493 and 84 h × … = 0.002646575.
    /// - standard: 0.02 + 0.0001 and 0.01 + 0.00005; ready after 12 h and 5 h: 84 h = 0.002646575 and 91 h = 0.002867123.
    /// - expedited: Flexible, 0.03 + 0.01, ready after 5 min: 3 d + 23 h 55 min = 95.91667 h: 0.003022032; Deep Archive, which can't, as
    ///   standard: 0.0201 and 84 h.
    #[test]
    fn tiers_side_by_side() {
        let prices = Prices::us_east_1().unwrap();
        let frozen = [(Class::DeepArchive, GB), (Class::GlacierFlexible, GB), (Class::Standard, GB)];
        let quotes = thaw_quotes(&prices, &frozen, 3, MIDNIGHT);
        let found: Vec<_> = quotes.iter().map(|quote| (quote.objects, quote.slower, quote.ready_within)).collect();
        assert_eq!(found, [(2, 0, 48 * 3600), (2, 0, 12 * 3600), (2, 1, 12 * 3600)]);
        let retrieval = [2_525_000, 30_150_000, 60_100_000];
        let copies = [4_915_068, 5_513_698, 3_022_032 + 2_646_575];
        for ((quote, retrieval), copies) in quotes.iter().zip(retrieval).zip(copies) {
            assert_eq!(quote.bill.item(Item::RestoredCopy), Money::from_nanos(copies), "{}", quote.tier);
            assert_eq!(quote.bill.total, Money::from_nanos(retrieval + copies), "{}", quote.tier);
        }
        assert_eq!(quotes[0].expires, MIDNIGHT + 5 * 86_400);
        assert_eq!(quotes[0].to_string(), "bulk: 2 objects, 2147.5 MB, $0.0074, within 48 h");
        assert!(quotes[2].to_string().ends_with("within 12 h; 1 of them can't be had as fast"));
        assert!(thaw_quotes(&prices, &[(Class::Standard, GB)], 3, MIDNIGHT).is_empty());
    }

    /// One page of keys at 0.005 / 1000 = 5,000 billionths; a HEAD 400: twelve HEADs cost 4,800, thirteen 5,200.
    #[test]
    fn listing_pays_from_thirteen_objects_a_page_on() {
        let prices = Prices::us_east_1().unwrap();
        let poll = |keys, in_flight| cheaper_poll(&prices, keys, Class::DeepArchive, in_flight);
        assert_eq!(poll(1000, 12), (Poll::Head, Money::from_nanos(4_800)));
        assert_eq!(poll(1000, 13), (Poll::List, Money::from_nanos(5_000)));
        assert_eq!(poll(1001, 13).0, Poll::Head);
        assert_eq!(poll(0, 13).0, Poll::List);
    }
}
