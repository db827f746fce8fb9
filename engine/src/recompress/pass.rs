//! One reading of a blob: headers, members, what follows them.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::detect::DetectError;
use super::member::{MemberReader, Standing};
use super::proof::{Lanes, Wrong};
use super::recipe::{AmendedRecipe, GzipRecipe, MAX_MEMBERS, MAX_RECIPE, Member, Recipe, Trailing};
use super::trial::Effort;
use super::{Amendments, DeflateEncoder};
use crate::codec::layer::gzip::{GzipStream, Part, Step};
use crate::codec::layer::{Compression, DecodeLimits, Input, SNIFF_LEN};

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

/// What a pass knows of the blob so far.
#[derive(Default)]
struct Progress<'l> {
    header: Vec<u8>,
    members: Vec<Member>,
    /// Where members can be resumed, by their number.
    places: Vec<(u32, Arc<Amendments>)>,
    open: Option<MemberReader<'l>>,
    encoder: Option<DeflateEncoder>,
    trailing: Trailing,
    decoded: u64,
}

impl<'l> Pass<'l> {
    /// Reads the blob, to its end unless the outcome is clear before.
    pub(super) fn run(&self, source: Box<dyn Read + Send>, effort: &mut Effort) -> Result<Outcome, DetectError> {
        let mut input = Input::new(source);
        input.fill_to(SNIFF_LEN)?;
        match Compression::sniff(input.unread()) {
            // Its bytes are what it decodes to; there is nothing that could differ.
            Compression::None => return Ok(Outcome::Reproduced(Recipe::Identity)),
            Compression::Zstd => return Ok(Outcome::Zstd),
            Compression::Gzip => {}
        }
        let mut gzip = GzipStream::new();
        let mut progress = Progress::default();
        loop {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(DetectError::Cancelled);
            }
            let (consumed, part, outcome) = if let Some(member) = &mut progress.open {
                if input.unread().is_empty() && input.eof() {
                    return Err(gzip.body_error(true).into());
                }
                let slice = input.unread().get(..SLICE).unwrap_or(input.unread());
                let decoded = member.decode(slice);
                progress.decoded += member.plain().len() as u64;
                self.limits.check(progress.decoded, gzip.offset())?;
                let (consumed, complete) = decoded.map_err(|_| gzip.body_error(false))?;
                gzip.body_decoded(consumed, member.plain(), complete);
                let body = slice.get(..consumed).unwrap_or_default();
                let standing = member.judge(body, complete, progress.members.len(), self.lanes, effort)?;
                (consumed, Part::Body, progress.note(standing, gzip.offset()))
            } else {
                let step = gzip.step(input.unread(), &mut [], input.eof())?;
                let bytes = input.unread().get(..step.consumed).unwrap_or_default();
                (step.consumed, step.part, self.frame(&mut progress, &gzip, step, bytes))
            };
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
            input.consume(consumed);
            if part == Part::End {
                return self.conclude(progress, input.total_read());
            }
            if (consumed == 0 || input.unread().is_empty()) && !input.eof() {
                input.fill()?;
            }
        }
    }

    /// Accounts for a step outside of a deflate stream; an outcome ends the pass.
    fn frame(&self, progress: &mut Progress<'l>, gzip: &GzipStream, step: Step, bytes: &[u8]) -> Option<Outcome> {
        let fits = match step.part {
            Part::Header => {
                progress.header.extend_from_slice(bytes);
                if step.complete {
                    progress.open = Some(MemberReader::new(self.candidates(progress, gzip)));
                }
                let one_more = !bytes.is_empty() && progress.members.len() >= MAX_MEMBERS;
                !one_more && progress.header.len() <= MAX_RECIPE
            }
            Part::Trailing => progress.trailing.push(bytes),
            Part::Body | Part::Trailer | Part::End => true,
        };
        (!fits).then(|| Outcome::TooLarge(gzip.offset()))
    }

    /// The encoder of the member before first, then what the header suggests, without those known to go wrong here.
    fn candidates(&self, progress: &Progress<'_>, gzip: &GzipStream) -> Vec<DeflateEncoder> {
        let member = progress.members.len();
        let mut order: Vec<_> = progress.encoder.into_iter().collect();
        order.extend(DeflateEncoder::candidates(gzip.header()).into_iter().filter(|c| Some(*c) != progress.encoder));
        order.retain(|candidate| !self.misled.contains(&(member, *candidate)));
        order
    }

    fn conclude(&self, progress: Progress<'_>, read: u64) -> Result<Outcome, DetectError> {
        if read != self.len {
            return Err(DetectError::Length { expected: self.len, found: read });
        }
        let gzip = GzipRecipe { members: progress.members, trailing: progress.trailing };
        if !progress.places.is_empty() {
            let recipe = Recipe::Amended(AmendedRecipe { gzip: gzip.clone(), amendments: progress.places });
            if recipe.encode_readable().is_some() {
                return Ok(Outcome::Reproduced(recipe));
            }
        }
        let recipe = Recipe::Gzip(gzip);
        let is_readable = recipe.encode_readable().is_some();
        Ok(if is_readable { Outcome::Reproduced(recipe) } else { Outcome::TooLarge(read) })
    }
}

impl Progress<'_> {
    /// Accounts for how the open member stands; an outcome ends the pass.
    fn note(&mut self, standing: Standing, offset: u64) -> Option<Outcome> {
        match standing {
            Standing::Open => None,
            Standing::Wrote(encoder, places) => {
                if !places.is_empty() {
                    let number = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
                    let places = Amendments { slides: Vec::new(), list: places };
                    self.places.push((number, Arc::new(places)));
                }
                let len = self.open.take().map_or(0, |member| member.len());
                self.add_member(encoder, len);
                None
            }
            Standing::Unknown => Some(Outcome::NotReproduced(offset)),
            Standing::Promising => Some(Outcome::Promising),
            Standing::Halted => Some(Outcome::Halted),
        }
    }

    fn add_member(&mut self, encoder: DeflateEncoder, len: u64) {
        let shared = self.members.last().map(|m| &m.header).filter(|h| ***h == *self.header);
        let header = shared.map_or_else(|| Arc::from(self.header.as_slice()), Arc::clone);
        self.header.clear();
        self.encoder = Some(encoder);
        self.members.push(Member { header, encoder, len });
    }
}
