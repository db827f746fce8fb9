//! What it costs: a price table as data, quantities counted exactly, and a bill made of the two.
//!
//! Data flows one way: formulas put quantities (byte-seconds, bytes, requests) into a [`Usage`] by the terms of a table
//! ([`Prices`]); [`Bill::of`] prices them. Plans, today's state, thaws and projections are sums of such bills. Nothing
//! here knows a clock, a store or a network: instants, sizes and classes come in as arguments.

mod bill;
mod money;
mod plan;
mod prices;
mod projection;
mod thaw;
mod today;
mod usage;

pub use bill::{Bill, Line};
pub use money::{Money, Price};
pub use plan::{Commitment, Plan, Planner};
pub use prices::{ClassPrices, Prices, PricesError, RestorePrices};
pub use projection::{Growth, Year, project};
pub use thaw::{Poll, ThawQuote, cheaper_poll, copy_expires, copy_seconds, thaw_quotes};
pub use today::{ClassRow, Held, Today};
pub use usage::{Item, Unit, Usage, Way};

/// Seconds in a day.
pub const DAY: u64 = 86_400;
