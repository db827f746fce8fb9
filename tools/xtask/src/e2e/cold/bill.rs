//! What a plan foresaw, against what the server bills.
//!
//! The forecast rounds every line to a billionth of a dollar, the server none: that is the whole tolerance. Of copies that a thaw makes, the
//! plan knows the time to the second at which it was made, and the request comes a little later: that is the other one.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::world::{World, text};
use crate::error::{Result, check_failed};

/// Seconds of the month that is billed: a twelfth of 365 days.
pub const MONTH: u64 = 2_628_000;
pub(super) const DAY: i64 = 86_400;
/// A line of the forecast is off by half of this at most.
const ROUNDED: f64 = 1e-9;

/// Dollars by item, class and tier, in the server's words.
pub type Lines = BTreeMap<(String, String, String), f64>;

/// The lines of the server's bill.
pub fn of_server(bill: &Value) -> Lines {
    let mut lines = Lines::new();
    for line in bill.get("lines").and_then(Value::as_array).into_iter().flatten() {
        let dollars = line.get("dollars").and_then(Value::as_f64).unwrap_or(f64::NAN);
        add(&mut lines, text(line, "/name"), text(line, "/class"), text(line, "/tier"), dollars);
    }
    lines
}

/// What a spill's plan foresees: once, and for a month of keeping what it wrote.
///
/// # Errors
/// The plan has no prices.
pub fn of_spill(plan: &Value) -> Result<Lines> {
    let mut lines = Lines::new();
    for part in ["/plan/price/one_time/lines", "/plan/price/monthly_after/lines"] {
        let Some(part) = plan.pointer(part).and_then(Value::as_array) else {
            return check_failed(format!("the plan has no {part}: {plan}"));
        };
        part.iter().for_each(|line| add_forecast(&mut lines, line));
    }
    Ok(lines)
}

fn add_forecast(lines: &mut Lines, line: &Value) {
    // Listings are billed as writes are, and on one line.
    let item = match text(line, "/item") {
        "list-requests" => "put-requests",
        item => item,
    };
    let class = text(line, "/class").to_uppercase().replace('-', "_");
    let tier = text(line, "/tier");
    let tier = tier.get(..1).unwrap_or_default().to_uppercase() + tier.get(1..).unwrap_or_default();
    add(lines, item, &class, &tier, line.get("amount").and_then(Value::as_f64).unwrap_or(f64::NAN));
}

fn add(lines: &mut Lines, item: &str, class: &str, tier: &str, dollars: f64) {
    *lines.entry((item.to_owned(), class.to_owned(), tier.to_owned())).or_default() += dollars;
}

/// Line by line, the bill less what was billed for what was there before is the forecast.
///
/// # Errors
/// A line differs.
pub fn agrees(bill: &Value, before: &Value, forecast: &Lines) -> Result<String> {
    let mut billed = of_server(bill);
    for (key, dollars) in of_server(before) {
        *billed.entry(key).or_default() -= dollars;
    }
    let keys: std::collections::BTreeSet<_> = billed.keys().chain(forecast.keys()).collect();
    // Two forecasts may be in one line: writes and listings.
    let differs = |key: &(String, String, String)| (of(&billed, key) - of(forecast, key)).abs() > 2.0 * ROUNDED;
    if let Some(key) = keys.iter().copied().find(|key| differs(key)) {
        let (billed_line, planned) = (of(&billed, key), of(forecast, key));
        return check_failed(format!(
            "{key:?}: billed ${billed_line:.9}, forecast ${planned:.9}\nbill {billed:#?}\nforecast {forecast:#?}"
        ));
    }
    let (billed, planned): (f64, f64) = (billed.values().sum(), forecast.values().sum());
    Ok(format!("${billed:.9} billed, ${planned:.9} forecast, {} lines", keys.len()))
}

fn of(lines: &Lines, key: &(String, String, String)) -> f64 {
    lines.get(key).copied().unwrap_or(0.0)
}

/// The clock that firn goes by, in seconds since the epoch.
pub(super) fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}

/// Moves the server's clock on until it shows the same time of day as firn's, and says what that is on firn's.
///
/// # Errors
/// The server's.
pub(super) fn same_time_of_day(world: &World) -> Result<i64> {
    let wall = wall_clock();
    world.sim.advance((wall - world.sim.now()?).rem_euclid(DAY).unsigned_abs())?;
    Ok(wall)
}

/// What the server bills for restores and their copies, now that these are gone, is what the plan's quote for that tier said when firn's
/// clock showed between `from` and now.
///
/// # Errors
/// The plan has no such quote, or it says something else.
pub fn thaw_agrees(bill: &Value, plan: &Value, tier: &str, late: i64) -> Result<String> {
    let quotes = plan.pointer("/plan/quotes").and_then(Value::as_array);
    let Some(quote) = quotes.into_iter().flatten().find(|quote| text(quote, "/tier") == tier) else {
        return check_failed(format!("no quote for {tier} in {plan}"));
    };
    let number = |key: &str| quote.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let items = ["restore-requests", "restore-retrieval", "restored-copy"];
    let lines = of_server(bill);
    let billed: f64 = lines.iter().filter(|((item, ..), _)| items.contains(&item.as_str())).map(|(_, sum)| sum).sum();
    // Every second that the request came after the plan is a second of copies less.
    let per_second = number("bytes") / 1_073_741_824.0 * 0.023 / 2_628_000.0;
    #[expect(clippy::cast_precision_loss, reason = "seconds of a test")]
    let tolerance = 3.0 * ROUNDED + per_second * (late + 1) as f64;
    let forecast = number("dollars");
    if forecast.is_nan() || (billed - forecast).abs() > tolerance {
        return check_failed(format!("billed ${billed:.9}, forecast ${forecast:.9} ± {tolerance:.9}: {lines:#?}"));
    }
    Ok(format!("${billed:.9} billed, ${forecast:.9} forecast"))
}
