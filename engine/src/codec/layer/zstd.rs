//! zstd (RFC 8878) without I/O: several frames, skippable ones among them, in bounded memory.

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::{Compression, LayerError};

/// libzstd's name for a frame over `WindowLogMax`; a test holds it to the linked version.
const WINDOW_ERROR: &str = "Frame requires too much memory for decoding";
/// libzstd's bounds for `WindowLogMax` on a 64-bit machine.
const WINDOW_LOG: (u32, u32) = (10, 31);

/// Decoder for a blob of one or more frames.
pub(crate) struct ZstdStream {
    context: DCtx<'static>,
    window_log: u32,
    at_frame_edge: bool,
    frames: u64,
    offset: u64,
}

impl ZstdStream {
    pub(crate) fn new(window_log: u32) -> Result<Self, LayerError> {
        let window_log = window_log.clamp(WINDOW_LOG.0, WINDOW_LOG.1);
        let no_memory = LayerError::NoMemory { format: Compression::Zstd };
        let Some(mut context) = DCtx::try_create() else {
            return Err(no_memory);
        };
        if context.set_parameter(DParameter::WindowLogMax(window_log)).is_err() {
            return Err(no_memory);
        }
        Ok(Self { context, window_log, at_frame_edge: true, frames: 0, offset: 0 })
    }

    /// Frames that were complete.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// Compressed bytes consumed.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Decodes some of `input`, all of what is left when `eof`; returns bytes consumed, produced, and whether this is the end.
    pub(crate) fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        eof: bool,
    ) -> Result<(usize, usize, bool), LayerError> {
        if self.at_frame_edge && input.is_empty() {
            return Ok((0, 0, eof));
        }
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(output);
        let hint = match self.context.decompress_stream(&mut to, &mut from) {
            Ok(hint) => hint,
            Err(code) => return Err(self.error(from.pos(), get_error_name(code))),
        };
        let (consumed, produced) = (from.pos(), to.pos());
        self.offset += consumed as u64;
        self.at_frame_edge = hint == 0;
        self.frames += u64::from(hint == 0);
        if eof && hint != 0 && consumed == input.len() && produced == 0 && !output.is_empty() {
            return Err(LayerError::Truncated { format: Compression::Zstd, offset: self.offset, inside: "a frame" });
        }
        Ok((consumed, produced, false))
    }

    fn error(&self, consumed: usize, name: &'static str) -> LayerError {
        let offset = self.offset + consumed as u64;
        if name == WINDOW_ERROR {
            return LayerError::WindowTooLarge { offset, limit_log: self.window_log };
        }
        LayerError::Damaged { format: Compression::Zstd, offset, detail: name }
    }
}
