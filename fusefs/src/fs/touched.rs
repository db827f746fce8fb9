//! `user.firn.touched`: which bytes of a file were asked for since it is mounted.

use std::ops::Range;

/// The attribute's name.
pub const TOUCHED: &[u8] = b"user.firn.touched";
/// Most bytes of an attribute's value (`XATTR_SIZE_MAX`).
const MAX_VALUE: usize = 64 << 10;

/// Ranges as `OFFSET+LENGTH`, separated by commas; `None` for none. Where there are too many for an attribute, neighbours are taken
/// together.
pub(super) fn touched_text(ranges: &[Range<u64>]) -> Option<String> {
    let mut ranges = ranges.to_vec();
    loop {
        let parts: Vec<String> =
            ranges.iter().map(|range| format!("{}+{}", range.start, range.end - range.start)).collect();
        let text = parts.join(",");
        if text.len() <= MAX_VALUE {
            return (!text.is_empty()).then_some(text);
        }
        let pair = |pair: &[Range<u64>]| Some(pair.first()?.start..pair.last()?.end);
        ranges = ranges.chunks(2).filter_map(pair).collect();
    }
}

/// The ranges that a value of the attribute tells; `None` if it makes no sense.
pub fn parse_touched(value: &[u8]) -> Option<Vec<Range<u64>>> {
    let text = str::from_utf8(value).ok()?;
    let range = |part: &str| {
        let (offset, len) = part.split_once('+')?;
        let offset: u64 = offset.parse().ok()?;
        Some(offset..offset.checked_add(len.parse().ok()?)?)
    };
    text.split(',').map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_come_back_and_nothing_is_no_attribute() {
        assert_eq!(touched_text(&[]), None);
        let ranges = vec![0..10, 4096..1 << 40];
        assert_eq!(touched_text(&ranges).as_deref(), Some("0+10,4096+1099511623680"));
        assert_eq!(parse_touched(b"0+10,4096+1099511623680"), Some(ranges));
        for odd in [&b""[..], b"1", b"1+", b"+1", b"1+2,", b"18446744073709551615+2", b"\xff", b"-1+2"] {
            assert_eq!(parse_touched(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn too_many_are_taken_together_and_none_is_lost() {
        let many: Vec<Range<u64>> = (0..20_001).map(|n| n * 1_000_000..n * 1_000_000 + 5).collect();
        let text = touched_text(&many).unwrap();
        assert!(text.len() <= MAX_VALUE);
        let fewer = parse_touched(text.as_bytes()).unwrap();
        assert!(many.iter().all(|one| fewer.iter().any(|range| range.start <= one.start && one.end <= range.end)));
    }

    proptest! {
        #[test]
        fn arbitrary_values_never_panic(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse_touched(&value);
        }
    }
}
