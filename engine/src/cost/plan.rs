//! A change priced before it is made.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::today::Held;
use super::usage::commitment_seconds;
use super::{Bill, DAY, Money, Prices, Usage, Way};
use crate::remote::{Class, Tier};

/// What a class holds its objects to: removed or moved at once, they cost this all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Commitment {
    /// The class.
    pub class: Class,
    /// Objects inside their minimum duration.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes × days that are left, rounded up to whole days per object.
    pub byte_days: u128,
    /// Days until the last of them is free.
    pub days_left: u64,
    /// What removing all of them now would cost.
    pub at_risk: Money,
}

/// Sums the commitments of objects by class, warmest first.
#[derive(Debug, Default)]
pub(super) struct Commitments(BTreeMap<Class, (Commitment, Usage)>);

impl Commitments {
    pub(super) fn add(&mut self, prices: &Prices, held: Held) {
        let seconds = commitment_seconds(prices, held.class, held.seconds);
        if seconds == 0 {
            return;
        }
        let empty =
            Commitment { class: held.class, objects: 0, bytes: 0, byte_days: 0, days_left: 0, at_risk: Money::ZERO };
        let (sum, usage) = self.0.entry(held.class).or_insert((empty, Usage::default()));
        let days = seconds.div_ceil(DAY);
        sum.objects += 1;
        sum.bytes = sum.bytes.saturating_add(held.bytes);
        sum.byte_days = sum.byte_days.saturating_add(u128::from(held.bytes) * u128::from(days));
        sum.days_left = sum.days_left.max(days);
        usage.leave(prices, held.class, held.bytes, held.seconds);
    }

    pub(super) fn finish(self, prices: &Prices) -> Vec<Commitment> {
        let price = |(sum, usage)| Commitment { at_risk: Bill::of(&usage, prices).total, ..sum };
        self.0.into_values().map(price).collect()
    }
}

/// `deep-archive: 16 objects, 1073.7 MB for 180 more days; removing them now would cost $0.0059`.
impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
        let megabytes = self.bytes as f64 / 1e6;
        write!(f, "{}: {} objects, {megabytes:.1} MB for ", self.class, self.objects)?;
        write!(f, "{} more days; removing them now would cost {}", self.days_left, self.at_risk)
    }
}

/// What a change costs, once and from then on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Objects that are written, moved or thawed.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Paid once.
    pub one_time: Bill,
    /// What a month of these objects costs in the bucket now.
    pub monthly_before: Bill,
    /// What it costs afterwards.
    pub monthly_after: Bill,
    /// Minimum durations that begin.
    pub commitments: Vec<Commitment>,
}

impl Plan {
    /// What a month costs less than before; negative where it costs more.
    pub fn monthly_saving(&self) -> Money {
        self.monthly_before.total - self.monthly_after.total
    }

    /// Months until the saving has paid for the change, rounded up; nothing when it never does.
    pub fn pays_back_after(&self) -> Option<u64> {
        let saving = u128::try_from(self.monthly_saving().nanos()).ok().filter(|saving| *saving > 0)?;
        u64::try_from(u128::try_from(self.one_time.total.nanos()).ok()?.div_ceil(saving)).ok()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
        let megabytes = self.bytes as f64 / 1e6;
        writeln!(f, "{} objects, {megabytes:.1} MB", self.objects)?;
        writeln!(f, "once       {:>12}", self.one_time.total)?;
        write!(f, "per month  {:>12}, before {}", self.monthly_after.total, self.monthly_before.total)?;
        if let Some(months) = self.pays_back_after() {
            let unit = if months == 1 { "month" } else { "months" };
            write!(f, "; pays for itself after {months} {unit}")?;
        }
        self.commitments.iter().try_for_each(|commitment| write!(f, "\ncommitted: {commitment}"))
    }
}

/// Collects the steps of a plan.
#[derive(Debug)]
pub struct Planner<'a> {
    prices: &'a Prices,
    objects: u64,
    bytes: u64,
    once: Usage,
    before: Usage,
    after: Usage,
    commitments: Commitments,
}

impl<'a> Planner<'a> {
    /// A plan without steps.
    pub fn new(prices: &'a Prices) -> Self {
        let (once, before, after) = Default::default();
        Planner { prices, objects: 0, bytes: 0, once, before, after, commitments: Commitments::default() }
    }

    fn step(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn arrive(&mut self, class: Class, bytes: u64) {
        self.after.store(self.prices, class, bytes, self.prices.month_seconds);
        self.commitments.add(self.prices, Held { class, bytes, seconds: 0 });
    }

    /// An object that is only here goes into the bucket.
    pub fn upload(&mut self, class: Class, bytes: u64) {
        self.step(bytes);
        self.once.upload(class, bytes);
        self.arrive(class, bytes);
    }

    /// An object in the bucket changes its class. A frozen one has to be thawed first: see [`Planner::thaw`].
    pub fn change(&mut self, held: Held, to: Class, way: Way) {
        if held.class == to {
            return;
        }
        self.step(held.bytes);
        self.once.change(self.prices, held.class, to, held.bytes, held.seconds, way);
        self.before.store(self.prices, held.class, held.bytes, self.prices.month_seconds);
        self.arrive(to, held.bytes);
    }

    /// An object leaves the bucket.
    pub fn delete(&mut self, held: Held) {
        self.step(held.bytes);
        self.once.leave(self.prices, held.class, held.bytes, held.seconds);
        self.before.store(self.prices, held.class, held.bytes, self.prices.month_seconds);
    }

    /// A frozen object is brought back for a while (see [`super::copy_seconds`]). It stays what it is.
    pub fn thaw(&mut self, class: Class, tier: Tier, bytes: u64, copy_seconds: u64) {
        self.step(bytes);
        self.once.thaw(class, tier, bytes, copy_seconds);
    }

    /// What else is paid once: requests that look, downloads. They count no objects.
    pub fn once(&mut self) -> &mut Usage {
        &mut self.once
    }

    /// The plan, priced.
    pub fn finish(self) -> Plan {
        let bill = |usage| Bill::of(usage, self.prices);
        Plan {
            objects: self.objects,
            bytes: self.bytes,
            one_time: bill(&self.once),
            monthly_before: bill(&self.before),
            monthly_after: bill(&self.after),
            commitments: self.commitments.finish(self.prices),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Item;

    const PACK: u64 = 64 << 20;

    /// Sixteen packs of 64 MiB, one GB, from Standard (10 days there) to Deep Archive by copying.
    /// - once: 16 × 0.05 / 1000 = 0.0008; Standard holds nobody.
    /// - before: 0.023.
    /// - after: (2^30 + 16 × 32 KiB) / 2^30 × 0.00099 = 0.000990483 (1.00048828125 × 0.00099 = 0.0009904834), and
    ///   16 × 8 KiB / 2^30 × 0.023 = 0.0001220703125 × 0.023 = 0.000002808.
    /// - at risk: 1.00048828125 GB × 180 days / (365 / 12 days) × 0.00099 = 1.00048828125 × 5.917808219 × 0.00099
    ///   = 0.005861491.
    #[test]
    fn moving_a_gigabyte_to_deep_archive() {
        let prices = Prices::us_east_1().unwrap();
        let mut planner = Planner::new(&prices);
        for _ in 0..16 {
            let held = Held { class: Class::Standard, bytes: PACK, seconds: 10 * DAY };
            planner.change(held, Class::DeepArchive, Way::Copy);
        }
        let plan = planner.finish();
        assert_eq!((plan.objects, plan.bytes), (16, 1 << 30));
        assert_eq!(plan.one_time.total, Money::from_nanos(800_000));
        assert_eq!(plan.monthly_before.total, Money::from_nanos(23_000_000));
        assert_eq!(plan.monthly_after.item(Item::Storage), Money::from_nanos(990_483));
        assert_eq!(plan.monthly_after.item(Item::ArchiveOverhead), Money::from_nanos(2_808));
        assert_eq!(plan.monthly_saving(), Money::from_nanos(23_000_000 - 990_483 - 2_808));
        assert_eq!(plan.pays_back_after(), Some(1));
        let [commitment] = &plan.commitments[..] else { panic!("{:?}", plan.commitments) };
        assert_eq!((commitment.objects, commitment.days_left), (16, 180));
        assert_eq!(commitment.byte_days, 180 << 30);
        assert_eq!(commitment.at_risk, Money::from_nanos(5_861_491));
        assert_eq!(
            plan.to_string(),
            "16 objects, 1073.7 MB\nonce            $0.0008\nper month      $0.00099, before $0.023; pays for itself \
             after 1 month\ncommitted: deep-archive: 16 objects, 1073.7 MB for 180 more days; removing them now would \
             cost $0.0059"
        );
    }

    /// By the round numbers a decimal terabyte into Deep Archive costs 1000 × 0.02 = $20 once and $1 a month (without the
    /// overhead of 16,000 objects of 62.5 MB: 16,000 × 32,768 B = 0.524288 GB × 0.001 and 0.131072 GB × 0.023).
    #[test]
    fn a_terabyte_by_round_numbers() {
        let prices = Prices::named("round-numbers").unwrap();
        let mut planner = Planner::new(&prices);
        (0..16_000).for_each(|_| planner.upload(Class::DeepArchive, 62_500_000));
        let plan = planner.finish();
        assert_eq!(plan.one_time.total, Money::from_nanos(20_000_000_000));
        assert_eq!(plan.monthly_before.total, Money::ZERO);
        assert_eq!(plan.monthly_after.total, Money::from_nanos(1_000_000_000 + 524_288 + 3_014_656));
        assert_eq!(plan.pays_back_after(), None, "nothing was paid for it in the bucket before");
    }

    /// One GB out of Flexible after 60 days: 30 days are owed, (2^30 + 32 KiB) / 2^30 × 0.0036 × 30 / (365 / 12)
    /// = 1.000030517578125 × 0.0036 × 0.986301370 = 0.003550793; deleting itself is free.
    #[test]
    fn leaving_early_is_in_the_plan() {
        let prices = Prices::us_east_1().unwrap();
        let held = Held { class: Class::GlacierFlexible, bytes: 1 << 30, seconds: 60 * DAY };
        let mut planner = Planner::new(&prices);
        planner.delete(held);
        let plan = planner.finish();
        assert_eq!(plan.one_time.total, Money::from_nanos(3_550_793));
        assert_eq!(plan.one_time.item(Item::EarlyDeletion), plan.one_time.total);
        assert!(plan.commitments.is_empty());
        // A class that stays is no step.
        let mut planner = Planner::new(&prices);
        planner.change(held, Class::GlacierFlexible, Way::Copy);
        assert_eq!(planner.finish().objects, 0);
    }
}
