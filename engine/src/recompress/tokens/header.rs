use super::lengths::Lengths;

/// How a block begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHeader<'a> {
    /// First bit of the block, counted from the stream's start.
    pub bit: u64,
    /// Bytes decoded from the stream before it.
    pub decoded: u64,
    /// Whether the stream ends with it.
    pub last: bool,
    /// Its type and what the type's header says.
    pub kind: BlockKind<'a>,
}

/// A block's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind<'a> {
    /// Bytes as they are.
    Stored {
        /// How many.
        len: u16,
        /// The up to 7 bits that fill the byte in which the type ends; almost always 0.
        padding: u8,
    },
    /// Tokens in the code of RFC 1951, 3.2.6.
    Fixed,
    /// Tokens in a code of the block's own.
    Dynamic(Codes<'a>),
}

/// The codes of a dynamic block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codes<'a> {
    /// Code length (0 to 15) by literal and length symbol, as many as were sent: 257 to 286.
    pub literals: &'a [u8],
    /// Code length by distance symbol, 1 to 30.
    pub distances: &'a [u8],
    /// What was sent behind the block's type, from HLIT to the last code length, first bit lowest; at most 286 bytes.
    pub sent: &'a [u8],
    /// Bits of `sent` that count; the others are 0.
    pub sent_bits: usize,
}

impl<'a> Codes<'a> {
    pub(super) fn new(lengths: &'a Lengths) -> Self {
        let (sent, sent_bits) = lengths.raw();
        Self { literals: lengths.literals(), distances: lengths.distances(), sent, sent_bits }
    }
}
