//! The footer of a pack: where every frame is and which chunks it holds. Its BLAKE3 is the pack's name.

use super::FormatError;
use super::frame::{Codec, FRAME_HEADER_LEN, MAX_FRAME_CHUNKS, MAX_FRAME_RAW, check_lens};
use super::pack::{MAX_PACK_LEN, PACK_HEADER_LEN, PackClass};
use super::wire::{Put, Reader};
use crate::id::{ArchiveId, ChunkId, PackId};

const OBJECT: &str = "pack footer";
const MAGIC: &[u8; 8] = b"firnfoot";
const VERSION: u16 = 1;
const FRAME_ENTRY_LEN: usize = 56;
const CHUNK_ENTRY_LEN: usize = 36;

/// One frame, as the footer tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameEntry {
    /// Offset of the frame's header in the pack.
    pub offset: u64,
    /// How the payload is compressed.
    pub codec: Codec,
    /// Bytes of the payload as stored.
    pub payload_len: u32,
    /// Raw bytes of all its chunks.
    pub raw_len: u32,
    /// Number of its chunks.
    pub chunk_count: u32,
    /// BLAKE3-256 of the payload as stored.
    pub payload_hash: [u8; 32],
}

impl FrameEntry {
    /// Offset of the payload in the pack.
    pub fn payload_offset(&self) -> u64 {
        self.offset + FRAME_HEADER_LEN as u64 + 4 * u64::from(self.chunk_count)
    }

    /// Offset just past the frame.
    pub fn end(&self) -> u64 {
        self.payload_offset() + u64::from(self.payload_len)
    }
}

/// One chunk, in the order in which the frames hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkEntry {
    /// Its identifier.
    pub id: ChunkId,
    /// Its raw length.
    pub len: u32,
}

/// Everything there is to know about a pack but its bytes.
///
/// ```text
/// 0   8  "firnfoot"
/// 8   2  version
/// 10  1  class
/// 11  5  zero
/// 16 16  archive id
/// 32  4  frame count f
/// 36  4  chunk count c
/// 40     f × { offset 8, codec 1, zero 3, payload length 4, raw length 4, chunk count 4, payload BLAKE3 32 }
///        c × { chunk id 32, raw length 4 }, frame by frame
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// What the pack holds.
    pub class: PackClass,
    /// The archive it was written for.
    pub archive: ArchiveId,
    /// Frames in the order in which they stand in the pack.
    pub frames: Vec<FrameEntry>,
    /// Chunks of all frames in order.
    pub chunks: Vec<ChunkEntry>,
}

impl Footer {
    /// The footer's bytes; their BLAKE3 is the pack's name ([`Footer::pack_id`]).
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes =
            Vec::with_capacity(40 + FRAME_ENTRY_LEN * self.frames.len() + CHUNK_ENTRY_LEN * self.chunks.len());
        bytes.extend_from_slice(MAGIC);
        bytes.put_u16(VERSION);
        bytes.put_u8(self.class.code());
        bytes.extend_from_slice(&[0; 5]);
        bytes.extend_from_slice(self.archive.as_bytes());
        bytes.put_count(self.frames.len());
        bytes.put_count(self.chunks.len());
        for frame in &self.frames {
            bytes.put_u64(frame.offset);
            bytes.put_u8(frame.codec.code());
            bytes.extend_from_slice(&[0; 3]);
            bytes.put_u32(frame.payload_len);
            bytes.put_u32(frame.raw_len);
            bytes.put_u32(frame.chunk_count);
            bytes.extend_from_slice(&frame.payload_hash);
        }
        for chunk in &self.chunks {
            bytes.extend_from_slice(chunk.id.as_bytes());
            bytes.put_u32(chunk.len);
        }
        bytes
    }

    /// The name of the pack that ends in this encoded footer.
    pub fn pack_id(encoded: &[u8]) -> PackId {
        PackId::from_bytes(*blake3::hash(encoded).as_bytes())
    }

    /// Reads the footer of the pack named `pack`: the name proves the bytes, then every number is checked against the others.
    pub fn decode(pack: &PackId, bytes: &[u8]) -> Result<Self, FormatError> {
        if &Footer::pack_id(bytes) != pack {
            return Err(FormatError::Checksum { object: OBJECT });
        }
        let mut reader = Reader::new(OBJECT, bytes);
        reader.magic_and_version(MAGIC, VERSION)?;
        let class = reader.u8()?;
        let class = PackClass::from_code(class).ok_or_else(|| reader.invalid(format!("unknown pack class {class}")))?;
        reader.bytes(5)?;
        let archive = ArchiveId::from_bytes(reader.array()?);
        let frame_count = reader.count(FRAME_ENTRY_LEN)?;
        let chunk_count = reader.count(CHUNK_ENTRY_LEN)?;
        let frames = (0..frame_count).map(|_| decode_frame(&mut reader)).collect::<Result<Vec<_>, _>>()?;
        let chunks = (0..chunk_count)
            .map(|_| Ok(ChunkEntry { id: ChunkId::from_bytes(reader.array()?), len: reader.u32()? }))
            .collect::<Result<Vec<_>, FormatError>>()?;
        reader.finish()?;
        let footer = Footer { class, archive, frames, chunks };
        footer.check()?;
        Ok(footer)
    }

    /// Frames lie one behind the other, and their chunks are exactly the footer's.
    fn check(&self) -> Result<(), FormatError> {
        let invalid = |what: &str| Err(FormatError::Invalid { object: OBJECT, what: what.to_owned() });
        let mut end = PACK_HEADER_LEN as u64;
        for (frame, chunks) in self.frames_with_chunks() {
            if frame.offset != end {
                return invalid("frames that do not follow one another");
            }
            if frame.chunk_count == 0 || chunks.len() != frame.chunk_count as usize {
                return invalid("a frame whose chunks are not listed");
            }
            let lens: Vec<u32> = chunks.iter().map(|chunk| chunk.len).collect();
            if check_lens(&lens)? != frame.raw_len || frame.payload_len > frame.raw_len {
                return invalid("a frame whose lengths do not add up");
            }
            end = frame.end();
        }
        let listed: u64 = self.frames.iter().map(|frame| u64::from(frame.chunk_count)).sum();
        if listed != self.chunks.len() as u64 {
            return invalid("chunks that belong to no frame");
        }
        if end > MAX_PACK_LEN {
            return invalid("a pack beyond the longest allowed");
        }
        Ok(())
    }

    /// Each frame with its chunks.
    pub fn frames_with_chunks(&self) -> impl Iterator<Item = (&FrameEntry, &[ChunkEntry])> {
        let mut rest = self.chunks.as_slice();
        self.frames.iter().map(move |frame| {
            let (chunks, tail) = rest.split_at_checked(frame.chunk_count as usize).unwrap_or((rest, &[]));
            rest = tail;
            (frame, chunks)
        })
    }

    /// Raw bytes in the pack.
    pub fn raw_len(&self) -> u64 {
        self.frames.iter().map(|frame| u64::from(frame.raw_len)).sum()
    }
}

fn decode_frame(reader: &mut Reader<'_>) -> Result<FrameEntry, FormatError> {
    let offset = reader.u64()?;
    let codec = reader.u8()?;
    reader.bytes(3)?;
    let entry = FrameEntry {
        offset,
        codec: Codec::from_code(codec).ok_or_else(|| reader.invalid(format!("unknown codec {codec}")))?,
        payload_len: reader.u32()?,
        raw_len: reader.u32()?,
        chunk_count: reader.u32()?,
        payload_hash: reader.array()?,
    };
    if entry.offset > MAX_PACK_LEN || entry.chunk_count > MAX_FRAME_CHUNKS || entry.raw_len > MAX_FRAME_RAW {
        return Err(reader.invalid("a frame beyond the limits of the format"));
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Footer {
        let chunk = |byte: u8, len| ChunkEntry { id: ChunkId::from_bytes([byte; 32]), len };
        let frame = |offset, chunk_count, raw_len| FrameEntry {
            offset,
            codec: Codec::Raw,
            payload_len: raw_len,
            raw_len,
            chunk_count,
            payload_hash: [3; 32],
        };
        Footer {
            class: PackClass::Content,
            archive: ArchiveId::from_bytes([5; 16]),
            frames: vec![frame(64, 2, 30), frame(64 + 64 + 8 + 30, 1, 7)],
            chunks: vec![chunk(1, 10), chunk(2, 20), chunk(3, 7)],
        }
    }

    #[test]
    fn a_footer_comes_back_under_its_name_only() {
        let bytes = sample().encode();
        let pack = Footer::pack_id(&bytes);
        assert_eq!(Footer::decode(&pack, &bytes), Ok(sample()));
        assert!(Footer::decode(&PackId::from_bytes([0; 32]), &bytes).is_err());
    }

    #[test]
    fn numbers_that_contradict_each_other_are_refused_even_under_the_right_name() {
        let spoil: [fn(&mut Footer); 7] = [
            |footer| footer.frames[1].offset += 1,
            |footer| footer.frames[0].chunk_count = 1,
            |footer| footer.frames[0].raw_len = 31,
            |footer| footer.frames[0].payload_len = 31,
            |footer| footer.chunks[0].len = 0,
            |footer| footer.chunks.truncate(2),
            |footer| footer.chunks.push(footer.chunks[0]),
        ];
        for (number, spoil) in spoil.iter().enumerate() {
            let mut footer = sample();
            spoil(&mut footer);
            let bytes = footer.encode();
            assert!(Footer::decode(&Footer::pack_id(&bytes), &bytes).is_err(), "case {number}");
        }
    }
}
