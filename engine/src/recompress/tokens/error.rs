/// A stream that is no deflate stream, and where: zlib's inflate refuses it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a deflate stream: {fault} (at bit {bit})")]
pub struct TokenError {
    /// Where in the stream, in bits from its start, the offending field or token begins; for a code as a whole, where the
    /// lengths that define it end.
    pub bit: u64,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Block type 3.
    #[error("reserved block type")]
    BlockType,
    /// A stored block's length and its complement do not agree.
    #[error("a stored block's length {len:#06x} does not match its complement {complement:#06x}")]
    StoredLength {
        /// LEN of RFC 1951.
        len: u16,
        /// NLEN of RFC 1951.
        complement: u16,
    },
    /// More symbols than the alphabets have.
    #[error(
        "{literals} literal and length symbols and {distances} distance symbols where there are at most 286 and 30"
    )]
    TooManySymbols {
        /// HLIT + 257.
        literals: u16,
        /// HDIST + 1.
        distances: u16,
    },
    /// The code that the code lengths are sent in.
    #[error("the code of the code lengths is {0}")]
    CodeLengthCode(CodeFault),
    /// A repetition of the length before the first.
    #[error("a code length repeats none")]
    RepeatOfNothing,
    /// A repetition past the last symbol.
    #[error("repeated code lengths go past the last symbol")]
    RepeatTooLong,
    /// The end of block has no code.
    #[error("the end of block has no code")]
    NoEndOfBlock,
    /// The code of literals and lengths.
    #[error("the literal and length code is {0}")]
    LiteralCode(CodeFault),
    /// The code of distances.
    #[error("the distance code is {0}")]
    DistanceCode(CodeFault),
    /// Bits that are no literal, length or end of block.
    #[error("bits that stand for no literal or length")]
    LiteralSymbol,
    /// Bits that are no distance.
    #[error("bits that stand for no distance")]
    DistanceSymbol,
    /// A match that starts before the data.
    #[error("a match reaches {distance} bytes back where there are {decoded}")]
    TooFar {
        /// 1 to 32768.
        distance: u16,
        /// Bytes decoded before it.
        decoded: u64,
    },
    /// The input ended before the stream.
    #[error("it ends early")]
    Truncated,
    /// An earlier call failed.
    #[error("it was refused before")]
    Refused,
}

/// What is wrong with a prefix code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeFault {
    /// More codes than bits can tell apart.
    #[error("over-subscribed")]
    OverSubscribed,
    /// Bit strings without a meaning, in more than a single code of one bit.
    #[error("incomplete")]
    Incomplete,
}
