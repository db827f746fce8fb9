//! One reading of a blob that no encoder writes exactly.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::member::{MemberHunt, Standing};
use super::proof::holds;
use super::{Amendments, MAX_AMENDED_RECIPE, MAX_AMENDMENTS};
use crate::codec::layer::gzip::{GzipStream, Part};
use crate::codec::layer::{Compression, Input, SNIFF_LEN};
use crate::recompress::DeflateEncoder;
use crate::recompress::detect::{DetectError, DetectLimits};
use crate::recompress::recipe::{AmendedRecipe, GzipRecipe, MAX_MEMBERS, MAX_RECIPE, Member, Recipe, Trailing};
use crate::recompress::trial::Effort;

/// Readings that [`search`] takes.
pub(in crate::recompress) const PASSES: u32 = 2;
/// Bytes of a deflate stream decoded at once; they may become a thousand times as many.
const SLICE: usize = 4 << 10;
/// A recipe may take this share of its blob. A recipe lies in Standard, at 23 times the price of a byte in Deep Archive, where
/// the blob would lie; from a twenty-third on keeping the blob is cheaper.
const SHARE: u64 = 32;
/// What a recipe may take of a small blob, in bytes.
const SMALL: u64 = 512;

/// Gives a blob from its start.
type Open<'o> = &'o dyn Fn() -> io::Result<Box<dyn Read + Send>>;

/// What a reading came to.
enum Outcome {
    /// Not proved yet.
    Recipe(Recipe),
    /// The first member's prefix is nearly what an encoder writes.
    Promising,
    /// Seen after so many bytes of the blob.
    Nothing(u64),
}

/// What is known of the blob so far.
#[derive(Default)]
struct Progress {
    header: Vec<u8>,
    members: Vec<Member>,
    amendments: Vec<(u32, Arc<Amendments>)>,
    open: Option<MemberHunt>,
    encoder: Option<DeflateEncoder>,
    trailing: Trailing,
    decoded: u64,
    raw: u64,
    amended: usize,
}

/// A recipe with amendments that was carried out and gave the blob, or the offset in it after which it was clear that there is
/// none. Reads the blob twice at most; the last reading is the one that was compared.
pub(in crate::recompress) fn search(
    open: Open<'_>,
    len: u64,
    limits: DetectLimits,
    cancel: &AtomicBool,
    effort: &mut Effort,
) -> Result<Result<Recipe, u64>, DetectError> {
    let recipe = match read(open, len, limits, cancel, false, effort)? {
        Outcome::Recipe(recipe) => recipe,
        Outcome::Nothing(offset) => return Ok(Err(offset)),
        Outcome::Promising => return Ok(Err(0)),
    };
    let is_worth_it = |bytes: Vec<u8>| bytes.len() as u64 <= (len / SHARE).max(SMALL);
    if !recipe.encode_readable().is_some_and(is_worth_it) {
        return Ok(Err(len));
    }
    Ok(if holds(&recipe, open, len, limits.decode, cancel)? { Ok(recipe) } else { Err(len) })
}

/// Whether the first member's prefix is nearly what an encoder writes, or the offset after which it was clear that it is not.
pub(in crate::recompress) fn glance(
    open: Open<'_>,
    len: u64,
    limits: DetectLimits,
    cancel: &AtomicBool,
    effort: &mut Effort,
) -> Result<Result<(), u64>, DetectError> {
    Ok(match read(open, len, limits, cancel, true, effort)? {
        Outcome::Recipe(_) | Outcome::Promising => Ok(()),
        Outcome::Nothing(offset) => Err(offset),
    })
}

/// Reads the blob, to its end unless the outcome is clear before.
fn read(
    open: Open<'_>,
    len: u64,
    limits: DetectLimits,
    cancel: &AtomicBool,
    glance: bool,
    effort: &mut Effort,
) -> Result<Outcome, DetectError> {
    let mut input = Input::new(open().map_err(DetectError::Open)?);
    input.fill_to(SNIFF_LEN)?;
    if Compression::sniff(input.unread()) != Compression::Gzip {
        return Ok(Outcome::Nothing(0));
    }
    let mut gzip = GzipStream::new();
    let mut progress = Progress::default();
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(DetectError::Cancelled);
        }
        let (consumed, part) = if let Some(member) = &mut progress.open {
            if input.unread().is_empty() && input.eof() {
                return Err(gzip.body_error(true).into());
            }
            let slice = input.unread().get(..SLICE).unwrap_or(input.unread());
            let decoded = member.decode(slice);
            progress.decoded += member.plain().len() as u64;
            limits.decode.check(progress.decoded, gzip.offset())?;
            let (consumed, complete) = decoded.map_err(|_| gzip.body_error(false))?;
            gzip.body_decoded(consumed, member.plain(), complete);
            let body = slice.get(..consumed).unwrap_or_default();
            match member.judge(body, complete, effort)? {
                Standing::Promising if glance => return Ok(Outcome::Promising),
                Standing::Open | Standing::Promising => {}
                Standing::Wrote(encoder, amendments, raw) => {
                    if !progress.add_member(encoder, amendments, raw) || glance {
                        return Ok(if glance { Outcome::Promising } else { Outcome::Nothing(gzip.offset()) });
                    }
                }
                Standing::Unknown => return Ok(Outcome::Nothing(gzip.offset())),
            }
            (consumed, Part::Body)
        } else {
            let step = gzip.step(input.unread(), &mut [], input.eof())?;
            let bytes = input.unread().get(..step.consumed).unwrap_or_default();
            let fits = match step.part {
                Part::Header => progress.push_header(bytes, step.complete, &gzip),
                Part::Trailing => progress.trailing.push(bytes),
                Part::Body | Part::Trailer | Part::End => true,
            };
            if !fits {
                return Ok(Outcome::Nothing(gzip.offset()));
            }
            (step.consumed, step.part)
        };
        input.consume(consumed);
        if part == Part::End {
            let read = input.total_read();
            let Progress { members, amendments, trailing, .. } = progress;
            if read != len {
                return Err(DetectError::Length { expected: len, found: read });
            }
            let gzip = GzipRecipe { members, trailing };
            return Ok(Outcome::Recipe(if amendments.is_empty() {
                Recipe::Gzip(gzip)
            } else {
                Recipe::Amended(AmendedRecipe { gzip, amendments })
            }));
        }
        if (consumed == 0 || input.unread().is_empty()) && !input.eof() {
            input.fill()?;
        }
    }
}

impl Progress {
    /// Accounts for a part of a header; false if there is no room for it.
    fn push_header(&mut self, bytes: &[u8], complete: bool, gzip: &GzipStream) -> bool {
        self.header.extend_from_slice(bytes);
        if complete {
            let mut order: Vec<_> = self.encoder.into_iter().collect();
            order.extend(DeflateEncoder::candidates(gzip.header()).into_iter().filter(|c| Some(*c) != self.encoder));
            self.open = Some(MemberHunt::new(order));
        }
        let one_more = !bytes.is_empty() && self.members.len() >= MAX_MEMBERS;
        !one_more && self.header.len() <= MAX_RECIPE
    }

    /// False if there is too much to amend.
    fn add_member(&mut self, encoder: DeflateEncoder, amendments: Amendments, raw: u64) -> bool {
        let len = self.open.take().map_or(0, |member| member.len());
        let shared = self.members.last().map(|m| &m.header).filter(|h| ***h == *self.header);
        let header = shared.map_or_else(|| Arc::from(self.header.as_slice()), Arc::clone);
        self.header.clear();
        self.encoder = Some(encoder);
        self.raw += raw;
        self.amended += amendments.list.len() + amendments.slides.len();
        if !amendments.is_empty() {
            let number = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
            self.amendments.push((number, Arc::new(amendments)));
        }
        self.members.push(Member { header, encoder, len });
        self.raw <= MAX_AMENDED_RECIPE as u64 && self.amended <= MAX_AMENDMENTS
    }
}
