//! Footers and frames read back from a store.

use std::io;

use crate::format::{
    Codec, Footer, FormatError, FrameEntry, MAX_PACK_LEN, PACK_HEADER_LEN, PACK_TRAILER_LEN, PackTrailer,
};
use crate::id::PackId;
use crate::store::{Key, PackArea, Store, StoreError};

/// Why a pack could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pack's bytes are not a pack's.
    #[error("pack {pack} is damaged")]
    Format {
        /// The pack.
        pack: PackId,
        /// What is wrong with it.
        #[source]
        source: FormatError,
    },
    /// A frame's payload does not decompress to what its header says.
    #[error("pack {pack}: the frame at byte {offset} does not decompress: damaged")]
    Decompress {
        /// The pack.
        pack: PackId,
        /// Offset of the frame.
        offset: u64,
        /// What the decompressor says.
        #[source]
        source: io::Error,
    },
}

/// Reads a pack's footer: the copy under `footers/` for data packs, else the pack's own tail.
pub fn load_footer(store: &dyn Store, area: PackArea, pack: PackId) -> Result<Footer, FrameError> {
    if area == PackArea::Data {
        match store.get(&Key::Footer(pack), MAX_PACK_LEN) {
            Ok(bytes) => {
                if let Ok(footer) = Footer::decode(&pack, &bytes) {
                    return Ok(footer);
                }
                // A damaged copy: the pack holds the footer too.
            }
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    load_own_footer(store, area, pack)
}

fn load_own_footer(store: &dyn Store, area: PackArea, pack: PackId) -> Result<Footer, FrameError> {
    let format = |source| FrameError::Format { pack, source };
    let key = Key::Pack(area, pack);
    let len = store.len(&key)?.ok_or_else(|| StoreError::NotFound { key: key.clone() })?;
    let least = (PACK_HEADER_LEN + PACK_TRAILER_LEN) as u64;
    if len > MAX_PACK_LEN || len < least {
        return Err(StoreError::TooLarge { key, len, limit: MAX_PACK_LEN }.into());
    }
    let mut trailer = [0; PACK_TRAILER_LEN];
    store.read_at(&key, len - PACK_TRAILER_LEN as u64, &mut trailer)?;
    let footer_len = PackTrailer::decode(&trailer).map_err(format)?.footer_len;
    let start = (len - least).checked_sub(footer_len).map(|frames| frames + PACK_HEADER_LEN as u64);
    let start = start.ok_or_else(|| {
        format(FormatError::Invalid { object: "pack trailer", what: "a footer longer than the pack".to_owned() })
    })?;
    let mut bytes = vec![0; usize::try_from(footer_len).unwrap_or(0)];
    store.read_at(&key, start, &mut bytes)?;
    Footer::decode(&pack, &bytes).map_err(format)
}

/// Decompresses the payload of one frame into exactly `frame.raw_len` bytes.
pub fn decode_payload(pack: PackId, frame: &FrameEntry, payload: Vec<u8>) -> Result<Vec<u8>, FrameError> {
    let failed = |source| FrameError::Decompress { pack, offset: frame.offset, source };
    let raw_len = frame.raw_len as usize;
    let raw = match frame.codec {
        Codec::Raw => payload,
        // The capacity bounds what a hostile payload can make: more is an error.
        Codec::Zstd => zstd::bulk::decompress(&payload, raw_len).map_err(failed)?,
    };
    if raw.len() == raw_len {
        return Ok(raw);
    }
    Err(failed(io::Error::new(io::ErrorKind::InvalidData, format!("{} bytes instead of {raw_len}", raw.len()))))
}
