//! What S3 charges, as data: a table in TOML, of which two come with firn.

use serde::{Deserialize, Serialize};

use super::money::Price;
use crate::remote::{Class, Tier};

/// Longest price table accepted, in bytes.
const MAX_LEN: usize = 1 << 20;

const US_EAST_1: &str = include_str!("prices/us-east-1.toml");
const ROUND_NUMBERS: &str = include_str!("prices/round-numbers.toml");

/// A price table. `prices/us-east-1.toml` shows the format and names the sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// What it is called.
    pub name: String,
    /// Where the figures come from.
    pub source: String,
    /// Of when they are.
    pub date: String,
    /// Bytes in the gigabyte that is billed: 10⁹ or 2³⁰.
    pub gb_bytes: u64,
    /// Seconds in the month that is billed, 28 to 31 days.
    pub month_seconds: u64,
    /// Per 1000 LIST requests.
    pub list_per_1000: Price,
    /// Per gigabyte that leaves the region.
    pub transfer_out_gb: Price,
    class: Classes,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Classes {
    standard: ClassPrices,
    standard_ia: ClassPrices,
    glacier_ir: ClassPrices,
    glacier: ClassPrices,
    deep_archive: ClassPrices,
}

/// Prices and terms of one class. What is left out is 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassPrices {
    /// Per gigabyte and month.
    pub gb_month: Price,
    /// Per 1000 PUT, COPY or POST requests that write an object of the class.
    #[serde(default)]
    pub put_per_1000: Price,
    /// Per 1000 GET, HEAD and other requests.
    #[serde(default)]
    pub get_per_1000: Price,
    /// Per 1000 objects that a lifecycle rule moves into the class.
    #[serde(default)]
    pub transition_per_1000: Price,
    /// Per gigabyte that enters the class, by whatever way. No list of AWS's has such a price; round numbers do.
    #[serde(default)]
    pub entry_gb: Price,
    /// Per gigabyte read or copied from the class directly.
    #[serde(default)]
    pub retrieval_gb: Price,
    /// Days that are paid for at least.
    #[serde(default)]
    pub min_days: u32,
    /// Bytes that are paid for at least, per object.
    #[serde(default)]
    pub min_bytes: u64,
    /// Bytes added to every object, at the class's own rate.
    #[serde(default)]
    pub overhead_bytes: u64,
    /// Bytes added to every object, at the rate of Standard.
    #[serde(default)]
    pub overhead_standard_bytes: u64,
    #[serde(default)]
    restore: Restores,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Restores {
    bulk: Option<RestorePrices>,
    standard: Option<RestorePrices>,
    expedited: Option<RestorePrices>,
}

/// Prices of restores at one tier.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestorePrices {
    /// Per 1000 RestoreObject requests.
    pub per_1000: Price,
    /// Per gigabyte restored.
    pub gb: Price,
}

impl ClassPrices {
    /// Restores at this tier, where the class has it.
    pub fn restore(&self, tier: Tier) -> Option<RestorePrices> {
        match tier {
            Tier::Bulk => self.restore.bulk,
            Tier::Standard => self.restore.standard,
            Tier::Expedited => self.restore.expedited,
        }
    }
}

/// Why a price table is refused.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// It is not such a table; the text names line and column.
    #[error("price table: {0}")]
    Toml(#[from] toml::de::Error),
    /// It is far too long.
    #[error("price table: {0} bytes long, more than {MAX_LEN}")]
    TooLong(usize),
    /// A figure can't be.
    #[error("price table {name:?}: {key} = {value}, but it is {expected}")]
    Value {
        /// The table.
        name: String,
        /// Whose value.
        key: String,
        /// What it is.
        value: u64,
        /// What it could be.
        expected: &'static str,
    },
    /// Prices of restores are there without being possible, or the other way round.
    #[error("price table {name:?}: class.{class}.restore.{tier} {problem}")]
    Restore {
        /// The table.
        name: String,
        /// The class.
        class: Class,
        /// The tier.
        tier: Tier,
        /// What is wrong.
        problem: &'static str,
    },
    /// None of that name comes with firn.
    #[error("no price table {0:?} comes with firn: there are us-east-1 and round-numbers; or name a file")]
    Unknown(String),
}

impl Prices {
    /// The tables that come with firn; the first is the default.
    pub const NAMES: [&'static str; 2] = ["us-east-1", "round-numbers"];

    /// A table that comes with firn.
    pub fn named(name: &str) -> Result<Prices, PricesError> {
        match name {
            "us-east-1" => Prices::parse(US_EAST_1),
            "round-numbers" => Prices::parse(ROUND_NUMBERS),
            other => Err(PricesError::Unknown(other.to_owned())),
        }
    }

    /// List prices of us-east-1. Fails in no build that has passed its tests.
    pub fn us_east_1() -> Result<Prices, PricesError> {
        Prices::parse(US_EAST_1)
    }

    /// Reads a table. Unknown keys, missing classes, negative and unreal prices are refused.
    pub fn parse(text: &str) -> Result<Prices, PricesError> {
        if text.len() > MAX_LEN {
            return Err(PricesError::TooLong(text.len()));
        }
        let prices: Prices = toml::from_str(text)?;
        prices.check()?;
        Ok(prices)
    }

    /// Prices and terms of a class; one that firn does not use counts as Standard.
    pub fn of(&self, class: Class) -> &ClassPrices {
        match class {
            Class::Standard | Class::Other => &self.class.standard,
            Class::StandardIa => &self.class.standard_ia,
            Class::GlacierInstant => &self.class.glacier_ir,
            Class::GlacierFlexible => &self.class.glacier,
            Class::DeepArchive => &self.class.deep_archive,
        }
    }

    // Sums of products of these must stay inside 128 bits, whatever is stored.
    fn check(&self) -> Result<(), PricesError> {
        const DAY: u64 = 86_400;
        const GB: &str = "1_000_000_000 or 1_073_741_824";
        const MONTH: &str = "28 to 31 days";
        const SIZE: &str = "at most 1_073_741_824";
        let value = |key: String, value: u64, expected, holds: bool| {
            let name = self.name.clone();
            if holds { Ok(()) } else { Err(PricesError::Value { name, key, value, expected }) }
        };
        value("gb_bytes".into(), self.gb_bytes, GB, matches!(self.gb_bytes, 1_000_000_000 | 1_073_741_824))?;
        let month = self.month_seconds;
        value("month_seconds".into(), month, MONTH, (28 * DAY..=31 * DAY).contains(&month))?;
        for class in Class::ALL {
            let of = self.of(class);
            let days = of.min_days.into();
            value(format!("class.{class}.min_days"), days, "at most 3650", days <= 3650)?;
            for (key, bytes) in [
                ("min_bytes", of.min_bytes),
                ("overhead_bytes", of.overhead_bytes),
                ("overhead_standard_bytes", of.overhead_standard_bytes),
            ] {
                value(format!("class.{class}.{key}"), bytes, SIZE, bytes <= 1 << 30)?;
            }
            for tier in Tier::ALL {
                let problem = match (tier.longest(class), of.restore(tier)) {
                    (Some(_), None) => "is missing",
                    (None, Some(_)) => "has a price, but S3 has no such restores",
                    _ => continue,
                };
                return Err(PricesError::Restore { name: self.name.clone(), class, tier, problem });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(dollars: f64) -> Price {
        Price::new(dollars).unwrap()
    }

    #[test]
    fn the_tables_hold_the_prices_of_their_sources() {
        let list = Prices::named(Prices::NAMES[0]).unwrap();
        let months = |prices: &Prices| Class::ALL.map(|class| prices.of(class).gb_month);
        assert_eq!(months(&list), [0.023, 0.0125, 0.004, 0.0036, 0.00099].map(price));
        assert_eq!(Class::ALL.map(|class| list.of(class).min_days), [0, 30, 90, 90, 180]);
        assert_eq!(Class::ALL.map(|class| list.of(class).put_per_1000), [0.005, 0.01, 0.02, 0.03, 0.05].map(price));
        let bulk = list.of(Class::DeepArchive).restore(Tier::Bulk).unwrap();
        assert_eq!((bulk.per_1000, bulk.gb), (price(0.025), price(0.0025)));
        assert_eq!(list.of(Class::Other), list.of(Class::Standard));
        // Dollars per terabyte and year, by the thousand gigabytes and twelve months.
        let round = Prices::named(Prices::NAMES[1]).unwrap();
        let years = [276.0, 144.0, 48.0, 48.0, 12.0].map(|year| Some(price(year / 12.0 / 1000.0)));
        assert_eq!(months(&round).map(Some), years);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let line = |from: &str, to: &str| {
            assert!(US_EAST_1.contains(from));
            Prices::parse(&US_EAST_1.replacen(from, to, 1)).unwrap_err().to_string()
        };
        let at = |wanted: &str| US_EAST_1.lines().position(|line| line.contains(wanted)).unwrap() + 1;
        for (from, to) in [
            ("gb_month = 0.0125", "gb_month = -0.0125"),
            ("gb_month = 0.0125", "gb_month = nan"),
            ("gb_month = 0.0125", "gb_month = inf"),
            ("gb_month = 0.0125", "gb_mouth = 0.0125"),
            ("gb_month = 0.0125", "gb_month = \"cheap\""),
            ("gb_month = 0.0125", "gb_month = 0.00000000125"),
        ] {
            let told = line(from, to);
            assert!(told.contains(&format!("line {}", at(from))), "{told}");
        }
        assert!(line("[class.glacier-ir]", "[class.glacier-or]").contains("glacier-or"));
        assert!(line("gb_month = 0.00099\n", "").contains("gb_month"));
        assert!(line("gb_bytes = 1_073_741_824", "gb_bytes = 0").contains("gb_bytes = 0"));
        assert!(line("month_seconds = 2_628_000", "month_seconds = 1").contains("28 to 31 days"));
        assert!(line("min_days = 180", "min_days = 4000").contains("class.deep-archive.min_days"));
        assert!(line("restore.bulk = { per_1000 = 0.025, gb = 0.0025 }", "").contains("restore.bulk is missing"));
        let told = line("retrieval_gb = 0.01", "restore.bulk = { per_1000 = 0, gb = 0 }");
        assert!(told.contains("class.standard-ia.restore.bulk has a price"), "{told}");
        assert!(Prices::named("mars").unwrap_err().to_string().contains("us-east-1"));
    }
}
