//! Decoding and re-encoding of layer blobs.

mod decode;
mod detect;
mod golden;
mod zstd;
