//! The only calls into libzstd's compressor.

use std::ffi::{c_int, c_ulonglong, c_void};
use std::ptr::NonNull;

use zstd_sys::{
    ZSTD_CCtx, ZSTD_CCtx_reset, ZSTD_CCtx_setParameter, ZSTD_CCtx_setPledgedSrcSize, ZSTD_EndDirective,
    ZSTD_ResetDirective, ZSTD_cParameter, ZSTD_compressStream2, ZSTD_createCCtx, ZSTD_freeCCtx, ZSTD_inBuffer,
    ZSTD_isError, ZSTD_outBuffer, ZSTD_versionNumber,
};

use super::{LibzstdFlag, LibzstdParams};
use crate::recompress::EncoderFault;

/// The release whose output recipes mean: 1.5.7.
const RELEASE: u32 = 10_507;
/// `ZSTD_c_blockSplitterLevel`, which the bindings name by number; 1 is no splitting.
const BLOCK_SPLITTER_LEVEL: ZSTD_cParameter = ZSTD_cParameter::ZSTD_c_experimentalParam20;

/// What a call is to do beside taking input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    Continue,
    Flush,
    End,
}

/// What one call did.
pub(super) struct Progress {
    pub(super) consumed: usize,
    pub(super) produced: usize,
    /// Nothing is left of what was aimed at.
    pub(super) done: bool,
}

/// A compression context.
pub(super) struct Context(NonNull<ZSTD_CCtx>);

// SAFETY: the context is owned by this value alone; libzstd ties none to the thread that made it.
unsafe impl Send for Context {}

impl Context {
    pub(super) fn new(params: &LibzstdParams) -> Result<Self, EncoderFault> {
        // SAFETY: no arguments, no state.
        if unsafe { ZSTD_versionNumber() } != RELEASE {
            return Err(EncoderFault::Zstd("the linked libzstd is not 1.5.7"));
        }
        // SAFETY: gives a context or null.
        let context = NonNull::new(unsafe { ZSTD_createCCtx() }).map(Self);
        let mut context = context.ok_or(EncoderFault::Zstd("no memory for a context"))?;
        let switch = |flag| c_int::from(params.has(flag));
        context.set(ZSTD_cParameter::ZSTD_c_compressionLevel, params.level())?;
        context.set(ZSTD_cParameter::ZSTD_c_checksumFlag, switch(LibzstdFlag::Checksum))?;
        context.set(ZSTD_cParameter::ZSTD_c_contentSizeFlag, switch(LibzstdFlag::ContentSize))?;
        context.set(ZSTD_cParameter::ZSTD_c_nbWorkers, switch(LibzstdFlag::Workers))?;
        if let Some(window) = params.long_window() {
            context.set(ZSTD_cParameter::ZSTD_c_enableLongDistanceMatching, 1)?;
            context.set(ZSTD_cParameter::ZSTD_c_windowLog, window.into())?;
        }
        if params.has(LibzstdFlag::Unsplit) {
            context.set(BLOCK_SPLITTER_LEVEL, 1)?;
        }
        Ok(context)
    }

    fn set(&mut self, parameter: ZSTD_cParameter, value: c_int) -> Result<(), EncoderFault> {
        // SAFETY: a live context of ours; any parameter and value may be given, and are checked.
        accepted(unsafe { ZSTD_CCtx_setParameter(self.0.as_ptr(), parameter, value) })
    }

    /// Drops what is under way and gets ready for a frame, of this length if it is known.
    pub(super) fn restart(&mut self, len: Option<u64>) -> Result<(), EncoderFault> {
        // `ZSTD_CONTENTSIZE_UNKNOWN`.
        let len: c_ulonglong = len.unwrap_or(u64::MAX);
        // SAFETY: a live context of ours; resetting the session is allowed at any time.
        accepted(unsafe { ZSTD_CCtx_reset(self.0.as_ptr(), ZSTD_ResetDirective::ZSTD_reset_session_only) })?;
        // SAFETY: a live context of ours, between two frames.
        accepted(unsafe { ZSTD_CCtx_setPledgedSrcSize(self.0.as_ptr(), len) })
    }

    /// One call of `ZSTD_compressStream2`: takes from `input`, writes to `output`.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8], aim: Aim) -> Result<Progress, EncoderFault> {
        let mut from = ZSTD_inBuffer { src: input.as_ptr().cast::<c_void>(), size: input.len(), pos: 0 };
        let mut to = ZSTD_outBuffer { dst: output.as_mut_ptr().cast::<c_void>(), size: output.len(), pos: 0 };
        let aim = match aim {
            Aim::Continue => ZSTD_EndDirective::ZSTD_e_continue,
            Aim::Flush => ZSTD_EndDirective::ZSTD_e_flush,
            Aim::End => ZSTD_EndDirective::ZSTD_e_end,
        };
        // SAFETY: a live context of ours; both buffers are described by their slices, which outlive the call, and libzstd
        // keeps neither: it copies input, as its stable-buffer modes are off.
        let left = unsafe { ZSTD_compressStream2(self.0.as_ptr(), &raw mut to, &raw mut from, aim) };
        accepted(left)?;
        Ok(Progress { consumed: from.pos.min(input.len()), produced: to.pos.min(output.len()), done: left == 0 })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: a live context of ours, not used after this; its workers are joined.
        unsafe { ZSTD_freeCCtx(self.0.as_ptr()) };
    }
}

fn accepted(code: usize) -> Result<(), EncoderFault> {
    // SAFETY: a pure function of its argument.
    if unsafe { ZSTD_isError(code) } == 0 { Ok(()) } else { Err(EncoderFault::Zstd("a call failed")) }
}
