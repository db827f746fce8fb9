//! File trees on disk: taken down entry by entry, and compared in everything that an image defines.

pub mod compare;
pub mod image;
pub mod snapshot;
