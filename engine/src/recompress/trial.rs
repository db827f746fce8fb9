//! One member's search for its encoder on a prefix.

use super::compare::{Comparison, MAX_LAG, Stop};
use super::running::RunningEncoder;
use super::tokens::{Families, Survey};
use super::{DeflateEncoder, EncoderFault};

/// Decoded bytes that a prefix should have: every encoder has emitted its first block by then on ordinary data, and pgzip the
/// mark at the end of its first part.
const PREFIX_PLAIN: usize = 1152 << 10;
/// Compressed bytes that a prefix should have: less than a few blocks is no evidence.
const PREFIX_BODY: usize = 96 << 10;
/// Compressed bytes after which a prefix is long enough: well below what a comparison may hold, as a lane gets them at once.
const PREFIX_BODY_MAX: usize = 1280 << 10;
/// Decoded bytes after which a prefix is long enough whatever it compressed to.
const PREFIX_MAX: usize = 8 << 20;
/// Blocks whose shape tells which encoders can have written them.
pub(super) const SURVEYED: usize = 16;
/// Decoded bytes given to a candidate between looks at whether it still agrees.
const PIECE: usize = 64 << 10;

/// Whether so many decoded bytes from so many compressed ones are enough for a choice.
pub(super) fn is_prefix(have: usize, evidence: usize) -> bool {
    (have >= PREFIX_PLAIN && evidence >= PREFIX_BODY) || have >= PREFIX_MAX || evidence >= PREFIX_BODY_MAX
}

/// Counts over a whole detection.
#[derive(Debug, Default)]
pub(super) struct Effort {
    /// Candidates run.
    pub(super) tried: u32,
    /// Longest prefix any of them was given, decoded bytes.
    pub(super) prefix: u64,
}

/// An encoder that agrees with a prefix, and the prefix.
pub(super) struct Survivor {
    pub(super) encoder: DeflateEncoder,
    /// Of the deflate stream.
    pub(super) body: Vec<u8>,
    /// What the member has decoded to.
    pub(super) plain: Vec<u8>,
}

/// The prefix of one member.
pub(super) struct Trial {
    candidates: Vec<DeflateEncoder>,
    comparison: Comparison,
    plain: Vec<u8>,
}

impl Trial {
    /// `candidates` in the order of likelihood.
    pub(super) fn new(candidates: Vec<DeflateEncoder>) -> Self {
        Self { candidates, comparison: Comparison::default(), plain: Vec::new() }
    }

    /// Takes the next bytes of the deflate stream and what they decode to; true once they are enough for a choice.
    pub(super) fn push(&mut self, body: &[u8], plain: &[u8]) -> bool {
        self.comparison.keep(body);
        self.plain.extend_from_slice(plain);
        is_prefix(self.plain.len(), self.comparison.lag())
    }

    /// The first candidate that agrees with the prefix so far; with all of it if the deflate stream is `complete`.
    pub(super) fn choose(&mut self, complete: bool, effort: &mut Effort) -> Result<Option<Survivor>, EncoderFault> {
        effort.prefix = effort.prefix.max(self.plain.len() as u64);
        // What decodes has a survey; should it fail all the same, everybody stays under suspicion.
        let possible =
            Survey::of(self.comparison.kept(), SURVEYED).map_or(Families::ALL, |survey| Families::possible(&survey));
        for encoder in std::mem::take(&mut self.candidates) {
            if !possible.contains(encoder.family()) {
                continue;
            }
            effort.tried += 1;
            match self.run(encoder, complete) {
                Ok(true) => {
                    let body = std::mem::take(&mut self.comparison).into_original();
                    return Ok(Some(Survivor { encoder, body, plain: std::mem::take(&mut self.plain) }));
                }
                Ok(false) | Err(Stop::Differs) => {}
                Err(Stop::Fault(fault)) => return Err(fault),
            }
        }
        Ok(None)
    }

    fn run(&mut self, encoder: DeflateEncoder, complete: bool) -> Result<bool, Stop> {
        let comparison = &mut self.comparison;
        comparison.rewind();
        let mut running = RunningEncoder::start(encoder)?;
        for piece in self.plain.chunks(PIECE) {
            running.push(piece, &mut |bytes| comparison.emitted(bytes))?;
        }
        if complete {
            running.finish(&mut |bytes| comparison.emitted(bytes))?;
            return Ok(comparison.settled());
        }
        Ok(comparison.lag() <= MAX_LAG)
    }
}
