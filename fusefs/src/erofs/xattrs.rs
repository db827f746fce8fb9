//! Extended attributes behind an inode.

use super::error::ErofsError;
use crate::engine::Ino;

/// Bytes before the first attribute: a filter of names, which is not used, and how many are shared, which is none.
const HEADER_LEN: usize = 12;
/// Attributes are counted in units of so many bytes.
const UNIT: usize = 4;

/// Namespaces that the format has numbers for.
const PREFIXES: [(&[u8], u8); 5] = [
    (b"system.posix_acl_access", 2),
    (b"system.posix_acl_default", 3),
    (b"user.", 1),
    (b"trusted.", 4),
    (b"security.", 6),
];

/// The attributes of one inode; empty if it has none.
#[derive(Debug, Default)]
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
}

impl Encoded {
    /// Adds one.
    ///
    /// # Errors
    /// [`ErofsError::Unsupported`] for what the format has no room or no number for.
    pub(super) fn add(&mut self, ino: Ino, name: &[u8], value: &[u8]) -> Result<(), ErofsError> {
        let refuse = |what: &'static str| ErofsError::Unsupported {
            ino: ino.0,
            what: format!("extended attribute {}: {what}", name.escape_ascii()),
        };
        let known = PREFIXES.iter().find_map(|(prefix, index)| match name.strip_prefix(*prefix) {
            // An access list has no name beside its prefix, everything else has.
            Some(rest) if rest.is_empty() != prefix.ends_with(b".") => Some((rest, *index)),
            _ => None,
        });
        let (rest, index) = known.ok_or_else(|| refuse("EROFS does not know its namespace"))?;
        let name_len = u8::try_from(rest.len()).map_err(|_| refuse("its name is too long"))?;
        let value_len = u16::try_from(value.len()).map_err(|_| refuse("its value is larger than 65,535 bytes"))?;
        if self.bytes.is_empty() {
            self.bytes.resize(HEADER_LEN, 0);
        }
        self.bytes.extend_from_slice(&[name_len, index]);
        self.bytes.extend_from_slice(&value_len.to_le_bytes());
        self.bytes.extend_from_slice(rest);
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(UNIT), 0);
        self.units().map(drop).ok_or_else(|| refuse("the inode's attributes are more than 262,140 bytes"))
    }

    /// What the inode says of their length: 0 for none, else 1 and a unit for each four bytes behind the header.
    pub(super) fn count(&self) -> u16 {
        self.units().unwrap_or(u16::MAX)
    }

    fn units(&self) -> Option<u16> {
        match self.bytes.len().checked_sub(HEADER_LEN) {
            None => Some(0),
            Some(len) => u16::try_from(1 + len / UNIT).ok(),
        }
    }
}
