//! The 512-byte header block and its dialects.

use super::Block;
use super::error::Problem;
use super::number::{c_string, numeric, octal};

/// Which fields a header has beyond those of Unix V7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    V7,
    /// POSIX ustar, of which PAX is an extension: a 155-byte path prefix.
    Ustar,
    /// Schily's star: a 131-byte prefix.
    Star,
    /// GNU and old GNU: no prefix; times and a sparse map in its place.
    Gnu,
}

/// A header's fields, decoded but not interpreted.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) dialect: Dialect,
    pub(super) kind: u8,
    pub(super) path: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) size: i64,
    pub(super) mode: i64,
    pub(super) uid: i64,
    pub(super) gid: i64,
    pub(super) mtime: i64,
    pub(super) dev_major: i64,
    pub(super) dev_minor: i64,
}

impl Header {
    /// Decodes a block that is not all zeros.
    ///
    /// # Errors
    /// A wrong checksum, or a field that is no number. Fields that no member type here uses are checked as well, because a
    /// block whose numbers are not numbers is no header and Go refuses it.
    pub(super) fn parse(block: &Block) -> Result<Self, Problem> {
        check_sum(block)?;
        let number = |at, len, field| numeric(bytes(block, at, len)).ok_or(Problem::BadNumber { field });
        let dialect = dialect(block);
        let (dev_major, dev_minor) = match dialect {
            Dialect::V7 => (0, 0),
            _ => (number(329, 8, "device major")?, number(337, 8, "device minor")?),
        };
        let name = c_string(bytes(block, 0, 100));
        let path = match prefix(block, dialect)? {
            [] => name.to_vec(),
            prefix => [prefix, b"/", name].concat(),
        };
        Ok(Self {
            dialect,
            kind: bytes(block, 156, 1).first().copied().unwrap_or_default(),
            path,
            link: c_string(bytes(block, 157, 100)).to_vec(),
            size: number(124, 12, "size")?,
            mode: number(100, 8, "mode")?,
            uid: number(108, 8, "uid")?,
            gid: number(116, 8, "gid")?,
            mtime: number(136, 12, "mtime")?,
            dev_major,
            dev_minor,
        })
    }
}

/// A field of a header block.
pub(super) fn bytes(block: &Block, at: usize, len: usize) -> &[u8] {
    block.get(at..at + len).unwrap_or_default()
}

/// Compares the checksum field with the sum of all bytes, the field itself counted as spaces.
fn check_sum(block: &Block) -> Result<(), Problem> {
    let (at, len) = (148, 8);
    let field = bytes(block, at, len);
    // 512 bytes cannot overflow 32 bits, and narrow sums vectorise better.
    let sum = |of: &[u8]| of.iter().map(|&byte| i32::from(byte)).sum::<i32>();
    let unsigned = sum(block) - sum(field) + i32::from(b' ') * 8;
    // Sun's tar summed signed chars: each byte from 0x80 up counts 256 less.
    let high = |of: &[u8]| of.iter().map(|&byte| i32::from(byte >> 7)).sum::<i32>();
    let signed = unsigned - (high(block) - high(field)) * 256;
    match octal(field) {
        Some(stored) if stored == i64::from(unsigned) || stored == i64::from(signed) => Ok(()),
        _ => Err(Problem::BadChecksum),
    }
}

fn dialect(block: &Block) -> Dialect {
    match bytes(block, 257, 8) {
        // The version digits after "ustar\0" are missing in some writers' output and never looked at.
        [b'u', b's', b't', b'a', b'r', 0, ..] if bytes(block, 508, 4) == b"tar\0" => Dialect::Star,
        [b'u', b's', b't', b'a', b'r', 0, ..] => Dialect::Ustar,
        b"ustar  \0" => Dialect::Gnu,
        _ => Dialect::V7,
    }
}

/// What goes before the name, if anything.
fn prefix(block: &Block, dialect: Dialect) -> Result<&[u8], Problem> {
    match dialect {
        Dialect::V7 => Ok(&[]),
        Dialect::Ustar => Ok(c_string(bytes(block, 345, 155))),
        Dialect::Star => {
            for (at, field) in [(476, "atime"), (488, "ctime")] {
                numeric(bytes(block, at, 12)).ok_or(Problem::BadNumber { field })?;
            }
            Ok(c_string(bytes(block, 345, 131)))
        }
        Dialect::Gnu => {
            // Go before 1.8 wrote a prefix into GNU headers, over the access and change times. It is taken for one if
            // these do not read as times and it reads as ASCII.
            let is_time = |at| {
                let field = bytes(block, at, 12);
                field.first() == Some(&0) || numeric(field).is_some()
            };
            let prefix = c_string(bytes(block, 345, 155));
            let is_prefix = !(is_time(345) && is_time(357)) && prefix.is_ascii();
            Ok(if is_prefix { prefix } else { &[] })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::tests::build::Build;

    #[test]
    fn both_checksums_are_taken() {
        let mut block = Build::ustar("caf\u{e9}/\u{e9}", b'0').block();
        assert_eq!(Header::parse(&block).unwrap().path, "caf\u{e9}/\u{e9}".as_bytes());
        let unsigned: i64 = octal(&block[148..156]).unwrap();
        let high = block.iter().filter(|byte| **byte >= 0x80).count() as i64;
        assert_eq!(high, 4);
        block[148..156].copy_from_slice(format!("{:06o}\0 ", unsigned - 256 * high).as_bytes());
        assert!(Header::parse(&block).is_ok());
        block[148..156].copy_from_slice(format!("{:06o}\0 ", unsigned - 256).as_bytes());
        assert_eq!(Header::parse(&block).unwrap_err(), Problem::BadChecksum);
        block[148..156].copy_from_slice(b"junkjunk");
        assert_eq!(Header::parse(&block).unwrap_err(), Problem::BadChecksum);
    }

    #[test]
    fn prefixes_by_dialect() {
        let prefixed = |build: Build| build.bytes(345, b"pre").block();
        for (block, dialect, path) in [
            (prefixed(Build::ustar("name", b'0')), Dialect::Ustar, "pre/name"),
            (prefixed(Build::ustar("name", b'0').bytes(508, b"tar\0")), Dialect::Star, "pre/name"),
            (prefixed(Build::v7("name", 0)), Dialect::V7, "name"),
            (prefixed(Build::gnu("name", b'0')), Dialect::Gnu, "pre/name"), // "pre" is no time
            (Build::gnu("name", b'0').bytes(345, b"00000000001\0").block(), Dialect::Gnu, "name"),
            (Build::gnu("name", b'0').bytes(345, b"pr\xe9").block(), Dialect::Gnu, "name"),
        ] {
            let header = Header::parse(&block).unwrap();
            assert_eq!((header.dialect, &header.path[..]), (dialect, path.as_bytes()));
        }
    }

    #[test]
    fn numbers_must_be_numbers() {
        for (at, field) in [
            (100, "mode"),
            (108, "uid"),
            (116, "gid"),
            (124, "size"),
            (136, "mtime"),
            (329, "device major"),
            (337, "device minor"),
        ] {
            let block = Build::ustar("name", b'0').bytes(at, b"00x\0").block();
            assert_eq!(Header::parse(&block).unwrap_err(), Problem::BadNumber { field });
        }
        // V7 has no device fields; what is there does not count.
        assert!(Header::parse(&Build::v7("name", 0).bytes(329, b"zz").block()).is_ok());
    }
}
