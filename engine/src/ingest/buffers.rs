//! Large buffers that are used again: fresh ones cost a page fault every four kilobytes.

use std::ops::{Deref, DerefMut};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Where buffers of one use come from, and go back to when the last who reads them is done.
#[derive(Debug)]
pub(crate) struct Buffers {
    home: Sender<Vec<u8>>,
    spare: Receiver<Vec<u8>>,
}

/// A buffer on loan; as it was left by its last user.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    home: Sender<Vec<u8>>,
}

impl Buffers {
    /// At most `keep` buffers wait here; what comes back beyond that is freed.
    pub(crate) fn new(keep: usize) -> Self {
        let (home, spare) = bounded(keep);
        Buffers { home, spare }
    }

    /// A buffer that came back, or an empty one.
    pub(crate) fn take(&self) -> Buffer {
        Buffer { bytes: self.spare.try_recv().unwrap_or_default(), home: self.home.clone() }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // Nobody there, or enough there: it is freed.
        let _ = self.home.try_send(std::mem::take(&mut self.bytes));
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_and_no_more_than_wanted_are_kept() {
        let buffers = Buffers::new(1);
        let (mut first, second) = (buffers.take(), buffers.take());
        first.extend_from_slice(&[7; 100]);
        let place = first.as_ptr();
        drop(first);
        drop(second);
        assert_eq!(buffers.spare.len(), 1);
        let again = buffers.take();
        assert_eq!((again.as_ptr(), again.len()), (place, 100));
        drop(buffers);
        drop(again);
    }
}
