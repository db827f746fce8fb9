//! Typed identifiers: what names a chunk, a pack, an archive and an OCI blob.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is not the right number of lower-case hexadecimal digits.
    #[error("'{text}' is not {expected}")]
    Malformed {
        /// The offending text, shortened to 80 characters.
        text: String,
        /// What was expected, e.g. "64 lower-case hexadecimal digits".
        expected: &'static str,
    },
}

impl IdError {
    fn malformed(text: &str, expected: &'static str) -> Self {
        IdError::Malformed { text: text.chars().take(80).collect(), expected }
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes = text.as_bytes();
    if bytes.len() != 2 * N {
        return None;
    }
    let mut out = [0u8; N];
    for (slot, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *slot = hex_digit(*high)? << 4 | hex_digit(*low)?;
    }
    Some(out)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Wraps bytes that are already known to be such an identifier.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                $name(bytes)
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_hex(text).map($name).ok_or_else(|| IdError::malformed(text, $expected))
            }
        }
    };
}

byte_id!(
    /// Names a chunk: the BLAKE3-256 of its raw bytes.
    ChunkId, 32, "64 lower-case hexadecimal digits"
);
byte_id!(
    /// Names a pack: the BLAKE3-256 of its footer, which holds the BLAKE3-256 of every frame.
    PackId, 32, "64 lower-case hexadecimal digits"
);
byte_id!(
    /// Names the bytes of a whole file, within one archive: a BLAKE3-256 of its size, its holes and the references to its chunks.
    ObjectId, 32, "64 lower-case hexadecimal digits"
);
byte_id!(
    /// Names everything that a mount of one filesystem shows: a BLAKE3-256 of the references to its tree and to its files' contents.
    FilesId, 32, "64 lower-case hexadecimal digits"
);
byte_id!(
    /// Names an archive: 16 random bytes drawn when it was created.
    ArchiveId, 16, "32 lower-case hexadecimal digits"
);
byte_id!(
    /// Names a thaw job: 8 random bytes drawn when it was filed.
    JobId, 8, "16 lower-case hexadecimal digits"
);

impl ChunkId {
    /// The identifier of these raw bytes.
    pub fn of(raw: &[u8]) -> Self {
        ChunkId(*blake3::hash(raw).as_bytes())
    }
}

/// An OCI digest; SHA-256 is the one algorithm that registries and this archive accept. Written `sha256:<64 hex>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Wraps the 32 bytes of a SHA-256.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }

    /// The 32 bytes of the SHA-256.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The SHA-256 of everything from where the file stands to its end, and how many bytes that is.
    pub fn of_file(mut file: File) -> io::Result<(Self, u64)> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        let mut total = 0u64;
        loop {
            let len = file.read(&mut buffer)?;
            if len == 0 {
                return Ok((Digest(hasher.finalize().into()), total));
            }
            hasher.update(buffer.get(..len).unwrap_or_default());
            total += len as u64;
        }
    }

    /// The 64 hexadecimal digits without the algorithm prefix, as in file names of an OCI layout.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        const EXPECTED: &str = "a digest of the form sha256:<64 lower-case hexadecimal digits>";
        text.strip_prefix("sha256:").and_then(parse_hex).map(Digest).ok_or_else(|| IdError::malformed(text, EXPECTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_what_they_parse() {
        let id = ChunkId::of(b"firn");
        assert_eq!(id.to_string().parse::<ChunkId>(), Ok(id));
        let digest = Digest::from_bytes([0xab; 32]);
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        assert_eq!(digest.to_string(), format!("sha256:{}", digest.hex()));
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in ["", "sha256:", "sha512:00", "sha256:AB", &"g".repeat(64), &"A".repeat(64), &"0".repeat(63)] {
            assert!(text.parse::<ChunkId>().is_err(), "{text}");
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
