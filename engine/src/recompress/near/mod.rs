//! Near misses: streams that an encoder writes except in places.
//!
//! A program may have told its encoder more than the data (to flush, or to slide early), and now and then an encoder differs
//! from the one we have. [`Amendment`]s say where; [`AmendedEncoder`] makes the stream from them. `scout` reads the blocks of a
//! stream and the flushes that they show, `hunt` drives an encoder along one and writes down what has to be amended, `member`
//! chooses the encoder, `pass` reads a blob, `parts` has several threads carry them out, and `proof` has its recipe carried out and compared.
//!
//! A hunt may be wrong about anything: what counts is the proof.

mod amendment;
mod carry;
mod edges;
mod hunt;
mod member;
mod parts;
mod pass;
mod proof;
mod scout;
mod wire;

pub use super::place::Flush;
pub use amendment::{Amendment, Amendments, MAX_AMENDED_RECIPE, MAX_AMENDMENTS, Resume, Stretch};
pub(super) use carry::AmendedEncoder;
pub(super) use parts::PartedEncoder;
pub(super) use pass::{PASSES, glance, search};
pub(super) use wire::{decode, encode};

#[cfg(test)]
mod tests;
