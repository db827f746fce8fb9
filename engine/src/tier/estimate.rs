//! What keeping a pack in each class would cost, from now to its expected end.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::access::Windows;
use crate::cost::{Bill, DAY, Item, Money, Price, Prices, Usage, Way};
use crate::remote::{Class, Tier};

/// Days in the month of rates and probabilities.
const MONTH_DAYS: u64 = 30;
const MILLION: u64 = 1_000_000;
/// Longest life reckoned with, in days: a century.
const MAX_LIFE_DAYS: u32 = 36_500;

/// Where a pack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Here only.
    Local,
    /// In the bucket.
    Bucket {
        /// What it is kept as.
        class: Class,
        /// Days since it came into the class.
        held_days: u32,
        /// Whether it can be copied now: not frozen, or with a readable copy.
        readable: bool,
    },
}

/// What is known of a pack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PackFacts<'a> {
    /// Its length in bytes.
    pub bytes: u64,
    /// Days since it was written first.
    pub age_days: u32,
    /// Days since it was last read; nothing if it never was, as far as is known.
    pub last_read_days: Option<u32>,
    /// What was read of late.
    pub reads: Windows,
    /// Where it is.
    pub place: Place,
    /// How working sets of the images that use it are pinned; nothing if one of them has none.
    pub pinned: &'a [&'a str],
    /// Days until it is deleted, where that is known.
    pub remaining_life_days: Option<u32>,
}

/// How often something happens in a month: 0 to 30, kept in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monthly(u64);

impl Monthly {
    /// So often in 30 days; nothing unless it is 0 to 30.
    pub fn new(times: f64) -> Option<Monthly> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 30 million")]
        (0.0..=30.0).contains(&times).then(|| Monthly((times * 1e6).round() as u64))
    }
}

impl Serialize for Monthly {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "at most 30 million")]
        to.serialize_f64(self.0 as f64 / 1e6)
    }
}

impl<'de> Deserialize<'de> for Monthly {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let times = f64::deserialize(from)?;
        Monthly::new(times).ok_or_else(|| de::Error::custom(format!("{times} times a month: it is 0 to 30")))
    }
}

/// What an estimate assumes about the future.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Assumptions {
    /// Days a pack will live on, unless something is known of it.
    pub remaining_life_days: u32,
    /// How often in a month a pack is wanted as a whole even if nobody read it lately.
    pub restores_per_month: Monthly,
    /// The tier frozen packs are brought back at; where a class does not have it, the next slower one.
    pub restore_tier: Tier,
    /// Days a copy is kept for.
    pub restore_days: u32,
    /// What it is worth not to wait for a frozen pack once, in dollars.
    pub wait_cost: Price,
}

/// Two years more; one pack in a hundred wanted a month; at the Standard tier for three days; waiting costs nothing.
impl Default for Assumptions {
    fn default() -> Self {
        Assumptions {
            remaining_life_days: 730,
            restores_per_month: Monthly(MILLION / 100),
            restore_tier: Tier::Standard,
            restore_days: 3,
            wait_cost: Price::default(),
        }
    }
}

/// What a pack would cost in a class until its expected end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// The class.
    pub class: Class,
    /// Getting it there, with what leaving its present class costs; nothing if it is there.
    pub entry: Money,
    /// Storage with overheads, and what is left of the class's minimum duration at the end.
    pub storage: Money,
    /// Expected reads; of a frozen class expected restores with their copies, and the waiting.
    pub reads: Money,
    /// The sum.
    pub total: Money,
}

/// Expected reads in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rates {
    /// Days with reads, in millionths.
    days: u64,
    /// Reads, in millionths.
    reads: u64,
    /// Bytes.
    bytes: u64,
}

/// The mean of the monthly rates of 30, 90 and 365 days: recent reads are in all three and so weigh most. A pack younger
/// than a window is judged by its age, but not by less than a month.
fn rates(facts: &PackFacts<'_>) -> Rates {
    let windows = [(facts.reads.month, 30), (facts.reads.quarter, 90), (facts.reads.year, 365)];
    let mean = |of: &dyn Fn(usize) -> u64, scale: u64| {
        let sum = windows.iter().enumerate().map(|(at, (_, len))| {
            let days = u64::from(facts.age_days).clamp(MONTH_DAYS, *len);
            u128::from(of(at)) * u128::from(MONTH_DAYS * scale) / u128::from(days)
        });
        u64::try_from(sum.sum::<u128>() / windows.len() as u128).unwrap_or(u64::MAX)
    };
    let pick = |at: usize| windows.get(at).map(|(window, _)| *window).unwrap_or_default();
    Rates {
        days: mean(&|at| pick(at).days.into(), MILLION),
        reads: mean(&|at| pick(at).reads, MILLION),
        bytes: mean(&|at| pick(at).bytes, 1),
    }
}

/// Days the pack is reckoned to live on.
fn life_days(facts: &PackFacts<'_>, assume: &Assumptions) -> u64 {
    facts.remaining_life_days.unwrap_or(assume.remaining_life_days).clamp(1, MAX_LIFE_DAYS).into()
}

/// The tier a frozen class is restored at.
pub(super) fn tier_for(class: Class, wanted: Tier) -> Tier {
    Tier::ALL.into_iter().rfind(|tier| *tier <= wanted && tier.longest(class).is_some()).unwrap_or(Tier::Bulk)
}

/// Estimates one class. For a frozen pack without a copy entering another class is priced as if there were one: the thaw
/// that makes it is somebody else's.
pub fn estimate(prices: &Prices, facts: &PackFacts<'_>, assume: &Assumptions, class: Class) -> Estimate {
    let bill = |fill: &dyn Fn(&mut Usage)| {
        let mut usage = Usage::default();
        fill(&mut usage);
        Bill::of(&usage, prices)
    };
    let bytes = facts.bytes;
    let life = life_days(facts, assume);
    let (entry, held_days) = match facts.place {
        Place::Local => (bill(&|usage| usage.upload(class, bytes)).total, 0),
        Place::Bucket { class: now, held_days, .. } if now == class => (Money::ZERO, u64::from(held_days)),
        Place::Bucket { class: now, held_days, .. } => {
            let held = u64::from(held_days) * DAY;
            (bill(&|usage| usage.change(prices, now, class, bytes, held, Way::Copy)).total, 0)
        }
    };
    let storage = bill(&|usage| {
        usage.store(prices, class, bytes, life * DAY);
        usage.leave(prices, class, bytes, (held_days + life) * DAY);
    });
    let reads = reads(prices, facts, assume, class, life);
    let storage = storage.total;
    Estimate { class, entry, storage, reads, total: entry + storage + reads }
}

fn reads(prices: &Prices, facts: &PackFacts<'_>, assume: &Assumptions, class: Class, life: u64) -> Money {
    let rates = rates(facts);
    let mut month = Usage::default();
    month.read(class, 0, rates.bytes);
    let mut million = Usage::default();
    million.read(class, rates.reads, 0);
    let lately = Bill::of(&month, prices).total + Bill::of(&million, prices).total.times(1, MILLION);
    // A copy serves whoever comes while it lives, so there is at most one restore per copy.
    let most = MONTH_DAYS * MILLION / u64::from(assume.restore_days).max(1);
    let wanted = assume.restores_per_month.0.max(rates.days.min(most)).min(most);
    let mut whole = Usage::default();
    let waiting = if class.is_frozen() {
        // Ready at any time of a day and kept to the midnight after: half a day more in the mean.
        let copy = u64::from(assume.restore_days) * DAY + DAY / 2;
        whole.thaw(class, tier_for(class, assume.restore_tier), facts.bytes, copy);
        assume.wait_cost.money()
    } else {
        whole.read(class, 1, facts.bytes);
        Money::ZERO
    };
    // What was read lately was counted above; the assumption is about packs that nobody reads.
    let times = if class.is_frozen() { wanted } else { assume.restores_per_month.0.saturating_sub(rates.days) };
    let unforeseen = (Bill::of(&whole, prices).total + waiting).times(times, MILLION);
    (lately + unforeseen).times(life, MONTH_DAYS)
}

/// What early deletion alone would cost if the pack left its class now.
pub fn leaving_now(prices: &Prices, class: Class, bytes: u64, held_days: u32) -> Money {
    let mut usage = Usage::default();
    usage.leave(prices, class, bytes, u64::from(held_days) * DAY);
    Bill::of(&usage, prices).item(Item::EarlyDeletion)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tier::access::Window;

    const GB: u64 = 1 << 30;

    fn facts(place: Place) -> PackFacts<'static> {
        let reads = Windows::default();
        let (bytes, age_days) = (GB, 400);
        PackFacts { bytes, age_days, last_read_days: None, reads, place, pinned: &[], remaining_life_days: Some(365) }
    }

    fn read(days: [u32; 3], reads: [u64; 3], bytes: [u64; 3]) -> Windows {
        let window = |at: usize| Window { days: days[at], reads: reads[at], bytes: bytes[at] };
        Windows { month: window(0), quarter: window(1), year: window(2) }
    }

    fn never() -> Assumptions {
        Assumptions { restores_per_month: Monthly(0), ..Assumptions::default() }
    }

    fn prices() -> Prices {
        Prices::us_east_1().unwrap()
    }

    fn parts(estimate: Estimate) -> [i128; 3] {
        assert_eq!(estimate.total, estimate.entry + estimate.storage + estimate.reads);
        [estimate.entry, estimate.storage, estimate.reads].map(Money::nanos)
    }

    /// A GB that nobody reads, from here, for a year of twelve months: 12 × GB-month and the write.
    /// Deep: 12 × 0.00099 × (1 + 2^-15) = 0.011880363 and 12 × 0.023 × 2^-17 = 0.000002106.
    #[test]
    fn a_year_unread() {
        let of = |class| parts(estimate(&prices(), &facts(Place::Local), &never(), class));
        assert_eq!(of(Class::Standard), [5_000, 276_000_000, 0]);
        assert_eq!(of(Class::StandardIa), [10_000, 150_000_000, 0]);
        assert_eq!(of(Class::GlacierInstant), [20_000, 48_000_000, 0]);
        assert_eq!(of(Class::DeepArchive), [50_000, 11_880_363 + 2_106, 0]);
    }

    /// Ten days to live, so 170 of 180 are owed in Deep Archive: (10 + 170) / (365 / 12) × 0.00099 × (1 + 2^-15)
    /// = 0.000325489 + 0.005533320, and 10 × 12 / 365 × 0.023 × 2^-17 = 0.000000058. Standard: 0.007561644.
    /// Already held for 175 days: 10 days of storage, nothing owed.
    #[test]
    fn a_short_life_pays_the_minimum() {
        let at = |place, class| {
            let facts = PackFacts { remaining_life_days: Some(10), ..facts(place) };
            parts(estimate(&prices(), &facts, &never(), class))
        };
        assert_eq!(at(Place::Local, Class::DeepArchive), [50_000, 325_489 + 5_533_320 + 58, 0]);
        assert_eq!(at(Place::Local, Class::Standard), [5_000, 7_561_644, 0]);
        let there = Place::Bucket { class: Class::DeepArchive, held_days: 175, readable: false };
        assert_eq!(at(there, Class::DeepArchive), [0, 325_489 + 58, 0]);
        // Leaving: a write to Standard, and 5 days owed: 5 × 12 / 365 × 0.00099 × (1 + 2^-15) = 0.000162745.
        assert_eq!(at(there, Class::Standard), [5_000 + 162_745, 7_561_644, 0]);
        assert_eq!(leaving_now(&prices(), Class::DeepArchive, GB, 175).nanos(), 162_745);
    }

    /// Wanted once in ten months as a whole, over a year of 365 / 30 months: 1.216666667 times.
    /// Deep at Standard, 3.5 days of copy: 0.0001 + 0.02 + 3.5 × 12 / 365 × 0.023 = 0.002646575, so 0.022746575; a tenth
    /// 0.002274658 (nearest), × 12.166666667 = 0.027675006. Instant: 0.00001 + 0.03; 0.003001 × 12.1666667 = 0.036512167.
    /// Waiting for one at $1 adds 0.1 × 12.166666667.
    #[test]
    fn packs_that_nobody_reads_are_wanted_now_and_then() {
        let assume = Assumptions { restores_per_month: Monthly::new(0.1).unwrap(), ..Assumptions::default() };
        let of = |assume: &Assumptions, class| parts(estimate(&prices(), &facts(Place::Local), assume, class))[2];
        assert_eq!(of(&assume, Class::DeepArchive), 27_675_006);
        assert_eq!(of(&assume, Class::GlacierInstant), 36_512_167);
        assert_eq!(of(&assume, Class::Standard), 487, "0.0000004 × 0.1 × 12.1666667");
        let impatient = Assumptions { wait_cost: Price::new(1.0).unwrap(), ..assume };
        assert_eq!(of(&impatient, Class::DeepArchive), 1_244_341_672);
        assert_eq!(of(&impatient, Class::GlacierInstant), 36_512_167);
    }

    /// 12 reads of 600 MiB on 6 days of the last 30, twice that in 90 and in 365 days. Monthly rates: 12, 8, 1.972…: reads
    /// 7.324200, days 3.662100, bytes (600 + 400 + 98.63) MiB / 3 = 383,996,064 B or so.
    #[test]
    fn recent_reads_weigh_most() {
        let mib = 1 << 20;
        let reads = read([6, 12, 12], [12, 24, 24], [600 * mib, 1200 * mib, 1200 * mib]);
        let rates = rates(&PackFacts { reads, ..facts(Place::Local) });
        assert_eq!((rates.reads, rates.days), (7_324_200, 3_662_100));
        let exact = (600.0 + 400.0 + 1200.0 * 30.0 / 365.0) / 3.0 * 1_048_576.0;
        assert!((rates.bytes as f64 - exact).abs() <= 1.0, "{}", rates.bytes);
        // A pack of ten days is judged by a month, not by ten days: 12 reads each.
        let young = PackFacts { reads: read([6; 3], [12; 3], [mib; 3]), age_days: 10, ..facts(Place::Local) };
        assert_eq!(super::rates(&young), Rates { days: 6_000_000, reads: 12_000_000, bytes: mib });
    }

    /// Read every day: with copies of three days a frozen class restores ten times a month, not thirty.
    #[test]
    fn a_copy_serves_all_who_come_while_it_lives() {
        let reads = read([30, 90, 365], [30, 90, 365], [30, 90, 365]);
        let daily = PackFacts { reads, remaining_life_days: Some(30), ..facts(Place::Local) };
        let of = |class| parts(estimate(&prices(), &daily, &never(), class))[2];
        // 10 × 0.022746575 (above), and 30 reads of the copies at 0.0000004.
        assert_eq!(of(Class::DeepArchive), 227_465_750 + 12_000);
        // 30 reads at 0.00001, and 30 bytes at 0.03 a GB, a billionth together.
        assert_eq!(of(Class::GlacierInstant), 300_000 + 1);
    }

    #[test]
    fn a_tier_that_is_not_to_be_had_is_the_next_slower_one() {
        assert_eq!(tier_for(Class::DeepArchive, Tier::Expedited), Tier::Standard);
        assert_eq!(tier_for(Class::GlacierFlexible, Tier::Expedited), Tier::Expedited);
        assert_eq!(tier_for(Class::DeepArchive, Tier::Bulk), Tier::Bulk);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn estimates_of_anything_are_whole(
            class in prop::sample::select(Class::ALL.to_vec()), now in prop::sample::select(Class::ALL.to_vec()),
            local in any::<bool>(), bytes in any::<u64>(), held_days in any::<u32>(), age_days in any::<u32>(),
            life in any::<Option<u32>>(), days in any::<[u32; 3]>(), count in any::<[u64; 3]>(), size in any::<[u64; 3]>(),
        ) {
            let place = Place::Bucket { class: now, held_days, readable: true };
            let facts = PackFacts {
                bytes,
                age_days,
                reads: read(days, count, size),
                remaining_life_days: life,
                ..facts(if local { Place::Local } else { place })
            };
            let estimate = estimate(&prices(), &facts, &Assumptions::default(), class);
            prop_assert!(parts(estimate).iter().all(|part| *part >= 0));
            prop_assert!(local || now != class || estimate.entry == Money::ZERO);
        }

        #[test]
        fn more_reads_never_cost_less(
            class in prop::sample::select(Class::ALL.to_vec()), count in 0u64..1000, more in 0u64..1000, days in 0u32..30,
        ) {
            let of = |count: u64| {
                let reads = read([days; 3], [count; 3], [count << 20; 3]);
                estimate(&prices(), &PackFacts { reads, ..facts(Place::Local) }, &Assumptions::default(), class).reads
            };
            prop_assert!(of(count) <= of(count + more));
        }
    }
}
