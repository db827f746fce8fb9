//! One frame, from raw chunks to the bytes that go into a pack.

use std::io;

use crate::format::{ChunkEntry, Codec, FormatError, FrameHeader};

/// A frame ready to be appended to a pack.
#[derive(Debug)]
pub(crate) struct EncodedFrame {
    pub(crate) header: FrameHeader,
    /// Encoded header and chunk lengths.
    pub(crate) header_bytes: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) chunks: Vec<ChunkEntry>,
}

impl EncodedFrame {
    /// Bytes that the frame takes in a pack.
    pub(crate) fn stored_len(&self) -> u64 {
        (self.header_bytes.len() + self.payload.len()) as u64
    }
}

/// Compresses frames; keeps its working memory from one to the next.
pub(crate) struct FrameEncoder {
    zstd: zstd::bulk::Compressor<'static>,
}

impl FrameEncoder {
    pub(crate) fn new(level: u8) -> io::Result<Self> {
        let mut zstd = zstd::bulk::Compressor::new(i32::from(level))?;
        // Chunks carry BLAKE3 names and payloads a BLAKE3 of their own: a third checksum would only cost space.
        zstd.include_checksum(false)?;
        zstd.include_contentsize(true)?;
        Ok(FrameEncoder { zstd })
    }

    /// Encodes `raw`, which is the concatenation of `chunks`. Compressed only where that saves at least a thirty-second.
    pub(crate) fn encode(
        &mut self,
        raw: Vec<u8>,
        chunks: Vec<ChunkEntry>,
        compress: bool,
    ) -> Result<EncodedFrame, EncodeError> {
        let compressed = if compress { Some(self.zstd.compress(&raw).map_err(EncodeError::Zstd)?) } else { None };
        let (codec, payload) = match compressed {
            Some(compressed) if compressed.len() <= raw.len() - raw.len() / 32 => (Codec::Zstd, compressed),
            _ => (Codec::Raw, raw),
        };
        let header = FrameHeader {
            codec,
            payload_len: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            payload_hash: *blake3::hash(&payload).as_bytes(),
            chunk_lens: chunks.iter().map(|chunk| chunk.len).collect(),
        };
        let header_bytes = header.encode()?;
        Ok(EncodedFrame { header, header_bytes, payload, chunks })
    }
}

/// Why a frame could not be encoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    #[error("compressing a frame")]
    Zstd(#[source] io::Error),
    #[error(transparent)]
    Format(#[from] FormatError),
}
