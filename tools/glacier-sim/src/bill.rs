//! Usage × price table = bill. No I/O, no clock; every line can be checked by hand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::class::{Class, Tier};
use crate::op::Group;
use crate::usage::Usage;

/// A price table; `prices/us-east-1.toml` is the default and shows the format.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Where the figures come from.
    pub source: String,
    /// Of when they are.
    pub date: String,
    /// Bytes in the gigabyte that is billed.
    pub bytes_per_gb: u64,
    /// Seconds in the month that is billed.
    pub seconds_per_month: u64,
    /// Prices by class; every class must be there.
    pub class: BTreeMap<Class, ClassPrices>,
}

/// The prices of one class, in dollars.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassPrices {
    /// Per gigabyte and month.
    pub gb_month: f64,
    /// Per 1000 PUT, COPY, POST or LIST requests.
    pub put_per_1000: f64,
    /// Per 1000 GET and other requests.
    pub get_per_1000: f64,
    /// Per 1000 objects that a lifecycle rule moves into the class.
    pub transition_per_1000: f64,
    /// Per gigabyte read or copied from the class directly.
    pub retrieval_gb: f64,
    /// Restores by tier.
    #[serde(default)]
    pub restore: BTreeMap<Tier, RestorePrices>,
}

/// The prices of one restore tier, in dollars.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestorePrices {
    /// Per 1000 RestoreObject requests.
    pub per_1000: f64,
    /// Per gigabyte restored.
    pub gb: f64,
}

/// Why a price table is refused.
#[derive(Debug, thiserror::Error)]
pub enum BadPrices {
    /// It is not such a table.
    #[error("price table: {0}")]
    Toml(#[from] toml::de::Error),
    /// A class or tier has no prices.
    #[error("price table: no prices for {0}")]
    Missing(String),
    /// A unit is zero.
    #[error("price table: bytes_per_gb and seconds_per_month must be above 0")]
    Unit,
}

impl Prices {
    /// Parses a table.
    ///
    /// # Errors
    /// [`BadPrices`] when it is malformed or incomplete.
    pub fn parse(text: &str) -> Result<Prices, BadPrices> {
        let prices: Prices = toml::from_str(text)?;
        if prices.bytes_per_gb == 0 || prices.seconds_per_month == 0 {
            return Err(BadPrices::Unit);
        }
        for class in Class::ALL {
            let of = prices.class.get(&class).ok_or_else(|| BadPrices::Missing(class.to_string()))?;
            for tier in Tier::ALL {
                if crate::restore::span(class, tier).is_some() && !of.restore.contains_key(&tier) {
                    return Err(BadPrices::Missing(format!("restores of {class} at {tier}")));
                }
            }
        }
        Ok(prices)
    }

    /// The committed list prices of us-east-1.
    ///
    /// # Errors
    /// None that a build with its tests passed can meet.
    pub fn us_east_1() -> Result<Prices, BadPrices> {
        Prices::parse(include_str!("../prices/us-east-1.toml"))
    }
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What is billed: `storage`, `archive-overhead`, `staging`, `restored-copy`, `early-deletion`, `put-requests`,
    /// `get-requests`, `restore-requests`, `retrieval`, `restore-retrieval` or `transitions`.
    pub name: String,
    /// The class it is billed for.
    pub class: Class,
    /// The restore tier, where there is one.
    pub tier: Option<Tier>,
    /// How much.
    pub quantity: f64,
    /// Of what: `GB-month`, `GB`, or `1000` requests.
    pub unit: String,
    /// Dollars per unit.
    pub unit_price: f64,
    /// `quantity × unit_price`.
    pub dollars: f64,
}

/// A bill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bill {
    /// Lines with a quantity above 0, in a fixed order.
    pub lines: Vec<Line>,
    /// Their sum in dollars.
    pub total: f64,
    /// The source and date of the prices.
    pub prices: String,
}

impl Bill {
    /// The dollars of all lines of that name.
    pub fn dollars(&self, name: &str) -> f64 {
        self.lines.iter().filter(|line| line.name == name).map(|line| line.dollars).sum()
    }

    /// The line of that name, class and tier.
    pub fn line(&self, name: &str, class: Class, tier: Option<Tier>) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name && line.class == class && line.tier == tier)
    }
}

/// Prices `usage`.
pub fn bill(usage: &Usage, prices: &Prices) -> Bill {
    let mut desk = Desk { prices, lines: Vec::new() };
    for (class, sum) in &usage.stored {
        desk.storage("storage", *class, *class, *sum);
    }
    for (class, sum) in &usage.overhead {
        desk.storage("archive-overhead", *class, Class::Standard, *sum);
    }
    for (class, sum) in &usage.staged {
        desk.storage("staging", *class, *class, *sum);
    }
    for (class, sum) in &usage.copies {
        desk.storage("restored-copy", *class, Class::Standard, *sum);
    }
    for (class, sum) in &usage.early {
        desk.storage("early-deletion", *class, *class, *sum);
    }
    for ((group, class), count) in &usage.requests {
        let Some(of) = prices.class.get(class) else { continue };
        match group {
            Group::Put => desk.requests("put-requests", *class, None, *count, of.put_per_1000),
            Group::Get => desk.requests("get-requests", *class, None, *count, of.get_per_1000),
            Group::Free | Group::Restore => {}
        }
    }
    for ((class, tier), count) in &usage.restores {
        desk.requests("restore-requests", *class, Some(*tier), *count, desk.restore(*class, *tier).per_1000);
    }
    for (class, bytes) in &usage.retrieved {
        let price = prices.class.get(class).map_or(0.0, |of| of.retrieval_gb);
        desk.bytes("retrieval", *class, None, *bytes, price);
    }
    for ((class, tier), bytes) in &usage.thawed {
        desk.bytes("restore-retrieval", *class, Some(*tier), *bytes, desk.restore(*class, *tier).gb);
    }
    for (class, count) in &usage.transitions {
        let price = prices.class.get(class).map_or(0.0, |of| of.transition_per_1000);
        desk.requests("transitions", *class, None, *count, price);
    }
    let total = desk.lines.iter().map(|line| line.dollars).sum();
    Bill { lines: desk.lines, total, prices: format!("{} ({})", prices.source, prices.date) }
}

struct Desk<'a> {
    prices: &'a Prices,
    lines: Vec<Line>,
}

#[expect(clippy::cast_precision_loss, reason = "a bill is good to 15 digits")]
impl Desk<'_> {
    fn storage(&mut self, name: &str, class: Class, rate: Class, byte_seconds: u128) {
        let quantity = byte_seconds as f64 / self.prices.bytes_per_gb as f64 / self.prices.seconds_per_month as f64;
        let price = self.prices.class.get(&rate).map_or(0.0, |of| of.gb_month);
        self.line(name, class, None, quantity, "GB-month", price);
    }

    fn requests(&mut self, name: &str, class: Class, tier: Option<Tier>, count: u64, price: f64) {
        self.line(name, class, tier, count as f64 / 1000.0, "1000", price);
    }

    fn bytes(&mut self, name: &str, class: Class, tier: Option<Tier>, bytes: u64, price: f64) {
        self.line(name, class, tier, bytes as f64 / self.prices.bytes_per_gb as f64, "GB", price);
    }

    fn restore(&self, class: Class, tier: Tier) -> RestorePrices {
        let of = self.prices.class.get(&class).and_then(|of| of.restore.get(&tier));
        of.copied().unwrap_or(RestorePrices { per_1000: 0.0, gb: 0.0 })
    }

    fn line(&mut self, name: &str, class: Class, tier: Option<Tier>, quantity: f64, unit: &str, unit_price: f64) {
        if quantity > 0.0 {
            let dollars = quantity * unit_price;
            let (name, unit) = (name.to_owned(), unit.to_owned());
            self.lines.push(Line { name, class, tier, quantity, unit, unit_price, dollars });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY;
    use crate::usage::Charge;

    const GB: u64 = 1 << 30;

    #[test]
    fn the_committed_table_holds_the_prices_of_its_source() {
        let prices = Prices::us_east_1().unwrap();
        let deep = &prices.class[&Class::DeepArchive];
        assert_eq!((deep.gb_month, deep.put_per_1000), (0.00099, 0.05));
        assert_eq!(deep.restore[&Tier::Bulk], RestorePrices { per_1000: 0.025, gb: 0.0025 });
        assert!(!deep.restore.contains_key(&Tier::Expedited));
    }

    #[test]
    fn incomplete_tables_are_refused() {
        let text = include_str!("../prices/us-east-1.toml");
        assert!(Prices::parse(&text.replace("restore.Bulk = { per_1000 = 0.025, gb = 0.0025 }", "")).is_err());
        assert!(Prices::parse(&text.replace("[class.GLACIER_IR]", "[class.GLACIER_OR]")).is_err());
        assert!(Prices::parse(&text.replace("1_073_741_824", "0")).is_err());
    }

    /// Max early deletion per GB as the price page implies it: months × rate (facts: .0125, .012, .0108, .0059).
    #[test]
    fn early_deletion_per_gigabyte() {
        let mut prices = Prices::us_east_1().unwrap();
        prices.seconds_per_month = 30 * DAY;
        for (class, dollars) in [
            (Class::StandardIa, 0.0125),
            (Class::GlacierIr, 0.012),
            (Class::Glacier, 0.0108),
            (Class::DeepArchive, 0.00594),
        ] {
            let mut usage = Usage::default();
            usage.leave(class, GB, 0);
            let bill = bill(&usage, &prices);
            assert!((bill.total / dollars - 1.0).abs() < 1e-4, "{class}: {}", bill.total);
        }
    }

    #[test]
    fn a_year_of_a_decimal_terabyte_in_standard_costs_276() {
        let mut prices = Prices::us_east_1().unwrap();
        prices.bytes_per_gb = 1_000_000_000;
        let mut usage = Usage::default();
        usage.store(Class::Standard, 1_000_000_000_000, 365 * DAY);
        assert!((bill(&usage, &prices).total - 276.0).abs() < 1e-9);
    }

    #[test]
    fn an_upgrade_bills_the_bytes_once() {
        let prices = Prices::us_east_1().unwrap();
        let (class, from, to) = (Class::Glacier, Tier::Standard, Tier::Expedited);
        let mut usage = Usage::default();
        usage.charge(Charge::Restore { class, tier: from });
        usage.charge(Charge::Thawed { class, tier: from, bytes: GB });
        usage.charge(Charge::Restore { class, tier: to });
        usage.charge(Charge::Unthawed { class, tier: from, bytes: GB });
        usage.charge(Charge::Thawed { class, tier: to, bytes: GB });
        let bill = bill(&usage, &prices);
        assert!((bill.dollars("restore-retrieval") - 0.03).abs() < 1e-12);
        assert!((bill.dollars("restore-requests") - (0.00005 + 0.01)).abs() < 1e-12);
    }
}
