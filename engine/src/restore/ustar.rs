//! Tar headers as POSIX describes them (`pax(1)`, "ustar Interchange Format").

use std::io::{self, Write};

use crate::tar::BLOCK;

/// Longest name or link target that a header holds, in bytes.
pub(super) const NAME_LEN: usize = 100;
/// The two empty blocks that end an archive.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// What a member is.
pub(super) mod kind {
    pub const FILE: u8 = b'0';
    pub const HARD_LINK: u8 = b'1';
    pub const SYMLINK: u8 = b'2';
    pub const CHAR_DEVICE: u8 = b'3';
    pub const BLOCK_DEVICE: u8 = b'4';
    pub const DIRECTORY: u8 = b'5';
    pub const FIFO: u8 = b'6';
    pub const PAX: u8 = b'x';
}

/// The fields of a header. Names that are too long are cut: a PAX record has to give them.
pub(super) struct Header<'a> {
    pub name: &'a [u8],
    pub kind: u8,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    /// Seconds since the epoch.
    pub mtime: u64,
    pub link: &'a [u8],
    /// Major and minor number of a device.
    pub device: Option<(u32, u32)>,
}

impl<'a> Header<'a> {
    /// A plain file of root's, without a time.
    pub(super) fn file(name: &'a [u8], size: u64) -> Self {
        Header { name, kind: kind::FILE, mode: 0o644, uid: 0, gid: 0, size, mtime: 0, link: b"", device: None }
    }

    pub(super) fn encode(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        put(&mut block, 0, cut(self.name));
        put(&mut block, 100, &number::<8>(self.mode.into()));
        put(&mut block, 108, &number::<8>(self.uid.into()));
        put(&mut block, 116, &number::<8>(self.gid.into()));
        put(&mut block, 124, &number::<12>(self.size));
        put(&mut block, 136, &number::<12>(self.mtime));
        put(&mut block, 148, b"        ");
        put(&mut block, 156, &[self.kind]);
        put(&mut block, 157, cut(self.link));
        put(&mut block, 257, b"ustar\x0000");
        if let Some((major, minor)) = self.device {
            put(&mut block, 329, &number::<8>(major.into()));
            put(&mut block, 337, &number::<8>(minor.into()));
        }
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

fn put(block: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    for (to, from) in block.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

fn cut(name: &[u8]) -> &[u8] {
    name.get(..NAME_LEN).unwrap_or(name)
}

/// A number in octal with a NUL behind it; where that does not fit, in base 256, as every tar of today reads it.
fn number<const N: usize>(value: u64) -> [u8; N] {
    let mut field = [0; N];
    let digits = N - 1;
    if value.checked_shr(u32::try_from(3 * digits).unwrap_or(u32::MAX)).unwrap_or(0) == 0 {
        let text = format!("{value:0digits$o}");
        field.iter_mut().zip(text.as_bytes()).for_each(|(to, from)| *to = *from);
    } else {
        field.iter_mut().rev().zip(value.to_le_bytes()).for_each(|(to, from)| *to = from);
        if let Some(first) = field.first_mut() {
            *first |= 0x80;
        }
    }
    field
}

/// Fills the last block of a member of `len` bytes.
pub(super) fn pad(out: &mut dyn Write, len: u64) -> io::Result<()> {
    let rest = usize::try_from(len.next_multiple_of(BLOCK as u64) - len).unwrap_or(0);
    out.write_all([0; BLOCK].get(..rest).unwrap_or_default())
}

/// Writes a small plain file.
pub(super) fn write_member(out: &mut dyn Write, name: &str, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&Header::file(name.as_bytes(), bytes.len() as u64).encode())?;
    out.write_all(bytes)?;
    pad(out, bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::{Event, Splitter, TarError};

    fn decoded(header: &Header<'_>) -> crate::tar::Entry {
        let mut entry = None;
        let mut splitter = Splitter::new(Default::default());
        let mut sink = |event: Event<'_>| {
            if let Event::Entry(found) = event {
                entry = Some(found);
            }
            Ok::<(), TarError>(())
        };
        splitter.feed(&header.encode(), &mut sink).unwrap();
        entry.unwrap()
    }

    #[test]
    fn numbers_of_any_size_come_back() {
        for size in [0, 5, (1 << 33) - 1, 1 << 33, 1 << 40] {
            let entry = decoded(&Header::file(b"blobs/sha256/x", size));
            assert_eq!((entry.path, entry.size), (b"blobs/sha256/x".to_vec(), size));
        }
        for id in [0, 0o7_777_777, 0o10_000_000, u32::MAX - 1] {
            let entry = decoded(&Header { uid: id, gid: id, ..Header::file(b"x", 0) });
            assert_eq!((entry.uid, entry.gid), (id, id));
        }
        assert_eq!(number::<8>(0o7_777_777), *b"7777777\0");
        assert_eq!(number::<12>(u64::MAX), *b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff");
    }
}
