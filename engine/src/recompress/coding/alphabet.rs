//! Deflate's alphabets (RFC 1951, 3.2.5 and 3.2.6): which symbol and extra bits stand for a length or a distance.

/// Literals, the end of block and the length symbols.
pub(in crate::recompress) const LITERAL_SYMBOLS: usize = 286;
/// Distance symbols.
pub(in crate::recompress) const DISTANCE_SYMBOLS: usize = 30;
/// The symbol that ends a block.
pub(in crate::recompress) const END_OF_BLOCK: usize = 256;
/// The first length symbol.
pub(in crate::recompress) const FIRST_LENGTH: usize = 257;
/// Length symbols.
pub(in crate::recompress) const LENGTH_SYMBOLS: usize = LITERAL_SYMBOLS - FIRST_LENGTH;
/// Shortest match that deflate can express.
pub(in crate::recompress) const MIN_MATCH: usize = 3;
/// Longest match that deflate can express.
pub(in crate::recompress) const MAX_MATCH: usize = 258;

/// What stands for a length or distance besides its Huffman code.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::recompress) struct Class {
    /// Number of extra bits.
    pub(in crate::recompress) extra: u8,
    /// Smallest value of the class: length - 3, or distance - 1.
    pub(in crate::recompress) base: u16,
}

/// Classes of length symbols 257 to 285, by values of length - 3.
pub(in crate::recompress) const LENGTH_CLASSES: [Class; LENGTH_SYMBOLS] = length_classes();
/// Classes of distance symbols, by values of distance - 1.
pub(in crate::recompress) const DISTANCE_CLASSES: [Class; DISTANCE_SYMBOLS] = distance_classes();
/// Index into `LENGTH_CLASSES` by length - 3.
pub(in crate::recompress) static LENGTH_CLASS_OF: [u8; 256] = length_class_of();
/// Index into `DISTANCE_CLASSES` by distance - 1 below 256, then by (distance - 1) / 128.
static DISTANCE_CLASS_OF: [u8; 512] = distance_class_of();

/// The distance symbol of `distance` - 1, which is below 32768.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "masked to the array's length")]
pub(in crate::recompress) fn distance_symbol(less_one: u16) -> u8 {
    let at = if less_one < 256 { less_one } else { 256 + (less_one >> 7) };
    DISTANCE_CLASS_OF[usize::from(at & 511)]
}

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
const fn length_classes() -> [Class; LENGTH_SYMBOLS] {
    let mut classes = [Class { extra: 0, base: 0 }; LENGTH_SYMBOLS];
    let mut base = 0;
    let mut i = 0;
    while i < LENGTH_SYMBOLS {
        let extra = if i < 8 { 0 } else { (i as u8 - 4) / 4 };
        classes[i] = Class { extra, base };
        base += 1 << extra;
        i += 1;
    }
    // 258 has a symbol of its own, although 284 with its extra bits could say it too.
    classes[LENGTH_SYMBOLS - 1] = Class { extra: 0, base: 255 };
    classes
}

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
const fn distance_classes() -> [Class; DISTANCE_SYMBOLS] {
    let mut classes = [Class { extra: 0, base: 0 }; DISTANCE_SYMBOLS];
    let mut base = 0;
    let mut i = 0;
    while i < DISTANCE_SYMBOLS {
        let extra = if i < 4 { 0 } else { (i as u8 - 2) / 2 };
        classes[i] = Class { extra, base };
        base += 1 << extra;
        i += 1;
    }
    classes
}

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
const fn length_class_of() -> [u8; 256] {
    let mut table = [0; 256];
    let mut class = 0;
    let mut value = 0;
    while value < 256 {
        if class + 1 < LENGTH_SYMBOLS && LENGTH_CLASSES[class + 1].base as usize == value {
            class += 1;
        }
        table[value] = class as u8;
        value += 1;
    }
    table
}

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
const fn distance_class_of() -> [u8; 512] {
    let mut table = [0; 512];
    let mut class = 0;
    let mut value = 0;
    while value < 32768 {
        if class + 1 < DISTANCE_SYMBOLS && DISTANCE_CLASSES[class + 1].base as usize == value {
            class += 1;
        }
        table[if value < 256 { value } else { 256 + (value >> 7) }] = class as u8;
        value += 1;
    }
    table
}
