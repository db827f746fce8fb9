//! The search for a blob's encoders: passes over the blob until one proves all of it.

use std::io::{self, Read};
use std::sync::atomic::AtomicBool;

use super::super::detect::{DetectError, DetectLimits};
use super::super::trial::Effort;
use super::original::Original;
use super::pass::{Outcome, Pass};
use super::recipe::{MAX_ZSTD_RECIPE, ZstdRecipe};
use crate::recompress::Recipe;

/// Bytes that any recipe may have, however short its blob.
const RECIPE_ALLOWANCE: u64 = 4 << 10;
/// A recipe may have this part of its blob: one longer saves too little.
const RECIPE_SHARE: u64 = 16;

/// What a search came to.
pub(in super::super) enum Found {
    /// A recipe that reproduced every byte.
    Recipe(Recipe),
    /// None, seen after so many bytes of the blob.
    Nothing(u64),
    /// An encoder agrees with a prefix, and no more was asked for.
    Promising,
}

/// A search.
#[derive(Clone, Copy)]
pub(in super::super) struct Search<'s> {
    /// Gives the blob from its start.
    pub(in super::super) open: &'s dyn Fn() -> io::Result<Box<dyn Read + Send>>,
    /// Bytes of the blob.
    pub(in super::super) len: u64,
    pub(in super::super) limits: DetectLimits,
    pub(in super::super) cancel: &'s AtomicBool,
}

impl Search<'_> {
    /// Whether a prefix shows that there is no recipe.
    pub(in super::super) fn glance(&self, effort: &mut Effort) -> Result<Found, DetectError> {
        let source = (self.open)().map_err(DetectError::Open)?;
        Ok(match self.pass(&[]).run(source, None, effort)? {
            Outcome::NotReproduced(after) => Found::Nothing(after),
            Outcome::Reproduced(_) | Outcome::Misled(..) | Outcome::Promising => Found::Promising,
        })
    }

    /// Looks for a recipe. The reading that is compared is the one that was opened last, and read to its end.
    pub(in super::super) fn run(&self, effort: &mut Effort) -> Result<Found, DetectError> {
        let mut misled = Vec::new();
        for _ in 0..self.limits.passes {
            let source = (self.open)().map_err(DetectError::Open)?;
            let original = Original::new((self.open)().map_err(DetectError::Open)?);
            match self.pass(&misled).run(source, Some(original), effort)? {
                Outcome::Reproduced(zstd) => return Ok(self.worthwhile(zstd)),
                Outcome::NotReproduced(after) => return Ok(Found::Nothing(after)),
                Outcome::Misled(wrong) => misled.push(wrong),
                Outcome::Promising => break,
            }
        }
        Ok(Found::Nothing(0))
    }

    fn pass<'p>(&'p self, misled: &'p [super::pass::Wrong]) -> Pass<'p> {
        Pass { limits: self.limits.decode, cancel: self.cancel, misled, len: self.len }
    }

    fn worthwhile(&self, zstd: ZstdRecipe) -> Found {
        let recipe = Recipe::Zstd(zstd);
        let allowed = (RECIPE_ALLOWANCE + self.len / RECIPE_SHARE).min(MAX_ZSTD_RECIPE as u64);
        let is_short = |bytes: Vec<u8>| bytes.len() as u64 <= allowed;
        if recipe.encode_readable().is_some_and(is_short) { Found::Recipe(recipe) } else { Found::Nothing(self.len) }
    }
}
