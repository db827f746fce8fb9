//! Which prices count.

use std::path::Path;

use firn_engine::cost::Prices;

use crate::failure::Failure;

/// The table that was named: `us-east-1` (also when none was), `round-numbers`, or a TOML file.
pub fn prices(named: Option<&Path>) -> Result<Prices, Failure> {
    let wrong = |error: firn_engine::cost::PricesError| Failure::usage(firn_engine::with_causes(&error));
    let Some(named) = named else { return Prices::us_east_1().map_err(wrong) };
    if !named.exists()
        && let Some(name) = named.to_str()
    {
        return Prices::named(name).map_err(wrong);
    }
    let text = std::fs::read_to_string(named).map_err(Failure::system(format!("reading {}", named.display())))?;
    Prices::parse(&text).map_err(|error| {
        Failure::usage(format!("price table {}: {}", named.display(), firn_engine::with_causes(&error)))
    })
}
