//! What all deflate encoders share: the format of RFC 1951, without any encoder's choices.

pub(super) mod alphabet;
pub(super) mod bits;
pub(super) mod codes;
pub(super) mod header;
pub(super) mod matches;
#[cfg(test)]
pub(super) mod samples;
pub(super) mod strings;
