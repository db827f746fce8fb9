//! What a zstd blob says of itself (RFC 8878): frame headers, and which block is the last.

/// Longest frame header with its magic number; also enough for a skippable frame's.
pub(super) const MAX_HEAD: usize = 18;
/// Bytes of a skippable frame before its content.
const SKIPPABLE_HEAD: u64 = 8;

/// What stands at a frame's edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// A frame of data.
    Frame(FrameHeader),
    /// A frame that decoders pass over: so many bytes with its head.
    Skippable(u64),
}

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Its length with the magic number.
    pub(super) len: usize,
    /// The window descriptor; a frame without one has a window as long as its content.
    pub(super) window: Option<u8>,
    pub(super) content_size: Option<u64>,
    pub(super) checksum: bool,
}

impl FrameHeader {
    /// Base-2 logarithm of the window, if it is stated and a power of two.
    pub(super) fn window_log(&self) -> Option<u8> {
        self.window.filter(|descriptor| descriptor & 7 == 0).map(|descriptor| 10 + (descriptor >> 3))
    }
}

/// Reads what a frame begins with; `None` if it is cut short, no frame, or one that no encoder here writes.
pub(super) fn head(bytes: &[u8]) -> Option<Head> {
    let magic = u32::from_le_bytes(*bytes.first_chunk()?);
    let rest = bytes.get(4..)?;
    if magic & !0xf == 0x184D_2A50 {
        return Some(Head::Skippable(SKIPPABLE_HEAD + u64::from(u32::from_le_bytes(*rest.first_chunk()?))));
    }
    if magic != 0xFD2F_B528 {
        return None;
    }
    let (&descriptor, rest) = rest.split_first()?;
    let single = descriptor & 0x20 != 0;
    let unused = descriptor & 0x1b;
    if unused != 0 {
        // A dictionary, or bits that have no meaning yet.
        return None;
    }
    let (window, rest) = if single { (None, rest) } else { rest.split_first().map(|(w, rest)| (Some(*w), rest))? };
    let (content_size, width) = match (descriptor >> 6, single) {
        (0, false) => (None, 0),
        (0, true) => (Some(u64::from(*rest.first()?)), 1),
        (1, _) => (Some(u64::from(u16::from_le_bytes(*rest.first_chunk()?)) + 256), 2),
        (2, _) => (Some(u64::from(u32::from_le_bytes(*rest.first_chunk()?))), 4),
        _ => (Some(u64::from_le_bytes(*rest.first_chunk()?)), 8),
    };
    let len = 5 + usize::from(!single) + width;
    Some(Head::Frame(FrameHeader { len, window, content_size, checksum: descriptor & 4 != 0 }))
}

/// Follows a frame's blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    /// Bytes to pass over before the next block header.
    skip: u64,
    header: [u8; 3],
    have: usize,
    last: Option<Last>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Empty,
    Filled,
}

impl Blocks {
    pub(super) fn new(header: &FrameHeader) -> Self {
        Self { skip: header.len as u64, header: [0; 3], have: 0, last: None }
    }

    /// Takes the frame's next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while self.last.is_none() {
            let skipped = usize::try_from(self.skip).map_or(bytes.len(), |skip| skip.min(bytes.len()));
            self.skip -= skipped as u64;
            let Some((&next, rest)) = bytes.split_at(skipped).1.split_first() else { return };
            bytes = rest;
            if let Some(slot) = self.header.get_mut(self.have) {
                *slot = next;
            }
            self.have += 1;
            if self.have == self.header.len() {
                self.have = 0;
                self.block();
            }
        }
    }

    fn block(&mut self) {
        let [a, b, c] = self.header;
        let word = u32::from_le_bytes([a, b, c, 0]);
        let (is_last, kind, size) = (word & 1 == 1, word >> 1 & 3, u64::from(word >> 3));
        self.skip = if kind == 1 { 1 } else { size };
        if is_last {
            self.last = Some(if kind == 0 && size == 0 { Last::Empty } else { Last::Filled });
        }
    }

    /// Whether the last block was met and has no content: the encoder had emitted everything when it was told of the end.
    pub(super) fn end_empty(&self) -> bool {
        self.last == Some(Last::Empty)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_shape_are_read() {
        let frame = |bytes: &[u8]| head(&[&[0x28, 0xb5, 0x2f, 0xfd], bytes].concat());
        let header = |len, window, content_size, checksum| {
            Some(Head::Frame(FrameHeader { len, window, content_size, checksum }))
        };
        assert_eq!(frame(&[0x04, 0x58]), header(6, Some(0x58), None, true));
        assert_eq!(frame(&[0x20, 7]), header(6, None, Some(7), false));
        assert_eq!(frame(&[0x60, 1, 0]), header(7, None, Some(257), false));
        assert_eq!(frame(&[0x84, 0x58, 1, 2, 0, 0]), header(10, Some(0x58), Some(513), true));
        assert_eq!(frame(&[0xc0, 0x58, 1, 0, 0, 0, 0, 0, 0, 0]), header(14, Some(0x58), Some(1), false));
        assert_eq!(frame(&[0xc0, 0x58, 1, 0, 0, 0, 0, 0, 0]), None, "cut short");
        assert_eq!(frame(&[0x01, 0x58, 1]), None, "a dictionary");
        assert_eq!(frame(&[0x08, 0x58]), None, "a reserved bit");
        assert_eq!(head(&[0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Some(Head::Skippable(11)));
        assert_eq!(head(&[0x28, 0xb5, 0x2f, 0xfc, 0x20, 7]), None);
    }

    #[test]
    fn window_logs_are_those_of_powers_of_two() {
        let log = |window| FrameHeader { len: 6, window, content_size: None, checksum: false }.window_log();
        assert_eq!((log(Some(0x58)), log(Some(0x59)), log(None)), (Some(21), None, None));
    }

    #[test]
    fn an_empty_last_block_is_told_from_others_in_any_slicing() {
        let header = FrameHeader { len: 6, window: Some(0x58), content_size: None, checksum: true };
        // Two raw blocks of 2 bytes, then the end: empty; 3 bytes that look like an empty end; a run of one byte.
        for (end, empty) in [(&[1, 0, 0][..], true), (&[0x19, 0, 0, 1, 0, 0], false), (&[0x0b, 0, 0, 5], false)] {
            let blob = [&[0; 6][..], &[0x10, 0, 0, 1, 1], &[0x10, 0, 0, 1, 0], end, &[9; 4]].concat();
            for step in 1..blob.len() {
                let mut blocks = Blocks::new(&header);
                blob.chunks(step).for_each(|piece| blocks.push(piece));
                assert_eq!(blocks.end_empty(), empty, "{end:?} {step}");
            }
        }
    }
}
