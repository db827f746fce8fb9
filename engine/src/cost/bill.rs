//! Quantities times prices.

use std::fmt;

use serde::Serialize;

use super::{Item, Money, Price, Prices, Unit, Usage};
use crate::remote::{Class, Tier};

/// One line of a bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What for.
    pub item: Item,
    /// Of which class.
    pub class: Class,
    /// Of which restore tier, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// How much, in `unit`s, to 15 digits.
    pub quantity: f64,
    /// What a price is for.
    pub unit: Unit,
    /// Price of one unit.
    pub price: Price,
    /// Quantity × price, from the exact quantity.
    pub amount: Money,
}

/// A bill: what was or will be used, priced.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Bill {
    /// One line per item, class and tier of which there is something, in that order. Some may be free.
    pub lines: Vec<Line>,
    /// Their sum.
    pub total: Money,
}

impl Bill {
    /// Prices what is used.
    pub fn of(usage: &Usage, prices: &Prices) -> Bill {
        let lines: Vec<Line> =
            usage.quantities().map(|(item, class, tier, sum)| line(prices, item, class, tier, sum)).collect();
        let total = lines.iter().map(|line| line.amount).sum();
        Bill { lines, total }
    }

    /// All lines of one item together.
    pub fn item(&self, item: Item) -> Money {
        self.lines.iter().filter(|line| line.item == item).map(|line| line.amount).sum()
    }

    /// All lines of one class together.
    pub fn class(&self, class: Class) -> Money {
        self.lines.iter().filter(|line| line.class == class).map(|line| line.amount).sum()
    }
}

fn line(prices: &Prices, item: Item, class: Class, tier: Option<Tier>, sum: u128) -> Line {
    let of = prices.of(class);
    let restore = tier.and_then(|tier| of.restore(tier));
    let price = match item {
        Item::Storage | Item::EarlyDeletion => of.gb_month,
        Item::ArchiveOverhead | Item::RestoredCopy => prices.of(Class::Standard).gb_month,
        Item::PutRequests => of.put_per_1000,
        Item::GetRequests => of.get_per_1000,
        Item::ListRequests => prices.list_per_1000,
        Item::Transitions => of.transition_per_1000,
        Item::Entry => of.entry_gb,
        Item::Retrieval => of.retrieval_gb,
        Item::RestoreRequests => restore.map_or(Price::default(), |restore| restore.per_1000),
        Item::RestoreRetrieval => restore.map_or(Price::default(), |restore| restore.gb),
        Item::TransferOut => prices.transfer_out_gb,
    };
    let unit = item.unit();
    let per = match unit {
        Unit::GbMonth => u128::from(prices.gb_bytes) * u128::from(prices.month_seconds),
        Unit::Gb => prices.gb_bytes.into(),
        Unit::Thousand => 1000,
    };
    #[expect(clippy::cast_precision_loss, reason = "for display; the amount comes from the exact quantity")]
    let quantity = sum as f64 / per as f64;
    Line { item, class, tier, quantity, unit, price, amount: Money::priced(sum, price, per) }
}

/// One line each, the free ones left out, and the total.
impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines.iter().filter(|line| line.amount != Money::ZERO) {
            writeln!(f, "{line}")?;
        }
        write!(f, "{:<42}{:>12}", "total", self.total)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tier = self.tier.map(|tier| format!(" {tier}")).unwrap_or_default();
        let what = format!("{}, {}{tier}", self.item, self.class);
        write!(f, "{what:<42}{:>12}  {:.6} {} at {}", self.amount, self.quantity, self.unit, self.price.money())
    }
}
