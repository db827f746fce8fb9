//! Extended attributes in PAX records.
//!
//! `SCHILY.xattr.NAME` holds the value as it is; `LIBARCHIVE.xattr.NAME` (bsdtar writes both) holds it in base64 under a
//! percent-encoded name. Where both give an attribute the first counts: it is the one that container runtimes read.

use std::collections::HashMap;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::error::Problem;
use super::limits::Limits;

/// libarchive writes no padding; other writers do.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Name and value pairs.
pub(super) type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// Which of the two encodings a record uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Schily,
    Libarchive,
}

/// One attribute as it was read, its name decoded, its value not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct XattrRecord {
    source: Source,
    name: Vec<u8>,
    value: Vec<u8>,
}

/// The attribute that a PAX record holds, if it holds one.
pub(super) fn record(key: &[u8], value: &[u8]) -> Option<XattrRecord> {
    let (source, name) = if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
        (Source::Schily, name.to_vec())
    } else {
        (Source::Libarchive, percent_decode(key.strip_prefix(b"LIBARCHIVE.xattr.")?))
    };
    Some(XattrRecord { source, name, value: value.to_vec() })
}

/// Resolves duplicates (the last counts, an empty value removes the attribute, as for every PAX key) in the order of first
/// mention, and counts what could not be decoded: such a record is dropped, since Go does not even look at it.
///
/// # Errors
/// A name or value that Linux cannot store.
pub(super) fn resolve(records: &[XattrRecord], limits: &Limits) -> Result<(Xattrs, u64), Problem> {
    let mut found: Vec<(&[u8], [&[u8]; 2])> = Vec::new();
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    for XattrRecord { source, name, value } in records {
        let place = *places.entry(name).or_insert_with(|| {
            found.push((name, [&[], &[]]));
            found.len() - 1
        });
        if let Some((_, [schily, libarchive])) = found.get_mut(place) {
            match source {
                Source::Schily => *schily = value,
                Source::Libarchive => *libarchive = value,
            }
        }
    }
    let (mut xattrs, mut undecodable, mut list) = (Xattrs::new(), 0, 0);
    for (name, [schily, libarchive]) in found {
        let value = match schily {
            [] => match decode(name, libarchive) {
                Some(value) => value,
                None => {
                    undecodable += 1;
                    continue;
                }
            },
            value => value.to_vec(),
        };
        if value.is_empty() {
            continue;
        }
        list += name.len() + 1;
        check(name, &value, list, limits).map_err(|why| Problem::BadXattr { name: name.to_vec(), why })?;
        xattrs.push((name.to_vec(), value));
    }
    Ok((xattrs, undecodable))
}

/// `None` if it is no base64 or could be no attribute.
fn decode(name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let value = BASE64.decode(value).ok()?;
    let is_name = !name.is_empty() && !name.contains(&0);
    (is_name || value.is_empty()).then_some(value)
}

fn check(name: &[u8], value: &[u8], list: usize, limits: &Limits) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("its name is empty")
    } else if name.len() > limits.xattr_name {
        Err("its name is too long")
    } else if value.len() > limits.xattr_value {
        Err("its value is too large")
    } else if list > limits.xattr_list {
        Err("the member has too many of them")
    } else {
        Ok(())
    }
}

/// Replaces `%XX`; a percent sign that starts no such thing stands for itself.
fn percent_decode(text: &[u8]) -> Vec<u8> {
    let hex = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let byte = match after {
            [high, low, ..] if first == b'%' => hex(high).zip(hex(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        decoded.push(byte.unwrap_or(first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(pairs: &[(&str, &[u8])]) -> Result<(Xattrs, u64), Problem> {
        let records: Vec<_> = pairs.iter().filter_map(|(key, value)| record(key.as_bytes(), value)).collect();
        resolve(&records, &Limits::default())
    }

    #[test]
    fn both_encodings() {
        let (xattrs, undecodable) = resolved(&[
            ("SCHILY.xattr.user.a", b"va\0l"),
            ("LIBARCHIVE.xattr.user.b%3D%c3%A9%", b"AQIDBA"),
            ("LIBARCHIVE.xattr.user.a", b"AQ=="),
            ("LIBARCHIVE.xattr.user.c", b"AQ=="),
            ("LIBARCHIVE.xattr.user.d", b"no base64!"),
            ("SCHILY.acl.access", b"user::rw-"),
        ])
        .unwrap();
        let expected: [(&[u8], &[u8]); 3] =
            [(b"user.a", b"va\0l"), (b"user.b=\xc3\xa9%", &[1, 2, 3, 4]), (b"user.c", &[1])];
        assert_eq!(xattrs, expected.map(|(name, value)| (name.to_vec(), value.to_vec())));
        assert_eq!(undecodable, 1);
    }

    #[test]
    fn duplicates() {
        let (xattrs, _) = resolved(&[
            ("SCHILY.xattr.user.a", b"1"),
            ("SCHILY.xattr.user.b", b"1"),
            ("SCHILY.xattr.user.a", b"2"),
            ("SCHILY.xattr.user.b", b""),
            ("SCHILY.xattr.user.c", b""),
            ("SCHILY.xattr.user.c", b"3"),
        ])
        .unwrap();
        let expected: [(&[u8], &[u8]); 2] = [(b"user.a", b"2"), (b"user.c", b"3")];
        assert_eq!(xattrs, expected.map(|(name, value)| (name.to_vec(), value.to_vec())));
    }

    #[test]
    fn what_linux_cannot_store_is_refused() {
        let why = |pairs: &[(&str, &[u8])]| match resolved(pairs) {
            Err(Problem::BadXattr { why, .. }) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(&[("SCHILY.xattr.", b"1")]), "its name is empty");
        assert_eq!(why(&[(&format!("SCHILY.xattr.{}", "n".repeat(256)), b"1")]), "its name is too long");
        assert_eq!(why(&[("SCHILY.xattr.user.a", &[1; 65_537])]), "its value is too large");
        let names: Vec<_> = (0..300).map(|i| format!("SCHILY.xattr.user.{i:0>249}")).collect();
        let pairs: Vec<(&str, &[u8])> = names.iter().map(|name| (&name[..], &b"1"[..])).collect();
        assert_eq!(resolved(&pairs[..257]).unwrap().0.len(), 257);
        assert_eq!(why(&pairs[..258]), "the member has too many of them");
        assert_eq!(resolved(&[("LIBARCHIVE.xattr.%00", b"AQ")]).unwrap(), (vec![], 1));
    }
}
