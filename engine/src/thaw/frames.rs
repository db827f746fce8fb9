//! The bytes of a journal. Pure.
//!
//! ```text
//! 0   8  "firnthaw"
//! 8   2  version, 1
//! 10  6  0
//! 16  8  job id
//! 24  …  frames
//!
//! frame, at offset p of the file:
//! 0    4  n, length of the payload
//! 4    4  first bytes of BLAKE3(job id | p, 8 bytes | n, 4 bytes)
//! 8    n  payload: the job as it was filed (first frame), or events (all others)
//! 8+n  8  first bytes of BLAKE3(job id | p | n | payload)
//! ```
//!
//! A frame is written and synced before the next one is: so only the last one can be torn, and a whole frame behind a broken
//! one is proof of damage.

use super::event::Event;
use super::job::{Job, JobSpec};
use super::record::{decode_events, decode_spec, encode_events, encode_spec};
use crate::format::FormatError;
use crate::format::wire::{Put, Reader};
use crate::id::JobId;

const OBJECT: &str = "thaw journal";
const MAGIC: &[u8; 8] = b"firnthaw";
const VERSION: u16 = 1;
/// Bytes before the first frame.
const HEADER: usize = 24;
/// Bytes of a frame beside its payload.
const OVERHEAD: usize = 16;
/// Longest payload of the first frame.
const MAX_SPEC: usize = 64 << 20;
/// Longest payload of all others.
const MAX_EVENTS: usize = 1 << 20;
/// The most events of one frame: with the longest reasons they still fit.
pub(super) const FRAME_EVENTS: usize = 1024;
/// The longest journal, in bytes.
pub(super) const MAX_JOURNAL: u64 = 256 << 20;

fn digest(id: JobId, offset: usize, parts: [&[u8]; 2]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(id.as_bytes()).update(&(offset as u64).to_le_bytes());
    parts.iter().for_each(|part| {
        hasher.update(part);
    });
    *hasher.finalize().as_bytes()
}

fn frame(id: JobId, offset: usize, payload: &[u8], out: &mut Vec<u8>) {
    let mut len = Vec::new();
    len.put_count(payload.len());
    out.extend_from_slice(&len);
    out.extend_from_slice(&head::<4>(digest(id, offset, [&len, &[]])));
    out.extend_from_slice(payload);
    out.extend_from_slice(&head::<8>(digest(id, offset, [&len, payload])));
}

fn head<const N: usize>(digest: [u8; 32]) -> [u8; N] {
    *digest.first_chunk::<N>().unwrap_or(&[0; N])
}

/// A new journal with the job as it is filed.
pub(super) fn first(id: JobId, spec: &JobSpec) -> Result<Vec<u8>, FormatError> {
    let payload = encode_spec(spec)?;
    let mut out = Vec::with_capacity(HEADER + OVERHEAD + payload.len());
    out.extend_from_slice(MAGIC);
    out.put_u16(VERSION);
    out.extend_from_slice(&[0; 6]);
    out.extend_from_slice(id.as_bytes());
    frame(id, HEADER, &payload, &mut out);
    Ok(out)
}

/// The frame of these events, at most [`FRAME_EVENTS`], where the journal ends at `offset`.
pub(super) fn next(id: JobId, offset: usize, at: i64, events: &[Event]) -> Vec<u8> {
    let mut out = Vec::new();
    frame(id, offset, &encode_events(at, events), &mut out);
    out
}

/// What stands at an offset.
enum Found<'a> {
    /// A whole frame.
    Whole(&'a [u8]),
    /// A length that holds, and a payload that is cut short or broken.
    Broken,
    /// No frame.
    Nothing,
}

fn look(id: JobId, bytes: &[u8], offset: usize, limit: usize) -> Found<'_> {
    let mut reader = Reader::new(OBJECT, bytes.get(offset..).unwrap_or_default());
    let (Ok(len), Ok(check)) = (reader.array::<4>(), reader.array::<4>()) else { return Found::Nothing };
    if check != head::<4>(digest(id, offset, [&len, &[]])) {
        return Found::Nothing;
    }
    let size = usize::try_from(u32::from_le_bytes(len)).unwrap_or(usize::MAX);
    if size > limit {
        return Found::Broken;
    }
    let (Ok(payload), Ok(check)) = (reader.bytes(size), reader.array::<8>()) else { return Found::Broken };
    if check == head::<8>(digest(id, offset, [&len, payload])) { Found::Whole(payload) } else { Found::Broken }
}

/// Reads a journal: the job, and where its last whole frame ends. What follows was never announced and may be cut off.
pub(super) fn read(bytes: &[u8]) -> Result<(Job, usize), FormatError> {
    let mut reader = Reader::new(OBJECT, bytes);
    reader.magic_and_version(MAGIC, VERSION)?;
    if reader.array::<6>()? != [0; 6] {
        return Err(reader.invalid("reserved bytes that are not zero"));
    }
    let id = JobId::from_bytes(reader.array()?);
    // It was whole and synced before it got its name.
    let Found::Whole(spec) = look(id, bytes, HEADER, MAX_SPEC) else {
        return Err(FormatError::Checksum { object: OBJECT });
    };
    let mut job = Job::new(id, decode_spec(spec)?);
    let mut end = HEADER + OVERHEAD + spec.len();
    while end < bytes.len() {
        let Found::Whole(payload) = look(id, bytes, end, MAX_EVENTS) else {
            refuse_damage(id, bytes, end)?;
            break;
        };
        let (at, events) = decode_events(payload)?;
        for event in &events {
            job.apply(at, event)
                .map_err(|error| FormatError::Invalid { object: OBJECT, what: format!("at byte {end}: {error}") })?;
        }
        end += OVERHEAD + payload.len();
    }
    Ok((job, end))
}

/// An error if the bytes from `end` on are no torn write.
fn refuse_damage(id: JobId, bytes: &[u8], end: usize) -> Result<(), FormatError> {
    // A frame behind the broken one would start at most the longest frame later.
    let last = bytes.len().min(end + OVERHEAD + MAX_EVENTS);
    let whole = |at: &usize| matches!(look(id, bytes, *at, MAX_EVENTS), Found::Whole(_));
    match (end + 1..=last).find(whole) {
        None => Ok(()),
        Some(at) => Err(FormatError::Invalid {
            object: OBJECT,
            what: format!("bytes {end} to {at} are damaged, as what follows them is whole"),
        }),
    }
}
