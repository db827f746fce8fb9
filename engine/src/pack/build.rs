//! One pack in the making: a file in `tmp/` to which frames are appended, then a footer, then its place in the store.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::TempPath;

use super::encode::EncodedFrame;
use crate::format::{
    Footer, FrameEntry, MAX_PACK_LEN, PACK_HEADER_LEN, PACK_TRAILER_LEN, PackClass, PackHeader, PackTrailer,
};
use crate::id::{ArchiveId, PackId};
use crate::store::{Body, Key, PackArea, Store, StoreError};

/// Upper bound of what one more frame adds to a footer: its entry and its chunks'.
fn footer_growth(chunks: usize) -> u64 {
    56 + 36 * chunks as u64
}

/// A pack that is durable under its name.
#[derive(Debug, Clone)]
pub struct SealedPack {
    /// Its name.
    pub id: PackId,
    /// Its footer.
    pub footer: Footer,
    /// Its length in bytes.
    pub len: u64,
}

/// Appends frames to a new pack.
pub(crate) struct PackBuilder {
    file: BufWriter<File>,
    path: TempPath,
    footer: Footer,
    len: u64,
    footer_len: u64,
}

impl PackBuilder {
    pub(crate) fn create(tmp: &Path, class: PackClass, archive: ArchiveId) -> io::Result<Self> {
        std::fs::create_dir_all(tmp)?;
        let (file, path) = tempfile::Builder::new().prefix("pack-").tempfile_in(tmp)?.into_parts();
        let mut file = BufWriter::with_capacity(256 << 10, file);
        file.write_all(&PackHeader { class, archive }.encode())?;
        Ok(PackBuilder {
            file,
            path,
            footer: Footer { class, archive, frames: Vec::new(), chunks: Vec::new() },
            len: PACK_HEADER_LEN as u64,
            footer_len: 40,
        })
    }

    /// Length that the pack would have if it were sealed now.
    pub(crate) fn sealed_len(&self) -> u64 {
        self.len + self.footer_len + PACK_TRAILER_LEN as u64
    }

    /// Whether one more frame keeps the pack within the format's limit.
    pub(crate) fn has_room_for(&self, frame: &EncodedFrame) -> bool {
        self.sealed_len() + frame.stored_len() + footer_growth(frame.chunks.len()) <= MAX_PACK_LEN
    }

    pub(crate) fn append(&mut self, frame: EncodedFrame) -> io::Result<()> {
        self.file.write_all(&frame.header_bytes)?;
        self.file.write_all(&frame.payload)?;
        self.footer.frames.push(FrameEntry {
            offset: self.len,
            codec: frame.header.codec,
            payload_len: frame.header.payload_len,
            raw_len: u32::try_from(frame.header.raw_len()).unwrap_or(u32::MAX),
            chunk_count: u32::try_from(frame.chunks.len()).unwrap_or(u32::MAX),
            payload_hash: frame.header.payload_hash,
        });
        self.len += frame.stored_len();
        self.footer_len += footer_growth(frame.chunks.len());
        self.footer.chunks.extend(frame.chunks);
        Ok(())
    }

    /// Ends the pack and makes it durable: first the pack, then the copy of its footer.
    pub(crate) fn seal(mut self, store: &dyn Store) -> Result<SealedPack, StoreError> {
        let encoded = self.footer.encode();
        let id = Footer::pack_id(&encoded);
        let key = Key::pack(self.footer.class, id);
        let len = self.len + encoded.len() as u64 + PACK_TRAILER_LEN as u64;
        let trailer = PackTrailer { footer_len: encoded.len() as u64 }.encode();
        let finish = |file: &mut BufWriter<File>| {
            file.write_all(&encoded)?;
            file.write_all(&trailer)?;
            file.flush()
        };
        finish(&mut self.file).map_err(StoreError::io("writing", &key))?;
        store.put(&key, Body::File(&self.path))?;
        if PackArea::of(self.footer.class) == PackArea::Data {
            store.put(&Key::Footer(id), Body::Bytes(&encoded))?;
        }
        Ok(SealedPack { id, footer: self.footer, len })
    }
}
