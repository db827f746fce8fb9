use std::io::{self, Write};
use std::sync::Arc;

use flate2::Crc;

use super::near::{AmendedEncoder, PartedEncoder};
use super::recipe::{AmendedRecipe, GzipRecipe, Member, Recipe, Trailing};
use super::running::RunningEncoder;
use super::zstd::Plan as ZstdPlan;
use super::{Amendments, EncoderFault};
use crate::parallel::Crew;

/// Padding written at once.
const ZEROS: [u8; 4096] = [0; 4096];

/// Why the original bytes could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The output failed.
    #[error("cannot write the re-created layer: {0}")]
    Write(#[from] io::Error),
    /// A linked encoder does not work.
    #[error(transparent)]
    Encoder(#[from] EncoderFault),
    /// More data than the recipe is for.
    #[error("more data than the {expected} bytes that the compression recipe is for")]
    TooLong {
        /// Decoded length of all members.
        expected: u64,
    },
    /// Less data than the recipe is for.
    #[error("{missing} bytes less than the compression recipe is for")]
    TooShort {
        /// Decoded bytes that did not come.
        missing: u64,
    },
    /// Amendments that cannot belong to this encoder and data.
    #[error("the compression recipe's amendments do not fit the data")]
    Unfit,
    /// An earlier call failed.
    #[error("re-creating the layer had already failed")]
    Failed,
}

impl From<EncodeError> for io::Error {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Write(source) => source,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}

/// Carries out a recipe: what the blob decoded to goes in, the original blob comes out.
///
/// Memory is that of one running encoder. The output is right only if the input is: the caller compares its digest.
pub struct Encoder<W> {
    out: W,
    plan: Plan,
}

enum Plan {
    Identity,
    Gzip(Box<GzipPlan>),
    Zstd(Box<ZstdPlan>),
    Failed,
}

struct GzipPlan {
    members: std::vec::IntoIter<Member>,
    /// By number of the member.
    amendments: std::iter::Peekable<std::vec::IntoIter<(u32, Arc<Amendments>)>>,
    /// Members begun.
    begun: u32,
    open: Option<OpenMember>,
    trailing: Trailing,
    expected: u64,
    crew: Crew,
}

enum MemberEncoder {
    Running(RunningEncoder),
    Amended(Box<AmendedEncoder>),
    Parted(Box<PartedEncoder>),
}

struct OpenMember {
    encoder: MemberEncoder,
    crc: Crc,
    left: u64,
}

impl<W: Write> Encoder<W> {
    /// Writes nothing yet.
    pub fn new(recipe: &Recipe, out: W) -> Self {
        Self::with_crew(recipe, out, &Crew::new(1))
    }

    /// The same by several threads, where the recipe tells of places at which its encoder can be resumed: always one, and as many
    /// more as there are hands free. Memory is that of as many encoders, with about 8 MiB each.
    pub fn with_crew(recipe: &Recipe, out: W, crew: &Crew) -> Self {
        let plan = match recipe {
            Recipe::Identity => Plan::Identity,
            Recipe::Gzip(gzip) => Plan::Gzip(Box::new(GzipPlan::new(gzip.clone(), Vec::new(), crew))),
            Recipe::Amended(AmendedRecipe { gzip, amendments }) => {
                Plan::Gzip(Box::new(GzipPlan::new(gzip.clone(), amendments.clone(), crew)))
            }
            Recipe::Zstd(zstd) => Plan::Zstd(Box::new(ZstdPlan::new(zstd.clone()))),
        };
        Self { out, plan }
    }

    /// Takes all of `data`.
    ///
    /// # Errors
    /// When the output fails, or `data` goes past what the recipe is for. Later calls fail too.
    pub fn push(&mut self, data: &[u8]) -> Result<(), EncodeError> {
        let done = match &mut self.plan {
            Plan::Identity => self.out.write_all(data).map_err(EncodeError::Write),
            Plan::Gzip(gzip) => gzip.push(data, &mut self.out),
            Plan::Zstd(zstd) => zstd.push(data, &mut self.out),
            Plan::Failed => Err(EncodeError::Failed),
        };
        if done.is_err() {
            self.plan = Plan::Failed;
        }
        done
    }

    /// Ends the blob and gives the output back, flushed.
    ///
    /// # Errors
    /// When the output fails, or less data came than the recipe is for.
    pub fn finish(mut self) -> Result<W, EncodeError> {
        match &mut self.plan {
            Plan::Identity => {}
            Plan::Gzip(gzip) => gzip.finish(&mut self.out)?,
            Plan::Zstd(zstd) => zstd.finish(&mut self.out)?,
            Plan::Failed => return Err(EncodeError::Failed),
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.push(data)?;
        Ok(data.len())
    }

    /// Flushes the output; what the encoder still holds stays there, for a flush would change the stream.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl GzipPlan {
    fn new(recipe: GzipRecipe, amendments: Vec<(u32, Arc<Amendments>)>, crew: &Crew) -> Self {
        let expected = recipe.members.iter().fold(0u64, |sum, m| sum.saturating_add(m.len));
        let (members, amendments) = (recipe.members.into_iter(), amendments.into_iter().peekable());
        let crew = crew.clone();
        Self { members, amendments, begun: 0, open: None, trailing: recipe.trailing, expected, crew }
    }

    fn push(&mut self, mut data: &[u8], out: &mut impl Write) -> Result<(), EncodeError> {
        while !data.is_empty() {
            let Some(open) = self.current(out)? else {
                return Err(EncodeError::TooLong { expected: self.expected });
            };
            let n = usize::try_from(open.left).map_or(data.len(), |left| left.min(data.len()));
            let (now, later) = data.split_at(n);
            open.crc.update(now);
            open.left -= n as u64;
            open.encoder.push(now, out)?;
            data = later;
        }
        Ok(())
    }

    /// The member that the next byte belongs to; those that are complete are closed, those without content written whole.
    fn current(&mut self, out: &mut impl Write) -> Result<Option<&mut OpenMember>, EncodeError> {
        while self.open.as_ref().is_none_or(|open| open.left == 0) {
            if let Some(open) = self.open.take() {
                open.close(out)?;
            }
            let Some(member) = self.members.next() else {
                return Ok(None);
            };
            out.write_all(&member.header)?;
            let number = self.begun;
            self.begun += 1;
            let encoder = match self.amendments.next_if(|(amended, _)| *amended == number) {
                Some((_, amendments)) => match PartedEncoder::start(member.encoder, &amendments, &self.crew) {
                    Some(parted) => MemberEncoder::Parted(Box::new(parted)),
                    None => MemberEncoder::Amended(Box::new(AmendedEncoder::start(member.encoder, amendments)?)),
                },
                None => MemberEncoder::Running(RunningEncoder::start(member.encoder)?),
            };
            self.open = Some(OpenMember { encoder, crc: Crc::new(), left: member.len });
        }
        Ok(self.open.as_mut())
    }

    fn finish(&mut self, out: &mut impl Write) -> Result<(), EncodeError> {
        if let Some(left) = self.current(out)?.map(|open| open.left) {
            let missing = self.members.as_slice().iter().fold(left, |sum, m| sum.saturating_add(m.len));
            return Err(EncodeError::TooShort { missing });
        }
        out.write_all(&self.trailing.literal)?;
        let mut zeros = self.trailing.zeros;
        while zeros > 0 {
            let n = usize::try_from(zeros).map_or(ZEROS.len(), |zeros| zeros.min(ZEROS.len()));
            out.write_all(ZEROS.get(..n).unwrap_or_default())?;
            zeros -= n as u64;
        }
        Ok(())
    }
}

impl MemberEncoder {
    fn push(&mut self, data: &[u8], out: &mut impl Write) -> Result<(), EncodeError> {
        match self {
            Self::Running(encoder) => encoder.push(data, &mut |bytes| write(out, bytes)),
            Self::Amended(encoder) => encoder.push(data, &mut |bytes| write(out, bytes)),
            Self::Parted(encoder) => encoder.push(data, &mut |bytes| write(out, bytes)),
        }
    }

    fn finish(self, out: &mut impl Write) -> Result<(), EncodeError> {
        match self {
            Self::Running(encoder) => encoder.finish(&mut |bytes| write(out, bytes)),
            Self::Amended(encoder) => encoder.finish(&mut |bytes| write(out, bytes)),
            Self::Parted(encoder) => encoder.finish(&mut |bytes| write(out, bytes)),
        }
    }
}

impl OpenMember {
    /// Ends the deflate stream and writes the trailer of RFC 1952: CRC-32 and length modulo 2^32, little-endian.
    fn close(self, out: &mut impl Write) -> Result<(), EncodeError> {
        let (crc, len) = (self.crc.sum(), self.crc.amount());
        self.encoder.finish(out)?;
        out.write_all(&crc.to_le_bytes())?;
        out.write_all(&len.to_le_bytes())?;
        Ok(())
    }
}

fn write(out: &mut impl Write, bytes: &[u8]) -> Result<(), EncodeError> {
    out.write_all(bytes).map_err(EncodeError::Write)
}
