//! Packs written, damaged and read again; golden bytes.
#![allow(clippy::cast_possible_truncation, reason = "test packs are small")]

use std::path::PathBuf;

use super::*;
use crate::format::{ChunkEntry, Codec, Footer, FormatError, PackClass};
use crate::id::{ArchiveId, ChunkId};
use crate::store::{Key, MemoryStore, PackArea, Store};

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect()
}

fn frame(encoder: &mut FrameEncoder, chunks: &[&[u8]]) -> EncodedFrame {
    let entries = chunks.iter().map(|raw| ChunkEntry { id: ChunkId::of(raw), len: raw.len() as u32 }).collect();
    encoder.encode(chunks.iter().copied(), entries, true).unwrap()
}

/// A pack of two frames, the first of which compresses if `compressible`.
fn build(store: &MemoryStore, compressible: bool) -> SealedPack {
    let dir = tempfile::tempdir().unwrap();
    let mut encoder = FrameEncoder::new(3).unwrap();
    let mut pack = PackBuilder::create(dir.path(), PackClass::Content, ArchiveId::from_bytes([7; 16])).unwrap();
    let first = if compressible { b"old snow ".repeat(100) } else { noise(1, 900) };
    pack.append(frame(&mut encoder, &[&first, b"a", &noise(2, 300)])).unwrap();
    pack.append(frame(&mut encoder, &[&noise(3, 500)])).unwrap();
    pack.seal(store).unwrap()
}

fn bytes_of(store: &MemoryStore, pack: &SealedPack) -> Vec<u8> {
    store.get(&Key::pack(PackClass::Content, pack.id), 1 << 20).unwrap()
}

fn golden(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/format").join(name);
    if std::env::var_os("FIRN_BLESS").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    std::fs::read(&path).unwrap()
}

#[test]
fn the_golden_pack_is_what_is_written_today() {
    let store = MemoryStore::default();
    let pack = build(&store, false);
    let bytes = bytes_of(&store, &pack);
    assert_eq!(golden("raw.pack", &bytes), bytes);
}

#[test]
fn the_golden_compressed_pack_reads_as_ever() {
    let store = MemoryStore::default();
    let today = build(&store, true);
    let bytes = golden("zstd.pack", &bytes_of(&store, &today));
    let footer = rebuild_footer(&bytes).unwrap();
    assert_eq!(footer.frames[0].codec, Codec::Zstd);
    assert_eq!(footer.frames[1].codec, Codec::Raw);
    let frame = &footer.frames[0];
    let start = frame.payload_offset() as usize;
    let payload = bytes[start..start + frame.payload_len as usize].to_vec();
    let raw = decode_payload(today.id, frame, payload).unwrap();
    assert_eq!(raw, [b"old snow ".repeat(100), b"a".to_vec(), noise(2, 300)].concat());
    assert_eq!(footer.chunks[0].id, ChunkId::of(&b"old snow ".repeat(100)));
}

#[test]
fn a_footer_is_found_in_its_copy_in_the_pack_and_by_scanning() {
    let store = MemoryStore::default();
    let pack = build(&store, true);
    let load = || load_footer(&store, PackArea::Data, pack.id);
    assert_eq!(load().unwrap(), pack.footer);
    store.put(&Key::Footer(pack.id), crate::store::Body::Bytes(b"damaged")).unwrap();
    assert_eq!(load().unwrap(), pack.footer, "the pack's own tail");
    store.delete(&Key::Footer(pack.id)).unwrap();
    assert_eq!(load().unwrap(), pack.footer);

    let bytes = bytes_of(&store, &pack);
    let frames_end = pack.footer.frames.last().unwrap().end() as usize;
    for cut in [frames_end, frames_end + 10, bytes.len() - 1, bytes.len()] {
        let rebuilt = rebuild_footer(&bytes[..cut]).unwrap();
        assert_eq!(Footer::pack_id(&rebuilt.encode()), pack.id, "cut at {cut}");
    }
    let rebuilt = rebuild_footer(&bytes[..frames_end - 1]).unwrap();
    assert_eq!(rebuilt.frames, pack.footer.frames[..1], "only what is whole");
}

#[test]
fn no_flipped_byte_goes_unnoticed() {
    let store = MemoryStore::default();
    let pack = build(&store, true);
    let bytes = bytes_of(&store, &pack);
    let frames_end = pack.footer.frames.last().unwrap().end() as usize;
    for position in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x20;
        if position < frames_end {
            let noticed = rebuild_footer(&damaged).map(|footer| Footer::pack_id(&footer.encode()) != pack.id);
            assert!(noticed.unwrap_or(true), "byte {position} of the frames");
        } else {
            let store = MemoryStore::default();
            store.put(&Key::pack(PackClass::Content, pack.id), crate::store::Body::Bytes(&damaged)).unwrap();
            let loaded = load_footer(&store, PackArea::Data, pack.id);
            // The trailer's length may be spoilt in bits that make it another footer: then the name does not fit.
            assert!(loaded.is_err(), "byte {position} of footer and trailer");
        }
    }
}

#[test]
fn a_payload_that_would_decompress_to_more_is_refused() {
    let store = MemoryStore::default();
    let pack = build(&store, true);
    let bytes = bytes_of(&store, &pack);
    let mut frame = pack.footer.frames[0].clone();
    let start = frame.payload_offset() as usize;
    let payload = bytes[start..start + frame.payload_len as usize].to_vec();
    for raw_len in [0, 10, frame.raw_len - 1, frame.raw_len + 1] {
        frame.raw_len = raw_len;
        assert!(decode_payload(pack.id, &frame, payload.clone()).is_err(), "{raw_len}");
    }
}

#[test]
fn packs_that_are_no_packs_are_refused() {
    assert!(matches!(rebuild_footer(b"firn"), Err(FormatError::Truncated { .. })));
    assert!(matches!(rebuild_footer(&[0; 1000]), Err(FormatError::Magic { .. })));
    let store = MemoryStore::default();
    let pack = build(&store, true);
    for len in [0, 10, 79, 80] {
        store.delete(&Key::Footer(pack.id)).unwrap();
        let key = Key::pack(PackClass::Content, pack.id);
        store.put(&key, crate::store::Body::Bytes(&vec![0; len])).unwrap();
        assert!(load_footer(&store, PackArea::Data, pack.id).is_err(), "{len} bytes");
    }
}
