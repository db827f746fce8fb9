//! What the bucket held when it was last looked at. Derived data: lost, it is made again by the next look.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::format::{FormatError, Kind, Put as _, Reader};
use crate::id::{Digest, PackId};
use crate::remote::{Class, Remote, RemoteError, RemoteObject, Restore, Version};
use crate::store::{Family, Key, PackArea};

const KIND: Kind = Kind { name: "bucket listing", magic: b"firnseen", version: 1, limit: 1 << 30 };
const MAX_VERSION: usize = 1024;
const MAX_NAME: usize = 1024;

/// A data pack in the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FarPack {
    /// Its length in bytes.
    pub len: u64,
    /// What it is kept as.
    pub class: Class,
    /// Its readable copy, if it is frozen.
    pub restore: Restore,
    /// When it was written or changed its class, in seconds since the epoch.
    pub modified: i64,
}

impl FarPack {
    /// Whether it could be read when it was looked at.
    pub fn is_readable(&self) -> bool {
        !self.class.is_frozen() || matches!(self.restore, Restore::Until(_))
    }
}

/// A record or a name in the bucket, as it was when it and what is here were last the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenDocument {
    pub(crate) version: Version,
    /// BLAKE3 of its bytes.
    pub(crate) hash: [u8; 32],
}

/// What the bucket held when it was last looked at.
///
/// ```text
/// pack count 4, packs: { id 32, length 8, class 1, restore kind 1, restored until 8, modified 8 }
/// document count 4, documents: { kind 1 (0 image, 1 name, 2 what is pinned of an image), key text, version text, BLAKE3 32 }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its data packs.
    pub packs: BTreeMap<PackId, FarPack>,
    pub(crate) documents: BTreeMap<Key, SeenDocument>,
}

impl Seen {
    /// Where it lies in an archive's directory.
    pub(crate) const FILE: &'static str = "bucket.seen";

    /// Reads what was saved, if it can be used.
    pub(crate) fn load(root: &Path) -> Option<Self> {
        std::fs::read(root.join(Self::FILE)).ok().and_then(|bytes| Self::decode(&bytes).ok())
    }

    /// Looks which packs the bucket has.
    pub(crate) fn look(remote: &dyn Remote) -> Result<Self, RemoteError> {
        let mut seen = Seen::default();
        remote.list(Family::Packs(PackArea::Data), &mut |page| page.iter().for_each(|object| seen.see(object)))?;
        Ok(seen)
    }

    /// Replaces what was saved.
    pub(crate) fn save(&self, root: &Path) -> io::Result<()> {
        let bytes = self.encode().map_err(io::Error::other)?;
        let mut file = tempfile::Builder::new().prefix(".bucket.seen-").tempfile_in(root)?;
        file.write_all(&bytes)?;
        file.persist(root.join(Self::FILE)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Takes over packs that were not known; what is known stays as it is, as it may be newer.
    fn adopt(&mut self, saved: Seen) {
        saved.packs.into_iter().for_each(|(pack, far)| {
            self.packs.entry(pack).or_insert(far);
        });
    }

    /// Takes over what a listing says of a data pack.
    pub(crate) fn see(&mut self, object: &RemoteObject) {
        let RemoteObject { key: Key::Pack(PackArea::Data, pack), len, class, restore, modified, .. } = object else {
            return;
        };
        self.packs.insert(*pack, FarPack { len: *len, class: *class, restore: *restore, modified: *modified });
    }

    /// Whether the bucket's record or name of this key was the same bytes when it was last seen.
    pub(crate) fn has(&self, key: &Key, bytes: &[u8]) -> bool {
        self.documents.get(key).is_some_and(|seen| seen.hash == super::documents::hash(bytes))
    }

    fn encode(&self) -> Result<Vec<u8>, FormatError> {
        let mut body = Vec::with_capacity(self.packs.len() * 58 + self.documents.len() * 180 + 8);
        body.put_count(self.packs.len());
        for (id, pack) in &self.packs {
            body.extend_from_slice(id.as_bytes());
            body.put_u64(pack.len);
            body.put_u8(pack.class.code());
            let (kind, until) = match pack.restore {
                Restore::None => (0, 0),
                Restore::Ongoing => (1, 0),
                Restore::Until(until) => (2, until),
            };
            body.put_u8(kind);
            body.put_i64(until);
            body.put_i64(pack.modified);
        }
        let documents = self.documents.iter().filter_map(|(key, seen)| match key {
            Key::Image(digest) => Some((0, digest.to_string(), seen)),
            Key::Name(name) => Some((1, name.escaped(), seen)),
            Key::Pin(digest) => Some((2, digest.to_string(), seen)),
            _ => None,
        });
        let documents: Vec<_> = documents.collect();
        body.put_count(documents.len());
        for (kind, key, seen) in documents {
            body.put_u8(kind);
            body.put_blob(key.as_bytes());
            body.put_blob(seen.version.0.as_bytes());
            body.extend_from_slice(&seen.hash);
        }
        KIND.seal(&body)
    }

    /// Reads what was saved.
    ///
    /// # Errors
    /// It is damaged or no such file.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = KIND.open(bytes)?;
        let mut seen = Seen::default();
        for _ in 0..reader.count(58)? {
            let id = PackId::from_bytes(reader.array()?);
            let len = reader.u64()?;
            let class = Class::from_code(reader.u8()?).ok_or_else(|| reader.invalid("an unknown storage class"))?;
            let (kind, until) = (reader.u8()?, reader.i64()?);
            let restore = match kind {
                0 => Restore::None,
                1 => Restore::Ongoing,
                2 => Restore::Until(until),
                _ => return Err(reader.invalid("an unknown state of a restore")),
            };
            seen.packs.insert(id, FarPack { len, class, restore, modified: reader.i64()? });
        }
        for _ in 0..reader.count(41)? {
            let key = document_key(&mut reader)?;
            let version = Version(reader.text(MAX_VERSION)?);
            seen.documents.insert(key, SeenDocument { version, hash: reader.array()? });
        }
        reader.finish()?;
        Ok(seen)
    }
}

/// Between two looks at what was saved, at least.
const AGAIN: Duration = Duration::from_secs(2);

/// Looks again at what other processes saved, for one that goes on while they move packs.
pub(crate) struct Reload {
    root: PathBuf,
    /// When that was last done, and which state of the file was found.
    last: Mutex<Option<(Instant, FileState)>>,
}

/// When a file was written and how long it is; tells two states of it apart.
type FileState = Option<(SystemTime, u64)>;

impl Reload {
    /// For the archive in `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Reload { root: root.to_owned(), last: Mutex::new(None) }
    }

    /// Takes over packs that are new; at most every two seconds, and only from a file that has changed.
    pub(crate) fn merge_into(&self, seen: &Mutex<Seen>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_some_and(|(at, _)| at.elapsed() < AGAIN) {
            return;
        }
        let state = std::fs::metadata(self.root.join(Seen::FILE)).ok();
        let state = state.and_then(|state| Some((state.modified().ok()?, state.len())));
        let is_known = last.as_ref().is_some_and(|(_, known)| *known == state);
        *last = Some((Instant::now(), state));
        if !is_known && let Some(saved) = Seen::load(&self.root) {
            seen.lock().unwrap_or_else(PoisonError::into_inner).adopt(saved);
        }
    }
}

fn document_key(reader: &mut Reader<'_>) -> Result<Key, FormatError> {
    let (kind, text) = (reader.u8()?, reader.text(MAX_NAME)?);
    let key = match kind {
        0 => text.parse::<Digest>().ok().map(Key::Image),
        1 => crate::format::ImageName::from_escaped(&text).ok().map(Key::Name),
        2 => text.parse::<Digest>().ok().map(Key::Pin),
        _ => None,
    };
    key.ok_or_else(|| reader.invalid("an unknown document"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> Seen {
        let mut seen = Seen::default();
        let classes = Class::ALL.into_iter().chain([Class::Other]);
        for (at, class) in (0u8..).zip(classes) {
            let restore = [Restore::None, Restore::Ongoing, Restore::Until(1_800_000_000)][usize::from(at) % 3];
            let pack = FarPack { len: 1000 + u64::from(at), class, restore, modified: -5 };
            seen.packs.insert(PackId::from_bytes([at; 32]), pack);
        }
        let document = SeenDocument { version: Version("\"abc\"".into()), hash: [7; 32] };
        seen.documents.insert(Key::Image(Digest::from_bytes([1; 32])), document.clone());
        seen.documents.insert(Key::Pin(Digest::from_bytes([1; 32])), document.clone());
        seen.documents.insert(Key::Name("team/app:1".parse().unwrap()), document);
        seen
    }

    #[test]
    fn it_comes_back_and_what_is_damaged_counts_as_lost() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Seen::load(dir.path()), None);
        example().save(dir.path()).unwrap();
        assert_eq!(Seen::load(dir.path()), Some(example()));
        let path = dir.path().join(Seen::FILE);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[40] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(Seen::load(dir.path()), None);
    }

    #[test]
    fn what_others_saved_is_taken_over_and_nothing_is_set_back() {
        let dir = tempfile::tempdir().unwrap();
        let (saved, mut held) = (example(), Seen::default());
        saved.save(dir.path()).unwrap();
        let newer = FarPack { len: 1, class: Class::DeepArchive, restore: Restore::Ongoing, modified: 9 };
        held.packs.insert(PackId::from_bytes([0; 32]), newer);
        let held = Mutex::new(held);
        let reload = Reload::new(dir.path());
        reload.merge_into(&held);
        let held_now = held.lock().unwrap().packs.clone();
        assert_eq!(held_now.len(), saved.packs.len());
        assert_eq!(held_now[&PackId::from_bytes([0; 32])], newer);
        // Not again at once: a pack that is nowhere must not cost a file each time.
        held.lock().unwrap().packs.clear();
        reload.merge_into(&held);
        assert!(held.lock().unwrap().packs.is_empty());
    }

    proptest! {
        #[test]
        fn arbitrary_bodies_never_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Seen::decode(&KIND.seal(&body).unwrap());
        }
    }
}
