//! The zlib library itself, compiled in: for the windows and strategies that `deflate` leaves to it.

use super::super::EncoderFault;
use super::ZlibParams;
use super::ffi::RawDeflate;

/// Input handed to zlib at once: a multiple of its 32 KiB window.
///
/// zlib slides its window when it runs out of look-ahead, and position 0 of the window is never matched; so in rare places
/// its output depends on where the input was cut. Cutting at fixed offsets makes it a function of the data alone.
const SLICE: usize = 64 << 10;
const OUTPUT: usize = 64 << 10;

/// A running zlib, about 270 KiB at memory level 8 and 400 KiB at 9, plus 128 KiB of buffers.
pub(in crate::recompress) struct LinkedZlib {
    raw: RawDeflate,
    slice: Vec<u8>,
    output: Box<[u8]>,
}

impl LinkedZlib {
    pub(in crate::recompress) fn new(params: &ZlibParams) -> Result<Self, EncoderFault> {
        let raw = RawDeflate::new(params)?;
        Ok(Self { raw, slice: Vec::with_capacity(SLICE), output: vec![0; OUTPUT].into_boxed_slice() })
    }

    /// Encodes `data`, handing what zlib emits to `sink`.
    pub(in crate::recompress) fn push<E: From<EncoderFault>>(
        &mut self,
        mut data: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while !data.is_empty() {
            if self.slice.is_empty()
                && let Some((whole, rest)) = data.split_at_checked(SLICE)
            {
                run(&mut self.raw, &mut self.output, whole, false, sink)?;
                data = rest;
                continue;
            }
            let (piece, rest) = data.split_at(data.len().min(SLICE - self.slice.len()));
            self.slice.extend_from_slice(piece);
            data = rest;
            if self.slice.len() == SLICE {
                run(&mut self.raw, &mut self.output, &self.slice, false, sink)?;
                self.slice.clear();
            }
        }
        Ok(())
    }

    /// Ends the stream.
    pub(in crate::recompress) fn finish<E: From<EncoderFault>>(
        mut self,
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        run(&mut self.raw, &mut self.output, &self.slice, true, sink)
    }
}

fn run<E: From<EncoderFault>>(
    raw: &mut RawDeflate,
    output: &mut [u8],
    mut input: &[u8],
    finish: bool,
    sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    loop {
        let step = raw.step(input, output, finish)?;
        input = input.get(step.consumed..).unwrap_or_default();
        sink(output.get(..step.produced).unwrap_or_default())?;
        if step.ended || (!finish && input.is_empty() && step.produced < output.len()) {
            return Ok(());
        }
        if step.consumed == 0 && step.produced == 0 {
            return Err(EncoderFault::Zlib("no progress").into());
        }
    }
}
