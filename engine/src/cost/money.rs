//! Dollars, exactly.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount in whole billionths of a dollar. Sums are exact; where a quantity is priced, the nearest billionth is taken,
/// halves up. What would not fit (10²⁹ dollars) stays at the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i128);

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);

    /// An amount in billionths of a dollar.
    pub const fn from_nanos(nanos: i128) -> Money {
        Money(nanos)
    }

    /// The amount in billionths of a dollar.
    pub const fn nanos(self) -> i128 {
        self.0
    }

    /// The amount in dollars, to 15 digits.
    #[expect(clippy::cast_precision_loss, reason = "for display and comparison; sums are kept in whole billionths")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// `quantity` at `price` for every `per` of it; nothing when `per` is 0.
    pub(super) fn priced(quantity: u128, price: Price, per: u128) -> Money {
        Money(share(quantity, price.0.into(), per).try_into().unwrap_or(i128::MAX))
    }

    /// `numerator` / `denominator` of it, rounded to the nearest billionth, halves away from 0; nothing of a denominator of 0.
    #[must_use]
    pub fn times(self, numerator: u64, denominator: u64) -> Money {
        let size = share(self.0.unsigned_abs(), numerator.into(), denominator.into());
        let size = i128::try_from(size).unwrap_or(i128::MAX);
        Money(if self.0 < 0 { -size } else { size })
    }
}

/// `a` × `b` / `per`, rounded, without overflow on the way as long as `per` × `b` fits.
fn share(a: u128, b: u128, per: u128) -> u128 {
    let (Some(whole), Some(rest)) = (a.checked_div(per), a.checked_rem(per)) else { return 0 };
    let part = rest.saturating_mul(b).saturating_add(per / 2) / per;
    whole.saturating_mul(b).saturating_add(part)
}

impl Add for Money {
    type Output = Money;

    fn add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        *self = *self + other;
    }
}

impl Sub for Money {
    type Output = Money;

    fn sub(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }
}

impl Neg for Money {
    type Output = Money;

    fn neg(self) -> Money {
        Money(self.0.saturating_neg())
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(all: I) -> Money {
        all.fold(Money::ZERO, Add::add)
    }
}

/// As many digits as say something: `$1,234`, `$12.34`, `$0.12`, `$0.0004`, `-$3.00`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        f.pad(&format!("{sign}${}", digits(self.0.unsigned_abs())))
    }
}

fn digits(nanos: u128) -> String {
    let rounded = |decimals: u32| {
        let unit = 10u128.pow(9 - decimals);
        nanos.saturating_add(unit / 2) / unit
    };
    if nanos == 0 {
        return "0".to_owned();
    }
    let cents = rounded(2);
    if cents >= 100_000 {
        return grouped(rounded(0));
    }
    if cents >= 100 {
        return format!("{}.{:02}", cents / 100, cents % 100);
    }
    // Two digits that are not 0 in front, but at least the cents and at most what there is.
    let decimals = (2..9).find(|decimals| nanos >= 10u128.pow(10 - decimals)).unwrap_or(9);
    let mut text = format!("0.{:0width$}", rounded(decimals), width = decimals as usize);
    while text.len() > "0.00".len() && text.ends_with('0') {
        text.pop();
    }
    text
}

fn grouped(number: u128) -> String {
    let plain = number.to_string();
    let mut out = String::new();
    for (at, digit) in plain.chars().enumerate() {
        if at > 0 && (plain.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of dollars.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.dollars())
    }
}

/// A price: never negative, in whole billionths of a dollar, at most $1,000 a unit. In TOML and JSON a number of dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(u64);

impl Price {
    const MAX: f64 = 1000.0;

    /// The price of so many dollars; nothing unless it is one that a [`Price`] can be.
    pub fn new(dollars: f64) -> Option<Price> {
        if !(0.0..=Price::MAX).contains(&dollars) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10¹²")]
        let nanos = (dollars * 1e9).round() as u64;
        #[expect(clippy::cast_precision_loss, reason = "to 10¹², well under 2⁵³")]
        let exact = nanos as f64 / 1e9 == dollars;
        exact.then_some(Price(nanos))
    }

    /// The price of one unit.
    pub fn money(self) -> Money {
        Money(self.0.into())
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.money().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let dollars = f64::deserialize(from)?;
        Price::new(dollars).ok_or_else(|| {
            de::Error::custom(format!(
                "{dollars} is no price: 0 to {} dollars, in steps of a billionth of a dollar",
                Price::MAX
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(dollars: &str) -> String {
        let (whole, part) = dollars.trim_start_matches('-').split_once('.').unwrap();
        let nanos: i128 = format!("{whole}{part:0<9}").parse().unwrap();
        Money(if dollars.starts_with('-') { -nanos } else { nanos }).to_string()
    }

    #[test]
    fn shown_with_digits_that_say_something() {
        for (dollars, text) in [
            ("0.0", "$0"),
            ("0.0004", "$0.0004"),
            ("0.000175476", "$0.00018"),
            ("0.000000001", "$0.000000001"),
            ("0.5", "$0.50"),
            ("0.023", "$0.023"),
            ("0.000993", "$0.00099"),
            ("0.0996", "$0.10"),
            ("0.994", "$0.99"),
            ("0.995", "$1.00"),
            ("12.344", "$12.34"),
            ("999.994", "$999.99"),
            ("999.995", "$1,000"),
            ("1234.5", "$1,235"),
            ("1234567.0", "$1,234,567"),
            ("-3.0", "-$3.00"),
        ] {
            assert_eq!(shown(dollars), text, "{dollars}");
        }
        assert_eq!(format!("{:>8}|", Money(400_000)), " $0.0004|");
        assert_eq!(serde_json::to_string(&Money(400_000)).unwrap(), "0.0004");
    }

    #[test]
    fn prices_are_exact_or_refused() {
        for (dollars, nanos) in [(0.00099, 990_000), (0.023, 23_000_000), (10.0, 10_000_000_000), (0.0, 0)] {
            assert_eq!(Price::new(dollars), Some(Price(nanos)));
        }
        for dollars in [-0.01, f64::NAN, f64::INFINITY, 1000.01, 1e-10, 0.123_456_789_1] {
            assert_eq!(Price::new(dollars), None, "{dollars}");
        }
    }

    #[test]
    fn pricing_rounds_to_the_nearest_billionth() {
        // 1 request at $0.0004 per 1000 is 400 billionths; half a billionth goes up, less goes down.
        assert_eq!(Money::priced(1, Price(400_000), 1000), Money(400));
        assert_eq!(Money::priced(1, Price(500), 1000), Money(1));
        assert_eq!(Money::priced(1, Price(499), 1000), Money(0));
        assert_eq!(Money::priced(1, Price(499), 0), Money(0));
        assert_eq!(Money(-1000).times(1, 3), Money(-333));
        assert_eq!(Money(i128::MAX).times(u64::MAX, 1), Money(i128::MAX));
        assert_eq!(Money(i128::MAX) + Money(1), Money(i128::MAX));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pricing_is_what_the_plain_formula_says(
            quantity in 0u128..1 << 60, price in 0u64..1_000_000_000_000, per in 1u128..1 << 40,
        ) {
            let exact = (quantity * u128::from(price) * 2 + per) / (2 * per);
            // Halves of odd units may fall either way by one billionth.
            let got = Money::priced(quantity, Price(price), per).0.unsigned_abs();
            prop_assert!(got.abs_diff(exact) <= 1);
        }
    }
}
