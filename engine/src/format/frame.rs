//! The header of a frame: consecutive chunks compressed together.
//!
//! A frame in a pack is `header (64) | chunk lengths (4 each) | payload`. The lengths are there so that a pack whose footer
//! is lost can still be read from front to back; identifiers are not, because they are the BLAKE3 of what is read.

use super::FormatError;
use super::pack::short_sum;
use super::wire::{Put, Reader};

/// Bytes of a frame's fixed header.
pub const FRAME_HEADER_LEN: usize = 64;
/// Longest chunk in bytes.
pub const MAX_CHUNK_LEN: u32 = 1 << 20;
/// Most raw bytes in one frame.
pub const MAX_FRAME_RAW: u32 = 16 << 20;
/// Most chunks in one frame.
pub const MAX_FRAME_CHUNKS: u32 = 1 << 18;

const OBJECT: &str = "frame header";
/// "FiRN" in the order of the bytes; what a forward scan looks for.
const FRAME_MAGIC: [u8; 4] = *b"FiRN";
const SUM_AT: usize = FRAME_HEADER_LEN - 8;

/// How a payload is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// The chunks' bytes, one after the other.
    Raw,
    /// One zstd frame of them.
    Zstd,
}

impl Codec {
    /// The number that stands for it on disk.
    pub const fn code(self) -> u8 {
        match self {
            Codec::Raw => 0,
            Codec::Zstd => 1,
        }
    }

    /// The codec of an on-disk number.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Codec::Raw),
            1 => Some(Codec::Zstd),
            _ => None,
        }
    }
}

/// What stands before a frame's payload.
///
/// ```text
/// 0   4  "FiRN"
/// 4   1  codec
/// 5   3  zero
/// 8   4  chunk count
/// 12  4  raw length
/// 16  4  payload length
/// 20 32  BLAKE3-256 of the payload
/// 52  4  zero
/// 56  8  first 8 bytes of the BLAKE3 of bytes 0..56 followed by the chunk lengths
/// 64  4×count  chunk lengths
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameHeader {
    /// How the payload is compressed.
    pub codec: Codec,
    /// Bytes of the payload as stored.
    pub payload_len: u32,
    /// BLAKE3-256 of the payload as stored.
    pub payload_hash: [u8; 32],
    /// Raw length of each chunk, in order; `1..=MAX_CHUNK_LEN` each.
    pub chunk_lens: Vec<u32>,
}

/// The numbers that have to be checked before the chunk lengths can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FramePrelude {
    chunk_count: u32,
    payload_len: u32,
}

impl FramePrelude {
    fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(OBJECT, bytes);
        if reader.array::<4>()? != FRAME_MAGIC {
            return Err(FormatError::Magic { object: OBJECT });
        }
        reader.bytes(4)?;
        let chunk_count = reader.u32()?;
        let raw_len = reader.u32()?;
        let payload_len = reader.u32()?;
        limit("chunk count", chunk_count, MAX_FRAME_CHUNKS)?;
        limit("raw length", raw_len, MAX_FRAME_RAW)?;
        // A payload is stored raw when compressing does not pay, so it is never longer than what it holds.
        limit("payload length", payload_len, raw_len)?;
        Ok(FramePrelude { chunk_count, payload_len })
    }
}

impl FrameHeader {
    /// Raw bytes the frame holds.
    pub fn raw_len(&self) -> u64 {
        self.chunk_lens.iter().map(|len| u64::from(*len)).sum()
    }

    /// The bytes before the payload: header and chunk lengths.
    pub fn encode(&self) -> Result<Vec<u8>, FormatError> {
        let raw_len = check_lens(&self.chunk_lens)?;
        let mut bytes = Vec::with_capacity(FRAME_HEADER_LEN + 4 * self.chunk_lens.len());
        bytes.extend_from_slice(&FRAME_MAGIC);
        bytes.put_u8(self.codec.code());
        bytes.extend_from_slice(&[0; 3]);
        bytes.put_count(self.chunk_lens.len());
        bytes.put_u32(raw_len);
        bytes.put_u32(self.payload_len);
        bytes.extend_from_slice(&self.payload_hash);
        bytes.put_u32(0);
        let mut lens = Vec::with_capacity(4 * self.chunk_lens.len());
        self.chunk_lens.iter().for_each(|len| lens.put_u32(*len));
        let mut summed = bytes.clone();
        summed.extend_from_slice(&lens);
        bytes.extend_from_slice(&short_sum(&summed));
        bytes.extend_from_slice(&lens);
        Ok(bytes)
    }

    /// Reads a header and its chunk lengths from the start of `bytes`, which may hold more.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let prelude = FramePrelude::decode(bytes)?;
        let mut reader = Reader::new(OBJECT, bytes);
        reader.bytes(4)?;
        let codec = reader.u8()?;
        reader.bytes(7)?;
        let raw_len = reader.u32()?;
        reader.bytes(4)?;
        let payload_hash = reader.array()?;
        reader.bytes(4)?;
        let sum = reader.array::<8>()?;
        let lens_bytes = reader.bytes(4 * prelude.chunk_count as usize)?;
        let mut summed = bytes.get(..SUM_AT).unwrap_or_default().to_vec();
        summed.extend_from_slice(lens_bytes);
        if short_sum(&summed) != sum {
            return Err(FormatError::Checksum { object: OBJECT });
        }
        let mut lens = Reader::new(OBJECT, lens_bytes);
        let chunk_lens = (0..prelude.chunk_count).map(|_| lens.u32()).collect::<Result<Vec<_>, _>>()?;
        if check_lens(&chunk_lens)? != raw_len {
            return Err(reader.invalid("chunk lengths that do not add up to the raw length"));
        }
        let codec = Codec::from_code(codec)
            .ok_or_else(|| reader.invalid(format!("unknown codec {codec}: use a newer firn")))?;
        Ok(FrameHeader { codec, payload_len: prelude.payload_len, payload_hash, chunk_lens })
    }
}

fn limit(what: &'static str, value: u32, limit: u32) -> Result<(), FormatError> {
    if value > limit {
        return Err(FormatError::Limit { object: OBJECT, what, value: value.into(), limit: limit.into() });
    }
    Ok(())
}

/// Checks number and size of a frame's chunks and gives their sum.
pub(super) fn check_lens(lens: &[u32]) -> Result<u32, FormatError> {
    limit("chunk count", u32::try_from(lens.len()).unwrap_or(u32::MAX), MAX_FRAME_CHUNKS)?;
    if lens.is_empty() {
        return Err(FormatError::Invalid { object: OBJECT, what: "a frame of no chunks".to_owned() });
    }
    let mut sum = 0u32;
    for len in lens {
        limit("chunk length", *len, MAX_CHUNK_LEN)?;
        if *len == 0 {
            return Err(FormatError::Invalid { object: OBJECT, what: "a chunk of no bytes".to_owned() });
        }
        sum = sum.saturating_add(*len);
    }
    limit("raw length", sum, MAX_FRAME_RAW)?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> FrameHeader {
        FrameHeader { codec: Codec::Zstd, payload_len: 20, payload_hash: [9; 32], chunk_lens: vec![10, 1, 16] }
    }

    #[test]
    fn a_header_comes_back_and_shows_damage() {
        let bytes = sample().encode().unwrap();
        assert_eq!(bytes.len(), FRAME_HEADER_LEN + 12);
        assert_eq!(FrameHeader::decode(&bytes), Ok(sample()));
        for position in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[position] ^= 0x01;
            assert!(FrameHeader::decode(&damaged).is_err(), "byte {position}");
            assert!(FrameHeader::decode(&bytes[..position]).is_err(), "cut at {position}");
        }
    }

    #[test]
    fn limits_hold_when_writing_too() {
        for lens in [vec![], vec![0], vec![MAX_CHUNK_LEN + 1], vec![MAX_CHUNK_LEN; 17]] {
            assert!(FrameHeader { chunk_lens: lens, ..sample() }.encode().is_err());
        }
    }
}
