//! PAX times: decimal seconds with a fraction.

use super::entry::Timestamp;
use super::number::decimal;

/// Digits of a nanosecond; further ones are cut off, as a filesystem would.
const NANO_DIGITS: usize = 9;
const NANOS_PER_SEC: u32 = 1_000_000_000;

/// Reads `[+-]seconds[.fraction]`; the sign holds for the fraction as well, so `-1.25` is 2 seconds before the epoch plus 0.75.
///
/// `None` if it is malformed or its seconds do not fit an `i64`.
pub(super) fn pax_time(text: &[u8]) -> Option<Timestamp> {
    let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(dot) => (text.get(..dot)?, text.get(dot + 1..)?),
        None => (text, &[][..]),
    };
    let secs = decimal(whole)?;
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let padded = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(NANO_DIGITS);
    let nanos = padded.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    // The sign is in the text even where the number has lost it: "-0.5".
    if whole.starts_with(b"-") && nanos > 0 {
        return Some(Timestamp { secs: secs.checked_sub(1)?, nanos: NANOS_PER_SEC - nanos });
    }
    Some(Timestamp { secs, nanos })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, expected) in [
            ("0", Some((0, 0))),
            ("1700000000.123456789", Some((1_700_000_000, 123_456_789))),
            ("1.5", Some((1, 500_000_000))),
            ("1.", Some((1, 0))),
            ("+1.5", Some((1, 500_000_000))),
            ("1.0000000019", Some((1, 1))),
            ("-1.5", Some((-2, 500_000_000))),
            ("-0.5", Some((-1, 500_000_000))),
            ("-0.000000001", Some((-1, 999_999_999))),
            ("-0.0000000001", Some((0, 0))),
            ("-1.0", Some((-1, 0))),
            ("-1", Some((-1, 0))),
            ("9223372036854775807.9", Some((i64::MAX, 900_000_000))),
            ("-9223372036854775808", Some((i64::MIN, 0))),
            ("-9223372036854775808.1", None),
            ("9223372036854775808", None),
            (".5", None),
            ("", None),
            (".", None),
            ("1.5.2", None),
            ("1.-5", None),
            ("1e9", None),
        ] {
            let expected = expected.map(|(secs, nanos)| Timestamp { secs, nanos });
            assert_eq!(pax_time(text.as_bytes()), expected, "{text}");
        }
    }
}
