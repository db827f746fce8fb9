//! One member's search for its encoder: candidates run on a prefix, the survivor follows to the member's end.

use super::compare::{Comparison, MAX_LAG, Stop};
use super::deflate::RunningEncoder;
use super::{DeflateEncoder, EncoderFault};

/// Decoded bytes that a prefix should have; every encoder has emitted its first block by then on ordinary data.
const PREFIX_PLAIN: usize = 256 << 10;
/// Compressed bytes that a prefix should have: less than a few blocks is no evidence.
const PREFIX_BODY: usize = 96 << 10;
/// Decoded bytes after which a prefix is long enough whatever it compressed to.
const PREFIX_MAX: usize = 8 << 20;
/// Decoded bytes given to a candidate between looks at whether it still agrees.
const PIECE: usize = 64 << 10;

/// Counts over a whole detection.
#[derive(Debug, Default)]
pub(super) struct Effort {
    /// Candidates run.
    pub(super) tried: u32,
    /// Longest prefix any of them was given, decoded bytes.
    pub(super) prefix: u64,
}

/// How a member stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing speaks against it so far.
    Open,
    /// No candidate is left.
    Unknown,
    /// The survivor of the prefix went wrong behind it.
    Misled(DeflateEncoder),
}

/// The search of one member.
pub(super) struct Trial {
    candidates: Vec<DeflateEncoder>,
    comparison: Comparison,
    plain: Vec<u8>,
    len: u64,
    following: Option<(DeflateEncoder, RunningEncoder)>,
}

impl Trial {
    /// `candidates` in the order of likelihood.
    pub(super) fn new(candidates: Vec<DeflateEncoder>) -> Self {
        Self { candidates, comparison: Comparison::default(), plain: Vec::new(), len: 0, following: None }
    }

    /// Decoded bytes so far.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Whether an encoder agreed on the prefix.
    pub(super) fn has_chosen(&self) -> bool {
        self.following.is_some()
    }

    /// Takes the next bytes of the deflate stream and what they decode to.
    pub(super) fn push(&mut self, body: &[u8], plain: &[u8], effort: &mut Effort) -> Result<Verdict, EncoderFault> {
        self.len += plain.len() as u64;
        let Some((encoder, running)) = &mut self.following else {
            self.comparison.keep(body);
            self.plain.extend_from_slice(plain);
            let (have, evidence) = (self.plain.len(), self.comparison.lag());
            let enough = (have >= PREFIX_PLAIN && evidence >= PREFIX_BODY) || have >= PREFIX_MAX || evidence >= MAX_LAG;
            return if enough { self.choose(effort) } else { Ok(Verdict::Open) };
        };
        let comparison = &mut self.comparison;
        let followed =
            comparison.original(body).and_then(|()| running.push(plain, &mut |bytes| comparison.emitted(bytes)));
        match followed {
            Ok(()) => Ok(Verdict::Open),
            Err(Stop::Differs) => Ok(Verdict::Misled(*encoder)),
            Err(Stop::Fault(fault)) => Err(fault),
        }
    }

    /// The deflate stream is complete: the encoder that reproduced all of it, or why there is none.
    pub(super) fn finish(mut self, effort: &mut Effort) -> Result<Result<DeflateEncoder, Verdict>, EncoderFault> {
        let Some((encoder, running)) = self.following else {
            return self.choose_whole(effort);
        };
        let comparison = &mut self.comparison;
        match running.finish(&mut |bytes| comparison.emitted(bytes)) {
            Ok(()) if comparison.settled() => Ok(Ok(encoder)),
            Ok(()) | Err(Stop::Differs) => Ok(Err(Verdict::Misled(encoder))),
            Err(Stop::Fault(fault)) => Err(fault),
        }
    }

    /// Picks the first candidate that agrees on the prefix.
    fn choose(&mut self, effort: &mut Effort) -> Result<Verdict, EncoderFault> {
        effort.prefix = effort.prefix.max(self.plain.len() as u64);
        for encoder in std::mem::take(&mut self.candidates) {
            effort.tried += 1;
            match self.run(encoder) {
                Ok(running) if self.comparison.lag() <= MAX_LAG => {
                    self.plain = Vec::new();
                    self.following = Some((encoder, running));
                    return Ok(Verdict::Open);
                }
                Ok(_) | Err(Stop::Differs) => {}
                Err(Stop::Fault(fault)) => return Err(fault),
            }
        }
        Ok(Verdict::Unknown)
    }

    /// Picks the first candidate that reproduces a member no longer than a prefix.
    fn choose_whole(mut self, effort: &mut Effort) -> Result<Result<DeflateEncoder, Verdict>, EncoderFault> {
        effort.prefix = effort.prefix.max(self.plain.len() as u64);
        for encoder in std::mem::take(&mut self.candidates) {
            effort.tried += 1;
            let run = self.run(encoder).and_then(|running| {
                let comparison = &mut self.comparison;
                running.finish(&mut |bytes| comparison.emitted(bytes))
            });
            match run {
                Ok(()) if self.comparison.settled() => return Ok(Ok(encoder)),
                Ok(()) | Err(Stop::Differs) => {}
                Err(Stop::Fault(fault)) => return Err(fault),
            }
        }
        Ok(Err(Verdict::Unknown))
    }

    fn run(&mut self, encoder: DeflateEncoder) -> Result<RunningEncoder, Stop> {
        let comparison = &mut self.comparison;
        comparison.rewind();
        let mut running = encoder.start()?;
        for piece in self.plain.chunks(PIECE) {
            running.push(piece, &mut |bytes| comparison.emitted(bytes))?;
        }
        Ok(running)
    }
}
