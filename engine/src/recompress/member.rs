//! One member's deflate stream: decoded, its encoder looked for on a prefix, the rest handed to lanes.

use super::near::Amendment;
use super::proof::{Gone, Lanes, MemberProof};
use super::reading::BodyDecoder;
use super::tokens::{Step, TokenError, TokenReader};
use super::trial::{Effort, Survivor, Trial};
use super::watch::Watcher;
use super::{DeflateEncoder, EncoderFault};

/// How a member stands.
pub(super) enum Standing {
    /// Nothing speaks against its encoder so far.
    Open,
    /// It is complete and this encoder wrote it, unless a lane finds otherwise; these are places where it can be resumed.
    Wrote(DeflateEncoder, Vec<Amendment>),
    /// No candidate agrees with its prefix.
    Unknown,
    /// A candidate agrees with its prefix, and there are no lanes.
    Promising,
    /// A lane has found otherwise.
    Halted,
}

/// Reads a member.
pub(super) struct MemberReader<'l> {
    reader: TokenReader,
    watcher: Watcher,
    /// Bytes of the stream so far.
    taken: u64,
    /// Decoded bytes so far.
    len: u64,
    stage: Stage<'l>,
}

enum Stage<'l> {
    Trial(Trial),
    Proof(MemberProof<'l>),
}

impl<'l> MemberReader<'l> {
    /// `candidates` in the order of likelihood.
    pub(super) fn new(candidates: Vec<DeflateEncoder>) -> Self {
        let stage = Stage::Trial(Trial::new(candidates));
        Self { reader: TokenReader::new(), watcher: Watcher::default(), taken: 0, len: 0, stage }
    }

    /// Decoded bytes of the member so far.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Accounts for the bytes decoded last, which are `body`; they end the stream if it is `complete`. `member` is its number.
    pub(super) fn judge(
        &mut self,
        body: &[u8],
        complete: bool,
        member: usize,
        lanes: Option<&'l Lanes<'l>>,
        effort: &mut Effort,
    ) -> Result<Standing, EncoderFault> {
        let body_at = self.taken;
        self.taken += body.len() as u64;
        let Watcher { plain, edges } = &mut self.watcher;
        let proof = match &mut self.stage {
            Stage::Proof(proof) => {
                if proof.push(body, body_at, plain, edges).is_err() {
                    return Ok(Standing::Halted);
                }
                proof
            }
            Stage::Trial(trial) => {
                if !trial.push(body, plain) && !complete {
                    return Ok(Standing::Open);
                }
                let Some(Survivor { encoder, body, plain }) = trial.choose(complete, effort)? else {
                    return Ok(Standing::Unknown);
                };
                let Some(lanes) = lanes else { return Ok(Standing::Promising) };
                if complete {
                    return Ok(Standing::Wrote(encoder, Vec::new()));
                }
                let Ok(mut proof) = MemberProof::begin(lanes, member, encoder) else { return Ok(Standing::Halted) };
                if proof.push(&body, 0, &plain, edges).is_err() {
                    return Ok(Standing::Halted);
                }
                self.stage = Stage::Proof(proof);
                return Ok(Standing::Open);
            }
        };
        if !complete {
            return Ok(Standing::Open);
        }
        Ok(match proof.finish() {
            Ok(places) => Standing::Wrote(proof.encoder(), places),
            Err(Gone) => Standing::Halted,
        })
    }
}

impl BodyDecoder for MemberReader<'_> {
    fn decode(&mut self, slice: &[u8]) -> Result<(usize, bool), TokenError> {
        self.watcher.plain.clear();
        let step = self.reader.push(slice, &mut self.watcher);
        self.len += self.watcher.plain.len() as u64;
        Ok(match step? {
            Step::More => (slice.len(), false),
            Step::End { consumed, .. } => (consumed, true),
        })
    }

    fn plain(&self) -> &[u8] {
        &self.watcher.plain
    }
}
