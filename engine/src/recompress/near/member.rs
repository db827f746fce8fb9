//! One member's deflate stream: the encoder that needs least amendments on a prefix, and a hunt with it along the rest.

use super::Amendments;
use super::hunt::{Hunt, Lost};
use super::scout::{Mark, Scout, Seen};
use crate::recompress::reading::BodyDecoder;
use crate::recompress::tokens::{Families, Step, Survey, TokenError, TokenReader};
use crate::recompress::trial::{Effort, SURVEYED, is_prefix};
use crate::recompress::{DeflateEncoder, EncoderFault};

/// Marks and blocks of a prefix beyond which a stream is not looked at.
const MAX_SEEN: usize = 1 << 16;

/// How a member stands.
pub(super) enum Standing {
    Open,
    /// An encoder was chosen, or was before.
    Promising,
    /// It is complete, and comes from this encoder with these amendments, of which so many bytes stand as they are.
    Wrote(DeflateEncoder, Amendments, u64),
    Unknown,
}

/// Reads a member.
pub(super) struct MemberHunt {
    reader: TokenReader,
    scout: Scout,
    len: u64,
    stage: Stage,
}

enum Stage {
    Trial(Box<Prefix>),
    Hunt(Box<Hunt>),
    Over,
}

struct Prefix {
    candidates: Vec<DeflateEncoder>,
    body: Vec<u8>,
    plain: Vec<u8>,
    blocks: Vec<Seen>,
    marks: Vec<Mark>,
}

impl MemberHunt {
    /// `candidates` in the order of likelihood.
    pub(super) fn new(candidates: Vec<DeflateEncoder>) -> Self {
        let (body, plain, blocks, marks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let stage = Stage::Trial(Box::new(Prefix { candidates, body, plain, blocks, marks }));
        Self { reader: TokenReader::new(), scout: Scout::default(), len: 0, stage }
    }

    /// Decoded bytes of the member so far.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Accounts for the bytes decoded last, which are `body`; they end the stream if it is `complete`.
    pub(super) fn judge(&mut self, body: &[u8], complete: bool, effort: &mut Effort) -> Result<Standing, EncoderFault> {
        if self.scout.waiting() > MAX_SEEN {
            return Ok(Standing::Unknown);
        }
        let hunt = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Hunt(mut hunt) => hunt.push(body, &self.scout, complete).map(|()| hunt),
            Stage::Trial(mut prefix) => {
                prefix.push(body, &self.scout);
                if prefix.blocks.len() > MAX_SEEN {
                    return Ok(Standing::Unknown);
                }
                if !complete && !is_prefix(prefix.plain.len(), prefix.body.len()) {
                    self.stage = Stage::Trial(prefix);
                    return Ok(Standing::Open);
                }
                prefix.choose(&self.scout, complete, effort)
            }
            Stage::Over => return Ok(Standing::Unknown),
        };
        let hunt = match hunt {
            Ok(hunt) => hunt,
            Err(Lost::TooMuch) => return Ok(Standing::Unknown),
            Err(Lost::Fault(fault)) => return Err(fault),
        };
        if !complete {
            self.stage = Stage::Hunt(hunt);
            return Ok(Standing::Promising);
        }
        let (encoder, raw) = (hunt.encoder(), hunt.raw());
        Ok(hunt.into_amendments().map_or(Standing::Unknown, |amendments| Standing::Wrote(encoder, amendments, raw)))
    }
}

impl BodyDecoder for MemberHunt {
    fn decode(&mut self, slice: &[u8]) -> Result<(usize, bool), TokenError> {
        self.scout.clear();
        let step = self.reader.push(slice, &mut self.scout);
        self.len += self.scout.plain.len() as u64;
        Ok(match step? {
            Step::More => (slice.len(), false),
            Step::End { consumed, .. } => {
                self.scout.conclude();
                (consumed, true)
            }
        })
    }

    fn plain(&self) -> &[u8] {
        &self.scout.plain
    }
}

impl Prefix {
    fn push(&mut self, body: &[u8], scout: &Scout) {
        self.body.extend_from_slice(body);
        self.plain.extend_from_slice(&scout.plain);
        self.blocks.extend_from_slice(&scout.blocks);
        self.marks.extend_from_slice(&scout.marks);
    }

    /// The hunt that has to amend least, and less than half of the prefix.
    fn choose(self, scout: &Scout, complete: bool, effort: &mut Effort) -> Result<Box<Hunt>, Lost> {
        let Self { candidates, body, plain, blocks, marks } = self;
        effort.prefix = effort.prefix.max(plain.len() as u64);
        let possible = Survey::of(&body, SURVEYED).map_or(Families::ALL, |survey| Families::possible(&survey));
        let flushed = !marks.is_empty();
        let seen = scout.with(plain, blocks, marks);
        let mut best: Option<Box<Hunt>> = None;
        for encoder in candidates {
            let amendable = encoder.origin(0).is_some() || (flushed && encoder.can_flush(super::Flush::Sync));
            if !possible.contains(encoder.family()) || !amendable {
                continue;
            }
            effort.tried += 1;
            let cap = best.as_ref().map_or(body.len() as u64 / 2, |best| best.cost() - 1);
            let mut hunt = Box::new(Hunt::new(encoder, cap)?);
            match hunt.push(&body, &seen, complete) {
                Ok(()) if hunt.cost() <= cap => {}
                Ok(()) | Err(Lost::TooMuch) => continue,
                Err(fault) => return Err(fault),
            }
            let is_perfect = hunt.cost() == 0;
            best = Some(hunt);
            if is_perfect {
                break;
            }
        }
        let mut best = best.ok_or(Lost::TooMuch)?;
        best.uncap();
        Ok(best)
    }
}
