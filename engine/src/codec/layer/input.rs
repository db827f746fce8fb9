use std::io::{ErrorKind, Read};

use super::LayerError;

/// Compressed bytes taken from the source at once.
const INPUT_BUFFER: usize = 256 << 10;

/// A fixed window on the source: what was read and not yet consumed.
pub(crate) struct Input<R> {
    source: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    eof: bool,
    read: u64,
}

impl<R: Read> Input<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, buffer: vec![0; INPUT_BUFFER].into_boxed_slice(), start: 0, end: 0, eof: false, read: 0 }
    }

    /// Read and not yet consumed.
    pub(crate) fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether the source has ended; what is unread is then the last there is.
    pub(crate) fn eof(&self) -> bool {
        self.eof
    }

    /// Bytes taken from the source so far.
    pub(crate) fn total_read(&self) -> u64 {
        self.read
    }

    /// Gives up the first `n` unread bytes.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start = self.start.saturating_add(n).min(self.end);
    }

    /// Reads once, behind what is unread; a full buffer stays as it is.
    pub(crate) fn fill(&mut self) -> Result<(), LayerError> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let Some(room) = self.buffer.get_mut(self.end..).filter(|room| !room.is_empty()) else {
            return Ok(());
        };
        let n = read_some(&mut self.source, room, self.read)?;
        self.end += n;
        self.read += n as u64;
        self.eof = n == 0;
        Ok(())
    }

    /// Reads until `want` bytes are unread or the source ends. `want` must be far below the buffer's size.
    pub(crate) fn fill_to(&mut self, want: usize) -> Result<(), LayerError> {
        while self.unread().len() < want && !self.eof {
            self.fill()?;
        }
        Ok(())
    }

    /// Copies unread bytes, else reads past the buffer straight into `out`. Zero means the source has ended.
    pub(crate) fn pass_through(&mut self, out: &mut [u8]) -> Result<usize, LayerError> {
        let unread = self.unread();
        if unread.is_empty() {
            if self.eof || out.is_empty() {
                return Ok(0);
            }
            let n = read_some(&mut self.source, out, self.read)?;
            self.read += n as u64;
            self.eof = n == 0;
            return Ok(n);
        }
        let n = unread.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..n), unread.get(..n)) {
            to.copy_from_slice(from);
        }
        self.consume(n);
        Ok(n)
    }
}

fn read_some(source: &mut impl Read, room: &mut [u8], offset: u64) -> Result<usize, LayerError> {
    loop {
        match source.read(room) {
            // A reader that claims more than it was given room for is broken; believe no more than fits.
            Ok(n) => return Ok(n.min(room.len())),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(source) => return Err(LayerError::Read { offset, source }),
        }
    }
}
