//! Drives an encoder along a stream and writes down what has to be amended.
//!
//! The encoder is fed what was decoded and flushed where the stream shows a flush. Where it writes something else, the block in
//! question is tried with early slides, and else taken as it stands; the encoder goes on behind it.

use std::collections::VecDeque;

use super::edges::{AHEAD, BEYOND, Edge, HISTORY, place};
use super::scout::{Mark, Scout, Seen};
use super::{Amendment, Amendments, Flush, MAX_AMENDMENTS, Resume, Stretch};
use crate::recompress::compare::MAX_LAG;
use crate::recompress::place::{Bits, Habits};
use crate::recompress::running::RunningEncoder;
use crate::recompress::{DeflateEncoder, EncoderFault};

/// Most decoded bytes kept before the end; a longer block can still be taken as it stands.
const MAX_PLAIN: u64 = 16 << 20;
/// Decoded bytes given to an encoder between looks at what it emitted.
const PIECE: u64 = 64 << 10;
/// Bytes of the stream that may be taken as they stand whatever the stream's length so far.
const FREE: u64 = 96 << 10;
/// Blocks of the stream that wait to be compared: a real one has hundreds of bytes.
const MAX_BLOCKS: usize = 1 << 16;
/// Decoded bytes that may be given to encoders beyond four times the stream's.
const MAX_IDLE: u64 = 16 << 20;
/// Early slides tried in one block.
const MAX_SLIDES: usize = 8;

/// Why a hunt ends without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// There would be too much to amend, or too much to try.
    TooMuch,
    /// An encoder does not work.
    Fault(EncoderFault),
}

impl From<EncoderFault> for Lost {
    fn from(fault: EncoderFault) -> Self {
        Self::Fault(fault)
    }
}

/// A hunt along one stream.
pub(super) struct Hunt {
    encoder: DeflateEncoder,
    found: Vec<Found>,
    slides: Vec<u32>,
    status: Status,
    /// Decoded bytes from `plain_at` on.
    plain: Vec<u8>,
    plain_at: u64,
    /// Decoded bytes given to the encoder.
    fed: u64,
    /// Bytes of the stream from `body_at` on.
    body: Vec<u8>,
    body_at: u64,
    /// Bytes of the stream with which the encoder agrees, and what it has emitted behind them.
    agreed: u64,
    ahead: Vec<u8>,
    /// Where the first of `blocks` begins.
    start: Start,
    blocks: VecDeque<Seen>,
    /// Flushes to come.
    marks: VecDeque<Mark>,
    /// Flushes before this bit lie in a stretch.
    passed: u64,
    undecided: Option<u64>,
    complete: bool,
    /// Bytes taken as they stand.
    raw: u64,
    /// Most of them.
    cap: u64,
    /// Decoded bytes given to encoders in all, and what it costs to resume one.
    spent: u64,
}

/// Where a block begins.
#[derive(Debug, Clone, Copy, Default)]
struct Start {
    bit: u64,
    at: u64,
    literals: u64,
}

/// An amendment in the making, and the bit of the stream where it begins.
struct Found {
    bit: u64,
    what: What,
}

enum What {
    Flush(Mark, Flush),
    Stretch { bytes: Vec<u8>, end_bit: u64, resume: Resume },
}

enum Status {
    Agreeing(Box<RunningEncoder>),
    /// The stream has something else at this bit than the encoder emitted.
    Differs(u64),
    /// The encoder is to be resumed at this block.
    Behind(Start),
    /// Everything is accounted for.
    Done,
}

impl Hunt {
    /// At the stream's start; it ends when more than `cap` bytes would have to be taken as they stand.
    pub(super) fn new(encoder: DeflateEncoder, cap: u64) -> Result<Self, EncoderFault> {
        // A flush may be met at any time, and the encoder has to be fit for it from the start.
        let habits = Habits { slides: &[], flushes: true };
        Ok(Self {
            encoder,
            found: Vec::new(),
            slides: Vec::new(),
            status: Status::Agreeing(Box::new(RunningEncoder::start_with(encoder, habits)?)),
            plain: Vec::new(),
            plain_at: 0,
            fed: 0,
            body: Vec::new(),
            body_at: 0,
            agreed: 0,
            ahead: Vec::new(),
            start: Start::default(),
            blocks: VecDeque::new(),
            marks: VecDeque::new(),
            passed: 0,
            undecided: None,
            complete: false,
            raw: 0,
            cap,
            spent: 0,
        })
    }

    /// Bytes of the stream taken as they stand so far, and those behind a difference that is not dealt with yet.
    pub(super) fn cost(&self) -> u64 {
        let seen = self.body_at + self.body.len() as u64;
        match self.status {
            Status::Agreeing(_) | Status::Done => self.raw,
            Status::Differs(_) | Status::Behind(_) => self.raw + seen.saturating_sub(self.agreed),
        }
    }

    /// Bytes of the stream taken as they stand so far.
    pub(super) fn raw(&self) -> u64 {
        self.raw
    }

    /// Lets it take as many as any stream may.
    pub(super) fn uncap(&mut self) {
        self.cap = u64::MAX;
    }

    pub(super) fn encoder(&self) -> DeflateEncoder {
        self.encoder
    }

    /// Takes the stream's next bytes, and what a scout found in them; nothing follows if they are `complete`.
    pub(super) fn push(&mut self, body: &[u8], scout: &Scout, complete: bool) -> Result<(), Lost> {
        self.body.extend_from_slice(body);
        self.plain.extend_from_slice(&scout.plain);
        self.blocks.extend(&scout.blocks);
        self.marks.extend(scout.marks.iter().filter(|mark| mark.bit >= self.passed));
        self.undecided = scout.undecided();
        self.complete = complete;
        while self.step()? {}
        self.settle();
        let lag = (self.body_at + self.body.len() as u64).saturating_sub(self.agreed);
        let crowded = self.blocks.len() > MAX_BLOCKS || self.marks.len() > MAX_AMENDMENTS;
        if lag > MAX_LAG as u64 || crowded { Err(Lost::TooMuch) } else { Ok(()) }
    }

    /// What has to be amended, once the stream was complete.
    pub(super) fn into_amendments(self) -> Option<Amendments> {
        if !matches!(self.status, Status::Done) {
            return None;
        }
        let list = self.found.into_iter().map(|found| match found.what {
            What::Flush(mark, kind) => Amendment::Flush { at: mark.at, kind },
            What::Stretch { bytes, resume, .. } => {
                Amendment::Stretch(Stretch { at: found.bit / 8, bytes: bytes.into(), resume })
            }
        });
        Some(Amendments { slides: self.slides, list: list.collect() })
    }

    fn end(&self) -> u64 {
        self.plain_at + self.plain.len() as u64
    }

    fn habits(&self) -> Habits<'_> {
        Habits { slides: &self.slides, flushes: true }
    }

    /// Up to where the decoded bytes can be given to an encoder.
    fn known(&self) -> u64 {
        self.undecided.map_or(self.end(), |at| at.min(self.end()))
    }

    /// Does what can be done; false if the stream has to go on first.
    fn step(&mut self) -> Result<bool, Lost> {
        if self.spent > 4 * self.end() + MAX_IDLE {
            return Err(Lost::TooMuch);
        }
        match std::mem::replace(&mut self.status, Status::Done) {
            Status::Agreeing(running) => self.agree(running),
            Status::Differs(bit) => self.differ(bit),
            Status::Behind(start) => self.resume(start),
            Status::Done => Ok(false),
        }
    }

    /// Feeds the encoder and compares.
    fn agree(&mut self, mut running: Box<RunningEncoder>) -> Result<bool, Lost> {
        loop {
            let mark = self.marks.front().copied();
            let to = mark.map_or(self.known(), |mark| mark.at.min(self.known()));
            while self.fed < to {
                let until = to.min(self.fed + PIECE);
                self.spent += until - self.fed;
                let piece = range(&self.plain, self.plain_at, self.fed, until).ok_or(Lost::TooMuch)?;
                self.fed = until;
                let ahead = &mut self.ahead;
                running.push(piece, &mut |bytes| -> Result<(), EncoderFault> {
                    ahead.extend_from_slice(bytes);
                    Ok(())
                })?;
                if let Some(bit) = self.compare() {
                    self.status = Status::Differs(bit);
                    return Ok(true);
                }
            }
            let Some(mark) = mark.filter(|mark| mark.at == self.fed) else { break };
            let Some(kind) = self.kind(mark.kind) else { return Err(Lost::TooMuch) };
            let ahead = &mut self.ahead;
            running.flush(kind, &mut |bytes| -> Result<(), EncoderFault> {
                ahead.extend_from_slice(bytes);
                Ok(())
            })?;
            self.marks.pop_front();
            self.note(Found { bit: mark.bit, what: What::Flush(mark, kind) })?;
            if let Some(bit) = self.compare() {
                self.status = Status::Differs(bit);
                return Ok(true);
            }
        }
        if !self.complete || self.fed < self.end() {
            self.status = Status::Agreeing(running);
            return Ok(false);
        }
        let ahead = &mut self.ahead;
        running.finish(&mut |bytes| -> Result<(), EncoderFault> {
            ahead.extend_from_slice(bytes);
            Ok(())
        })?;
        let whole = self.body_at + self.body.len() as u64;
        if let Some(bit) = self.compare() {
            self.status = Status::Differs(bit);
        } else if !self.ahead.is_empty() || self.agreed < whole {
            self.status = Status::Differs(8 * self.agreed);
        }
        Ok(true)
    }

    /// How the encoder does such a flush; where nothing tells a full one from another, it may know one kind only.
    fn kind(&self, kind: Flush) -> Option<Flush> {
        let also = if kind == Flush::Full { Flush::Sync } else { kind };
        [kind, also].into_iter().find(|kind| self.encoder.can_flush(*kind))
    }

    fn note(&mut self, found: Found) -> Result<(), Lost> {
        self.found.push(found);
        if self.found.len() > MAX_AMENDMENTS { Err(Lost::TooMuch) } else { Ok(()) }
    }

    /// The first bit at which the stream has something else than what was emitted.
    fn compare(&mut self) -> Option<u64> {
        let from = usize::try_from(self.agreed.saturating_sub(self.body_at)).unwrap_or(usize::MAX);
        let body = self.body.get(from..).unwrap_or_default();
        let common = common(body, &self.ahead);
        self.agreed += common as u64;
        let differs = body.get(common).zip(self.ahead.get(common));
        let bit = differs.map(|(a, b)| 8 * self.agreed + u64::from((a ^ b).trailing_zeros()));
        self.ahead.drain(..common);
        bit
    }

    /// Looks at the block that is not what the encoder writes.
    fn differ(&mut self, bit: u64) -> Result<bool, Lost> {
        while self.blocks.len() > 1 && self.blocks.front().is_some_and(|block| block.end_bit <= bit) {
            self.pass_block();
        }
        let Some(&block) = self.blocks.front().filter(|block| block.end_bit > bit || self.complete) else {
            self.status = Status::Differs(bit);
            return Ok(false);
        };
        let is_near_end = self.end() < block.end + BEYOND && !self.complete;
        // A flush behind it belongs to it, so that has to be known, too.
        if is_near_end || (self.blocks.len() < 2 && !self.complete) {
            self.status = Status::Differs(bit);
            return Ok(false);
        }
        self.rewind(block.bit);
        if let Some(slide) = self.early_slide(&block, bit)? {
            self.slides.push(slide);
            self.slides.sort_unstable();
            self.status = Status::Behind(self.start);
            return Ok(true);
        }
        self.take(&block)?;
        Ok(true)
    }

    /// Takes flushes back that were done behind `bit`.
    fn rewind(&mut self, bit: u64) {
        while let Some(found) = self.found.pop_if(|found| found.bit >= bit) {
            if let What::Flush(mark, _) = found.what {
                self.marks.push_front(mark);
            }
        }
        self.ahead.clear();
    }

    /// Takes the first block as it stands, with the marks of flushes right behind it.
    fn take(&mut self, block: &Seen) -> Result<(), Lost> {
        let first = self.start.bit;
        self.pass_block();
        let mut last = block.last;
        while let Some(mark) = self.blocks.front().filter(|next| next.mark && next.at == block.end) {
            last |= mark.last;
            self.pass_block();
            self.start.literals = 0;
        }
        let end_bit = self.start.bit;
        self.passed = end_bit;
        while self.marks.pop_front_if(|mark| mark.bit < end_bit).is_some() {}
        let end = if last { self.body_at + self.body.len() as u64 } else { end_bit.div_ceil(8) };
        let mut bytes = range(&self.body, self.body_at, first / 8, end).ok_or(Lost::TooMuch)?.to_vec();
        self.raw += bytes.len() as u64;
        let resume = if last {
            Resume::End
        } else {
            let bits = (end_bit.wrapping_sub(1) % 8) as u8 + 1;
            if let Some(byte) = bytes.last_mut() {
                *byte &= 0xff >> (8 - bits);
            }
            Resume::Block { bits, at: self.start.at, literals: self.start.literals }
        };
        let seen = self.body_at + self.body.len() as u64;
        if self.raw > self.cap || self.raw > FREE + seen / 16 {
            return Err(Lost::TooMuch);
        }
        self.extend(first, bytes, end_bit, resume)?;
        self.agreed = end_bit / 8;
        self.status = if last { Status::Done } else { Status::Behind(self.start) };
        if last {
            self.agreed = seen;
        }
        Ok(())
    }

    /// Notes a stretch, as a part of the one before if that ends where this begins.
    fn extend(&mut self, first: u64, bytes: Vec<u8>, end_bit: u64, resume: Resume) -> Result<(), Lost> {
        if let Some(Found { what: What::Stretch { bytes: all, end_bit: end, resume: behind }, .. }) =
            self.found.last_mut()
            && *end == first
        {
            if !first.is_multiple_of(8) {
                // They share a byte.
                all.pop();
            }
            all.extend_from_slice(&bytes);
            (*end, *behind) = (end_bit, resume);
            return Ok(());
        }
        self.note(Found { bit: first, what: What::Stretch { bytes, end_bit, resume } })
    }

    /// Goes on to the next block.
    fn pass_block(&mut self) {
        if let Some(block) = self.blocks.pop_front() {
            self.start = Start { bit: block.end_bit, at: block.end, literals: block.literals };
        }
    }

    /// Resumes the encoder at a block.
    fn resume(&mut self, start: Start) -> Result<bool, Lost> {
        let mark = self.marks.front().map_or(u64::MAX, |mark| mark.at);
        let to = mark.min(self.known());
        let enough = to >= start.at + AHEAD || to == mark || (self.complete && self.undecided.is_none());
        if !enough {
            self.status = Status::Behind(start);
            return Ok(false);
        }
        if let Some(running) = self.encoder_at(start, to, self.habits())? {
            self.spent += BEYOND + to.saturating_sub(start.at);
            (self.fed, self.agreed) = (to, start.bit / 8);
            self.status = Status::Agreeing(running);
            return Ok(true);
        }
        let Some(&block) = self.blocks.front().filter(|_| self.blocks.len() > 1 || self.complete) else {
            self.status = Status::Behind(start);
            return Ok(false);
        };
        self.take(&block)?;
        Ok(true)
    }

    /// An encoder at a block that was given the data up to `to`; `None` if it can't be had.
    fn encoder_at(&self, start: Start, to: u64, habits: Habits<'_>) -> Result<Option<Box<RunningEncoder>>, Lost> {
        if start.bit == 0 {
            let Some(plain) = range(&self.plain, self.plain_at, 0, to) else { return Ok(None) };
            return Ok(Some(Box::new(RunningEncoder::start_on(self.encoder, habits, plain)?)));
        }
        let Some(lead) = lead(&self.body, self.body_at, start.bit) else { return Ok(None) };
        let edge = Edge { at: start.at, literals: start.literals, lead };
        let place = place(self.encoder, &self.plain, self.plain_at, edge, to);
        Ok(place.and_then(|place| RunningEncoder::resume(self.encoder, &place, habits)).map(Box::new))
    }

    /// A slide of Go's window that, if it was early, makes the encoder agree with the block, or for longer than up to `bit`.
    fn early_slide(&mut self, block: &Seen, bit: u64) -> Result<Option<u32>, Lost> {
        if !self.encoder.slides_early() {
            return Ok(None);
        }
        let slides = slides_in(block.at, block.end).filter(|slide| !self.slides.contains(slide));
        let slides: Vec<u32> = slides.take(MAX_SLIDES + 1).collect();
        if slides.len() > MAX_SLIDES {
            return Ok(None);
        }
        let mut best = (bit, None);
        for slide in slides {
            let mut with: Vec<u32> = self.slides.iter().copied().chain([slide]).collect();
            with.sort_unstable();
            let agreed = self.agreement(block, Habits { slides: &with, flushes: true })?;
            if agreed > best.0 {
                best = (agreed, Some(slide));
            }
        }
        Ok(best.1)
    }

    /// The bit up to which an encoder with these habits agrees when it starts at the first block, which is `block`.
    fn agreement(&mut self, block: &Seen, habits: Habits<'_>) -> Result<u64, Lost> {
        let mark = self.marks.front().copied();
        let to = (block.end + BEYOND).min(self.known()).min(mark.map_or(u64::MAX, |mark| mark.at));
        self.spent += BEYOND + to.saturating_sub(block.at);
        let Some(mut running) = self.encoder_at(self.start, to, habits)? else { return Ok(0) };
        let mut out = Vec::new();
        let mut sink = |bytes: &[u8]| -> Result<(), EncoderFault> {
            out.extend_from_slice(bytes);
            Ok(())
        };
        match mark.filter(|mark| mark.at == to).and_then(|mark| self.kind(mark.kind)) {
            Some(kind) => running.flush(kind, &mut sink)?,
            None => running.finish(&mut sink)?,
        }
        let from = self.start.bit / 8;
        let body = range(&self.body, self.body_at, from, self.body_at + self.body.len() as u64).unwrap_or_default();
        let common = common(body, &out);
        let differs = body.get(common).zip(out.get(common)).map_or(0, |(a, b)| (a ^ b).trailing_zeros());
        Ok(8 * (from + common as u64) + u64::from(differs))
    }

    /// Lets go what is not needed any more.
    fn settle(&mut self) {
        if matches!(self.status, Status::Agreeing(_)) {
            while self.blocks.front().is_some_and(|block| block.end_bit <= 8 * self.agreed && !block.last) {
                self.pass_block();
            }
        }
        let keep = self.start.bit / 8;
        drop_before(&mut self.body, &mut self.body_at, keep, 1 << 20);
        let keep = self.start.at.saturating_sub(HISTORY).max(self.end().saturating_sub(MAX_PLAIN));
        drop_before(&mut self.plain, &mut self.plain_at, keep, 4 << 20);
    }
}

/// Drops what lies before `keep`, if that is `least` bytes or more.
fn drop_before(bytes: &mut Vec<u8>, at: &mut u64, keep: u64, least: u64) {
    let drop = keep.saturating_sub(*at).min(bytes.len() as u64);
    if drop >= least {
        bytes.drain(..usize::try_from(drop).unwrap_or(0));
        *at += drop;
    }
}

/// `bytes`, which begin at `at`, from `from` up to `to`.
fn range(bytes: &[u8], at: u64, from: u64, to: u64) -> Option<&[u8]> {
    let offset = |place: u64| usize::try_from(place.checked_sub(at)?).ok();
    bytes.get(offset(from)?..offset(to)?)
}

/// Bits before `bit` in its byte.
fn lead(body: &[u8], body_at: u64, bit: u64) -> Option<Bits> {
    let count = (bit % 8) as u8;
    if count == 0 {
        return Some(Bits::default());
    }
    let byte = range(body, body_at, bit / 8, bit / 8 + 1)?.first()?;
    Some(Bits { value: byte & !(0xff << count), count })
}

/// Length of the common prefix.
fn common(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 64;
    let steps = a.chunks_exact(STEP).zip(b.chunks_exact(STEP)).take_while(|(a, b)| a == b).count() * STEP;
    let (a, b) = (a.get(steps..).unwrap_or_default(), b.get(steps..).unwrap_or_default());
    steps + a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Slides of Go's window whose place lies between two decoded offsets: `goflate` tells where that is.
fn slides_in(from: u64, to: u64) -> impl Iterator<Item = u32> {
    const FIRST: u64 = 65_274;
    const EVERY: u64 = 32 << 10;
    let first = from.saturating_sub(FIRST + 1).div_ceil(EVERY);
    (first..).take_while(move |slide| slide * EVERY + FIRST <= to + 1).filter_map(|slide| u32::try_from(slide).ok())
}
