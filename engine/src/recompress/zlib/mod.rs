//! Stock zlib as a deflate encoder: levels 1 to 9, every strategy, any window and memory level.
//!
//! Level 0 is left out: how zlib cuts stored blocks depends on the caller's buffer sizes, which a blob does not record.

#[forbid(unsafe_code)]
pub(in crate::recompress) mod deflate;
mod ffi;
#[forbid(unsafe_code)]
mod linked;
#[forbid(unsafe_code)]
mod params;

pub use params::{Strategy, ZlibParams};

use super::EncoderFault;
use super::place::{Bits, Place};
use linked::LinkedZlib;

/// A running zlib. At most 800 KiB, whatever the parameters.
pub(super) struct ZlibEncoder(Running);

enum Running {
    /// Default strategy and a window of 32 KiB, which is what everybody uses; and what it has emitted, to be handed on.
    Own(Box<deflate::Encoder>, Vec<u8>),
    Linked(LinkedZlib),
}

/// Bytes handed to the own encoder at once, so that what it emits is compared before it runs far ahead.
const PIECE: usize = 64 << 10;

impl ZlibEncoder {
    pub(super) fn new(params: &ZlibParams) -> Result<Self, EncoderFault> {
        if is_own(params)
            && let Some(own) = deflate::Encoder::new(params.level(), params.mem_level())
        {
            return Ok(Self(Running::Own(Box::new(own), Vec::new())));
        }
        LinkedZlib::new(params).map(|linked| Self(Running::Linked(linked)))
    }

    /// Start of the decoded bytes that [`ZlibEncoder::resume`] needs for a place behind a match that ends at `clean`; `None` if
    /// these parameters can't be resumed.
    pub(super) fn origin(params: &ZlibParams, clean: u64) -> Option<u64> {
        if is_own(params) { deflate::Encoder::origin(params.level(), clean) } else { None }
    }

    /// An encoder at a place in the middle of a stream.
    pub(super) fn resume(params: &ZlibParams, place: &Place<'_>) -> Option<Self> {
        if !is_own(params) {
            return None;
        }
        let mut out = Vec::new();
        let own = deflate::Encoder::resume(params.level(), params.mem_level(), place, &mut out)?;
        Some(Self(Running::Own(Box::new(own), out)))
    }

    /// Bits emitted that do not fill a byte yet; `None` if that can't be told.
    pub(super) fn rest(&self) -> Option<Bits> {
        match &self.0 {
            Running::Own(encoder, _) => Some(encoder.rest()),
            Running::Linked(_) => None,
        }
    }

    /// Encodes `data`, handing what is emitted to `sink`.
    pub(super) fn push<E: From<EncoderFault>>(
        &mut self,
        data: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match &mut self.0 {
            Running::Own(encoder, out) => data.chunks(PIECE).try_for_each(|piece| {
                encoder.write(piece, out);
                let handed = sink(out);
                out.clear();
                handed
            }),
            Running::Linked(encoder) => encoder.push(data, sink),
        }
    }

    /// Ends the stream.
    pub(super) fn finish<E: From<EncoderFault>>(self, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        match self.0 {
            Running::Own(encoder, mut out) => {
                encoder.finish(&mut out);
                sink(&out)
            }
            Running::Linked(encoder) => encoder.finish(sink),
        }
    }
}

fn is_own(params: &ZlibParams) -> bool {
    (params.window_bits(), params.strategy()) == (15, Strategy::Default)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
