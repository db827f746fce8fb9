//! The three ways tar writes integers.

/// Reads a header field: base-256 (two's complement, big endian, top bit set) when its first bit says so, else octal.
///
/// `None` if it is neither or does not fit an `i64`.
pub(super) fn numeric(field: &[u8]) -> Option<i64> {
    match field.first() {
        Some(first) if first & 0x80 != 0 => base256(field),
        _ => octal(field),
    }
}

/// Reads an octal field: digits between spaces and NULs, ended early by a NUL; an empty field is 0.
pub(super) fn octal(field: &[u8]) -> Option<i64> {
    let is_blank = |byte: &u8| *byte == b' ' || *byte == 0;
    let Some(start) = field.iter().position(|byte| !is_blank(byte)) else {
        return Some(0);
    };
    let end = field.iter().rposition(|byte| !is_blank(byte))?;
    let digits = c_string(field.get(start..=end)?);
    digits.iter().try_fold(0i64, |value, &digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

/// Reads a decimal number as PAX values and sparse maps hold it: an optional sign and digits, nothing else.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    // `i64::from_str` takes exactly that language.
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The bytes before the first NUL, or all of them.
pub(super) fn c_string(field: &[u8]) -> &[u8] {
    let len = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    field.get(..len).unwrap_or_default()
}

fn base256(field: &[u8]) -> Option<i64> {
    let (&first, rest) = field.split_first()?;
    // A negative number is read through its complement: -a-1 == !a.
    let invert = if first & 0x40 != 0 { 0xff } else { 0 };
    let mut value = u64::from((first ^ invert) & 0x7f);
    for &byte in rest {
        if value >> 56 != 0 {
            return None;
        }
        value = value << 8 | u64::from(byte ^ invert);
    }
    let value = i64::try_from(value).ok()?;
    Some(if invert == 0 { value } else { !value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_fields() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"  644 \0", Some(0o644)),
            (b"\0\x30644\0", Some(0o644)),
            (b"77777777777\0", Some(0o77_777_777_777)),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"", Some(0)),
            (b"\0\0\0\0", Some(0)),
            (b"    ", Some(0)),
            (b"12\x00\x334", Some(0o12)), // what follows a NUL does not count
            (b"12 34", None),
            (b"0x1f", None),
            (b"8", None),
            (b"-1", None),
            (b"+1", None),
            (b"1_0", None),
            (b"7777777777777777777777", None), // beyond 63 bits
        ] {
            assert_eq!(octal(field), value, "{}", field.escape_ascii());
        }
    }

    #[test]
    fn base_256_fields() {
        for (field, value) in [
            (&[0x80, 0, 0, 0, 0, 0, 0, 1][..], Some(1)),
            (&[0xff; 12], Some(-1)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x9c], Some(-100)),
            (&[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Some(i64::MAX)),
            (&[0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], Some(i64::MIN)),
            (&[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0], None),
            (&[0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], None),
            (&[0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], None),
            (&[0x80], Some(0)),
            (&[0xc0], Some(-64)), // the bits below the sign of a lone byte
        ] {
            assert_eq!(numeric(field), value, "{field:x?}");
        }
        assert_eq!(numeric(b"0000017\0"), Some(15));
    }

    #[test]
    fn decimals() {
        for (text, value) in [
            (&b"12"[..], Some(12)),
            (b"+12", Some(12)),
            (b"-12", Some(-12)),
            (b"007", Some(7)),
            (b"9223372036854775807", Some(i64::MAX)),
            (b"9223372036854775808", None),
            (b"18446744073709551615", None),
            (b"", None),
            (b"-", None),
            (b" 1", None),
            (b"1 ", None),
            (b"0x1", None),
            (b"1_000", None),
            (b"\xff", None),
        ] {
            assert_eq!(decimal(text), value, "{}", text.escape_ascii());
        }
    }
}
