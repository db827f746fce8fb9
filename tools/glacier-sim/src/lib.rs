//! An S3 server with right archive semantics: storage classes, restores that take their time and expire, a bill, a
//! clock that tests move, and faults by seed. One directory, one port, no other state.
//!
//! How it is built, from the bottom up; each layer knows only those before it:
//!
//! - pure rules: [`time`], [`class`], [`restore`], [`usage`], [`bill`], [`faults`], `listing`, `quota`
//! - the world as a fold over journalled effects: `object`, `state`
//! - disk: `journal` (one file of JSON lines), `bodies` (one file per body)
//! - `core`: the one owner; a request reads the state, decides, is journalled, and then applied
//! - `s3` (operations on the types of the `s3s` crate), [`admin`], `http` (the listener and the faults of connections)
//! - [`Sim`] and [`SimHandle`]: the whole as a library
//!
//! What it leaves out: versions, lifecycle rules as such (a transition can be asked for), access control beyond one
//! key, encryption, tags, notifications, volume discounts and transfer on the bill.

#![forbid(unsafe_code)]

pub mod admin;
pub mod bill;
mod bodies;
pub mod class;
pub mod clock;
mod core;
mod digest;
pub mod faults;
mod http;
mod journal;
mod listing;
mod object;
pub mod op;
mod quota;
mod refusal;
pub mod restore;
mod s3;
mod sim;
mod state;
mod stream;
pub mod time;
pub mod usage;

pub use core::StoreError;
pub use journal::{JournalError, Request};
pub use quota::Quota;
pub use refusal::Refusal;
pub use sim::{Sim, SimError, SimHandle, SimOptions};
