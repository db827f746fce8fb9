//! What encoders share: the format of RFC 1951, without any encoder's choices, and how strings are looked at.

pub(super) mod alphabet;
pub(super) mod bits;
pub(super) mod codes;
pub(super) mod hashes;
pub(super) mod header;
pub(super) mod matches;
#[cfg(test)]
pub(super) mod samples;
pub(super) mod strings;
