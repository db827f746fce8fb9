//! Which pack belongs in which class: what was read when ([`access`]), what keeping it in each class would cost from here on
//! ([`estimate`]), what a policy makes of the two ([`policy`]), what a history would have cost under it ([`replay`]) and
//! what somebody should look at ([`review`]).
//!
//! All but the file of [`access`] is pure: no clock, no store, no network. Days are counted from the epoch, in UTC.

pub mod access;
pub mod estimate;
pub mod policy;
pub mod replay;
pub mod review;

pub use access::{AccessError, AccessLog, Accesses, BlobHistory, Frequency, History, Window, Windows};
pub use estimate::{Assumptions, Estimate, PackFacts, Place};
pub use policy::{Action, Decision, Policy, PolicyError, Reason, Rule};
pub use replay::{Access, Month, Replay, ReplayPack, replay};
pub use review::{Finding, PackState, Subject, review};
