//! A part of a file as a reader of its own: any number of them can be open on one file.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Reads `len` bytes of a file from an offset on, without moving the file's own position.
#[derive(Debug)]
pub(crate) struct FilePart {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl FilePart {
    pub(crate) fn new(file: Arc<File>, at: u64, len: u64) -> Self {
        FilePart { file, at, end: at.saturating_add(len) }
    }
}

impl Read for FilePart {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let want = buf.len().min(left);
        let len = self.file.read_at(buf.get_mut(..want).unwrap_or_default(), self.at)?;
        if len == 0 && want > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was cut short while it was read"));
        }
        self.at += len as u64;
        Ok(len)
    }
}
