//! What literals cost at least, as the level that looks hardest for matches estimates it.
//!
//! The estimate is a sum of rounded logarithms, so these have to be Go's to the last bit: the reduction and the polynomial of
//! Sun's `e_log.c`, which Go has taken over.

use std::f64::consts::{FRAC_1_SQRT_2, LOG2_E};

/// Coefficients of the even and odd terms.
const ODD: [f64; 4] =
    [6.666_666_666_666_735e-1, 2.857_142_874_366_239e-1, 1.818_357_216_161_805e-1, 1.479_819_860_511_658_6e-1];
const EVEN: [f64; 3] = [3.999_999_999_940_942e-1, 2.222_219_843_214_978_4e-1, 1.531_383_769_920_937_3e-1];
/// The logarithm of 2 in two parts.
const LN2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];

/// Bits of a byte of the block in units of 1/1024 bit, but one bit at least.
#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "a byte; at most 2^17 bytes")]
pub(super) fn bits_per_byte(block: &[u8]) -> i32 {
    let mut counts = [0u32; 256];
    for byte in block {
        counts[usize::from(*byte)] += 1;
    }
    let part = 1.0 / block.len() as f64;
    let used = counts.into_iter().filter(|count| *count > 0).map(f64::from);
    let bits: f64 = used.map(|count| (-log2(count * part) * count).ceil()).sum();
    ((bits.ceil() as u64 * 1024 / block.len().max(1) as u64) as i32).max(1024)
}

/// Of a normal number above 0.
fn log2(number: f64) -> f64 {
    let bits = number.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32 - 1022;
    let fraction = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3fe0_0000_0000_0000);
    if fraction == 0.5 { f64::from(exponent - 1) } else { ln(fraction) * LOG2_E + f64::from(exponent) }
}

/// The natural logarithm of a number between a half and one.
fn ln(number: f64) -> f64 {
    let (k, number) = if number < FRAC_1_SQRT_2 { (-1.0, number * 2.0) } else { (0.0, number) };
    let ([l1, l3, l5, l7], [l2, l4, l6], [high, low]) = (ODD, EVEN, LN2);
    let f = number - 1.0;
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let r = s2 * (l1 + s4 * (l3 + s4 * (l5 + s4 * l7))) + s4 * (l2 + s4 * (l4 + s4 * l6));
    let half = 0.5 * f * f;
    k * high - ((half - (s * (half + r) + k * low)) - f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_right() {
        for number in [0.5, 0.25, 1.0 / 3.0, 0.7, 0.999, 1e-5, FRAC_1_SQRT_2] {
            assert!((log2(number) - number.log2()).abs() < 1e-14, "{number}");
        }
    }

    #[test]
    fn a_byte_is_worth_one_to_eight_bits() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!((bits_per_byte(&all), bits_per_byte(&[7; 100])), (8192, 1024));
        assert_eq!(bits_per_byte(&[1, 2, 3, 4, 1, 2, 3, 4]), 2048);
    }
}
