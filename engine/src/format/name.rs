//! Names of images, and the small mutable object that binds one to an image record.

use std::fmt;
use std::str::FromStr;

use super::FormatError;
use super::sealed::Kind;
use super::wire::Put;
use crate::id::{Digest, IdError};

const KIND: Kind = Kind { name: "name record", magic: b"firnname", version: 1, limit: 4096 };
/// Longest name in bytes; escaped three-fold it must still be one file name of 255 bytes, which is checked on its own.
const MAX_NAME: usize = 255;

/// The name under which an image is archived, as users of registries write it: `python-3.11`, `team/app:1.2`,
/// `registry.example/app@sha256:…`.
///
/// 1 to 255 bytes of printable ASCII without spaces, not starting with `-`, and at most 255 bytes when escaped as a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName(String);

impl ImageName {
    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as one path component: everything but `A–Z a–z 0–9 _ -` and inner dots becomes `%XX`.
    pub fn escaped(&self) -> String {
        escape(&self.0)
    }

    /// Undoes [`ImageName::escaped`]; other texts are refused, so that one name has one file.
    pub fn from_escaped(text: &str) -> Result<Self, IdError> {
        let malformed =
            || IdError::Malformed { text: text.chars().take(80).collect(), expected: "an escaped image name" };
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            if *first == b'%' {
                let (digits, tail) = tail.split_first_chunk::<2>().ok_or_else(malformed)?;
                let digits = std::str::from_utf8(digits).map_err(|_| malformed())?;
                bytes.push(u8::from_str_radix(digits, 16).map_err(|_| malformed())?);
                rest = tail;
            } else {
                bytes.push(*first);
                rest = tail;
            }
        }
        let name: ImageName = String::from_utf8(bytes).map_err(|_| malformed())?.parse()?;
        if name.escaped() == text { Ok(name) } else { Err(malformed()) }
    }
}

fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for (position, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"_-".contains(&byte) || (byte == b'.' && position > 0);
        if plain {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

impl FromStr for ImageName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > MAX_NAME || !printable || text.starts_with('-') || escape(text).len() > 255 {
            return Err(IdError::Malformed {
                text: text.chars().take(80).collect(),
                expected: "an image name: printable ASCII without spaces, at most 255 bytes, not starting with '-'",
            });
        }
        Ok(ImageName(text.to_owned()))
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a name points to. Body: `manifest digest 32 | updated at, seconds 8 | name (32-bit length, bytes)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameRecord {
    /// The name itself, so that an object under a wrong key is seen.
    pub name: ImageName,
    /// The image's root digest.
    pub image: Digest,
    /// When the name was last set, in seconds since the epoch.
    pub updated_at: i64,
}

impl NameRecord {
    /// The object's bytes.
    pub fn encode(&self) -> Result<Vec<u8>, FormatError> {
        let mut body = Vec::new();
        body.extend_from_slice(self.image.as_bytes());
        body.put_i64(self.updated_at);
        body.put_blob(self.name.as_str().as_bytes());
        KIND.seal(&body)
    }

    /// Reads the object.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = KIND.open(bytes)?;
        let image = Digest::from_bytes(reader.array()?);
        let updated_at = reader.i64()?;
        let name = reader.text(MAX_NAME)?;
        let name = name.parse().map_err(|error: IdError| reader.invalid(error.to_string()))?;
        reader.finish()?;
        Ok(NameRecord { name, image, updated_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_has_one_safe_file_name(text in "[!-~]{1,80}") {
            if let Ok(name) = text.parse::<ImageName>() {
                let escaped = name.escaped();
                prop_assert!(!escaped.contains('/') && !escaped.starts_with('.'));
                prop_assert_eq!(ImageName::from_escaped(&escaped), Ok(name));
            }
        }

        #[test]
        fn arbitrary_file_names_never_panic(text in ".*") {
            let _ = ImageName::from_escaped(&text);
        }
    }

    #[test]
    fn odd_names_are_refused() {
        for text in ["", "-rf", "a b", "a\n", "é", &"x".repeat(256), &"/".repeat(90)] {
            assert!(text.parse::<ImageName>().is_err(), "{text:?}");
        }
        for text in ["..", "a%2fb", "%4", "%41"] {
            assert!(ImageName::from_escaped(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_record_comes_back() {
        let name = "team/app:1.2".parse().unwrap();
        let record = NameRecord { name, image: Digest::from_bytes([4; 32]), updated_at: -5 };
        let bytes = record.encode().unwrap();
        assert_eq!(super::super::golden("name", &bytes), bytes);
        assert_eq!(NameRecord::decode(&record.encode().unwrap()), Ok(record));
    }
}
