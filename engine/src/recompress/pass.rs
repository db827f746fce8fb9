//! One reading of a blob: headers, members, what follows them.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use super::detect::DetectError;
use super::member::{MemberReader, Standing};
use super::proof::{Lanes, Wrong};
use super::reading::{Gathered, Reading};
use super::recipe::{AmendedRecipe, Recipe};
use super::trial::Effort;
use super::{Amendments, DeflateEncoder};
use crate::codec::layer::gzip::Part;
use crate::codec::layer::{Compression, DecodeLimits};

/// Bytes of a deflate stream decoded at once.
const SLICE: usize = 16 << 10;

/// What a pass came to.
pub(super) enum Outcome {
    /// Unless a lane found otherwise.
    Reproduced(Recipe),
    /// Seen after so many bytes of the blob.
    NotReproduced(u64),
    /// It is more than a recipe can hold, whoever wrote it; seen after so many bytes.
    TooLarge(u64),
    /// An encoder agrees with the first member's prefix, and there were no lanes.
    Promising,
    /// A lane found otherwise.
    Halted,
    /// The blob is none of gzip's.
    Zstd,
}

/// A reading of a blob.
#[derive(Clone, Copy)]
pub(super) struct Pass<'l> {
    pub(super) limits: DecodeLimits,
    pub(super) cancel: &'l AtomicBool,
    /// Encoders that were right on a prefix of a member only.
    pub(super) misled: &'l [Wrong],
    /// Bytes of the blob.
    pub(super) len: u64,
    /// Where encoders are proved; without lanes the pass ends with the first that agrees with a member's prefix.
    pub(super) lanes: Option<&'l Lanes<'l>>,
}

impl<'l> Pass<'l> {
    /// Reads the blob, to its end unless the outcome is clear before.
    pub(super) fn run(&self, source: Box<dyn Read + Send>, effort: &mut Effort) -> Result<Outcome, DetectError> {
        let (mut reading, compression) = Reading::open(source, self.limits)?;
        match compression {
            // Its bytes are what it decodes to; there is nothing that could differ.
            Compression::None => return Ok(Outcome::Reproduced(Recipe::Identity)),
            Compression::Zstd => return Ok(Outcome::Zstd),
            Compression::Gzip => {}
        }
        let mut gathered = Gathered::default();
        let mut open: Option<MemberReader<'l>> = None;
        loop {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(DetectError::Cancelled);
            }
            let consumed = if let Some(member) = &mut open {
                let (body, complete) = reading.body(member, SLICE)?;
                let consumed = body.len();
                match member.judge(body, complete, gathered.members(), self.lanes, effort)? {
                    Standing::Open => {}
                    Standing::Wrote(encoder, places) => {
                        gathered.add(encoder, Amendments { slides: Vec::new(), list: places }, member.len());
                        open = None;
                    }
                    Standing::Unknown => return Ok(Outcome::NotReproduced(reading.offset())),
                    Standing::Promising => return Ok(Outcome::Promising),
                    Standing::Halted => return Ok(Outcome::Halted),
                }
                consumed
            } else {
                let (step, bytes) = reading.frame()?;
                if !gathered.take(step.part, bytes) {
                    return Ok(Outcome::TooLarge(reading.offset()));
                }
                if step.part == Part::Header && step.complete {
                    open = Some(MemberReader::new(self.candidates(&gathered, &reading)));
                }
                if step.part == Part::End {
                    reading.end(self.len)?;
                    return Ok(self.conclude(gathered.into_recipe()));
                }
                step.consumed
            };
            reading.advance(consumed)?;
        }
    }

    /// Without those known to go wrong here.
    fn candidates(&self, gathered: &Gathered, reading: &Reading) -> Vec<DeflateEncoder> {
        let member = gathered.members();
        let mut order = gathered.candidates(reading.header());
        order.retain(|candidate| !self.misled.contains(&(member, *candidate)));
        order
    }

    /// With the places where members can be resumed, if there is room for them.
    fn conclude(&self, found: AmendedRecipe) -> Outcome {
        let plain = Recipe::Gzip(found.gzip.clone());
        let with_places = (!found.amendments.is_empty()).then_some(Recipe::Amended(found));
        let mut recipes = with_places.into_iter().chain([plain]);
        let readable = recipes.find(|recipe| recipe.encode_readable().is_some());
        readable.map_or(Outcome::TooLarge(self.len), Outcome::Reproduced)
    }
}
