//! One reading of a blob that no encoder writes exactly.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};

use super::member::{MemberHunt, Standing};
use super::proof::holds;
use super::{MAX_AMENDED_RECIPE, MAX_AMENDMENTS};
use crate::codec::layer::Compression;
use crate::codec::layer::gzip::Part;
use crate::recompress::detect::{DetectError, DetectLimits};
use crate::recompress::reading::{Gathered, Reading};
use crate::recompress::recipe::Recipe;
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
    let (mut reading, compression) = Reading::open(open().map_err(DetectError::Open)?, limits.decode)?;
    if compression != Compression::Gzip {
        return Ok(Outcome::Nothing(0));
    }
    let mut gathered = Gathered::default();
    let mut open: Option<MemberHunt> = None;
    // Bytes that stand as they are, and amendments, of all members.
    let (mut raw, mut amended) = (0, 0);
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(DetectError::Cancelled);
        }
        let consumed = if let Some(member) = &mut open {
            let (body, complete) = reading.body(member, SLICE)?;
            let consumed = body.len();
            match member.judge(body, complete, effort)? {
                Standing::Promising | Standing::Wrote(..) if glance => return Ok(Outcome::Promising),
                Standing::Open | Standing::Promising => {}
                Standing::Wrote(encoder, amendments, kept) => {
                    raw += kept;
                    amended += amendments.list.len() + amendments.slides.len();
                    gathered.add(encoder, amendments, member.len());
                    open = None;
                    if raw > MAX_AMENDED_RECIPE as u64 || amended > MAX_AMENDMENTS {
                        return Ok(Outcome::Nothing(reading.offset()));
                    }
                }
                Standing::Unknown => return Ok(Outcome::Nothing(reading.offset())),
            }
            consumed
        } else {
            let (step, bytes) = reading.frame()?;
            if !gathered.take(step.part, bytes) {
                return Ok(Outcome::Nothing(reading.offset()));
            }
            if step.part == Part::Header && step.complete {
                open = Some(MemberHunt::new(gathered.candidates(reading.header())));
            }
            if step.part == Part::End {
                reading.end(len)?;
                let found = gathered.into_recipe();
                let is_plain = found.amendments.is_empty();
                return Ok(Outcome::Recipe(if is_plain { Recipe::Gzip(found.gzip) } else { Recipe::Amended(found) }));
            }
            step.consumed
        };
        reading.advance(consumed)?;
    }
}
