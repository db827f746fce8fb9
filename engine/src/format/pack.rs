//! Header and trailer of a pack: the fixed bytes around its frames and footer.

use super::FormatError;
use super::wire::{Put, Reader};
use crate::id::ArchiveId;

/// Bytes before the first frame.
pub const PACK_HEADER_LEN: usize = 64;
/// Bytes after the footer.
pub const PACK_TRAILER_LEN: usize = 16;
/// No pack is longer: one object in one request everywhere, and below the 250 MB of expedited Glacier retrievals.
pub const MAX_PACK_LEN: u64 = 250_000_000;

const OBJECT: &str = "pack header";
const MAGIC: &[u8; 8] = b"firnpack";
const TRAILER_MAGIC: &[u8; 8] = b"firntail";
const VERSION: u16 = 1;
/// Offset of the header's own checksum.
const SUM_AT: usize = PACK_HEADER_LEN - 8;

/// What a pack holds, which decides where it may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackClass {
    /// File contents: may go cold.
    Content,
    /// Compressed blobs kept as they came because no encoder re-creates them: may go cold, and goes away when one does.
    Original,
    /// Trees, recipes and OCI documents: always hot.
    Meta,
    /// Copies of file contents that stay at hand while the packs they came from sleep: always hot, and gone without a loss.
    Pinned,
}

impl PackClass {
    /// Every class.
    pub const ALL: [PackClass; 4] = [PackClass::Content, PackClass::Original, PackClass::Meta, PackClass::Pinned];

    /// The number that stands for it on disk.
    pub const fn code(self) -> u8 {
        match self {
            PackClass::Content => 1,
            PackClass::Original => 2,
            PackClass::Meta => 3,
            PackClass::Pinned => 4,
        }
    }

    /// The class of an on-disk number.
    pub fn from_code(code: u8) -> Option<Self> {
        PackClass::ALL.into_iter().find(|class| class.code() == code)
    }
}

/// The first 64 bytes of a pack.
///
/// ```text
/// 0   8  "firnpack"
/// 8   2  version
/// 10  1  class
/// 11  5  zero
/// 16 16  archive id
/// 32 24  zero
/// 56  8  first 8 bytes of the BLAKE3 of bytes 0..56
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackHeader {
    /// What the pack holds.
    pub class: PackClass,
    /// The archive it was written for.
    pub archive: ArchiveId,
}

impl PackHeader {
    /// The header's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PACK_HEADER_LEN);
        bytes.extend_from_slice(MAGIC);
        bytes.put_u16(VERSION);
        bytes.put_u8(self.class.code());
        bytes.extend_from_slice(&[0; 5]);
        bytes.extend_from_slice(self.archive.as_bytes());
        bytes.extend_from_slice(&[0; 24]);
        let sum = short_sum(&bytes);
        bytes.extend_from_slice(&sum);
        bytes
    }

    /// Reads a header from the first [`PACK_HEADER_LEN`] bytes of a pack.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(OBJECT, bytes);
        reader.magic_and_version(MAGIC, VERSION)?;
        let class = reader.u8()?;
        reader.bytes(5)?;
        let archive = ArchiveId::from_bytes(reader.array()?);
        reader.bytes(24)?;
        if reader.array::<8>()? != short_sum(bytes.get(..SUM_AT).unwrap_or_default()) {
            return Err(FormatError::Checksum { object: OBJECT });
        }
        let class = PackClass::from_code(class)
            .ok_or_else(|| FormatError::Invalid { object: OBJECT, what: format!("unknown pack class {class}") })?;
        Ok(PackHeader { class, archive })
    }
}

/// The last 16 bytes of a pack: where its footer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackTrailer {
    /// Length of the footer that stands before the trailer, in bytes.
    pub footer_len: u64,
}

impl PackTrailer {
    /// The trailer's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PACK_TRAILER_LEN);
        bytes.put_u64(self.footer_len);
        bytes.extend_from_slice(TRAILER_MAGIC);
        bytes
    }

    /// Reads a trailer; the length is checked against the longest possible pack.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new("pack trailer", bytes);
        let footer_len = reader.u64()?;
        if &reader.array::<8>()? != TRAILER_MAGIC {
            return Err(FormatError::Magic { object: "pack trailer" });
        }
        reader.finish()?;
        if footer_len > MAX_PACK_LEN {
            return Err(FormatError::Limit {
                object: "pack trailer",
                what: "footer length",
                value: footer_len,
                limit: MAX_PACK_LEN,
            });
        }
        Ok(PackTrailer { footer_len })
    }
}

/// The first eight bytes of a BLAKE3: enough to tell damage from data, not an identifier.
pub(super) fn short_sum(bytes: &[u8]) -> [u8; 8] {
    let mut sum = [0; 8];
    for (to, from) in sum.iter_mut().zip(blake3::hash(bytes).as_bytes()) {
        *to = *from;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_trailer_come_back_and_show_damage() {
        for class in PackClass::ALL {
            let header = PackHeader { class, archive: ArchiveId::from_bytes([7; 16]) };
            let bytes = header.encode();
            assert_eq!(bytes.len(), PACK_HEADER_LEN);
            assert_eq!(PackHeader::decode(&bytes), Ok(header));
            for position in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[position] ^= 0x10;
                assert!(PackHeader::decode(&damaged).is_err(), "byte {position}");
            }
        }
        let trailer = PackTrailer { footer_len: 1234 };
        assert_eq!(trailer.encode().len(), PACK_TRAILER_LEN);
        assert_eq!(PackTrailer::decode(&trailer.encode()), Ok(trailer));
        assert!(PackTrailer::decode(&PackTrailer { footer_len: u64::MAX }.encode()).is_err());
    }
}
