//! The deflate encoders firn can run again. To add one: a folder beside this file, a variant here, its ids in
//! FORMAT.md, and its place in `candidates`.

use super::place::{Bits, Place};
use super::tokens::Families;
use super::zlib::{ZlibEncoder, ZlibParams};
use crate::codec::layer::GzipHeader;

/// An encoder with its parameters: everything that, with the data, fixes a deflate stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeflateEncoder {
    /// Stock zlib.
    Zlib(ZlibParams),
}

/// A linked encoder that does not work; never a matter of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncoderFault {
    /// zlib, and what it did.
    #[error("zlib: {0}")]
    Zlib(&'static str),
}

/// Recipe id of stock zlib.
const ZLIB: u16 = 1;
/// Output as of zlib 1.3.2, and the same as 1.2.13's on the golden streams; a release that changes it gets the next number.
const ZLIB_VERSION: u16 = 1;

/// Most parameter bytes an encoder may have in a recipe.
pub(super) const MAX_PARAMS: u64 = 255;

/// Why a recipe's encoder cannot be had.
pub(super) enum WireFault {
    /// No such id or version in this firn.
    Unknown,
    /// The encoder is known and its parameters make no sense.
    Parameters,
}

impl DeflateEncoder {
    /// Recipe id and version of the encoder, and its parameters.
    pub(super) fn to_wire(self) -> (u16, u16, Vec<u8>) {
        match self {
            Self::Zlib(params) => (ZLIB, ZLIB_VERSION, params.to_bytes().to_vec()),
        }
    }

    pub(super) fn from_wire(id: u16, version: u16, params: &[u8]) -> Result<Self, WireFault> {
        match (id, version) {
            (ZLIB, ZLIB_VERSION) => ZlibParams::from_bytes(params).map(Self::Zlib).ok_or(WireFault::Parameters),
            _ => Err(WireFault::Unknown),
        }
    }

    /// Encoders worth trying on a member with this header, likeliest first.
    pub(super) fn candidates(header: GzipHeader) -> Vec<Self> {
        ZlibParams::candidates(header.xfl).into_iter().map(Self::Zlib).collect()
    }

    /// The family by whose habits a stream of this encoder can be told.
    pub(super) fn family(&self) -> Families {
        match self {
            Self::Zlib(params) => match params.mem_level() {
                8 => Families::ZLIB_8,
                9 => Families::ZLIB_9,
                _ => Families::ZLIB_OTHER,
            },
        }
    }

    /// Start of the decoded bytes that [`DeflateEncoder::resume`] needs for a place behind a match that ends at `clean`; `None`
    /// for encoders that can't be resumed.
    pub(super) fn origin(&self, clean: u64) -> Option<u64> {
        match self {
            Self::Zlib(params) => ZlibEncoder::origin(params, clean),
        }
    }

    /// An encoder in the middle of a stream that has taken all of the place's bytes; `None` if it can't be had.
    ///
    /// Right only if the stream before the place is what this encoder writes.
    pub(super) fn resume(&self, place: &Place<'_>) -> Option<RunningEncoder> {
        match self {
            Self::Zlib(params) => ZlibEncoder::resume(params, place).map(RunningEncoder::Zlib),
        }
    }

    /// Starts a stream.
    pub(super) fn start(self) -> Result<RunningEncoder, EncoderFault> {
        match self {
            Self::Zlib(params) => ZlibEncoder::new(&params).map(RunningEncoder::Zlib),
        }
    }
}

/// An encoder in the middle of a stream. Its output is a function of the data alone, not of how the data is cut.
pub(super) enum RunningEncoder {
    Zlib(ZlibEncoder),
}

impl RunningEncoder {
    /// Bits emitted that do not fill a byte yet; `None` if that can't be told.
    pub(super) fn rest(&self) -> Option<Bits> {
        match self {
            Self::Zlib(encoder) => encoder.rest(),
        }
    }

    /// Encodes `data`; what is emitted goes to `sink`, whose error ends the call (and leaves the stream useless).
    pub(super) fn push<E: From<EncoderFault>>(
        &mut self,
        data: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Zlib(encoder) => encoder.push(data, sink),
        }
    }

    /// Ends the stream, emitting what is left.
    pub(super) fn finish<E: From<EncoderFault>>(self, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        match self {
            Self::Zlib(encoder) => encoder.finish(sink),
        }
    }
}
