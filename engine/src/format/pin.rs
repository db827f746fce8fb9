//! What of an image is pinned: copies of file contents that stay at hand while everything else of it sleeps.

use std::fmt;

use super::FormatError;
use super::sealed::Kind;
use super::wire::{Put, Reader};
use crate::id::{Digest, PackId};

const KIND: Kind = Kind { name: "pin record", magic: b"firnpins", version: 1, limit: 1 << 20 };

/// How it was found what to pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PinOrigin {
    /// Nothing is pinned any more.
    Nothing,
    /// Somebody named the files.
    Files,
    /// What was read through a mount.
    Mount,
    /// What a start of the image read.
    Startup,
}

impl PinOrigin {
    /// Every origin.
    pub const ALL: [PinOrigin; 4] = [PinOrigin::Nothing, PinOrigin::Files, PinOrigin::Mount, PinOrigin::Startup];

    /// Its name, as policies and tables have it.
    pub const fn name(self) -> &'static str {
        match self {
            PinOrigin::Nothing => "nothing",
            PinOrigin::Files => "files",
            PinOrigin::Mount => "mount",
            PinOrigin::Startup => "startup",
        }
    }

    const fn code(self) -> u8 {
        match self {
            PinOrigin::Nothing => 0,
            PinOrigin::Files => 1,
            PinOrigin::Mount => 2,
            PinOrigin::Startup => 3,
        }
    }
}

impl fmt::Display for PinOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// In which ways the images that something belongs to are pinned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PinOrigins {
    codes: u8,
}

impl PinOrigins {
    /// One more.
    pub fn insert(&mut self, origin: PinOrigin) {
        self.codes |= 1 << origin.code();
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        PinOrigin::ALL
            .iter()
            .filter(|origin| self.codes >> origin.code() & 1 == 1)
            .map(|origin| origin.name())
            .collect()
    }
}

/// What of an image is pinned. Body:
///
/// ```text
/// image 32 | pinned at, seconds 8 | origin 1 | files 8 | bytes 8 | image bytes 8
/// pack count 4, packs: { id 32 } | released count 4, released packs: { id 32 }
/// ```
///
/// Losing one costs time at the next start and nothing else: what is pinned is a copy. An image that was unpinned keeps its record, with
/// no packs: so other machines learn of it, and of the packs that may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinRecord {
    /// The image's root digest.
    pub image: Digest,
    /// When this was decided, in seconds since the epoch.
    pub pinned_at: i64,
    /// How it was found what to pin.
    pub origin: PinOrigin,
    /// Files that are pinned, wholly or in part.
    pub files: u64,
    /// Uncompressed bytes of all pinned chunks.
    pub bytes: u64,
    /// Uncompressed bytes of all chunks of the image's files, each counted once: what the former are a share of.
    pub image_bytes: u64,
    /// The packs of class *pinned* that hold the chunks; other images may share them.
    pub packs: Vec<PackId>,
    /// Packs that this record named before and names no more.
    pub released: Vec<PackId>,
}

impl PinRecord {
    /// The object's bytes.
    ///
    /// # Errors
    /// More packs than the format allows.
    pub fn encode(&self) -> Result<Vec<u8>, FormatError> {
        let mut body = Vec::with_capacity(80 + 32 * (self.packs.len() + self.released.len()));
        body.extend_from_slice(self.image.as_bytes());
        body.put_i64(self.pinned_at);
        body.put_u8(self.origin.code());
        [self.files, self.bytes, self.image_bytes].into_iter().for_each(|number| body.put_u64(number));
        for packs in [&self.packs, &self.released] {
            body.put_count(packs.len());
            packs.iter().for_each(|pack| body.extend_from_slice(pack.as_bytes()));
        }
        KIND.seal(&body)
    }

    /// Reads the object.
    ///
    /// # Errors
    /// It is damaged or no such object.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = KIND.open(bytes)?;
        let image = Digest::from_bytes(reader.array()?);
        let pinned_at = reader.i64()?;
        let code = reader.u8()?;
        let origin = PinOrigin::ALL.into_iter().find(|origin| origin.code() == code);
        let origin = origin.ok_or_else(|| reader.invalid(format!("unknown origin {code}")))?;
        let (files, bytes, image_bytes) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let (packs, released) = (ids(&mut reader)?, ids(&mut reader)?);
        if origin == PinOrigin::Nothing && !packs.is_empty() {
            return Err(reader.invalid("packs of an image that is not pinned"));
        }
        reader.finish()?;
        Ok(PinRecord { image, pinned_at, origin, files, bytes, image_bytes, packs, released })
    }

    /// Whether anything is pinned.
    pub fn is_live(&self) -> bool {
        self.origin != PinOrigin::Nothing
    }
}

fn ids(reader: &mut Reader<'_>) -> Result<Vec<PackId>, FormatError> {
    (0..reader.count(32)?).map(|_| Ok(PackId::from_bytes(reader.array()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> PinRecord {
        PinRecord {
            image: Digest::from_bytes([4; 32]),
            pinned_at: -5,
            origin: PinOrigin::Startup,
            files: 12,
            bytes: 3 << 20,
            image_bytes: 100 << 20,
            packs: vec![PackId::from_bytes([1; 32]), PackId::from_bytes([2; 32])],
            released: vec![PackId::from_bytes([3; 32])],
        }
    }

    #[test]
    fn a_record_comes_back() {
        let bytes = sample().encode().unwrap();
        assert_eq!(super::super::golden("pin", &bytes), bytes);
        assert_eq!(PinRecord::decode(&bytes), Ok(sample()));
        for origin in PinOrigin::ALL {
            let packs = if origin == PinOrigin::Nothing { Vec::new() } else { sample().packs };
            let record = PinRecord { origin, packs, ..sample() };
            assert_eq!(PinRecord::decode(&record.encode().unwrap()), Ok(record));
        }
    }

    #[test]
    fn origins_have_names() {
        let mut origins = PinOrigins::default();
        assert_eq!(origins.names(), [""; 0]);
        origins.insert(PinOrigin::Startup);
        origins.insert(PinOrigin::Files);
        origins.insert(PinOrigin::Startup);
        assert_eq!(origins.names(), ["files", "startup"]);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let odd = PinRecord { origin: PinOrigin::Nothing, ..sample() };
        assert!(PinRecord::decode(&odd.encode().unwrap()).is_err());
        let mut many = sample();
        many.packs = vec![PackId::from_bytes([0; 32]); 40_000];
        assert!(many.encode().is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bodies_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = PinRecord::decode(&KIND.seal(&body).unwrap());
        }
    }
}
