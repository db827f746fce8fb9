//! One reading of a blob: frames, and what stands between them.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use super::ZstdEncoder;
use super::frame::{Blocks, FrameHeader, Head, MAX_HEAD, head};
use super::original::{Original, Stop};
use super::recipe::{MAX_FRAMES, MAX_ZSTD_RECIPE, ZstdPart, ZstdRecipe};
use super::running::RunningEncoder;
use super::trial::Trial;
use crate::codec::layer::zstd::ZstdStream;
use crate::codec::layer::{DecodeLimits, Input};
use crate::recompress::detect::DetectError;
use crate::recompress::trial::Effort;

/// Bytes decoded at once.
const PIECE: usize = 128 << 10;
/// Compressed bytes re-created by a glance after which a blob is promising, though its first frames were short.
const EVIDENCE: u64 = 64 << 10;

/// A frame by its number among all parts, and an encoder that agreed with a prefix and not behind it.
pub(super) type Wrong = (usize, ZstdEncoder);

/// What a pass came to.
pub(super) enum Outcome {
    Reproduced(ZstdRecipe),
    /// Seen after so many bytes of the blob.
    NotReproduced(u64),
    Misled(Wrong),
    /// There was nothing to compare with, and an encoder agrees with a prefix.
    Promising,
}

/// A reading of a blob.
#[derive(Clone, Copy)]
pub(super) struct Pass<'p> {
    pub(super) limits: DecodeLimits,
    pub(super) cancel: &'p AtomicBool,
    pub(super) misled: &'p [Wrong],
    /// Bytes of the blob.
    pub(super) len: u64,
}

/// Where a pass is.
struct Reading<'p> {
    pass: Pass<'p>,
    input: Input<Box<dyn Read + Send>>,
    /// Where encoders are proved; without it the pass ends with the first that agrees with a long enough prefix.
    original: Option<Original>,
    decoder: ZstdStream,
    plain: Box<[u8]>,
    idle: Option<RunningEncoder>,
    /// Candidates that were wrong.
    wrong: u32,
    parts: Vec<ZstdPart>,
    literal: u64,
    offset: u64,
    decoded: u64,
}

enum Stage {
    Trial(Trial),
    Proof(ZstdEncoder),
}

impl<'p> Pass<'p> {
    /// Reads the blob, to its end unless the outcome is clear before.
    pub(super) fn run(
        &self,
        source: Box<dyn Read + Send>,
        original: Option<Original>,
        effort: &mut Effort,
    ) -> Result<Outcome, DetectError> {
        let mut reading = Reading {
            pass: *self,
            input: Input::new(source),
            original,
            decoder: ZstdStream::new(self.limits.zstd_window_log)?,
            plain: vec![0; PIECE].into_boxed_slice(),
            idle: None,
            wrong: 0,
            parts: Vec::new(),
            literal: 0,
            offset: 0,
            decoded: 0,
        };
        loop {
            reading.input.fill_to(MAX_HEAD)?;
            if reading.input.unread().is_empty() {
                return reading.conclude();
            }
            let fits = reading.parts.len() < MAX_FRAMES;
            let outcome = match head(reading.input.unread()).filter(|_| fits) {
                None => Some(Outcome::NotReproduced(reading.offset)),
                Some(Head::Skippable(len)) => reading.skippable(len)?,
                Some(Head::Frame(header)) => reading.frame(&header, effort)?,
            };
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
        }
    }
}

impl Reading<'_> {
    fn checkpoint(&self) -> Result<(), DetectError> {
        if self.pass.cancel.load(Ordering::Relaxed) { Err(DetectError::Cancelled) } else { Ok(()) }
    }

    /// Keeps a skippable frame of `len` bytes.
    fn skippable(&mut self, len: u64) -> Result<Option<Outcome>, DetectError> {
        self.literal += len;
        if self.literal > MAX_ZSTD_RECIPE as u64 {
            return Ok(Some(Outcome::NotReproduced(self.offset)));
        }
        let mut literal = Vec::new();
        while (literal.len() as u64) < len {
            self.checkpoint()?;
            let missing = usize::try_from(len).unwrap_or(usize::MAX) - literal.len();
            let unread = self.input.unread();
            let taken = unread.get(..missing).unwrap_or(unread);
            literal.extend_from_slice(taken);
            let taken = taken.len();
            self.input.consume(taken);
            self.offset += taken as u64;
            if taken < missing {
                if self.input.eof() {
                    return Ok(Some(Outcome::NotReproduced(self.offset)));
                }
                self.input.fill()?;
            }
        }
        self.limits_hold()?;
        if let Some(original) = &mut self.original
            && let Some(outcome) = settle(original.expect(&literal), || Outcome::NotReproduced(self.offset))?
        {
            return Ok(Some(outcome));
        }
        self.parts.push(ZstdPart::Literal(literal.into()));
        Ok(None)
    }

    fn limits_hold(&self) -> Result<(), DetectError> {
        Ok(self.pass.limits.check(self.decoded, self.offset)?)
    }

    /// Reads a frame and finds its encoder.
    fn frame(&mut self, header: &FrameHeader, effort: &mut Effort) -> Result<Option<Outcome>, DetectError> {
        let mut blocks = Blocks::new(header);
        let mut stage = Stage::Trial(Trial::new(self.candidates(header), header.content_size));
        let (frames, decoded_before) = (self.decoder.frames(), self.decoded);
        loop {
            self.checkpoint()?;
            if self.input.unread().is_empty() && !self.input.eof() {
                self.input.fill()?;
            }
            let unread = self.input.unread();
            let (consumed, produced, _) = self.decoder.step(unread, &mut self.plain, self.input.eof())?;
            let body = unread.get(..consumed).unwrap_or_default();
            let plain = self.plain.get(..produced).unwrap_or_default();
            blocks.push(body);
            self.offset += consumed as u64;
            self.decoded += produced as u64;
            let end = (self.decoder.frames() > frames).then(|| blocks.end_empty());
            let mut more = match &mut stage {
                Stage::Trial(trial) => !trial.push(body, plain) && end.is_none(),
                Stage::Proof(_) => {
                    let pushed = match (&mut self.idle, &mut self.original) {
                        (Some(running), Some(original)) => running.push(plain, &mut |bytes| original.expect(bytes)),
                        _ => Err(Stop::Differs),
                    };
                    if let Some(outcome) = self.misled(&stage, pushed)? {
                        return Ok(Some(outcome));
                    }
                    end.is_none()
                }
            };
            self.input.consume(consumed);
            self.limits_hold()?;
            if more {
                continue;
            }
            if let Stage::Trial(trial) = &mut stage {
                let Some(encoder) = trial.choose(end, &mut self.idle, effort, &mut self.wrong)? else {
                    return Ok(Some(Outcome::NotReproduced(self.offset)));
                };
                more = end.is_none();
                let begun = self.begin(encoder, trial, header, more);
                stage = Stage::Proof(encoder);
                if let Some(outcome) = self.misled(&stage, begun)? {
                    return Ok(Some(outcome));
                }
                if self.original.is_none() && (more || self.offset >= EVIDENCE) {
                    return Ok(Some(Outcome::Promising));
                }
                if more {
                    continue;
                }
            } else if let Some(alone) = end {
                let ended = match (&mut self.idle, &mut self.original) {
                    (Some(running), Some(original)) => running.finish(alone, &mut |bytes| original.expect(bytes)),
                    _ => Err(Stop::Differs),
                };
                if let Some(outcome) = self.misled(&stage, ended)? {
                    return Ok(Some(outcome));
                }
            }
            break;
        }
        let Stage::Proof(encoder) = stage else { return Ok(Some(Outcome::NotReproduced(self.offset))) };
        let exact = self.original.as_ref().is_none_or(|original| original.matched() == self.offset);
        if !exact {
            return Ok(Some(Outcome::Misled((self.parts.len(), encoder.ending(false)))));
        }
        let len = self.decoded - decoded_before;
        self.parts.push(ZstdPart::Frame { encoder: encoder.ending(blocks.end_empty()), len });
        Ok(None)
    }

    /// Proves what the trial was given: by the encoder if the frame goes on, else the trial has done so.
    fn begin(&mut self, encoder: ZstdEncoder, trial: &Trial, header: &FrameHeader, goes_on: bool) -> Result<(), Stop> {
        let Some(original) = &mut self.original else { return Ok(()) };
        let (body, plain) = trial.prefix();
        if !goes_on {
            return original.expect(body);
        }
        let running = RunningEncoder::start(&mut self.idle, encoder, header.content_size)?;
        running.push(plain, &mut |bytes| original.expect(bytes))
    }

    /// The outcome if an encoder could not go on.
    fn misled(&self, stage: &Stage, went: Result<(), Stop>) -> Result<Option<Outcome>, DetectError> {
        settle(went, || match stage {
            Stage::Proof(encoder) => Outcome::Misled((self.parts.len(), encoder.ending(false))),
            Stage::Trial(_) => Outcome::NotReproduced(self.offset),
        })
    }

    /// The encoder of the frame before first, then what the header suggests, without those known to go wrong here.
    fn candidates(&self, header: &FrameHeader) -> Vec<ZstdEncoder> {
        let mut order = ZstdEncoder::candidates(header);
        let before = self.parts.iter().rev().find_map(|part| match part {
            ZstdPart::Frame { encoder, .. } => Some(encoder.ending(false)),
            ZstdPart::Literal(_) => None,
        });
        if let Some(at) = before.and_then(|before| order.iter().position(|candidate| *candidate == before)) {
            order.get_mut(..=at).into_iter().for_each(|first| first.rotate_right(1));
        }
        let frame = self.parts.len();
        order.retain(|candidate| !self.pass.misled.contains(&(frame, *candidate)));
        order
    }

    fn conclude(mut self) -> Result<Outcome, DetectError> {
        if self.offset != self.pass.len {
            return Err(DetectError::Length { expected: self.pass.len, found: self.offset });
        }
        let Some(original) = &mut self.original else { return Ok(Outcome::Promising) };
        Ok(match original.at_end()? {
            true => Outcome::Reproduced(ZstdRecipe { parts: self.parts }),
            false => Outcome::NotReproduced(self.offset),
        })
    }
}

/// The outcome if something stopped.
fn settle(went: Result<(), Stop>, outcome: impl FnOnce() -> Outcome) -> Result<Option<Outcome>, DetectError> {
    match went {
        Ok(()) => Ok(None),
        Err(Stop::Differs) => Ok(Some(outcome())),
        Err(Stop::Fault(fault)) => Err(fault.into()),
        Err(Stop::Blob(error)) => Err(error.into()),
    }
}
