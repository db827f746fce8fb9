//! A stretch of one deflate stream, checked by itself: what was decoded from it goes through the encoder and must come out again.

use crossbeam_channel::Receiver;

use super::compare::{Comparison, Stop};
use super::place::{Bits, Habits, Place};
use super::running::RunningEncoder;
use super::{DeflateEncoder, EncoderFault};

/// Where a lane begins.
pub(super) enum Start {
    /// With the stream.
    Stream,
    /// At a block in the middle; the bytes are those of its [`Place`].
    Block { plain: Vec<u8>, plain_at: u64, clean: u64, block: u64, lead: Bits },
}

/// How a lane ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With the stream.
    Stream,
    /// Before a block: these bits follow the last whole byte.
    Block(Bits),
}

/// What a lane is fed.
pub(super) enum Feed {
    /// Decoded bytes, and bytes of the deflate stream.
    Bytes { plain: Vec<u8>, body: Vec<u8> },
    /// That was all.
    End(End),
}

/// A stretch and who is said to have written it.
pub(super) struct Lane {
    /// Number of the gzip member.
    pub(super) member: usize,
    pub(super) encoder: DeflateEncoder,
    pub(super) start: Start,
    /// Closed without an end, it means that nobody wants to know any more.
    pub(super) feed: Receiver<Feed>,
}

impl Lane {
    /// Whether the encoder writes exactly this stretch.
    pub(super) fn holds(self) -> Result<bool, EncoderFault> {
        match self.check() {
            Ok(holds) => Ok(holds),
            Err(Stop::Differs) => Ok(false),
            Err(Stop::Fault(fault)) => Err(fault),
        }
    }

    fn check(self) -> Result<bool, Stop> {
        let mut comparison = Comparison::default();
        let mut running = match self.start {
            Start::Stream => RunningEncoder::start(self.encoder)?,
            Start::Block { plain, plain_at, clean, block, lead } => {
                let place = Place { plain: &plain, plain_at, clean, block, lead };
                let Some(running) = RunningEncoder::resume(self.encoder, &place, Habits::default()) else {
                    return Ok(false);
                };
                running
            }
        };
        for feed in &self.feed {
            match feed {
                Feed::Bytes { plain, body } => {
                    comparison.original(&body)?;
                    running.push(&plain, &mut |bytes| comparison.emitted(bytes))?;
                }
                Feed::End(end) => return conclude(running, comparison, end),
            }
        }
        Ok(false)
    }
}

fn conclude(running: RunningEncoder, mut comparison: Comparison, end: End) -> Result<bool, Stop> {
    match end {
        End::Stream => {
            running.finish(&mut |bytes| comparison.emitted(bytes))?;
            Ok(comparison.settled())
        }
        End::Block(tail) => Ok(comparison.settled_with(tail, running.rest())),
    }
}
