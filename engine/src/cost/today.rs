//! What the bucket costs as it is.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::plan::Commitments;
use super::{Bill, Commitment, Money, Prices, Usage};
use crate::remote::Class;

/// An object in the bucket, as far as its cost goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Held {
    /// What it is kept as.
    pub class: Class,
    /// Its length in bytes.
    pub bytes: u64,
    /// Seconds since it came into the class.
    pub seconds: u64,
}

/// One class of today's bucket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassRow {
    /// The class.
    pub class: Class,
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// A month of them, overhead and minimum sizes included.
    pub monthly: Bill,
}

/// What the bucket costs a month, by class, and what it would cost in Standard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Today {
    /// Classes that hold something, warmest first.
    pub classes: Vec<ClassRow>,
    /// A month of everything.
    pub monthly: Money,
    /// A month of everything if it were in Standard.
    pub in_standard: Money,
    /// Running minimum durations.
    pub commitments: Vec<Commitment>,
}

impl Today {
    /// Sums up objects.
    pub fn of(prices: &Prices, objects: impl IntoIterator<Item = Held>) -> Today {
        let mut rows: BTreeMap<Class, (u64, u64, Usage)> = BTreeMap::new();
        let mut standard = Usage::default();
        let mut commitments = Commitments::default();
        for held in objects {
            let (count, bytes, usage) = rows.entry(held.class).or_default();
            *count += 1;
            *bytes = bytes.saturating_add(held.bytes);
            usage.store(prices, held.class, held.bytes, prices.month_seconds);
            standard.store(prices, Class::Standard, held.bytes, prices.month_seconds);
            commitments.add(prices, held);
        }
        let row =
            |(class, (objects, bytes, usage))| ClassRow { class, objects, bytes, monthly: Bill::of(&usage, prices) };
        let classes: Vec<ClassRow> = rows.into_iter().map(row).collect();
        Today {
            monthly: classes.iter().map(|row| row.monthly.total).sum(),
            classes,
            in_standard: Bill::of(&standard, prices).total,
            commitments: commitments.finish(prices),
        }
    }

    /// What a month costs less than in Standard; negative where small objects cost more.
    pub fn saving(&self) -> Money {
        self.in_standard - self.monthly
    }
}

/// A table by class, the total, and the comparison.
impl fmt::Display for Today {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
        for row in &self.classes {
            let megabytes = row.bytes as f64 / 1e6;
            let (class, objects, total) = (row.class, row.objects, row.monthly.total);
            writeln!(f, "{class:<14}{objects:>10} objects{megabytes:>14.1} MB{total:>12} a month")?;
        }
        write!(f, "{} a month; {} if all were in standard", self.monthly, self.in_standard)?;
        self.commitments.iter().try_for_each(|commitment| write!(f, "\ncommitted: {commitment}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::DAY;

    const GB: u64 = 1 << 30;

    /// 10 GB in Standard 0.23; 100 GB as one object in Instant 0.40; 4 KiB in IA billed as 128 KiB:
    /// 131,072 / 2^30 × 0.0125 = 0.000001526. All in Standard: 110 × 0.023 = 2.53 and 4,096 / 2^30 × 0.023 = 0.000000088.
    /// Instant was entered 30 days ago: 60 are left, 100 × 0.004 × 60 × 12 / 365 = 0.789041096; IA 40 days ago: free.
    #[test]
    fn by_class_and_against_standard() {
        let prices = Prices::us_east_1().unwrap();
        let held = |class, bytes, days: u64| Held { class, bytes, seconds: days * DAY };
        let objects = [
            held(Class::GlacierInstant, 100 * GB, 30),
            held(Class::Standard, 10 * GB, 0),
            held(Class::StandardIa, 4096, 40),
        ];
        let today = Today::of(&prices, objects);
        let nanos: Vec<_> = today.classes.iter().map(|row| (row.class, row.monthly.total.nanos())).collect();
        let (standard, ia, instant) = (230_000_000, 1_526, 400_000_000);
        let classes = [Class::Standard, Class::StandardIa, Class::GlacierInstant];
        assert_eq!(nanos, classes.into_iter().zip([standard, ia, instant]).collect::<Vec<_>>());
        assert_eq!(today.monthly.nanos(), standard + ia + instant);
        assert_eq!(today.in_standard.nanos(), 2_530_000_088);
        assert_eq!(today.saving().nanos(), 2_530_000_088 - 630_001_526);
        let [commitment] = &today.commitments[..] else { panic!("{:?}", today.commitments) };
        assert_eq!((commitment.class, commitment.days_left), (Class::GlacierInstant, 60));
        assert_eq!(commitment.at_risk.nanos(), 789_041_096);
        let shown = today.to_string();
        assert!(shown.contains("$0.63 a month; $2.53 if all were in standard"), "{shown}");
        let json = serde_json::to_string(&today).unwrap();
        assert!(json.contains(r#""class":"glacier-ir""#) && json.contains(r#""in_standard":2.530000088"#), "{json}");
    }

    #[test]
    fn nothing_costs_nothing() {
        let today = Today::of(&Prices::us_east_1().unwrap(), []);
        assert_eq!((today.monthly, today.in_standard, today.classes.len()), (Money::ZERO, Money::ZERO, 0));
    }
}
