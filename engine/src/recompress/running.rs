//! Encoders at work.

use super::place::{Bits, Flush, Habits, Place};
use super::zlib::{LinkedZlib, deflate};
use super::{DeflateEncoder, EncoderFault, gnugzip, goflate, kflate, miniz, pigz};

/// An encoder in the middle of a stream. Its output is a function of the data alone, not of how the data is cut.
pub(super) struct RunningEncoder {
    kind: Kind,
    /// What was emitted and not handed on; not used by [`Kind::LinkedZlib`].
    out: Vec<u8>,
}

enum Kind {
    Zlib(Box<deflate::Encoder>),
    LinkedZlib(LinkedZlib),
    Go(Box<goflate::Encoder>),
    GnuGzip(Box<gnugzip::Encoder>),
    Pigz(Box<pigz::Encoder>),
    Klauspost(Box<kflate::Encoder>),
    Miniz(miniz::Encoder),
}

/// Bytes handed to an encoder at once, so that what it emits is looked at before it runs far ahead.
const PIECE: usize = 64 << 10;

impl RunningEncoder {
    /// Starts a stream.
    pub(super) fn start(encoder: DeflateEncoder) -> Result<Self, EncoderFault> {
        Self::start_with(encoder, Habits::default())
    }

    /// Starts a stream that a program with these habits wrote.
    pub(super) fn start_with(encoder: DeflateEncoder, habits: Habits<'_>) -> Result<Self, EncoderFault> {
        let kind = match encoder {
            DeflateEncoder::Zlib(params) => {
                match params.own().and_then(|(level, mem)| deflate::Encoder::new(level, mem)) {
                    Some(own) => Kind::Zlib(Box::new(own)),
                    None => Kind::LinkedZlib(LinkedZlib::new(&params)?),
                }
            }
            DeflateEncoder::Go(level) => {
                let encoder = goflate::Encoder::new(level.get(), habits).ok_or(EncoderFault::Parameters("Go"))?;
                Kind::Go(Box::new(encoder))
            }
            DeflateEncoder::GnuGzip { level, rsyncable } => {
                let encoder = gnugzip::Encoder::new(level, rsyncable).ok_or(EncoderFault::Parameters("GNU gzip"))?;
                Kind::GnuGzip(Box::new(encoder))
            }
            DeflateEncoder::Pigz(params) => {
                let encoder = pigz::Encoder::new(params).ok_or(EncoderFault::Parameters("pigz"))?;
                Kind::Pigz(Box::new(encoder))
            }
            DeflateEncoder::Klauspost(params) => {
                let encoder = kflate::Encoder::new(params).ok_or(EncoderFault::Parameters("klauspost"))?;
                Kind::Klauspost(Box::new(encoder))
            }
            DeflateEncoder::Miniz(level) => {
                Kind::Miniz(miniz::Encoder::new(level).ok_or(EncoderFault::Parameters("miniz_oxide"))?)
            }
        };
        Ok(Self { kind, out: Vec::new() })
    }

    /// The same after it was given `data`; what it emitted comes with the next call. Not for the linked zlib.
    pub(super) fn start_on(encoder: DeflateEncoder, habits: Habits<'_>, data: &[u8]) -> Result<Self, EncoderFault> {
        let mut this = Self::start_with(encoder, habits)?;
        let mut emitted = Vec::new();
        this.push(data, &mut |bytes: &[u8]| -> Result<(), EncoderFault> {
            emitted.extend_from_slice(bytes);
            Ok(())
        })?;
        this.out = emitted;
        Ok(this)
    }

    /// An encoder in the middle of a stream that has taken all of the place's bytes; `None` if it can't be had.
    ///
    /// Right only if the stream before the place is what this encoder writes.
    pub(super) fn resume(encoder: DeflateEncoder, place: &Place<'_>, habits: Habits<'_>) -> Option<Self> {
        let mut out = Vec::new();
        let kind = match encoder {
            DeflateEncoder::Zlib(params) => {
                let (level, mem_level) = params.own()?;
                Kind::Zlib(Box::new(deflate::Encoder::resume(level, mem_level, place, &mut out)?))
            }
            DeflateEncoder::Go(level) => {
                Kind::Go(Box::new(goflate::Encoder::resume(level.get(), place, habits, &mut out)?))
            }
            DeflateEncoder::Pigz(params) => Kind::Pigz(Box::new(pigz::Encoder::resume(params, place, &mut out)?)),
            DeflateEncoder::Klauspost(params) => {
                Kind::Klauspost(Box::new(kflate::Encoder::resume(params, place, &mut out)?))
            }
            DeflateEncoder::GnuGzip { .. } | DeflateEncoder::Miniz(_) => return None,
        };
        Some(Self { kind, out })
    }

    /// Bits emitted that do not fill a byte yet; `None` if that can't be told.
    pub(super) fn rest(&self) -> Option<Bits> {
        match &self.kind {
            Kind::Zlib(encoder) => Some(encoder.rest()),
            Kind::Go(encoder) => Some(encoder.rest()),
            Kind::LinkedZlib(_) | Kind::GnuGzip(_) | Kind::Pigz(_) | Kind::Klauspost(_) | Kind::Miniz(_) => None,
        }
    }

    /// Encodes `data`; what is emitted goes to `sink`, whose error ends the call (and leaves the stream useless).
    pub(super) fn push<E: From<EncoderFault>>(
        &mut self,
        data: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { kind, out } = self;
        for piece in data.chunks(PIECE) {
            match kind {
                Kind::LinkedZlib(encoder) => return encoder.push(data, sink),
                Kind::Zlib(encoder) => encoder.write(piece, out),
                Kind::Go(encoder) => encoder.write(piece, out),
                Kind::GnuGzip(encoder) => encoder.write(piece, out),
                Kind::Pigz(encoder) => encoder.write(piece, out),
                Kind::Klauspost(encoder) => encoder.write(piece, out),
                Kind::Miniz(encoder) => encoder.write(piece, out)?,
            }
            sink(out)?;
            out.clear();
        }
        Ok(())
    }

    /// Encodes what was taken so far and marks the place, if [`DeflateEncoder::can_flush`] so.
    pub(super) fn flush<E: From<EncoderFault>>(
        &mut self,
        flush: Flush,
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { kind, out } = self;
        match (kind, flush) {
            (Kind::Zlib(encoder), _) => encoder.flush(flush, out),
            (Kind::Go(encoder), Flush::Sync) => encoder.flush(out),
            (Kind::Klauspost(encoder), Flush::Sync) => encoder.flush(out),
            _ => return Err(EncoderFault::Parameters("flush").into()),
        }
        sink(out)?;
        out.clear();
        Ok(())
    }

    /// Ends the stream, emitting what is left.
    pub(super) fn finish<E: From<EncoderFault>>(self, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let Self { kind, mut out } = self;
        match kind {
            Kind::LinkedZlib(encoder) => return encoder.finish(sink),
            Kind::Zlib(encoder) => encoder.finish(&mut out),
            Kind::Go(encoder) => encoder.finish(&mut out),
            Kind::GnuGzip(encoder) => encoder.finish(&mut out),
            Kind::Pigz(encoder) => encoder.finish(&mut out),
            Kind::Klauspost(encoder) => encoder.finish(&mut out),
            Kind::Miniz(encoder) => encoder.finish(&mut out)?,
        }
        sink(&out)
    }
}
