//! A pack without its footer: reads it from front to back and makes the footer anew.

use crate::format::wire::Reader;
use crate::format::{
    ChunkEntry, FRAME_HEADER_LEN, Footer, FormatError, FrameEntry, FrameHeader, PACK_HEADER_LEN, PackHeader,
};
use crate::id::{ChunkId, PackId};

use super::load::decode_payload;

/// A frame found by scanning: as a footer would list it, and its chunks, named by hashing them.
struct ScannedFrame {
    entry: FrameEntry,
    chunks: Vec<ChunkEntry>,
}

/// Makes the footer of a pack from its frames.
///
/// `bytes` is the pack from its first byte on; what follows the last whole frame (a footer, part of one, anything) is
/// ignored. Every payload is checked against its BLAKE3 and every chunk is hashed, so the result is right if its
/// [`Footer::pack_id`] is the pack's name, and otherwise lists exactly the frames that are whole.
pub fn rebuild_footer(bytes: &[u8]) -> Result<Footer, FormatError> {
    let header = PackHeader::decode(bytes.get(..PACK_HEADER_LEN).unwrap_or(bytes))?;
    let mut footer = Footer { class: header.class, archive: header.archive, frames: Vec::new(), chunks: Vec::new() };
    let mut at = PACK_HEADER_LEN;
    while let Some(frame) = bytes.get(at..).and_then(|rest| scan_frame(at as u64, rest)) {
        at = usize::try_from(frame.entry.end()).unwrap_or(usize::MAX);
        footer.frames.push(frame.entry);
        footer.chunks.extend(frame.chunks);
    }
    Ok(footer)
}

/// The frame at the start of `rest`, if a whole and undamaged one stands there.
fn scan_frame(offset: u64, rest: &[u8]) -> Option<ScannedFrame> {
    let header = FrameHeader::decode(rest).ok()?;
    let mut reader = Reader::new("frame", rest);
    reader.bytes(FRAME_HEADER_LEN + 4 * header.chunk_lens.len()).ok()?;
    let payload = reader.bytes(header.payload_len as usize).ok()?;
    if blake3::hash(payload).as_bytes() != &header.payload_hash {
        return None;
    }
    let entry = FrameEntry {
        offset,
        codec: header.codec,
        payload_len: header.payload_len,
        raw_len: u32::try_from(header.raw_len()).ok()?,
        chunk_count: u32::try_from(header.chunk_lens.len()).ok()?,
        payload_hash: header.payload_hash,
    };
    let raw = decode_payload(PackId::from_bytes([0; 32]), &entry, payload.to_vec()).ok()?;
    let mut raw = Reader::new("frame", &raw);
    let chunks = header.chunk_lens.iter().map(|len| {
        let bytes = raw.bytes(*len as usize).ok()?;
        Some(ChunkEntry { id: ChunkId::of(bytes), len: *len })
    });
    Some(ScannedFrame { entry, chunks: chunks.collect::<Option<Vec<_>>>()? })
}
