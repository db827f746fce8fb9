//! PAX extended headers: what a tar header has no room for.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::ustar::{Header, kind, pad};
use crate::tar::Timestamp;

/// Records of one member.
#[derive(Default)]
pub(super) struct Records(Vec<u8>);

impl Records {
    /// Adds `key=value`; `key` must have no `=` in it.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        // The length counts its own digits.
        let rest = key.len() + value.len() + 3;
        let mut len = rest + 1;
        while len != rest + digits(len) {
            len = rest + digits(len);
        }
        self.0.extend_from_slice(len.to_string().as_bytes());
        self.0.push(b' ');
        self.0.extend_from_slice(key);
        self.0.push(b'=');
        self.0.extend_from_slice(value);
        self.0.push(b'\n');
    }

    /// Adds a number.
    pub(super) fn add_number(&mut self, key: &[u8], value: u64) {
        self.add(key, value.to_string().as_bytes());
    }

    /// Adds an extended attribute. A name that has a `=` in it goes in libarchive's encoding: the usual one can't hold it.
    pub(super) fn add_xattr(&mut self, name: &[u8], value: &[u8]) {
        if name.contains(&b'=') {
            let escaped = name.iter().flat_map(|byte| match byte {
                b'=' | b'%' => format!("%{byte:02X}").into_bytes(),
                byte => vec![*byte],
            });
            let key: Vec<u8> = b"LIBARCHIVE.xattr.".iter().copied().chain(escaped).collect();
            self.add(&key, STANDARD_NO_PAD.encode(value).as_bytes());
        } else {
            self.add(&[b"SCHILY.xattr.", name].concat(), value);
        }
    }

    /// Writes the records as a member before the one they belong to; nothing if there are none.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let len = self.0.len() as u64;
        out.write_all(&Header { kind: kind::PAX, ..Header::file(b"./PaxHeaders/x", len) }.encode())?;
        out.write_all(&self.0)?;
        pad(out, len)
    }
}

fn digits(number: usize) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// A time as decimal seconds; a time before the epoch has its sign before the fraction as well.
pub(super) fn time(time: Timestamp) -> String {
    let (mut secs, mut nanos) = (i128::from(time.secs), time.nanos);
    let sign = if secs < 0 { "-" } else { "" };
    if secs < 0 && nanos > 0 {
        (secs, nanos) = (secs + 1, 1_000_000_000 - nanos);
    }
    let whole = secs.unsigned_abs();
    if nanos == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{}", format!("{nanos:09}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        for len in 0..1100 {
            let mut records = Records::default();
            records.add(b"k", &vec![b'v'; len]);
            let text = String::from_utf8(records.0).unwrap();
            let told: usize = text.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(told, text.len(), "{len}");
        }
    }

    #[test]
    fn times_are_decimal_on_both_sides_of_the_epoch() {
        let shown = |secs, nanos| time(Timestamp { secs, nanos });
        assert_eq!(shown(1, 500_000_000), "1.5");
        assert_eq!(shown(1_700_000_000, 1), "1700000000.000000001");
        assert_eq!(shown(0, 0), "0");
        assert_eq!(shown(-1, 500_000_000), "-0.5");
        assert_eq!(shown(-2, 750_000_000), "-1.25");
        assert_eq!(shown(-3, 0), "-3");
        assert_eq!(shown(i64::MIN, 0), "-9223372036854775808");
    }
}
