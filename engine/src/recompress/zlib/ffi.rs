//! The only calls into zlib's C code.

use std::ffi::{CStr, c_int};
use std::mem::{MaybeUninit, size_of};
use std::ptr::{NonNull, addr_of_mut};

use libz_sys::{
    Z_BUF_ERROR, Z_DEFLATED, Z_FINISH, Z_NO_FLUSH, Z_OK, Z_STREAM_END, deflate, deflateEnd, deflateInit2_, z_stream,
    zlibVersion,
};

use super::ZlibParams;
use crate::recompress::EncoderFault;

/// A raw deflate stream being written by zlib.
pub(super) struct RawDeflate {
    /// From `Box::into_raw`, initialised by `deflateInit2_`, never moved: zlib's state points back to it.
    stream: NonNull<z_stream>,
}

/// What one call did.
pub(super) struct Progress {
    pub(super) consumed: usize,
    pub(super) produced: usize,
    /// The stream is complete.
    pub(super) ended: bool,
}

// SAFETY: the stream is owned by this value alone, and zlib keeps no thread-local or global state for it.
unsafe impl Send for RawDeflate {}

impl RawDeflate {
    pub(super) fn new(params: &ZlibParams) -> Result<Self, EncoderFault> {
        require_stock_zlib()?;
        let memory = Box::into_raw(Box::new(MaybeUninit::<z_stream>::zeroed())).cast::<z_stream>();
        let size = c_int::try_from(size_of::<z_stream>()).unwrap_or(0);
        // SAFETY: `memory` is valid, aligned and zeroed, which is how zlib's manual asks for it (null zalloc, zfree and
        // opaque select malloc); the version string is zlib's own; the size is that of the struct it was compiled with.
        let code = unsafe {
            deflateInit2_(
                memory,
                c_int::from(params.level()),
                Z_DEFLATED,
                -c_int::from(params.window_bits()),
                c_int::from(params.mem_level()),
                c_int::from(params.strategy() as u8),
                zlibVersion(),
                size,
            )
        };
        match NonNull::new(memory) {
            Some(stream) if code == Z_OK => Ok(Self { stream }),
            _ => {
                // SAFETY: `memory` came from `Box::into_raw` above with this layout; zlib frees its own part when it fails.
                drop(unsafe { Box::from_raw(memory.cast::<MaybeUninit<z_stream>>()) });
                Err(EncoderFault::Zlib("deflateInit2 refused or had no memory"))
            }
        }
    }

    /// One call of `deflate`: takes from `input`, writes to `output`.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8], finish: bool) -> Result<Progress, EncoderFault> {
        let avail_in = u32::try_from(input.len()).map_err(|_| EncoderFault::Zlib("slice over 4 GiB"))?;
        let avail_out = u32::try_from(output.len()).map_err(|_| EncoderFault::Zlib("slice over 4 GiB"))?;
        let stream = self.stream.as_ptr();
        // SAFETY: `stream` is initialised and exclusively ours. Both buffers outlive the call, their lengths are the slices',
        // zlib only reads through `next_in`; afterwards both pointers are cleared so that no later call can use them.
        // Fields are written through the raw pointer; no reference to the struct is made.
        let (code, left_in, left_out) = unsafe {
            addr_of_mut!((*stream).next_in).write(input.as_ptr().cast_mut());
            addr_of_mut!((*stream).avail_in).write(avail_in);
            addr_of_mut!((*stream).next_out).write(output.as_mut_ptr());
            addr_of_mut!((*stream).avail_out).write(avail_out);
            let code = deflate(stream, if finish { Z_FINISH } else { Z_NO_FLUSH });
            let left = (addr_of_mut!((*stream).avail_in).read(), addr_of_mut!((*stream).avail_out).read());
            addr_of_mut!((*stream).next_in).write(std::ptr::null_mut());
            addr_of_mut!((*stream).avail_in).write(0);
            addr_of_mut!((*stream).next_out).write(std::ptr::null_mut());
            addr_of_mut!((*stream).avail_out).write(0);
            (code, left.0, left.1)
        };
        // Z_BUF_ERROR only says that there was nothing to do.
        if !matches!(code, Z_OK | Z_STREAM_END | Z_BUF_ERROR) {
            return Err(EncoderFault::Zlib("deflate failed"));
        }
        Ok(Progress {
            consumed: input.len().saturating_sub(left_in as usize),
            produced: output.len().saturating_sub(left_out as usize),
            ended: code == Z_STREAM_END,
        })
    }
}

impl Drop for RawDeflate {
    fn drop(&mut self) {
        // SAFETY: initialised by `new` and not yet ended; after `deflateEnd` zlib holds nothing that points to the struct,
        // whose memory came from `Box::into_raw` with this layout.
        unsafe {
            deflateEnd(self.stream.as_ptr());
            drop(Box::from_raw(self.stream.as_ptr().cast::<MaybeUninit<z_stream>>()));
        }
    }
}

/// Refuses look-alikes (zlib-ng and others in their compatible modes), whose output differs: they add a suffix to the version.
fn require_stock_zlib() -> Result<(), EncoderFault> {
    // SAFETY: zlib returns a pointer to a constant, NUL-terminated string.
    let version = unsafe { CStr::from_ptr(zlibVersion()) }.to_bytes();
    let stock = version.starts_with(b"1.") && version.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    if stock { Ok(()) } else { Err(EncoderFault::Zlib("the linked zlib is not the stock one")) }
}
