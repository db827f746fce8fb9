use std::io::{self, Read};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::pass::{Outcome, Pass};
use super::proof::{Findings, with_lanes};
use super::recipe::Recipe;
use super::trial::Effort;
use super::zstd::{Found, Search};
use super::{EncoderFault, near};
use crate::codec::layer::{DecodeLimits, LayerError};

/// Bounds on a detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectLimits {
    /// For decoding the blob.
    pub decode: DecodeLimits,
    /// Most times the blob is read: once, again for every candidate that agreed on a prefix and not behind it, and twice to find and
    /// prove amendments. With less than four, none are looked for.
    pub passes: u32,
    /// Threads that check a candidate, each on a stretch of the blob; 0 counts as 1.
    pub threads: usize,
}

impl Default for DetectLimits {
    fn default() -> Self {
        Self { decode: DecodeLimits::default(), passes: 8, threads: 1 }
    }
}

/// What came out of a detection, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// A recipe that reproduced every byte of the blob, or `None`: keep the blob.
    pub recipe: Option<Recipe>,
    /// Encoders run on a prefix.
    pub tried: u32,
    /// Longest prefix they were given, decoded bytes.
    pub prefix_bytes: u64,
    /// Blob bytes after which the verdict was clear; all of them when there is a recipe.
    pub verified_bytes: u64,
    /// Wall time.
    pub elapsed: Duration,
}

/// Why a detection came to no verdict.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// The blob cannot be opened.
    #[error("cannot open the layer: {0}")]
    Open(#[source] io::Error),
    /// The blob cannot be read or decoded.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The blob does not have the length it should have.
    #[error("the layer has {found} bytes where {expected} were expected")]
    Length {
        /// From the manifest.
        expected: u64,
        /// Read.
        found: u64,
    },
    /// A linked encoder does not work.
    #[error(transparent)]
    Encoder(#[from] EncoderFault),
    /// The flag was raised.
    #[error("cancelled")]
    Cancelled,
}

/// Finds how a layer blob was compressed, and proves it on every byte.
///
/// `open` gives the blob from its start; it is called again for another pass. `cancel` is looked at every 16 KiB. Memory is
/// bounded, whatever the blob holds: about 10 MiB for each thread and 100 MiB more, of which most is needed only
/// by a blob that compresses a hundredfold and is looked through for amendments.
///
/// # Errors
/// Only for blobs that cannot be read or decoded within the limits; an unknown encoder is `Ok` without a recipe.
pub fn detect(
    open: &dyn Fn() -> io::Result<Box<dyn Read + Send>>,
    compressed_len: u64,
    limits: DetectLimits,
    cancel: &AtomicBool,
) -> Result<Detection, DetectError> {
    let started = Instant::now();
    let mut effort = Effort::default();
    let mut misled = Vec::new();
    let (mut recipe, mut verified_bytes) = (None, 0);
    let mut may_be_near = limits.passes >= 2 * near::PASSES;
    let exact_passes = if may_be_near { limits.passes - near::PASSES } else { limits.passes };
    for _ in 0..exact_passes {
        let findings = Findings::default();
        let source = open().map_err(DetectError::Open)?;
        let outcome = with_lanes(limits.threads, &findings, |lanes| {
            let pass = Pass { limits: limits.decode, cancel, misled: &misled, len: compressed_len, lanes: Some(lanes) };
            pass.run(source, &mut effort)
        })?;
        let wrong = findings.first().transpose()?;
        match (outcome, wrong) {
            (Outcome::Reproduced(_) | Outcome::Halted, Some(wrong)) => misled.push(wrong),
            (Outcome::Reproduced(found), None) => {
                (recipe, verified_bytes) = (Some(found), compressed_len);
                break;
            }
            (Outcome::NotReproduced(after), _) => {
                verified_bytes = after;
                break;
            }
            (Outcome::TooLarge(after), _) => {
                (verified_bytes, may_be_near) = (after, false);
                break;
            }
            // Neither can be: there were lanes, and one that is gone has said why.
            (Outcome::Promising, _) | (Outcome::Halted, None) | (Outcome::Zstd, Some(_)) => break,
            (Outcome::Zstd, None) => {
                may_be_near = false;
                match (Search { open, len: compressed_len, limits, cancel }).run(&mut effort)? {
                    Found::Recipe(found) => (recipe, verified_bytes) = (Some(found), compressed_len),
                    Found::Nothing(after) => verified_bytes = after,
                    Found::Promising => {}
                }
                break;
            }
        }
    }
    if recipe.is_none() && may_be_near {
        match near::search(open, compressed_len, limits, cancel, &mut effort)? {
            Ok(found) => (recipe, verified_bytes) = (Some(found), compressed_len),
            Err(after) => verified_bytes = verified_bytes.max(after),
        }
    }
    let Effort { tried, prefix } = effort;
    Ok(Detection { recipe, tried, prefix_bytes: prefix, verified_bytes, elapsed: started.elapsed() })
}

/// The verdict of [`detect`] if a prefix of the blob shows that there is no recipe; `None` if the whole has to be looked at.
///
/// # Errors
/// For blobs whose prefix cannot be read or decoded within the limits.
pub fn dismiss(
    open: &dyn Fn() -> io::Result<Box<dyn Read + Send>>,
    compressed_len: u64,
    limits: DetectLimits,
    cancel: &AtomicBool,
) -> Result<Option<Detection>, DetectError> {
    let started = Instant::now();
    let mut effort = Effort::default();
    let pass = Pass { limits: limits.decode, cancel, misled: &[], len: compressed_len, lanes: None };
    let outcome = pass.run(open().map_err(DetectError::Open)?, &mut effort)?;
    let verified_bytes = match outcome {
        Outcome::TooLarge(after) => after,
        Outcome::NotReproduced(after) if limits.passes < 2 * near::PASSES => after,
        Outcome::NotReproduced(after) => match near::glance(open, compressed_len, limits, cancel, &mut effort)? {
            Ok(()) => return Ok(None),
            Err(also) => after.max(also),
        },
        Outcome::Zstd => match (Search { open, len: compressed_len, limits, cancel }).glance(&mut effort)? {
            Found::Nothing(after) => after,
            Found::Recipe(_) | Found::Promising => return Ok(None),
        },
        Outcome::Reproduced(_) | Outcome::Promising | Outcome::Halted => return Ok(None),
    };
    let Effort { tried, prefix } = effort;
    Ok(Some(Detection { recipe: None, tried, prefix_bytes: prefix, verified_bytes, elapsed: started.elapsed() }))
}
