//! What all deflate encoders share: the alphabets of RFC 1951, and bits to bytes.

pub(super) mod alphabet;
pub(super) mod bits;
