//! zstd layers: a sequence of frames, each with its encoder, and of skippable frames, whose bytes are kept.
//!
//! [`search`] finds the encoders and proves them; [`Plan`] carries a recipe out. [`ZstdEncoder`] names what is imitated. To add
//! an encoder: a folder beside this file, a variant in `encoder` and `running`, its id in FORMAT.md.

#[forbid(unsafe_code)]
mod encoder;
#[forbid(unsafe_code)]
mod frame;
#[forbid(unsafe_code)]
mod klauspost;
mod libzstd;
#[forbid(unsafe_code)]
mod original;
#[forbid(unsafe_code)]
mod pass;
#[forbid(unsafe_code)]
mod plan;
#[forbid(unsafe_code)]
mod recipe;
#[forbid(unsafe_code)]
mod running;
#[forbid(unsafe_code)]
mod search;
#[forbid(unsafe_code)]
mod trial;
#[forbid(unsafe_code)]
mod wire;

pub use encoder::ZstdEncoder;
pub use klauspost::{Params as KlauspostZstdParams, Release as KlauspostZstdRelease};
pub use libzstd::{LibzstdFlag, LibzstdParams};
pub use recipe::{MAX_FRAMES, MAX_ZSTD_RECIPE, ZstdPart, ZstdRecipe};

pub(super) use plan::Plan;
pub(super) use search::{Found, Search};
pub(super) use wire::{decode, encode};
