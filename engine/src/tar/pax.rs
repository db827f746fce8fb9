//! PAX extended headers: `length key=value\n` records.

use super::error::Problem;
use super::number::decimal;
use super::xattr::{self, XattrRecord};

/// Shortest record: `5 a=\n`.
const MIN_RECORD: usize = 5;

/// The records that mean something here, as text; a key that is absent and one with an empty value are the same, as the
/// standard has it: an empty value takes back what was said before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) path: Vec<u8>,
    pub(super) linkpath: Vec<u8>,
    pub(super) size: Vec<u8>,
    pub(super) uid: Vec<u8>,
    pub(super) gid: Vec<u8>,
    pub(super) mtime: Vec<u8>,
    pub(super) atime: Vec<u8>,
    pub(super) ctime: Vec<u8>,
    pub(super) sparse: SparseRecords,
    pub(super) xattrs: Vec<XattrRecord>,
}

/// The `GNU.sparse.*` records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SparseRecords {
    pub(super) major: Vec<u8>,
    pub(super) minor: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) size: Vec<u8>,
    pub(super) real_size: Vec<u8>,
    pub(super) blocks: Vec<u8>,
    /// `offset,length,offset,length…`
    pub(super) map: Vec<u8>,
}

impl Records {
    /// Parses one extended header; of several records of one key the last counts.
    ///
    /// `hdrcharset` and `charset` are not looked at: names are bytes, whatever they are called.
    ///
    /// # Errors
    /// A record that is not of the form, a key with a NUL, a name with a NUL, or `GNU.sparse.offset` and `.numbytes` out of
    /// turn.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Problem> {
        let mut records = Self::default();
        // Format 0.0 gives the map as repeated pairs of records, which no other key may do.
        let mut pairs: Option<(Vec<u8>, bool)> = None;
        let mut rest = text;
        while !rest.is_empty() {
            let bad = Problem::BadPaxRecord { at: text.len() - rest.len() };
            let Some((key, value, after)) = split_record(rest) else {
                return Err(bad);
            };
            rest = after;
            match key {
                b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                    let is_len = key == b"GNU.sparse.numbytes";
                    match &mut pairs {
                        None if !is_len && !value.contains(&b',') => pairs = Some((value.to_vec(), true)),
                        Some((map, wants_len)) if *wants_len == is_len && !value.contains(&b',') => {
                            map.push(b',');
                            map.extend_from_slice(value);
                            *wants_len = !is_len;
                        }
                        _ => return Err(bad),
                    }
                }
                _ => records.keep(key, value).ok_or(bad)?,
            }
        }
        if let Some((map, _)) = pairs {
            records.sparse.map = map;
        }
        Ok(records)
    }

    /// `None` if the record is not a valid one.
    fn keep(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let slot = match key {
            b"path" | b"linkpath" | b"uname" | b"gname" if value.contains(&0) => return None,
            b"path" => &mut self.path,
            b"linkpath" => &mut self.linkpath,
            b"size" => &mut self.size,
            b"uid" => &mut self.uid,
            b"gid" => &mut self.gid,
            b"mtime" => &mut self.mtime,
            b"atime" => &mut self.atime,
            b"ctime" => &mut self.ctime,
            b"GNU.sparse.major" => &mut self.sparse.major,
            b"GNU.sparse.minor" => &mut self.sparse.minor,
            b"GNU.sparse.name" => &mut self.sparse.name,
            b"GNU.sparse.size" => &mut self.sparse.size,
            b"GNU.sparse.realsize" => &mut self.sparse.real_size,
            b"GNU.sparse.numblocks" => &mut self.sparse.blocks,
            b"GNU.sparse.map" => &mut self.sparse.map,
            _ if key.contains(&0) => return None,
            _ => {
                self.xattrs.extend(xattr::record(key, value));
                return Some(());
            }
        };
        *slot = value.to_vec();
        Some(())
    }
}

/// The first record's key and value, and what follows it.
fn split_record(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = text.iter().position(|&byte| byte == b' ')?;
    // The length counts its own digits, the space and the newline.
    let len = usize::try_from(decimal(text.get(..space)?)?).ok()?;
    if len < MIN_RECORD {
        return None;
    }
    let (record, rest) = text.split_at_checked(len)?;
    let (b'\n', body) = record.get(space + 1..)?.split_last()? else {
        return None;
    };
    let equals = body.iter().position(|&byte| byte == b'=')?;
    let (key, value) = (body.get(..equals)?, body.get(equals + 1..)?);
    (!key.is_empty()).then_some((key, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::tests::build::pax;

    #[test]
    fn the_last_of_equal_keys_counts_and_an_empty_one_takes_it_back() {
        let text =
            pax(&[(b"path", b"one"), (b"size", b"1"), (b"path", b"two=2\n"), (b"size", b""), (b"comment", b"x")]);
        let records = Records::parse(&text).unwrap();
        assert_eq!(records, Records { path: b"two=2\n".to_vec(), ..Records::default() });
        assert_eq!(Records::parse(b""), Ok(Records::default()));
    }

    #[test]
    fn lengths_may_be_written_oddly() {
        assert_eq!(Records::parse(b"+8 uid=1\n").unwrap_err(), Problem::BadPaxRecord { at: 0 });
        assert_eq!(Records::parse(b"+9 uid=1\n").unwrap().uid, b"1");
        assert_eq!(Records::parse(b"010 uid=1\n").unwrap().uid, b"1");
    }

    #[test]
    fn malformed_records_are_refused_with_their_place() {
        let good = b"8 uid=1\n";
        for bad in [
            &b"8 uid=1"[..],
            b"9 uid=1\n",
            b"7 uid=1\n",
            b"7 uid1\n",
            b"5 =1\n",
            b"5 uid=1\n",
            b"4 a=\n",
            b"-8 uid=1\n",
            b"0 uid=1\n",
            b"8\tuid=1\n",
            b"x uid=1\n",
            b"18446744073709551615 uid=1\n",
            b"9223372036854775807 uid=1\n",
            b"99999999999999999999999 uid=1\n",
            b"000000000000000000008 ",
            b"\n",
            b"\0\0\0\0",
            b"9 pa\0=1\n",
            b"12 path=a\0b\n",
            b"16 linkpath=a\0b\n",
        ] {
            assert!(Records::parse(bad).is_err(), "{}", bad.escape_ascii());
            let after = [&good[..], bad].concat();
            assert_eq!(Records::parse(&after), Err(Problem::BadPaxRecord { at: 8 }), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn sparse_pairs_become_a_map() {
        let text = pax(&[
            (b"GNU.sparse.map", b"9,9"),
            (b"GNU.sparse.offset", b"0"),
            (b"GNU.sparse.numbytes", b"5"),
            (b"GNU.sparse.offset", b"100"),
            (b"GNU.sparse.numbytes", b"7"),
        ]);
        assert_eq!(Records::parse(&text).unwrap().sparse.map, b"0,5,100,7");
        for bad in [
            &[(&b"GNU.sparse.numbytes"[..], &b"5"[..])][..],
            &[(b"GNU.sparse.offset", b"0"), (b"GNU.sparse.offset", b"1")],
            &[(b"GNU.sparse.offset", b"0,1")],
            &[(b"GNU.sparse.offset", b"0"), (b"GNU.sparse.numbytes", b"1"), (b"GNU.sparse.numbytes", b"1")],
        ] {
            assert!(Records::parse(&pax(bad)).is_err());
        }
    }
}
