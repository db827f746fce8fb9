use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::recipe::{GzipRecipe, MAX_MEMBERS, MAX_RECIPE, Member, Recipe, Trailing};
use super::trial::{Effort, Trial, Verdict};
use super::{DeflateEncoder, EncoderFault};
use crate::codec::layer::gzip::{GzipStream, Part, Step};
use crate::codec::layer::{Compression, DecodeLimits, Input, LayerError, SNIFF_LEN};

/// Decoded bytes handed from the inflater to the encoder at once; both stay in the second-level cache.
const PLAIN_BUFFER: usize = 128 << 10;

/// Bounds on a detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectLimits {
    /// For decoding the blob.
    pub decode: DecodeLimits,
    /// Most times the blob is read: once, and again for every candidate that agreed on a prefix and not behind it.
    pub passes: u32,
}

impl Default for DetectLimits {
    fn default() -> Self {
        Self { decode: DecodeLimits::default(), passes: 8 }
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
    /// Blob bytes read in the last pass, up to the first difference; all of them when there is a recipe.
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
/// `open` gives the blob from its start; it is called again for another pass. `cancel` is looked at every 128 KiB. Memory is
/// constant (at most about 20 MiB), whatever the blob holds.
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
    let mut verified = 0;
    let mut recipe = None;
    for _ in 0..limits.passes {
        let mut pass = Pass {
            limits,
            cancel,
            effort: &mut effort,
            misled: &misled,
            verified: 0,
            len: compressed_len,
            glance: false,
        };
        let outcome = pass.run(open().map_err(DetectError::Open)?)?;
        verified = pass.verified;
        match outcome {
            Outcome::Reproduced(found) => {
                recipe = Some(found);
                break;
            }
            Outcome::Misled(member, encoder) => misled.push((member, encoder)),
            Outcome::NotReproduced | Outcome::Promising => break,
        }
    }
    let Effort { tried, prefix } = effort;
    Ok(Detection { recipe, tried, prefix_bytes: prefix, verified_bytes: verified, elapsed: started.elapsed() })
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
    let mut pass =
        Pass { limits, cancel, effort: &mut effort, misled: &[], verified: 0, len: compressed_len, glance: true };
    let Outcome::NotReproduced = pass.run(open().map_err(DetectError::Open)?)? else { return Ok(None) };
    let verified_bytes = pass.verified;
    let Effort { tried, prefix } = effort;
    Ok(Some(Detection { recipe: None, tried, prefix_bytes: prefix, verified_bytes, elapsed: started.elapsed() }))
}

enum Outcome {
    Reproduced(Recipe),
    NotReproduced,
    /// An encoder agrees so far; the end of a glance.
    Promising,
    /// In this member, this encoder was right on the prefix only.
    Misled(usize, DeflateEncoder),
}

/// One reading of the blob.
struct Pass<'a> {
    limits: DetectLimits,
    cancel: &'a AtomicBool,
    effort: &'a mut Effort,
    misled: &'a [(usize, DeflateEncoder)],
    verified: u64,
    len: u64,
    /// Whether to stop at the first encoder that agrees with a member's prefix.
    glance: bool,
}

/// What the pass knows of the blob so far.
#[derive(Default)]
struct Progress {
    header: Vec<u8>,
    members: Vec<Member>,
    trial: Option<Trial>,
    encoder: Option<DeflateEncoder>,
    trailing: Trailing,
}

impl Pass<'_> {
    fn run(&mut self, source: Box<dyn Read + Send>) -> Result<Outcome, DetectError> {
        let mut input = Input::new(source);
        input.fill_to(SNIFF_LEN)?;
        match Compression::sniff(input.unread()) {
            // Its bytes are what it decodes to; there is nothing that could differ.
            Compression::None => {
                self.verified = self.len;
                return Ok(Outcome::Reproduced(Recipe::Identity));
            }
            Compression::Zstd => return Ok(Outcome::NotReproduced),
            Compression::Gzip => {}
        }
        self.run_gzip(&mut input)
    }

    fn run_gzip<R: Read>(&mut self, input: &mut Input<R>) -> Result<Outcome, DetectError> {
        let mut gzip = GzipStream::new();
        let mut plain = vec![0; PLAIN_BUFFER];
        let mut decoded = 0;
        let mut progress = Progress::default();
        loop {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(DetectError::Cancelled);
            }
            let step = gzip.step(input.unread(), &mut plain, input.eof())?;
            decoded += step.produced as u64;
            self.limits.decode.check(decoded, gzip.offset())?;
            let compressed = input.unread().get(..step.consumed).unwrap_or_default();
            let produced = plain.get(..step.produced).unwrap_or_default();
            if let Some(outcome) = self.follow(&mut progress, &gzip, step, compressed, produced)? {
                return Ok(outcome);
            }
            input.consume(step.consumed);
            self.verified = gzip.offset();
            if step.part == Part::End {
                return self.conclude(progress, input.total_read());
            }
            let stuck = step.consumed == 0 && step.produced == 0 && !step.complete;
            if (stuck || input.unread().is_empty()) && !input.eof() {
                input.fill()?;
            }
        }
    }

    /// Accounts for one step; an outcome ends the pass.
    fn follow(
        &mut self,
        progress: &mut Progress,
        gzip: &GzipStream,
        step: Step,
        compressed: &[u8],
        produced: &[u8],
    ) -> Result<Option<Outcome>, DetectError> {
        match step.part {
            Part::Header => {
                progress.header.extend_from_slice(compressed);
                let one_more = !compressed.is_empty() && progress.members.len() >= MAX_MEMBERS;
                if one_more || progress.header.len() > MAX_RECIPE {
                    return Ok(Some(Outcome::NotReproduced));
                }
                if step.complete {
                    progress.trial = Some(Trial::new(self.candidates(progress, gzip)));
                }
            }
            Part::Body => return self.body(progress, step.complete, compressed, produced),
            Part::Trailer | Part::End => {}
            Part::Trailing => {
                if !progress.trailing.push(compressed) {
                    return Ok(Some(Outcome::NotReproduced));
                }
            }
        }
        Ok(None)
    }

    fn body(
        &mut self,
        progress: &mut Progress,
        complete: bool,
        compressed: &[u8],
        produced: &[u8],
    ) -> Result<Option<Outcome>, DetectError> {
        let Some(mut trial) = progress.trial.take() else {
            return Ok(Some(Outcome::NotReproduced));
        };
        let member = progress.members.len();
        let mut verdict = trial.push(compressed, produced, self.effort)?;
        if complete && verdict == Verdict::Open {
            let len = trial.len();
            match trial.finish(self.effort)? {
                Ok(_) if self.glance => return Ok(Some(Outcome::Promising)),
                Ok(encoder) => {
                    progress.add_member(encoder, len);
                    return Ok(None);
                }
                Err(failed) => verdict = failed,
            }
        } else {
            if self.glance && trial.has_chosen() {
                return Ok(Some(Outcome::Promising));
            }
            progress.trial = Some(trial);
        }
        Ok(match verdict {
            Verdict::Open => None,
            Verdict::Unknown => Some(Outcome::NotReproduced),
            Verdict::Misled(encoder) => Some(Outcome::Misled(member, encoder)),
        })
    }

    /// The encoder of the member before first, then what the header suggests, without those known to go wrong here.
    fn candidates(&self, progress: &Progress, gzip: &GzipStream) -> Vec<DeflateEncoder> {
        let member = progress.members.len();
        let mut order: Vec<_> = progress.encoder.into_iter().collect();
        order.extend(DeflateEncoder::candidates(gzip.header()).into_iter().filter(|c| Some(*c) != progress.encoder));
        order.retain(|candidate| !self.misled.contains(&(member, *candidate)));
        order
    }

    fn conclude(&self, progress: Progress, read: u64) -> Result<Outcome, DetectError> {
        if read != self.len {
            return Err(DetectError::Length { expected: self.len, found: read });
        }
        let recipe = Recipe::Gzip(GzipRecipe { members: progress.members, trailing: progress.trailing });
        // A recipe that cannot be read back is none.
        let readable = Recipe::decode(&recipe.encode()).is_ok_and(|read| read == recipe);
        Ok(if readable { Outcome::Reproduced(recipe) } else { Outcome::NotReproduced })
    }
}

impl Progress {
    fn add_member(&mut self, encoder: DeflateEncoder, len: u64) {
        let shared = self.members.last().map(|m| &m.header).filter(|h| ***h == *self.header);
        let header = shared.map_or_else(|| Arc::from(self.header.as_slice()), Arc::clone);
        self.header.clear();
        self.encoder = Some(encoder);
        self.members.push(Member { header, encoder, len });
    }
}
