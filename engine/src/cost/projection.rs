//! What the bucket will cost if it grows as it did.

use std::fmt;

use serde::Serialize;

use super::{Bill, DAY, Held, Money, Prices, Usage};
use crate::remote::Class;

/// Most years that are projected.
const MAX_YEARS: u32 = 100;

/// How an archive grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Growth {
    /// New bytes in the first month.
    pub bytes_a_month: u64,
    /// By how many percent more each year than in the year before; 0 for the same every month. At most 1000.
    pub faster_by_percent: u32,
    /// Size of the objects they come in, in bytes.
    pub object_bytes: u64,
    /// The class they are written into.
    pub class: Class,
}

impl Growth {
    /// The observed rate: `bytes` that came in the last `days`, as of a month of the table.
    pub fn observed(prices: &Prices, bytes: u64, days: u64, object_bytes: u64, class: Class) -> Growth {
        let month = u128::from(bytes) * u128::from(prices.month_seconds);
        let month = month.checked_div(u128::from(days) * u128::from(DAY)).unwrap_or(0);
        let bytes_a_month = month.try_into().unwrap_or(u64::MAX);
        Growth { bytes_a_month, faster_by_percent: 0, object_bytes, class }
    }
}

/// One year of a projection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Year {
    /// From 1.
    pub year: u32,
    /// Bytes at its end.
    pub bytes: u128,
    /// Storage and the writing of what is new.
    pub cost: Money,
    /// The same with everything in Standard.
    pub in_standard: Money,
}

/// `year 2: 1.2 TB, $14.10; $276 if all were in standard`.
impl fmt::Display for Year {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "three decimals are shown")]
        let terabytes = self.bytes as f64 / 1e12;
        let Year { year, cost, in_standard, .. } = self;
        write!(f, "year {year}: {terabytes:.3} TB, {cost}; {in_standard} if all were in standard")
    }
}

/// Storage month by month over `years` (at most 100): what is there stays in its class, what is new comes evenly in objects
/// of `growth.object_bytes`, is written at the beginning of its month and stays too. Reads, thaws and moves are not
/// foreseen; nothing is deleted.
pub fn project(prices: &Prices, now: impl IntoIterator<Item = Held>, growth: Growth, years: u32) -> Vec<Year> {
    let (mut kept, mut standard) = (Usage::default(), Usage::default());
    let mut bytes = 0u128;
    let month = prices.month_seconds;
    for held in now {
        kept.store(prices, held.class, held.bytes, month);
        standard.store(prices, Class::Standard, held.bytes, month);
        bytes += u128::from(held.bytes);
    }
    let there = [kept, standard].map(|usage| Bill::of(&usage, prices).total);
    let classes = [growth.class, Class::Standard];
    // One object, whole, in its first month and in every month; new objects are counted in thousandths.
    let object = growth.object_bytes.max(1);
    let each = classes.map(|class| object_costs(prices, class, object));
    let (mut rate, mut new) = (u128::from(growth.bytes_a_month), 0u128);
    let mut out = Vec::new();
    for year in 1..=years.min(MAX_YEARS) {
        let mut costs = [Money::ZERO; 2];
        for _ in 0..12 {
            new = new.saturating_add(rate);
            for ((cost, there), (write, keep)) in costs.iter_mut().zip(there).zip(each) {
                *cost += there + of_objects(write, rate, object) + of_objects(keep, new, object);
            }
        }
        let [cost, in_standard] = costs;
        out.push(Year { year, bytes: bytes.saturating_add(new), cost, in_standard });
        let percent = u128::from(growth.faster_by_percent.min(1000));
        rate = rate.saturating_mul(100 + percent) / 100;
    }
    out
}

/// What an object costs to write, and to keep for a month.
fn object_costs(prices: &Prices, class: Class, bytes: u64) -> (Money, Money) {
    let (mut write, mut keep) = (Usage::default(), Usage::default());
    write.upload(class, bytes);
    keep.store(prices, class, bytes, prices.month_seconds);
    (Bill::of(&write, prices).total, Bill::of(&keep, prices).total)
}

/// The costs of `bytes` in objects of `object` bytes that cost `each`.
fn of_objects(each: Money, bytes: u128, object: u64) -> Money {
    each.times(u64::try_from(bytes).unwrap_or(u64::MAX), object)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GB: u64 = 1 << 30;

    fn growth(bytes_a_month: u64) -> Growth {
        Growth { bytes_a_month, faster_by_percent: 0, object_bytes: GB, class: Class::DeepArchive }
    }

    /// 100 GB in Standard stay: 12 × 2.30 = 27.60 a year. Every month one GB more in Deep Archive, each written once for
    /// 0.00005 and kept for (1 + 2^-15) × 0.00099 + 2^-17 × 0.023 = 0.000990030 + 0.000000175 = 0.000990205 a month.
    /// Year 1: 12 × 0.00005 + (1 + … + 12 = 78) × 0.000990205 = 0.0006 + 0.07723599.
    /// Year 2: 0.0006 + (13 + … + 24 = 222) × 0.000990205 = 0.0006 + 0.21982551.
    /// In Standard: a write 0.000005, a month 0.023: year 1 27.60 + 0.00006 + 78 × 0.023 = 1.794.
    #[test]
    fn a_gigabyte_more_every_month() {
        let prices = Prices::us_east_1().unwrap();
        let now = [Held { class: Class::Standard, bytes: 100 * GB, seconds: 0 }];
        let years = project(&prices, now, growth(GB), 2);
        assert_eq!(years[0].cost.nanos(), 27_600_000_000 + 600_000 + 77_235_990);
        assert_eq!(years[1].cost.nanos(), 27_600_000_000 + 600_000 + 219_825_510);
        assert_eq!(years[0].in_standard.nanos(), 27_600_000_000 + 60_000 + 1_794_000_000);
        assert_eq!(years[1].bytes, u128::from(124 * GB));
        assert_eq!(years[0].to_string(), "year 1: 0.120 TB, $27.68; $29.39 if all were in standard");
    }

    /// 730 MB in 73 days are 10 MB a day; a month has 365/12 days: 304,166,666 bytes.
    #[test]
    fn growth_is_observed() {
        let prices = Prices::us_east_1().unwrap();
        let seen = |bytes, days| Growth::observed(&prices, bytes, days, GB, Class::Standard).bytes_a_month;
        assert_eq!(seen(730_000_000, 73), 304_166_666);
        assert_eq!(seen(730_000_000, 0), 0);
        assert_eq!(seen(u64::MAX, 1), u64::MAX);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn years_only_get_dearer(
            sizes in prop::collection::vec(0u64..1 << 40, 0..5), new in 0u64..1 << 45, percent in 0u32..2000,
        ) {
            let prices = Prices::us_east_1().unwrap();
            let now = sizes.iter().map(|bytes| Held { class: Class::DeepArchive, bytes: *bytes, seconds: 0 });
            let growth = Growth { faster_by_percent: percent, ..growth(new) };
            let years = project(&prices, now, growth, 7);
            prop_assert_eq!(years.len(), 7);
            for pair in years.windows(2) {
                prop_assert!(pair[0].cost <= pair[1].cost && pair[0].bytes <= pair[1].bytes);
            }
            prop_assert!(years.iter().all(|year| year.cost >= Money::ZERO));
        }
    }

    #[test]
    fn absurd_figures_stay_figures() {
        let prices = Prices::us_east_1().unwrap();
        let growth = Growth { faster_by_percent: u32::MAX, object_bytes: 0, ..growth(u64::MAX) };
        let now = (0..100).map(|_| Held { class: Class::Other, bytes: u64::MAX, seconds: u64::MAX });
        assert_eq!(project(&prices, now, growth, u32::MAX).len(), 100);
    }
}
