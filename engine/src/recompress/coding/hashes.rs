//! Hashes of strings, as `klauspost/compress` has them in its deflate and its zstd.

const PRIME_4: u32 = 2_654_435_761;
const PRIME_5: u64 = 889_523_592_379;
const PRIME_6: u64 = 227_718_039_650_203;
const PRIME_7: u64 = 58_295_818_150_454_627;
const PRIME_8: u64 = 0xcf1b_bcdc_b7a5_6463;

/// Hash of the four low bytes of `bytes`.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "four bytes are meant")]
pub(in crate::recompress) fn hash4<const BITS: u32>(bytes: u64) -> usize {
    ((bytes as u32).wrapping_mul(PRIME_4) >> (32 - BITS)) as usize
}

/// Hash of the five low bytes of `bytes`.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the shift leaves few bits")]
pub(in crate::recompress) fn hash5<const BITS: u32>(bytes: u64) -> usize {
    ((bytes << 24).wrapping_mul(PRIME_5) >> (64 - BITS)) as usize
}

/// Hash of the six low bytes of `bytes`.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the shift leaves few bits")]
pub(in crate::recompress) fn hash6<const BITS: u32>(bytes: u64) -> usize {
    ((bytes << 16).wrapping_mul(PRIME_6) >> (64 - BITS)) as usize
}

/// Hash of the seven low bytes of `bytes`.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the shift leaves few bits")]
pub(in crate::recompress) fn hash7<const BITS: u32>(bytes: u64) -> usize {
    ((bytes << 8).wrapping_mul(PRIME_7) >> (64 - BITS)) as usize
}

/// Hash of the eight bytes.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the shift leaves few bits")]
pub(in crate::recompress) fn hash8<const BITS: u32>(bytes: u64) -> usize {
    (bytes.wrapping_mul(PRIME_8) >> (64 - BITS)) as usize
}

/// The four low bytes.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "four bytes are meant")]
pub(in crate::recompress) fn low(bytes: u64) -> u32 {
    bytes as u32
}
