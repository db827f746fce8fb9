//! What stands in a journal's frames: the job as it was filed, then what happened to it. Pure; FORMAT.md has the tables.

use std::collections::BTreeSet;
use std::ops::Range;

use super::event::{Event, Sight, Step};
use super::job::{JobSpec, MAX_DAYS, MAX_DESCRIPTION, MAX_JOB_IMAGES, MAX_JOB_PACKS, MAX_RANGES, Reason, WantedPack};
use crate::format::FormatError;
use crate::format::wire::{Put, Reader};
use crate::id::{Digest, PackId};
use crate::remote::{Class, Tier};

const OBJECT: &str = "thaw job";
/// Longest reason of a failure, in bytes; longer ones are cut.
const MAX_WORDS: usize = 512;
/// Bytes of the smallest event.
const MIN_EVENT: usize = 1;
/// Bytes of a pack without ranges.
const MIN_PACK: usize = PackId::LEN + 8 + 1 + 4;

const TIERS: [(Tier, u8); 3] = [(Tier::Bulk, 0), (Tier::Standard, 1), (Tier::Expedited, 2)];

fn code<T: PartialEq>(table: &[(T, u8)], value: &T) -> u8 {
    table.iter().find(|(one, _)| one == value).map_or(u8::MAX, |(_, code)| *code)
}

fn coded<T: Copy>(table: &[(T, u8)], reader: &mut Reader<'_>, what: &str) -> Result<T, FormatError> {
    let code = reader.u8()?;
    let found = table.iter().find(|(_, known)| *known == code);
    found.map(|(value, _)| *value).ok_or_else(|| reader.invalid(format!("{what} {code}, which is not known")))
}

fn limit(what: &'static str, value: usize, limit: usize) -> Result<(), FormatError> {
    if value <= limit {
        return Ok(());
    }
    Err(FormatError::Limit { object: OBJECT, what, value: value as u64, limit: limit as u64 })
}

/// Whether a job of this kind can be: the same rules when it is filed and when it is read back.
fn check(spec: &JobSpec) -> Result<(), FormatError> {
    let invalid = |what: String| FormatError::Invalid { object: OBJECT, what };
    limit("description", spec.description.len(), MAX_DESCRIPTION)?;
    limit("number of images", spec.images.len(), MAX_JOB_IMAGES)?;
    limit("number of packs", spec.packs.len(), MAX_JOB_PACKS)?;
    limit("number of ranges", spec.packs.iter().map(|pack| pack.ranges.len()).sum(), MAX_RANGES)?;
    if spec.days == 0 || spec.days > MAX_DAYS {
        return Err(invalid(format!("{} days: a readable copy lives 1 to {MAX_DAYS} days", spec.days)));
    }
    let mut ids = BTreeSet::new();
    for pack in &spec.packs {
        if !ids.insert(pack.id) {
            return Err(invalid(format!("pack {} twice", pack.id)));
        }
        if pack.ranges.iter().any(|range| range.start >= range.end || range.end > pack.len) {
            return Err(invalid(format!("a range of pack {} that is empty or beyond its end", pack.id)));
        }
    }
    Ok(())
}

pub(super) fn encode_spec(spec: &JobSpec) -> Result<Vec<u8>, FormatError> {
    check(spec)?;
    let mut out = Vec::with_capacity(MIN_PACK * (spec.packs.len() + 1));
    out.put_blob(spec.description.as_bytes());
    out.put_count(spec.images.len());
    spec.images.iter().for_each(|image| out.extend_from_slice(image.as_bytes()));
    out.put_u8(code(&TIERS, &spec.tier));
    out.put_u32(spec.days);
    out.put_i64(spec.created_at);
    out.put_count(spec.packs.len());
    for pack in &spec.packs {
        out.extend_from_slice(pack.id.as_bytes());
        out.put_u64(pack.len);
        out.put_u8(pack.class.code());
        out.put_count(pack.ranges.len());
        for range in &pack.ranges {
            out.put_u64(range.start);
            out.put_u64(range.end);
        }
    }
    Ok(out)
}

pub(super) fn decode_spec(bytes: &[u8]) -> Result<JobSpec, FormatError> {
    let mut reader = Reader::new(OBJECT, bytes);
    let description = reader.text(MAX_DESCRIPTION)?;
    let images = (0..reader.count(32)?).map(|_| reader.array().map(Digest::from_bytes)).collect::<Result<_, _>>()?;
    let tier = coded(&TIERS, &mut reader, "tier")?;
    let days = reader.u32()?;
    let created_at = reader.i64()?;
    let count = reader.count(MIN_PACK)?;
    let packs = (0..count).map(|_| pack(&mut reader)).collect::<Result<_, _>>()?;
    reader.finish()?;
    let spec = JobSpec { description, images, tier, days, created_at, packs };
    check(&spec)?;
    Ok(spec)
}

fn pack(reader: &mut Reader<'_>) -> Result<WantedPack, FormatError> {
    let id = PackId::from_bytes(reader.array()?);
    let len = reader.u64()?;
    let code = reader.u8()?;
    let class = Class::from_code(code).ok_or_else(|| reader.invalid(format!("class {code}, which is not known")))?;
    let count = reader.count(16)?;
    let range = |_| -> Result<Range<u64>, FormatError> { Ok(reader.u64()?..reader.u64()?) };
    let ranges = (0..count).map(range).collect::<Result<_, _>>()?;
    Ok(WantedPack { id, len, class, ranges })
}

/// Kinds of events; those of packs are followed by the pack's place in the list.
mod kind {
    pub(super) const ASK: u8 = 0;
    pub(super) const ACCEPTED: u8 = 1;
    pub(super) const EXTENDED: u8 = 2;
    pub(super) const ONGOING: u8 = 3;
    pub(super) const NO_CAPACITY: u8 = 4;
    pub(super) const NOT_TAKEN: u8 = 5;
    pub(super) const DECLINED: u8 = 6;
    pub(super) const SEEN_WARM: u8 = 7;
    pub(super) const SEEN_FROZEN: u8 = 8;
    pub(super) const SEEN_ONGOING: u8 = 9;
    pub(super) const SEEN_UNTIL: u8 = 10;
    pub(super) const HYDRATE: u8 = 11;
    pub(super) const HYDRATED: u8 = 12;
    pub(super) const STOPPED: u8 = 13;
    pub(super) const STUMBLED: u8 = 14;
    pub(super) const FAIL_MISSING: u8 = 15;
    pub(super) const FAIL_REFUSED: u8 = 16;
    pub(super) const FAIL_HYDRATION: u8 = 17;
    pub(super) const ESCALATE: u8 = 64;
    pub(super) const EXTEND: u8 = 65;
    pub(super) const CANCEL: u8 = 66;
    pub(super) const RESUME: u8 = 67;
}

/// Events that happened at the same time.
pub(super) fn encode_events(at: i64, events: &[Event]) -> Vec<u8> {
    let mut out = Vec::with_capacity(12 + 16 * events.len());
    out.put_i64(at);
    out.put_count(events.len());
    for event in events {
        match event {
            Event::Pack(pack, step) => encode_step(&mut out, *pack, step),
            Event::Escalate(tier) => out.extend_from_slice(&[kind::ESCALATE, code(&TIERS, tier)]),
            Event::Extend(days) => {
                out.put_u8(kind::EXTEND);
                out.put_u32(*days);
            }
            Event::Cancel => out.put_u8(kind::CANCEL),
            Event::Resume => out.put_u8(kind::RESUME),
        }
    }
    out
}

fn encode_step(out: &mut Vec<u8>, pack: u32, step: &Step) {
    out.put_u8(match step {
        Step::Ask { .. } => kind::ASK,
        Step::Accepted => kind::ACCEPTED,
        Step::Extended => kind::EXTENDED,
        Step::Ongoing => kind::ONGOING,
        Step::NoCapacity => kind::NO_CAPACITY,
        Step::NotTaken => kind::NOT_TAKEN,
        Step::Declined => kind::DECLINED,
        Step::Seen(Sight::Warm) => kind::SEEN_WARM,
        Step::Seen(Sight::Frozen) => kind::SEEN_FROZEN,
        Step::Seen(Sight::Ongoing) => kind::SEEN_ONGOING,
        Step::Seen(Sight::Until(_)) => kind::SEEN_UNTIL,
        Step::Hydrate => kind::HYDRATE,
        Step::Hydrated => kind::HYDRATED,
        Step::Stopped => kind::STOPPED,
        Step::Stumbled => kind::STUMBLED,
        Step::Fail(Reason::Missing) => kind::FAIL_MISSING,
        Step::Fail(Reason::Refused(_)) => kind::FAIL_REFUSED,
        Step::Fail(Reason::Hydration(_)) => kind::FAIL_HYDRATION,
    });
    out.put_u32(pack);
    match step {
        Step::Ask { tier, days } => {
            out.put_u8(code(&TIERS, tier));
            out.put_u32(*days);
        }
        Step::Seen(Sight::Until(until)) => out.put_i64(*until),
        Step::Fail(Reason::Refused(words) | Reason::Hydration(words)) => out.put_blob(words.as_bytes()),
        _ => {}
    }
}

/// A text for a reason, cut to what the format allows: what is in memory is what will be read back.
pub(super) fn words(text: &str) -> String {
    let mut end = text.len().min(MAX_WORDS);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

pub(super) fn decode_events(bytes: &[u8]) -> Result<(i64, Vec<Event>), FormatError> {
    let mut reader = Reader::new(OBJECT, bytes);
    let at = reader.i64()?;
    let count = reader.count(MIN_EVENT)?;
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(event(&mut reader)?);
    }
    reader.finish()?;
    Ok((at, events))
}

fn event(reader: &mut Reader<'_>) -> Result<Event, FormatError> {
    let kind = reader.u8()?;
    match kind {
        kind::ESCALATE => return Ok(Event::Escalate(coded(&TIERS, reader, "tier")?)),
        kind::EXTEND => return Ok(Event::Extend(reader.u32()?)),
        kind::CANCEL => return Ok(Event::Cancel),
        kind::RESUME => return Ok(Event::Resume),
        _ => {}
    }
    let pack = reader.u32()?;
    let step = match kind {
        kind::ASK => {
            let tier = coded(&TIERS, reader, "tier")?;
            let days = reader.u32()?;
            if days == 0 || days > MAX_DAYS {
                return Err(reader.invalid(format!("a request for {days} days")));
            }
            Step::Ask { tier, days }
        }
        kind::ACCEPTED => Step::Accepted,
        kind::EXTENDED => Step::Extended,
        kind::ONGOING => Step::Ongoing,
        kind::NO_CAPACITY => Step::NoCapacity,
        kind::NOT_TAKEN => Step::NotTaken,
        kind::DECLINED => Step::Declined,
        kind::SEEN_WARM => Step::Seen(Sight::Warm),
        kind::SEEN_FROZEN => Step::Seen(Sight::Frozen),
        kind::SEEN_ONGOING => Step::Seen(Sight::Ongoing),
        kind::SEEN_UNTIL => Step::Seen(Sight::Until(reader.i64()?)),
        kind::HYDRATE => Step::Hydrate,
        kind::HYDRATED => Step::Hydrated,
        kind::STOPPED => Step::Stopped,
        kind::STUMBLED => Step::Stumbled,
        kind::FAIL_MISSING => Step::Fail(Reason::Missing),
        kind::FAIL_REFUSED => Step::Fail(Reason::Refused(reader.text(MAX_WORDS)?)),
        kind::FAIL_HYDRATION => Step::Fail(Reason::Hydration(reader.text(MAX_WORDS)?)),
        unknown => return Err(reader.invalid(format!("event {unknown}, which is not known"))),
    };
    Ok(Event::Pack(pack, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_that_make_no_sense_are_refused() {
        let pack = |n: u8, len, ranges: &[Range<u64>]| WantedPack {
            id: PackId::from_bytes([n; 32]),
            len,
            class: Class::DeepArchive,
            ranges: ranges.to_vec(),
        };
        let spec = |days, packs| JobSpec {
            description: "x".into(),
            images: vec![Digest::from_bytes([9; 32])],
            tier: Tier::Bulk,
            days,
            created_at: -1,
            packs,
        };
        let good = spec(3, vec![pack(1, 10, &[]), pack(2, 10, &[0..1, 9..10])]);
        let bytes = encode_spec(&good).unwrap();
        assert_eq!(decode_spec(&bytes), Ok(good.clone()));
        for end in 0..bytes.len() {
            assert!(decode_spec(&bytes[..end]).is_err(), "cut at {end}");
        }
        for bad in [
            spec(0, vec![]),
            spec(MAX_DAYS + 1, vec![]),
            spec(1, vec![pack(1, 1, &[]), pack(1, 1, &[])]),
            spec(1, vec![pack(1, 10, &[0..1, 9..11])]),
            spec(1, vec![pack(1, 10, &[std::ops::Range { start: 5, end: 5 }])]),
            JobSpec { description: "x".repeat(MAX_DESCRIPTION + 1), ..good },
        ] {
            assert!(encode_spec(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_event_comes_back() {
        let steps = [
            Step::Ask { tier: Tier::Expedited, days: 7 },
            Step::Accepted,
            Step::Extended,
            Step::Ongoing,
            Step::NoCapacity,
            Step::NotTaken,
            Step::Declined,
            Step::Seen(Sight::Warm),
            Step::Seen(Sight::Frozen),
            Step::Seen(Sight::Ongoing),
            Step::Seen(Sight::Until(-7)),
            Step::Hydrate,
            Step::Hydrated,
            Step::Stopped,
            Step::Stumbled,
            Step::Fail(Reason::Missing),
            Step::Fail(Reason::Refused("no".into())),
            Step::Fail(Reason::Hydration("disk full".into())),
        ];
        let mut events: Vec<Event> = (0..).zip(steps).map(|(pack, step)| Event::Pack(pack, step)).collect();
        events.extend([Event::Escalate(Tier::Standard), Event::Extend(9), Event::Cancel, Event::Resume]);
        let bytes = encode_events(-3, &events);
        assert_eq!(decode_events(&bytes), Ok((-3, events)));
        assert!(decode_events(&bytes[..bytes.len() - 1]).is_err());
        assert_eq!(words(&"é".repeat(400)).len(), 512);
        assert_eq!(words(&format!("x{}", "é".repeat(400))).len(), 511);
    }
}
