//! Memory maps: the one place of the engine that needs `unsafe`.
#![expect(unsafe_code, reason = "mapping a file is unsafe by nature")]

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// Maps a file for reading.
pub(crate) fn read_only(file: &File) -> io::Result<Mmap> {
    // SAFETY: the files mapped here are copies in a cache directory that firn replaces by renaming and never writes in place
    // or truncates, so the mapped bytes stay what they were. Whoever else truncates them from outside gets this process a
    // SIGBUS, not undefined behaviour in it.
    unsafe { Mmap::map(file) }
}
