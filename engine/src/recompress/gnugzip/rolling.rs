//! Where `--rsyncable` ends blocks.

use crate::recompress::coding::matches::HALF_POSITION;
use crate::recompress::coding::strings::Bytes;

/// Bytes that the sum is over, and what it has to be a multiple of.
const SPAN: u16 = 4096;

/// The sum of the last bytes, and the first place not yet used where it is a multiple.
#[derive(Debug, Default)]
pub(super) struct Rolling {
    sum: u32,
    hit: Option<u16>,
}

impl Rolling {
    /// Takes the next `count` bytes, which are at `at`.
    pub(super) fn take(&mut self, bytes: Bytes<'_>, at: u16, count: usize) {
        for at in (at..=u16::MAX).take(count) {
            self.sum += u32::from(bytes.byte(at));
            // Only in the first filling of the window is anything so near its start; no sum counts before it is complete.
            if let Some(dropped) = at.checked_sub(SPAN) {
                self.sum -= u32::from(bytes.byte(dropped));
                if self.hit.is_none() && self.sum.is_multiple_of(u32::from(SPAN)) {
                    self.hit = Some(at);
                }
            }
        }
    }

    /// Whether there was a hit before `position`, which is then used up.
    pub(super) fn passed(&mut self, position: usize) -> bool {
        self.hit.take_if(|hit| usize::from(*hit) < position).is_some()
    }

    /// Follows `Window::slide`.
    pub(super) fn slide(&mut self) {
        self.hit = self.hit.map(|hit| hit.saturating_sub(HALF_POSITION));
    }
}
