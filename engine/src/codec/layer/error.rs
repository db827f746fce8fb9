use std::io;

use super::Compression;

/// Why a layer cannot be decoded. Offsets count compressed bytes from the start of the blob.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The source failed.
    #[error("cannot read the layer at byte {offset}: {source}")]
    Read {
        /// Bytes read before the failure.
        offset: u64,
        /// What the source said.
        source: io::Error,
    },
    /// The blob ends inside a member or frame.
    #[error("the {format} layer is truncated: it ends at byte {offset}, inside {inside}")]
    Truncated {
        /// What it is compressed with.
        format: Compression,
        /// Length of the blob.
        offset: u64,
        /// What was not complete.
        inside: &'static str,
    },
    /// The bytes are not what the format allows.
    #[error("the {format} layer is damaged at byte {offset}: {detail}")]
    Damaged {
        /// What it is compressed with.
        format: Compression,
        /// Where the decoder gave up, at or shortly after the damage.
        offset: u64,
        /// What was wrong.
        detail: &'static str,
    },
    /// A gzip member's contents do not have the recorded CRC-32 or length.
    #[error(
        "the gzip layer is damaged: member {member}, ending at byte {offset}, records {what} {expected:#010x} but its contents have {found:#010x}"
    )]
    Checksum {
        /// Which member, from 0.
        member: u64,
        /// End of the member's trailer.
        offset: u64,
        /// `CRC-32` or `length`.
        what: &'static str,
        /// From the trailer.
        expected: u32,
        /// Of the decoded bytes.
        found: u32,
    },
    /// More decoded bytes than `DecodeLimits::max_decoded`.
    #[error("the layer decodes to more than {limit} bytes; raise --max-layer-size to accept it")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// More decoded bytes for each compressed byte than `DecodeLimits::max_ratio`.
    #[error(
        "the layer decodes to {decoded} bytes from {compressed}, more than {limit} times as many; raise --max-layer-ratio to accept it"
    )]
    RatioTooHigh {
        /// Decoded so far.
        decoded: u64,
        /// Compressed bytes taken for it.
        compressed: u64,
        /// The limit.
        limit: u64,
    },
    /// A zstd frame asks for a larger window than `DecodeLimits::zstd_window_log`.
    #[error(
        "a zstd frame at byte {offset} needs a window of more than {} MiB; raise --max-zstd-window to accept it", (1u64 << limit_log) >> 20
    )]
    WindowTooLarge {
        /// Where the decoder met it.
        offset: u64,
        /// Base-2 logarithm of the limit in bytes, 10 to 31.
        limit_log: u32,
    },
    /// No memory for a decoder.
    #[error("no memory for a {format} decoder")]
    NoMemory {
        /// The decoder that could not be made.
        format: Compression,
    },
}

impl LayerError {
    /// The layer error inside an `io::Error` that came out of a `LayerDecoder` used as a reader.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<LayerError> for io::Error {
    fn from(error: LayerError) -> Self {
        let kind = match &error {
            LayerError::Read { source, .. } => source.kind(),
            LayerError::Truncated { .. } => io::ErrorKind::UnexpectedEof,
            LayerError::NoMemory { .. } => io::ErrorKind::OutOfMemory,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
