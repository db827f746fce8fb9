//! Content-defined chunking: where the bytes of one file are cut.
//!
//! The rule is part of the format: the same bytes and parameters give the same cuts on every machine and in every
//! version. `rule` is the definition, `portable` and `simd` are faster ways to the same answer.

mod params;
mod portable;
mod rule;
#[cfg(target_arch = "x86_64")]
mod simd;

#[cfg(test)]
mod tests;

pub use params::{ALGORITHM, Params, ParamsError};

use rule::WINDOW;

/// Finds the offset of the last of the highest-scoring windows in a span of bytes; see [`rule::last_max`].
type Kernel = fn(&[u8]) -> usize;

/// Cuts a file into chunks. It holds no state between chunks: a cut depends on the chunk's own bytes alone.
#[derive(Clone, Copy, Debug)]
pub struct Chunker {
    min: usize,
    max: usize,
    kernel: Kernel,
}

impl Chunker {
    /// Makes a chunker that uses the fastest kernel this processor has.
    pub fn new(params: Params) -> Self {
        Self::with_kernel(params, fastest_kernel())
    }

    fn with_kernel(params: Params, kernel: Kernel) -> Self {
        Self { min: params.min_len(), max: params.max_len(), kernel }
    }

    /// Most bytes of a chunk, and so the most that a cut can depend on.
    pub fn max_len(&self) -> usize {
        self.max
    }

    /// Returns the length in bytes of the chunk that `data` starts with.
    ///
    /// `data` starts where a chunk starts and holds at least `max` bytes unless the file ends in it; bytes past `max`
    /// are never looked at. The result is in `1..=max`, at least `min` unless the file ends first, and 0 for empty data.
    /// Time is linear in `max - min`, whatever the bytes are.
    pub fn next_len(&self, data: &[u8]) -> usize {
        // The first window whose end is a permitted cut starts WINDOW bytes before `min`.
        let Some(span) = data.get(self.min - WINDOW..self.max) else {
            return data.len();
        };
        self.min + (self.kernel)(span)
    }
}

#[cfg(target_arch = "x86_64")]
fn fastest_kernel() -> Kernel {
    simd::kernel().unwrap_or(portable::last_max)
}

#[cfg(not(target_arch = "x86_64"))]
fn fastest_kernel() -> Kernel {
    portable::last_max
}
