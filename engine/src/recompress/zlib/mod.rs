//! Stock zlib as a deflate encoder: levels 1 to 9, every strategy, any window and memory level.
//!
//! `deflate` is our own, for what everybody uses; `linked` is the library, for odd windows and strategies.
//!
//! Level 0 is left out: how zlib cuts stored blocks depends on the caller's buffer sizes, which a blob does not record.

#[forbid(unsafe_code)]
pub(in crate::recompress) mod deflate;
mod ffi;
#[forbid(unsafe_code)]
mod linked;
#[forbid(unsafe_code)]
mod params;

pub(super) use linked::LinkedZlib;
pub use params::{Strategy, ZlibParams};

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
