//! Bit-exact re-creation of compressed layers: find the encoder that wrote a blob, and run it again.
//!
//! A [`Recipe`] says how; [`detect`] finds one and proves it on every byte; [`Encoder`] carries it out. Each deflate encoder is
//! one variant of [`DeflateEncoder`] with its own folder beside this file; `deflate` is the only module that knows them all. What an
//! encoder writes except in places is amended: all of that is in `near`.
//! zstd blobs have frames for members and encoders of their own: all of that is in `zstd`.
//! FORMAT.md is the normative description of a recipe's bytes.

#[forbid(unsafe_code)]
mod coding;
#[forbid(unsafe_code)]
mod compare;
#[forbid(unsafe_code)]
mod deflate;
#[forbid(unsafe_code)]
mod describe;
#[forbid(unsafe_code)]
mod detect;
mod encoder;
#[forbid(unsafe_code)]
mod gnugzip;
#[forbid(unsafe_code)]
mod goflate;
#[forbid(unsafe_code)]
mod kflate;
#[forbid(unsafe_code)]
mod lane;
#[forbid(unsafe_code)]
mod member;
mod miniz;
#[forbid(unsafe_code)]
mod near;
#[forbid(unsafe_code)]
mod pass;
#[forbid(unsafe_code)]
mod pigz;
#[forbid(unsafe_code)]
mod place;
#[forbid(unsafe_code)]
mod proof;
#[forbid(unsafe_code)]
mod reading;
mod recent;
mod recipe;
#[forbid(unsafe_code)]
mod running;
#[forbid(unsafe_code)]
pub mod tokens;
#[forbid(unsafe_code)]
mod trial;
#[forbid(unsafe_code)]
mod watch;
#[forbid(unsafe_code)]
mod wire;
mod zlib;
mod zstd;

pub use deflate::{DeflateEncoder, EncoderFault, GoLevel};
pub use detect::{DetectError, DetectLimits, Detection, detect, dismiss};
pub use encoder::{EncodeError, Encoder};
pub use kflate::{Framing as KlauspostFraming, Params as KlauspostParams, Revision as KlauspostRevision};
pub use near::{Amendment, Amendments, Flush, MAX_AMENDED_RECIPE, MAX_AMENDMENTS, Resume, Stretch};
pub use pigz::Params as PigzParams;
pub use recipe::{
    AmendedRecipe, GzipRecipe, MAX_MEMBERS, MAX_PADDING, MAX_RECIPE, MAX_TRAILING, Member, Recipe, Trailing,
};
pub use wire::RecipeError;
pub use zlib::{Strategy, ZlibParams};
pub use zstd::{
    KlauspostZstdParams, KlauspostZstdRelease, LibzstdFlag, LibzstdParams, MAX_FRAMES, MAX_ZSTD_RECIPE, ZstdEncoder,
    ZstdPart, ZstdRecipe,
};
