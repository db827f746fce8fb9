//! Carries amendments out.

use std::sync::Arc;

use super::edges::{AHEAD, Edge, HISTORY, place};
use super::{Amendment, Amendments, Resume, Stretch};
use crate::recompress::encoder::EncodeError;
use crate::recompress::place::Bits;
use crate::recompress::running::RunningEncoder;
use crate::recompress::{DeflateEncoder, EncoderFault};

/// Decoded bytes given to the encoder at once.
const PIECE: usize = 64 << 10;

/// Makes one member's deflate stream from its decoded bytes, with amendments.
///
/// Memory: an encoder's, and up to two megabytes.
pub(in crate::recompress) struct AmendedEncoder {
    encoder: DeflateEncoder,
    amendments: Arc<Amendments>,
    /// Amendments that are done.
    done: usize,
    stage: Stage,
    /// Decoded bytes from `plain_at` on.
    plain: Vec<u8>,
    plain_at: u64,
    /// Decoded bytes given to the encoder.
    fed: u64,
    /// Bytes of the stream handed on.
    emitted: u64,
}

enum Stage {
    Running(Box<RunningEncoder>),
    /// A stretch was written; the encoder goes on behind it.
    Behind {
        lead: Bits,
        at: u64,
        literals: u64,
    },
    /// The stream was written to its end.
    Ended,
}

/// What came of a look at the next amendment.
enum Turn {
    /// It was carried out.
    Done,
    /// More data is needed.
    Starved,
}

impl AmendedEncoder {
    /// At the stream's start.
    pub(in crate::recompress) fn start(
        encoder: DeflateEncoder,
        amendments: Arc<Amendments>,
    ) -> Result<Self, EncoderFault> {
        let stage = Stage::Running(Box::new(RunningEncoder::start_with(encoder, amendments.habits())?));
        Ok(Self { encoder, amendments, done: 0, stage, plain: Vec::new(), plain_at: 0, fed: 0, emitted: 0 })
    }

    /// Behind a stretch, whose bytes were written by somebody else but for the one shared with what comes; the decoded bytes
    /// that come first begin at offset `plain_at`. Only for a stretch that has something behind it.
    pub(super) fn behind(
        encoder: DeflateEncoder,
        amendments: Arc<Amendments>,
        stretch: &Stretch,
        plain_at: u64,
    ) -> Self {
        let (whole, stage) = stretch.stage();
        let emitted = stretch.at.saturating_add(whole as u64);
        Self { encoder, amendments, done: 0, stage, plain: Vec::new(), plain_at, fed: plain_at, emitted }
    }

    /// Takes `data`; what is ready goes to `sink`.
    pub(in crate::recompress) fn push(
        &mut self,
        data: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        for piece in data.chunks(PIECE) {
            self.plain.extend_from_slice(piece);
            while matches!(self.turn(false, sink)?, Turn::Done) {}
            self.trim();
        }
        Ok(())
    }

    /// Ends the stream.
    pub(in crate::recompress) fn finish(
        mut self,
        sink: &mut impl FnMut(&[u8]) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        while matches!(self.turn(true, sink)?, Turn::Done) {}
        if self.done < self.amendments.list.len() {
            return Err(EncodeError::Unfit);
        }
        match self.stage {
            Stage::Running(running) => running.finish(sink),
            Stage::Behind { .. } => Err(EncodeError::Unfit),
            Stage::Ended => Ok(()),
        }
    }

    fn end(&self) -> u64 {
        self.plain_at + self.plain.len() as u64
    }

    fn next(&self) -> Option<&Amendment> {
        self.amendments.list.get(self.done)
    }

    /// Goes to the next amendment and carries it out, as far as there is data for it.
    fn turn(
        &mut self,
        finish: bool,
        sink: &mut impl FnMut(&[u8]) -> Result<(), EncodeError>,
    ) -> Result<Turn, EncodeError> {
        if let Stage::Behind { lead, at, literals } = self.stage {
            return self.resume(lead, at, literals, finish);
        }
        match self.next().cloned() {
            None => {
                self.feed(self.end(), None, sink)?;
                // What comes behind an end is not needed.
                self.fed = self.end();
                Ok(Turn::Starved)
            }
            Some(Amendment::Flush { at, kind }) => {
                if at < self.fed {
                    return Err(EncodeError::Unfit);
                }
                self.feed(at.min(self.end()), None, sink)?;
                if self.fed < at {
                    return Ok(Turn::Starved);
                }
                let Stage::Running(running) = &mut self.stage else { return Err(EncodeError::Unfit) };
                let emitted = &mut self.emitted;
                running.flush(kind, &mut |bytes| {
                    *emitted += bytes.len() as u64;
                    sink(bytes)
                })?;
                self.done += 1;
                Ok(Turn::Done)
            }
            Some(Amendment::Stretch(stretch)) => {
                self.feed(self.end(), Some(stretch.at), sink)?;
                if self.emitted < stretch.at && finish {
                    self.run_out(stretch.at, sink)?;
                }
                if self.emitted < stretch.at {
                    return Ok(Turn::Starved);
                }
                self.write(&stretch, sink)?;
                Ok(Turn::Done)
            }
        }
    }

    /// Gives the encoder the data before `to`, or less once the stream has `limit` bytes; none behind those is handed on.
    fn feed(
        &mut self,
        to: u64,
        limit: Option<u64>,
        sink: &mut impl FnMut(&[u8]) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let Stage::Running(running) = &mut self.stage else { return Ok(()) };
        while self.fed < to && limit.is_none_or(|limit| self.emitted < limit) {
            let from = usize::try_from(self.fed.saturating_sub(self.plain_at)).unwrap_or(usize::MAX);
            let len = usize::try_from(to - self.fed).map_or(PIECE, |len| len.min(PIECE));
            let piece = self.plain.get(from..from.saturating_add(len)).ok_or(EncodeError::Unfit)?;
            self.fed += len as u64;
            let emitted = &mut self.emitted;
            running.push(piece, &mut |bytes| hand_on(bytes, limit, emitted, sink))?;
        }
        Ok(())
    }

    /// Has the encoder end the stream, of which only the bytes before `limit` count.
    fn run_out(
        &mut self,
        limit: u64,
        sink: &mut impl FnMut(&[u8]) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let Stage::Running(running) = std::mem::replace(&mut self.stage, Stage::Ended) else { return Ok(()) };
        let emitted = &mut self.emitted;
        running.finish(&mut |bytes| hand_on(bytes, Some(limit), emitted, sink))?;
        if self.emitted < limit { Err(EncodeError::Unfit) } else { Ok(()) }
    }

    /// Writes a stretch, up to which the stream has been written exactly.
    fn write(
        &mut self,
        stretch: &Stretch,
        sink: &mut impl FnMut(&[u8]) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if self.emitted != stretch.at {
            return Err(EncodeError::Unfit);
        }
        let (whole, stage) = stretch.stage();
        let bytes = stretch.bytes.get(..whole).unwrap_or_default();
        sink(bytes)?;
        self.emitted += bytes.len() as u64;
        if let Stage::Behind { at, .. } = stage {
            // What is before the place may be dropped from now on.
            self.fed = self.fed.max(self.plain_at).min(at);
        }
        self.stage = stage;
        self.done += 1;
        Ok(())
    }

    fn resume(&mut self, lead: Bits, at: u64, literals: u64, finish: bool) -> Result<Turn, EncodeError> {
        self.fed = at.min(self.end());
        let flush = match self.next() {
            Some(Amendment::Flush { at, .. }) => *at,
            _ => u64::MAX,
        };
        if flush < at {
            return Err(EncodeError::Unfit);
        }
        let to = flush.min(self.end());
        if to < at.saturating_add(AHEAD) && to < flush && !finish {
            return Ok(Turn::Starved);
        }
        let habits = self.amendments.habits();
        let place = place(self.encoder, &self.plain, self.plain_at, Edge { at, literals, lead }, to);
        let running = place.and_then(|place| RunningEncoder::resume(self.encoder, &place, habits));
        self.stage = Stage::Running(Box::new(running.ok_or(EncodeError::Unfit)?));
        self.fed = to;
        Ok(Turn::Done)
    }

    /// Drops what the encoder does not need any more.
    fn trim(&mut self) {
        if self.plain.len() as u64 > 4 * HISTORY {
            let from = self.fed.saturating_sub(HISTORY).saturating_sub(self.plain_at);
            let from = usize::try_from(from).map_or(self.plain.len(), |from| from.min(self.plain.len()));
            self.plain.drain(..from);
            self.plain_at += from as u64;
        }
    }
}

impl Stretch {
    /// How many of its bytes are written as they stand, and what comes then.
    fn stage(&self) -> (usize, Stage) {
        let len = self.bytes.len();
        match self.resume {
            Resume::End => (len, Stage::Ended),
            Resume::Block { bits: 8, at, literals } => (len, Stage::Behind { lead: Bits::default(), at, literals }),
            Resume::Block { bits, at, literals } => {
                let value = self.bytes.last().copied().unwrap_or(0);
                (len.saturating_sub(1), Stage::Behind { lead: Bits { value, count: bits }, at, literals })
            }
        }
    }
}

/// Hands on the bytes before `limit`.
fn hand_on(
    bytes: &[u8],
    limit: Option<u64>,
    emitted: &mut u64,
    sink: &mut impl FnMut(&[u8]) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let room = limit.map_or(bytes.len(), |limit| usize::try_from(limit.saturating_sub(*emitted)).unwrap_or(usize::MAX));
    let bytes = bytes.get(..room).unwrap_or(bytes);
    *emitted += bytes.len() as u64;
    sink(bytes)
}
