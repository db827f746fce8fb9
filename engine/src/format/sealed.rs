//! The envelope of small objects (config, image records, names): magic, version, body, checksum.
//!
//! ```text
//! 0   8  magic, per kind of object
//! 8   2  version
//! 10  2  zero
//! 12  4  body length n
//! 16  n  body
//! 16+n 32 BLAKE3-256 of everything before it
//! ```

use super::FormatError;
use super::wire::{Put, Reader};

const HEADER: usize = 16;
const CHECKSUM: usize = 32;

/// What distinguishes one kind of sealed object.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) magic: &'static [u8; 8],
    pub(crate) version: u16,
    /// Largest body in bytes.
    pub(crate) limit: usize,
}

impl Kind {
    /// Wraps a body.
    pub(crate) fn seal(&self, body: &[u8]) -> Result<Vec<u8>, FormatError> {
        if body.len() > self.limit {
            return Err(FormatError::Limit {
                object: self.name,
                what: "body",
                value: body.len() as u64,
                limit: self.limit as u64,
            });
        }
        let mut bytes = Vec::with_capacity(HEADER + body.len() + CHECKSUM);
        bytes.extend_from_slice(self.magic);
        bytes.put_u16(self.version);
        bytes.put_u16(0);
        bytes.put_blob(body);
        let checksum = blake3::hash(&bytes);
        bytes.extend_from_slice(checksum.as_bytes());
        Ok(bytes)
    }

    /// Checks the envelope and gives a reader over the body.
    pub(crate) fn open<'a>(&self, bytes: &'a [u8]) -> Result<Reader<'a>, FormatError> {
        let mut reader = Reader::new(self.name, bytes);
        reader.magic_and_version(self.magic, self.version)?;
        if reader.u16()? != 0 {
            return Err(reader.invalid("reserved bytes that are not zero"));
        }
        let body = reader.blob(self.limit)?;
        let checksum = reader.array::<CHECKSUM>()?;
        reader.finish()?;
        let covered = bytes.len() - CHECKSUM;
        let computed = blake3::hash(bytes.get(..covered).unwrap_or_default());
        if computed.as_bytes() != &checksum {
            return Err(FormatError::Checksum { object: self.name });
        }
        Ok(Reader::new(self.name, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { name: "test object", magic: b"firntest", version: 1, limit: 64 };

    #[test]
    fn every_flipped_bit_is_seen() {
        let sealed = KIND.seal(b"body").unwrap();
        assert_eq!(KIND.open(&sealed).unwrap().bytes(4).unwrap(), b"body");
        for position in 0..sealed.len() {
            for bit in 0..8 {
                let mut damaged = sealed.clone();
                damaged[position] ^= 1 << bit;
                assert!(KIND.open(&damaged).is_err(), "byte {position} bit {bit}");
            }
            assert!(KIND.open(&sealed[..position]).is_err(), "cut at {position}");
        }
    }

    #[test]
    fn a_newer_version_is_named_as_such() {
        let newer = Kind { version: 2, ..KIND }.seal(b"x").unwrap();
        assert!(matches!(KIND.open(&newer), Err(FormatError::Version { found: 2, known: 1, .. })));
    }
}
