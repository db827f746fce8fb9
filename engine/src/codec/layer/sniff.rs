use std::fmt;

/// What a layer blob is compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not compressed, or with nothing that a layer may be compressed with.
    None,
    /// RFC 1952, one or more members.
    Gzip,
    /// RFC 8878, one or more frames, skippable frames among them.
    Zstd,
}

/// Bytes that [`Compression::sniff`] wants to see.
pub(crate) const SNIFF_LEN: usize = 4;

/// First bytes of a gzip member: the magic and the only method there is (deflate).
pub(crate) const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

impl Compression {
    /// Tells the format by its magic number, from the first four bytes or all of a shorter blob.
    #[must_use]
    pub fn sniff(start: &[u8]) -> Self {
        if start.starts_with(&GZIP_MAGIC) {
            return Self::Gzip;
        }
        // RFC 8878 section 3.1.2: skippable frames have magic 0x184D2A5?, stored little-endian.
        let skippable = matches!(start, [low, 0x2a, 0x4d, 0x18, ..] if low & 0xf0 == 0x50);
        if start.starts_with(&ZSTD_MAGIC) || skippable { Self::Zstd } else { Self::None }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Compression;

    #[test]
    fn magic_numbers_decide() {
        assert_eq!(Compression::sniff(&[0x1f, 0x8b, 8, 0]), Compression::Gzip);
        assert_eq!(Compression::sniff(&[0x1f, 0x8b, 7, 0]), Compression::None, "no such method");
        assert_eq!(Compression::sniff(&[0x28, 0xb5, 0x2f, 0xfd]), Compression::Zstd);
        assert_eq!(Compression::sniff(&[0x5e, 0x2a, 0x4d, 0x18]), Compression::Zstd);
        assert_eq!(Compression::sniff(&[0x6e, 0x2a, 0x4d, 0x18]), Compression::None);
        assert_eq!(Compression::sniff(b"etc/"), Compression::None);
        assert_eq!(Compression::sniff(&[0x1f, 0x8b]), Compression::None);
        assert_eq!(Compression::sniff(&[]), Compression::None);
    }
}
