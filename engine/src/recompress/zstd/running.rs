//! Encoders at work.

use super::super::EncoderFault;
use super::ZstdEncoder;
use super::klauspost;
use super::libzstd::{self, LibzstdFlag};

/// An encoder that writes frames, one after another. A frame is a function of its data and length alone.
pub(super) struct RunningEncoder {
    encoder: ZstdEncoder,
    kind: Kind,
}

enum Kind {
    Libzstd { encoder: libzstd::Encoder, sized: bool },
    Klauspost(Box<klauspost::Encoder>),
}

impl RunningEncoder {
    /// Starts a frame of `len` bytes, if that is known, with the encoder that last ran if it is the same.
    pub(super) fn start(
        idle: &mut Option<Self>,
        encoder: ZstdEncoder,
        len: Option<u64>,
    ) -> Result<&mut Self, EncoderFault> {
        let running = match idle.take() {
            Some(running) if running.encoder.ending(false) == encoder.ending(false) => running,
            _ => Self::new(encoder)?,
        };
        let running = idle.insert(running);
        match &mut running.kind {
            Kind::Libzstd { encoder, sized } => encoder.begin(len.filter(|_| *sized))?,
            Kind::Klauspost(encoder) => encoder.begin(),
        }
        Ok(running)
    }

    fn new(encoder: ZstdEncoder) -> Result<Self, EncoderFault> {
        let kind = match encoder {
            ZstdEncoder::Libzstd(params) => {
                let sized = params.has(LibzstdFlag::ContentSize);
                Kind::Libzstd { encoder: libzstd::Encoder::new(&params)?, sized }
            }
            ZstdEncoder::Klauspost(params) => Kind::Klauspost(Box::new(klauspost::Encoder::new(params))),
        };
        Ok(Self { encoder, kind })
    }

    /// Encodes `data`; what is emitted goes to `sink`, whose error ends the call (and leaves the frame useless).
    pub(super) fn push<E: From<EncoderFault>>(
        &mut self,
        data: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match &mut self.kind {
            Kind::Libzstd { encoder, .. } => encoder.push(data, sink),
            Kind::Klauspost(encoder) => encoder.push(data, sink),
        }
    }

    /// Emits what can be emitted without a change of the frame, if what was pushed is a multiple of 512 KiB; the frame can't be
    /// gone on with.
    pub(super) fn flush<E: From<EncoderFault>>(
        &mut self,
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match &mut self.kind {
            Kind::Libzstd { encoder, .. } => encoder.flush(sink),
            // It has emitted all full blocks, and 512 KiB are such.
            Kind::Klauspost(_) => Ok(()),
        }
    }

    /// Ends the frame, emitting what is left; `alone` as in [`ZstdEncoder::ending`].
    pub(super) fn finish<E: From<EncoderFault>>(
        &mut self,
        alone: bool,
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match &mut self.kind {
            Kind::Libzstd { encoder, .. } => encoder.finish(alone, sink),
            Kind::Klauspost(encoder) => encoder.finish(alone, sink),
        }
    }
}
