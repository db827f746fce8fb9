use std::slice;

use flate2::Crc;

/// Longest member header accepted, in bytes: names and comments have no length of their own.
const MAX_HEADER: u32 = 1 << 20;

const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// What a member's header says about its encoder (RFC 1952 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct GzipHeader {
    /// XFL: 2 from an encoder at its slowest, 4 at its fastest.
    pub(crate) xfl: u8,
    /// Operating system: 3 Unix, 255 unknown.
    pub(crate) os: u8,
}

/// Reads one member header byte by byte, in whatever pieces it comes.
pub(super) struct HeaderParser {
    header: GzipHeader,
    flags: u8,
    field: Field,
    taken: u32,
    crc: Crc,
}

#[derive(Clone, Copy)]
enum Field {
    Fixed(u8),
    ExtraLen(Option<u8>),
    Extra(u16),
    Name,
    Comment,
    HeaderCrc(Option<u8>),
    Done,
}

impl HeaderParser {
    pub(super) fn new() -> Self {
        Self { header: GzipHeader::default(), flags: 0, field: Field::Fixed(0), taken: 0, crc: Crc::new() }
    }

    /// Takes bytes up to the end of the header; returns how many, and the header once it is complete.
    pub(super) fn push(&mut self, input: &[u8]) -> Result<(usize, Option<GzipHeader>), &'static str> {
        for (i, byte) in input.iter().enumerate() {
            if !matches!(self.field, Field::HeaderCrc(_)) {
                self.crc.update(slice::from_ref(byte));
            }
            self.field = self.next(*byte)?;
            self.taken += 1;
            if self.taken > MAX_HEADER {
                return Err("a member's header is longer than 1 MiB");
            }
            if matches!(self.field, Field::Done) {
                return Ok((i + 1, Some(self.header)));
            }
        }
        Ok((input.len(), None))
    }

    fn next(&mut self, byte: u8) -> Result<Field, &'static str> {
        Ok(match self.field {
            Field::Fixed(at) => return self.fixed(at, byte),
            Field::ExtraLen(None) => Field::ExtraLen(Some(byte)),
            Field::ExtraLen(Some(low)) => match u16::from_le_bytes([low, byte]) {
                0 => self.after(FEXTRA),
                len => Field::Extra(len),
            },
            Field::Extra(1) => self.after(FEXTRA),
            Field::Extra(left) => Field::Extra(left - 1),
            Field::Name if byte == 0 => self.after(FNAME),
            Field::Comment if byte == 0 => self.after(FCOMMENT),
            Field::HeaderCrc(None) => Field::HeaderCrc(Some(byte)),
            Field::HeaderCrc(Some(low)) => {
                let found = self.crc.sum() & 0xffff;
                if u32::from(u16::from_le_bytes([low, byte])) != found {
                    return Err("a member's header does not have the CRC it records");
                }
                Field::Done
            }
            unchanged @ (Field::Name | Field::Comment | Field::Done) => unchanged,
        })
    }

    fn fixed(&mut self, at: u8, byte: u8) -> Result<Field, &'static str> {
        match at {
            0 if byte != 0x1f => return Err("no gzip magic number"),
            1 if byte != 0x8b => return Err("no gzip magic number"),
            2 if byte != 8 => return Err("a member's method is not deflate"),
            3 if byte & RESERVED != 0 => return Err("a member has reserved flags set"),
            3 => self.flags = byte,
            8 => self.header.xfl = byte,
            9 => {
                self.header.os = byte;
                return Ok(self.after(0));
            }
            _ => {}
        }
        Ok(Field::Fixed(at + 1))
    }

    /// The field that follows the one of flag `past` (0: the fixed part), in the order of the RFC.
    fn after(&self, past: u8) -> Field {
        let order = [
            (FEXTRA, Field::ExtraLen(None)),
            (FNAME, Field::Name),
            (FCOMMENT, Field::Comment),
            (FHCRC, Field::HeaderCrc(None)),
        ];
        let from = order.iter().position(|(flag, _)| *flag == past).map_or(0, |i| i + 1);
        let next = order.iter().skip(from).find(|(flag, _)| self.flags & flag != 0);
        next.map_or(Field::Done, |(_, field)| *field)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8], step: usize) -> Result<(usize, Option<GzipHeader>), &'static str> {
        let mut parser = HeaderParser::new();
        let mut taken = 0;
        for piece in bytes.chunks(step) {
            let (n, header) = parser.push(piece)?;
            taken += n;
            if header.is_some() {
                return Ok((taken, header));
            }
        }
        Ok((taken, None))
    }

    fn full() -> Vec<u8> {
        let mut bytes = vec![0x1f, 0x8b, 8, FEXTRA | FNAME | FCOMMENT | FHCRC, 1, 2, 3, 4, 2, 3];
        bytes.extend_from_slice(&[3, 0, b'a', 0, b'c']);
        bytes.extend_from_slice(b"name\0comment\0");
        let mut crc = Crc::new();
        crc.update(&bytes);
        bytes.extend_from_slice(&crc.sum().to_le_bytes()[..2]);
        bytes
    }

    #[test]
    fn every_field_in_any_slicing() {
        let bytes = full();
        let mut followed = bytes.clone();
        followed.extend_from_slice(b"deflate data");
        for step in [1, 2, 3, 7, 100] {
            assert_eq!(parse(&followed, step), Ok((bytes.len(), Some(GzipHeader { xfl: 2, os: 3 }))));
        }
    }

    #[test]
    fn each_combination_of_flags_ends_where_its_fields_end() {
        for flags in 0..32u8 {
            let mut bytes = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 4, 255];
            if flags & FEXTRA != 0 {
                bytes.extend_from_slice(&[0, 0]);
            }
            if flags & FNAME != 0 {
                bytes.extend_from_slice(b"n\0");
            }
            if flags & FCOMMENT != 0 {
                bytes.push(0);
            }
            if flags & FHCRC != 0 {
                let mut crc = Crc::new();
                crc.update(&bytes);
                bytes.extend_from_slice(&crc.sum().to_le_bytes()[..2]);
            }
            assert_eq!(parse(&bytes, 4), Ok((bytes.len(), Some(GzipHeader { xfl: 4, os: 255 }))), "flags {flags}");
            assert_eq!(parse(&bytes[..bytes.len() - 1], 4), Ok((bytes.len() - 1, None)));
        }
    }

    #[test]
    fn damage_is_named() {
        let mut bytes = full();
        *bytes.last_mut().unwrap() ^= 1;
        assert!(parse(&bytes, 5).unwrap_err().contains("CRC"));
        assert!(parse(&[0x1f, 0x8b, 8, 0x20], 1).unwrap_err().contains("reserved"));
        assert!(parse(&[0x1f, 0x8b, 9], 1).unwrap_err().contains("method"));
        let mut endless = vec![0x1f, 0x8b, 8, FNAME, 0, 0, 0, 0, 0, 0];
        endless.resize(MAX_HEADER as usize + 1, b'x');
        assert!(parse(&endless, 65536).unwrap_err().contains("1 MiB"));
    }
}
