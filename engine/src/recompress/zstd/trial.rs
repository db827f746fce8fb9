//! One frame's search for its encoder on a prefix.

use super::super::EncoderFault;
use super::super::trial::Effort;
use super::ZstdEncoder;
use super::original::Stop;
use super::running::RunningEncoder;

/// Decoded bytes that a prefix should have: several blocks, and no more than fits the first job of most levels.
const PREFIX_PLAIN: usize = 1 << 20;
/// Compressed bytes that a prefix should have: less is no evidence.
const PREFIX_BODY: usize = 16 << 10;
/// Decoded or compressed bytes after which a prefix is long enough, however few there are of the other.
const PREFIX_MAX: usize = 8 << 20;
/// Decoded bytes for a first look: the first block comes when the second is begun.
const GLANCE: usize = 256 << 10;
/// What is flushed must be a multiple of this many decoded bytes.
const FLUSHED: usize = 512 << 10;
/// Encoders that may turn out wrong on prefixes, over a whole search: a few frames' worth.
pub(super) const MAX_WRONG: u32 = 384;

/// The prefix of one frame.
pub(super) struct Trial {
    candidates: Vec<ZstdEncoder>,
    content_size: Option<u64>,
    body: Vec<u8>,
    plain: Vec<u8>,
}

/// What is asked of candidates.
#[derive(Clone, Copy)]
enum Depth {
    /// Agreement in the first block.
    Glance,
    /// Agreement with all of the prefix.
    Prefix,
    /// The whole frame, with this kind of end.
    Frame { ends_alone: bool },
}

impl Trial {
    /// `candidates` in the order of likelihood, for a frame whose header states this content size.
    pub(super) fn new(candidates: Vec<ZstdEncoder>, content_size: Option<u64>) -> Self {
        Self { candidates, content_size, body: Vec::new(), plain: Vec::new() }
    }

    /// The frame's bytes so far, and what they decode to.
    pub(super) fn prefix(&self) -> (&[u8], &[u8]) {
        (&self.body, &self.plain)
    }

    /// Takes the next bytes of the frame and what they decode to; true once they are enough for a choice.
    pub(super) fn push(&mut self, body: &[u8], plain: &[u8]) -> bool {
        self.body.extend_from_slice(body);
        self.plain.extend_from_slice(plain);
        let longest = self.plain.len().max(self.body.len());
        longest >= PREFIX_MAX || (self.plain.len() >= PREFIX_PLAIN && self.body.len() >= PREFIX_BODY)
    }

    /// The first candidate that agrees with the prefix so far, which is the whole frame if there is an `end`: then whether that
    /// comes alone.
    pub(super) fn choose(
        &mut self,
        end: Option<bool>,
        idle: &mut Option<RunningEncoder>,
        effort: &mut Effort,
        wrong: &mut u32,
    ) -> Result<Option<ZstdEncoder>, EncoderFault> {
        effort.prefix = effort.prefix.max(self.plain.len() as u64);
        let mut seen: Option<(ZstdEncoder, bool)> = None;
        for encoder in std::mem::take(&mut self.candidates) {
            if *wrong > MAX_WRONG {
                return Ok(None);
            }
            let depth = match end {
                Some(ends_alone) => Depth::Frame { ends_alone },
                None => {
                    let glance = encoder.glance();
                    let promising = match seen {
                        Some((same, promising)) if same == glance => promising,
                        _ => {
                            effort.tried += 1;
                            self.agrees(glance, Depth::Glance, idle)?
                        }
                    };
                    seen = Some((glance, promising));
                    if !promising {
                        *wrong += 1;
                        continue;
                    }
                    Depth::Prefix
                }
            };
            effort.tried += 1;
            if self.agrees(encoder, depth, idle)? {
                return Ok(Some(encoder.ending(end.unwrap_or(false))));
            }
            *wrong += 1;
        }
        Ok(None)
    }

    fn agrees(
        &self,
        encoder: ZstdEncoder,
        depth: Depth,
        idle: &mut Option<RunningEncoder>,
    ) -> Result<bool, EncoderFault> {
        match self.run(encoder, depth, idle) {
            Ok(agrees) => Ok(agrees),
            Err(Stop::Fault(fault)) => Err(fault),
            Err(Stop::Differs | Stop::Blob(_)) => Ok(false),
        }
    }

    fn run(&self, encoder: ZstdEncoder, depth: Depth, idle: &mut Option<RunningEncoder>) -> Result<bool, Stop> {
        let mut rest = self.body.as_slice();
        let mut sink = |bytes: &[u8]| -> Result<(), Stop> {
            rest = rest.strip_prefix(bytes).ok_or(Stop::Differs)?;
            Ok(())
        };
        let running = RunningEncoder::start(idle, encoder, self.content_size)?;
        match depth {
            Depth::Glance => running.push(self.plain.get(..GLANCE).unwrap_or(&self.plain), &mut sink)?,
            Depth::Prefix => {
                let len = self.plain.len() / FLUSHED * FLUSHED;
                running.push(self.plain.get(..len).unwrap_or_default(), &mut sink)?;
                running.flush(&mut sink)?;
            }
            Depth::Frame { ends_alone } => {
                running.push(&self.plain, &mut sink)?;
                running.finish(ends_alone, &mut sink)?;
                return Ok(rest.is_empty());
            }
        }
        Ok(rest.len() < self.body.len())
    }
}
