//! A gzip blob being read: where its deflate streams are, and what is gathered of it for a recipe.

use std::io::Read;
use std::sync::Arc;

use super::detect::DetectError;
use super::recipe::{AmendedRecipe, GzipRecipe, MAX_MEMBERS, MAX_RECIPE, Member, Trailing};
use super::tokens::TokenError;
use super::{Amendments, DeflateEncoder};
use crate::codec::layer::gzip::{GzipStream, Part, Step};
use crate::codec::layer::{Compression, DecodeLimits, GzipHeader, Input, SNIFF_LEN};

/// Decodes one member's deflate stream.
pub(super) trait BodyDecoder {
    /// Decodes the next bytes of the stream: how many of them belong to it, and whether it ends there.
    fn decode(&mut self, slice: &[u8]) -> Result<(usize, bool), TokenError>;

    /// What the last call of `decode` decoded, be it that it failed.
    fn plain(&self) -> &[u8];
}

/// A reading of a blob.
pub(super) struct Reading {
    input: Input<Box<dyn Read + Send>>,
    gzip: GzipStream,
    limits: DecodeLimits,
    decoded: u64,
}

impl Reading {
    /// At the blob's start, and how it is compressed; only if by gzip, the rest is of use.
    pub(super) fn open(source: Box<dyn Read + Send>, limits: DecodeLimits) -> Result<(Self, Compression), DetectError> {
        let mut input = Input::new(source);
        input.fill_to(SNIFF_LEN)?;
        let compression = Compression::sniff(input.unread());
        Ok((Self { input, gzip: GzipStream::new(), limits, decoded: 0 }, compression))
    }

    /// Offset in the blob.
    pub(super) fn offset(&self) -> u64 {
        self.gzip.offset()
    }

    /// The header of the member begun last.
    pub(super) fn header(&self) -> GzipHeader {
        self.gzip.header()
    }

    /// Decodes up to `slice` bytes of a member's stream: those that belong to it, and whether it ends there.
    pub(super) fn body(&mut self, member: &mut impl BodyDecoder, slice: usize) -> Result<(&[u8], bool), DetectError> {
        let Self { input, gzip, limits, decoded } = self;
        if input.unread().is_empty() && input.eof() {
            return Err(gzip.body_error(true).into());
        }
        let slice = input.unread().get(..slice).unwrap_or(input.unread());
        let done = member.decode(slice);
        *decoded += member.plain().len() as u64;
        limits.check(*decoded, gzip.offset())?;
        let (consumed, complete) = done.map_err(|_| gzip.body_error(false))?;
        gzip.body_decoded(consumed, member.plain(), complete);
        Ok((slice.get(..consumed).unwrap_or_default(), complete))
    }

    /// Reads what is not of a stream: what it is, and its bytes.
    pub(super) fn frame(&mut self) -> Result<(Step, &[u8]), DetectError> {
        let step = self.gzip.step(self.input.unread(), &mut [], self.input.eof())?;
        Ok((step, self.input.unread().get(..step.consumed).unwrap_or_default()))
    }

    /// Goes on behind bytes that were given out.
    pub(super) fn advance(&mut self, consumed: usize) -> Result<(), DetectError> {
        self.input.consume(consumed);
        if (consumed == 0 || self.input.unread().is_empty()) && !self.input.eof() {
            self.input.fill()?;
        }
        Ok(())
    }

    /// The blob's end was met: whether it has `len` bytes.
    pub(super) fn end(&self, len: u64) -> Result<(), DetectError> {
        match self.input.total_read() {
            found if found == len => Ok(()),
            found => Err(DetectError::Length { expected: len, found }),
        }
    }
}

/// What is known of a blob so far.
#[derive(Default)]
pub(super) struct Gathered {
    header: Vec<u8>,
    members: Vec<Member>,
    amendments: Vec<(u32, Arc<Amendments>)>,
    trailing: Trailing,
}

impl Gathered {
    /// Members so far.
    pub(super) fn members(&self) -> usize {
        self.members.len()
    }

    /// Takes bytes that are not of a stream; false if there is no room for them.
    pub(super) fn take(&mut self, part: Part, bytes: &[u8]) -> bool {
        match part {
            Part::Header => self.push_header(bytes),
            Part::Trailing => self.trailing.push(bytes),
            Part::Body | Part::Trailer | Part::End => true,
        }
    }

    fn push_header(&mut self, bytes: &[u8]) -> bool {
        self.header.extend_from_slice(bytes);
        let one_more = !bytes.is_empty() && self.members.len() >= MAX_MEMBERS;
        !one_more && self.header.len() <= MAX_RECIPE
    }

    /// Encoders worth trying on the member begun: that of the member before first, then what its header suggests.
    pub(super) fn candidates(&self, header: GzipHeader) -> Vec<DeflateEncoder> {
        let before = self.members.last().map(|member| member.encoder);
        let suggested = DeflateEncoder::candidates(header).into_iter().filter(|candidate| Some(*candidate) != before);
        before.into_iter().chain(suggested).collect()
    }

    /// The member begun is complete.
    pub(super) fn add(&mut self, encoder: DeflateEncoder, amendments: Amendments, len: u64) {
        let shared = self.members.last().map(|m| &m.header).filter(|h| ***h == *self.header);
        let header = shared.map_or_else(|| Arc::from(self.header.as_slice()), Arc::clone);
        self.header.clear();
        if !amendments.is_empty() {
            let number = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
            self.amendments.push((number, Arc::new(amendments)));
        }
        self.members.push(Member { header, encoder, len });
    }

    /// All of it, with no amendments if there are none.
    pub(super) fn into_recipe(self) -> AmendedRecipe {
        let gzip = GzipRecipe { members: self.members, trailing: self.trailing };
        AmendedRecipe { gzip, amendments: self.amendments }
    }
}
