//! The estimate by which a new Huffman table is weighed against keeping the last one.
//!
//! It is a sum of 32-bit floats, so the order of additions and every rounding count.

use super::tokens::Frequencies;
use crate::recompress::coding::alphabet::{DISTANCE_CLASSES, FIRST_LENGTH, LENGTH_CLASSES};

/// What the end of the block is taken to cost.
const END_OF_BLOCK_BITS: f32 = 15.0;

/// Bits of the block if every symbol took what its share of all `tokens` calls for, between 1 and 15; with extra bits.
pub(super) fn estimated_bits(frequencies: &Frequencies, tokens: usize) -> usize {
    let mut sum = 0f32;
    let (mut matches, mut extra) = (0u32, 0usize);
    let (literals, lengths) = frequencies.literals.split_at(FIRST_LENGTH);
    let share = 1.0 / as_f32(tokens);
    for &frequency in literals.iter().take(256).filter(|&&f| f > 0) {
        sum += bits(frequency, share);
    }
    sum += END_OF_BLOCK_BITS;
    for (&frequency, class) in lengths.iter().zip(&LENGTH_CLASSES).filter(|(f, _)| **f > 0) {
        sum += bits(frequency, share);
        extra += usize::from(frequency) * usize::from(class.extra);
        matches += u32::from(frequency);
    }
    if matches > 0 {
        let share = 1.0 / as_f32(matches as usize);
        for (&frequency, class) in frequencies.distances.iter().zip(&DISTANCE_CLASSES).filter(|(f, _)| **f > 0) {
            sum += bits(frequency, share);
            extra += usize::from(frequency) * usize::from(class.extra);
        }
    }
    whole(sum) + extra
}

fn bits(frequency: u16, share: f32) -> f32 {
    let frequency = f32::from(frequency);
    (-log2(frequency * share)).clamp(1.0, 15.0) * frequency
}

/// Base-2 logarithm by a parabola through the mantissa.
#[expect(clippy::cast_precision_loss, reason = "an exponent is exact")]
fn log2(value: f32) -> f32 {
    let bits = value.to_bits();
    let exponent = (bits >> 23 & 255) as i32 - 128;
    let mantissa = f32::from_bits((bits & !0x7f80_0000) + (127 << 23));
    exponent as f32 + (((-0.344_848_43 * mantissa) + 2.024_665_8) * mantissa - 0.674_877_6)
}

#[expect(clippy::cast_precision_loss, reason = "below 2^24")]
fn as_f32(count: usize) -> f32 {
    count as f32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and at most 15 bits a token")]
fn whole(sum: f32) -> usize {
    sum as usize
}
