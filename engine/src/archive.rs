//! An archive: the façade over its parts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::bucket::Seen;
use crate::cache::RangeCache;
use crate::error::Error;
use crate::file_lock::FileLock;
use crate::format::{
    Config, Filesystem, FormatError, ImageName, ImageRecord, NameRecord, PACK_HEADER_LEN, PackClass, PackHeader,
};
use crate::id::{ArchiveId, Digest, PackId};
use crate::index::{ChunkIndex, Footers, OpenReport};
use crate::ingest::{IngestOptions, Meter, Session, index_entries};
use crate::known::Known;
use crate::pack::load_footer;
use crate::read::{ChunkReader, OpenImage, TreeCache};
use crate::remote::Remote;
use crate::store::{Body, Family, Key, LateStore, LocalStore, PackArea, Store, StoreError, TieredStore};
use crate::tier::access::{AccessError, Accesses, BlobHistory, History, Merged};

/// Largest blob that is stored with the metadata when it is no layer, in bytes: documents, configs, signatures, SBOMs.
pub const MAX_META_BLOB: u64 = 4 << 20;
/// Largest small object, in bytes.
pub(crate) const MAX_OBJECT: u64 = 80 << 20;

/// What may be chosen when an archive is created; the defaults are what measurement chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOptions {
    /// Length at which packs are sealed, in bytes: 1 MiB to 250 MB.
    pub pack_len: u64,
    /// zstd level, 1 to 19.
    pub level: u8,
    /// Raw bytes in a frame, up to 16 MiB: larger is smaller on disk and slower for random reads.
    pub frame_raw: u32,
    /// Raw bytes of new content that are arranged together, up to 1 GiB.
    pub window_raw: u32,
    /// How file contents are cut.
    pub content_chunker: crate::chunker::Params,
}

impl Default for CreateOptions {
    fn default() -> Self {
        CreateOptions {
            pack_len: 64 << 20,
            level: 3,
            frame_raw: 1 << 20,
            window_raw: 64 << 20,
            content_chunker: crate::chunker::Params::default(),
        }
    }
}

/// A name and what it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedImage {
    /// The name.
    pub name: ImageName,
    /// The image's root digest.
    pub image: Digest,
    /// When the name was last set, in seconds since the epoch.
    pub updated_at: i64,
}

/// Directories for mounts in rootfs mode. What is in them can be made anew; none of it may be deleted while it is mounted.
#[derive(Debug, Clone)]
pub struct RootfsCache {
    /// What is derived from trees.
    pub trees: PathBuf,
    /// Whole files by the names of their contents.
    pub objects: PathBuf,
    /// Mounts in the making.
    pub mounts: PathBuf,
}

/// An archive: objects in a store, and a local directory for what is derived from them.
#[derive(Clone)]
pub struct Archive {
    root: PathBuf,
    config: Config,
    store: Arc<dyn Store>,
    accesses: Arc<Accesses>,
    /// Set when it is opened, or once the bucket is there.
    behind: Arc<OnceLock<Behind>>,
}

/// The bucket behind an archive.
#[derive(Clone)]
struct Behind {
    remote: Arc<dyn Remote>,
    seen: Arc<Mutex<Seen>>,
}

/// The bucket that an archive has got, and how many of its packs' bytes are to be kept here.
pub type FoundBucket = Option<(Arc<dyn Remote>, u64)>;

/// Finds out whether an archive has got its bucket.
pub type FindBucket = Box<dyn Fn() -> io::Result<FoundBucket> + Send + Sync>;

/// Puts the directory before the bucket.
fn put_before(
    behind: &OnceLock<Behind>,
    root: &Path,
    remote: Arc<dyn Remote>,
    cache_limit: u64,
) -> Result<Arc<TieredStore>, StoreError> {
    let seen = match Seen::load(root) {
        Some(seen) => seen,
        None => Seen::look(remote.as_ref())?,
    };
    let seen = Arc::new(Mutex::new(seen));
    let local = LocalStore::new(root, &root.join("tmp"));
    let cache = RangeCache::new(root.join("cache").join("ranges"), cache_limit);
    let store = TieredStore::new(local, Arc::clone(&remote), cache, Arc::clone(&seen)).following(root);
    // Nobody else sets it: an archive is attached when it is opened, or by its store, once.
    let _ = behind.set(Behind { remote, seen });
    Ok(Arc::new(store))
}

/// Exclusive right to write to an archive, until dropped.
#[derive(Debug)]
pub struct WriteLock {
    _lock: FileLock,
}

impl Archive {
    /// Makes an archive in `root`, which must be empty or absent.
    pub fn create(root: &Path, options: &CreateOptions) -> Result<Self, Error> {
        let cannot = |what| Error::CannotCreate { path: root.to_owned(), what };
        match std::fs::read_dir(root) {
            Ok(mut entries) => {
                if root.join("config").exists() {
                    return Err(cannot("is a firn archive already"));
                }
                if entries.next().is_some() {
                    return Err(cannot("is not empty"));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut builder = std::fs::DirBuilder::new();
                // Images hold shadow files and keys: what they are made of is for the owner's eyes.
                std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
                builder.recursive(true).create(root).map_err(Error::system(format!("creating {}", root.display())))?;
            }
            Err(error) => return Err(Error::system(format!("opening {}", root.display()))(error)),
        }
        let store = Arc::new(LocalStore::new(root, &root.join("tmp")));
        Archive::create_over(store, root, options)
    }

    /// Makes an archive whose objects are in `store`; `root` is a local directory for what is derived from them.
    pub fn create_over(store: Arc<dyn Store>, root: &Path, options: &CreateOptions) -> Result<Self, Error> {
        let config = Config {
            archive: random_id()?,
            created_at: unix_now(),
            content_chunker: options.content_chunker,
            meta_chunker: crate::chunker::Params::metadata(),
            frame_raw: options.frame_raw,
            meta_frame_raw: 1 << 20,
            window_raw: options.window_raw,
            pack_len: options.pack_len,
            level: options.level,
        };
        let bytes = config.encode().map_err(|error| Error::Usage(error.to_string()))?;
        store.put(&Key::Config, Body::Bytes(&bytes))?;
        Ok(Archive::assemble(root, config, store))
    }

    fn assemble(root: &Path, config: Config, store: Arc<dyn Store>) -> Self {
        let accesses = Arc::new(Accesses::new(root.join("accesses")));
        Archive { root: root.to_owned(), config, store, accesses, behind: Arc::default() }
    }

    /// Opens the archive in `root`.
    pub fn open(root: &Path) -> Result<Self, Error> {
        Archive::open_over(Arc::new(LocalStore::new(root, &root.join("tmp"))), root)
    }

    /// Opens the archive whose objects are in `store`; `root` is a local directory for what is derived from them.
    pub fn open_over(store: Arc<dyn Store>, root: &Path) -> Result<Self, Error> {
        let bytes = match store.get(&Key::Config, MAX_OBJECT) {
            Ok(bytes) => bytes,
            Err(StoreError::NotFound { .. }) => return Err(Error::NotAnArchive { path: root.to_owned() }),
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotADirectory => {
                return Err(Error::NotAnArchive { path: root.to_owned() });
            }
            Err(error) => return Err(error.into()),
        };
        let config = Config::decode(&bytes).map_err(|source| Error::Object { key: Key::Config, source })?;
        Ok(Archive::assemble(root, config, store))
    }

    /// Opens the archive in `root` with the bucket behind it, for reading and writing whatever is here or there. Bytes of
    /// packs that are only there are kept in `root`, up to `cache_limit` of them. Sends nothing to the bucket unless what it
    /// holds was forgotten.
    pub fn open_attached(root: &Path, remote: Arc<dyn Remote>, cache_limit: u64) -> Result<Self, Error> {
        let mut archive = Archive::open(root)?;
        archive.store = put_before(&archive.behind, root, remote, cache_limit)?;
        Ok(archive)
    }

    /// Opens the archive in `root`, which has no bucket yet but may get one while it is open: when a pack is missing, `find` is
    /// asked for the bucket and the bytes of it to keep in `root`. It must send nothing.
    pub fn open_expecting(root: &Path, find: FindBucket) -> Result<Self, Error> {
        let mut archive = Archive::open(root)?;
        let (behind, dir) = (Arc::clone(&archive.behind), root.to_owned());
        let attach = move || match find().map_err(StoreError::io("attaching the bucket of", dir.display()))? {
            Some((remote, cache_limit)) => put_before(&behind, &dir, remote, cache_limit).map(Some),
            None => Ok(None),
        };
        archive.store = Arc::new(LateStore::new(LocalStore::new(root, &root.join("tmp")), Box::new(attach)));
        Ok(archive)
    }

    /// The bucket behind it, if it has one.
    pub fn remote(&self) -> Option<&Arc<dyn Remote>> {
        self.behind.get().map(|behind| &behind.remote)
    }

    /// Looks at, or changes, what is known of the bucket; of an archive without one, nothing is.
    pub fn with_seen<T>(&self, with: impl FnOnce(&mut Seen) -> T) -> T {
        match self.behind.get() {
            Some(behind) => with(&mut behind.seen.lock().unwrap_or_else(PoisonError::into_inner)),
            None => with(&mut Seen::default()),
        }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its parameters.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where its objects are.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Directory for files in the making, on the archive's filesystem.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn index_dir(&self) -> PathBuf {
        self.root.join("index")
    }

    /// Local copies of trees.
    pub fn tree_cache(&self) -> TreeCache {
        TreeCache::new(self.root.join("cache").join("trees"))
    }

    /// Where what mounts in rootfs mode need is kept.
    pub fn rootfs_cache(&self) -> RootfsCache {
        let dir = self.root.join("cache").join("rootfs");
        RootfsCache { trees: dir.join("trees"), objects: dir.join("objects"), mounts: dir.join("mounts") }
    }

    /// Takes the right to write. Readers are never kept out.
    pub fn lock(&self) -> Result<WriteLock, Error> {
        let path = self.root.join("lock");
        let what = || format!("locking {}", path.display());
        let file = File::options().create(true).append(true).open(&path).map_err(Error::system(what()))?;
        match FileLock::take(file) {
            Ok(file) => {
                // Whatever an interrupted writer left half made; nobody else can be writing now.
                let _ = std::fs::remove_dir_all(self.tmp());
                Ok(WriteLock { _lock: file })
            }
            Err(TryLockError::WouldBlock) => Err(Error::Locked { path: self.root.clone() }),
            Err(TryLockError::Error(error)) => Err(Error::system(what())(error)),
        }
    }

    /// Every name, sorted.
    pub fn names(&self) -> Result<Vec<NamedImage>, Error> {
        let mut names = Vec::new();
        for item in self.store.list(Family::Names)? {
            if let Key::Name(name) = item.key
                && let Some(record) = self.name(&name)?
            {
                names.push(NamedImage { name, image: record.image, updated_at: record.updated_at });
            }
        }
        names.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(names)
    }

    fn name(&self, name: &ImageName) -> Result<Option<NameRecord>, Error> {
        let key = Key::Name(name.clone());
        match self.store.get(&key, MAX_OBJECT) {
            Ok(bytes) => NameRecord::decode(&bytes).map(Some).map_err(|source| Error::Object { key, source }),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Digests of all images.
    pub fn images(&self) -> Result<BTreeSet<Digest>, Error> {
        let listed = self.store.list(Family::Images)?.into_iter().filter_map(|item| match item.key {
            Key::Image(digest) => Some(digest),
            _ => None,
        });
        Ok(listed.collect())
    }

    /// The record of an image.
    pub fn image(&self, digest: &Digest) -> Result<ImageRecord, Error> {
        load_image(self.store.as_ref(), digest)
    }

    /// The image that a user means: by name, by digest, or by the first hexadecimal digits (six at least) of one.
    pub fn resolve(&self, wanted: &str) -> Result<ImageRecord, Error> {
        if let Ok(name) = wanted.parse::<ImageName>()
            && let Some(record) = self.name(&name)?
        {
            return self.image(&record.image);
        }
        let digits = wanted.strip_prefix("sha256:").unwrap_or(wanted);
        if digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let images = self.images()?;
            let mut matching = images.iter().filter(|digest| digest.hex().starts_with(digits));
            match (matching.next(), matching.next()) {
                (Some(one), None) => return self.image(one),
                (Some(_), Some(_)) => {
                    return Err(Error::Usage(format!("several images start with {digits}: give more digits")));
                }
                (None, _) => {}
            }
        }
        let names = self.names()?.into_iter().map(|named| named.name.to_string());
        let similar =
            |name: &String| name.contains(wanted) || wanted.contains(name.as_str()) || shares_start(name, wanted);
        Err(Error::NoSuchImage { wanted: wanted.to_owned(), similar: names.filter(similar).take(5).collect() })
    }

    /// A reader that keeps up to `cache_bytes` of decompressed frames. What is read through it counts as used.
    pub fn reader(&self, cache_bytes: usize) -> Arc<ChunkReader> {
        let reader = ChunkReader::new(Arc::clone(&self.store), cache_bytes);
        Arc::new(reader.counted_in(Arc::clone(&self.accesses)))
    }

    /// A reader for whoever only looks whether all is well: what is read through it does not count as used.
    pub fn auditor(&self, cache_bytes: usize) -> Arc<ChunkReader> {
        Arc::new(ChunkReader::new(Arc::clone(&self.store), cache_bytes))
    }

    /// Writes down what was read so far, for whoever decides which packs go cold. Done anyway when the archive is let go of;
    /// those that keep it open for long call it now and then.
    ///
    /// # Errors
    /// The file can't be written; what was counted is kept for the next time.
    pub fn save_accesses(&self) -> Result<Merged, AccessError> {
        self.accesses.save()
    }

    /// What was read of which pack on which days, as far as it was written down.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn access_history(&self) -> Result<History, AccessError> {
        self.accesses.history()
    }

    /// The same by blob: reads of files count for the layer they are in, restores for each blob.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn blob_history(&self) -> Result<BlobHistory, AccessError> {
        self.accesses.blob_history()
    }

    /// Opens one filesystem of an image for reading files.
    pub fn open_image(
        &self,
        record: &ImageRecord,
        filesystem: &Filesystem,
        cache_bytes: usize,
    ) -> Result<OpenImage, Error> {
        OpenImage::open(self.reader(cache_bytes), record, filesystem, &self.tree_cache())
    }

    /// As [`Archive::open_image`], for whoever copies files on nobody's behalf: what is read through it does not count as used.
    pub fn open_image_unnoticed(
        &self,
        record: &ImageRecord,
        filesystem: &Filesystem,
        cache_bytes: usize,
    ) -> Result<OpenImage, Error> {
        OpenImage::open(self.auditor(cache_bytes), record, filesystem, &self.tree_cache())
    }

    /// Every pack, with its length.
    pub fn packs(&self) -> Result<BTreeMap<(PackArea, PackId), u64>, Error> {
        let mut packs = BTreeMap::new();
        for area in [PackArea::Data, PackArea::Meta] {
            for item in self.store.list(Family::Packs(area))? {
                if let Key::Pack(area, id) = item.key {
                    packs.insert((area, id), item.len);
                }
            }
        }
        Ok(packs)
    }

    /// What a pack holds: by the copy of its footer, which is at hand when the pack itself is far away and asleep, or by its first bytes.
    pub fn pack_class(&self, area: PackArea, pack: PackId) -> Result<PackClass, Error> {
        if area == PackArea::Data {
            return Ok(load_footer(self.store.as_ref(), area, pack)?.class);
        }
        let mut header = [0; PACK_HEADER_LEN];
        let key = Key::Pack(area, pack);
        self.store.read_at(&key, 0, &mut header)?;
        Ok(PackHeader::decode(&header).map_err(|source| Error::Object { key, source })?.class)
    }

    /// Opens the chunk index and brings it in line with the packs. Needs the write lock.
    pub fn open_index(&self, _lock: &WriteLock) -> Result<(ChunkIndex, OpenReport), Error> {
        let areas: BTreeMap<PackId, PackArea> = self.packs()?.into_keys().map(|(area, id)| (id, area)).collect();
        let packs = areas.keys().copied().collect();
        let store = Arc::clone(&self.store);
        let footers: Footers = Arc::new(move |pack: PackId| {
            let area = areas.get(&pack).copied().unwrap_or(PackArea::Data);
            Ok(index_entries(&load_footer(store.as_ref(), area, pack)?))
        });
        Ok(ChunkIndex::open(&self.index_dir(), &packs, footers, &mut |_| {})?)
    }

    /// Throws the index away and makes it anew from the packs alone.
    pub fn rebuild_index(&self, lock: &WriteLock) -> Result<OpenReport, Error> {
        match std::fs::remove_dir_all(self.index_dir()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::system("removing the old index")(error));
            }
            _ => {}
        }
        let (index, report) = self.open_index(lock)?;
        index.close()?;
        Ok(report)
    }

    /// Starts archiving.
    pub fn session(
        &self,
        lock: &WriteLock,
        options: IngestOptions,
        meter: Arc<Meter>,
    ) -> Result<(Session, OpenReport), Error> {
        let (index, report) = self.open_index(lock)?;
        let known = Known::list(self.store.as_ref())?;
        let store = Arc::clone(&self.store);
        Ok((Session::new(store, self.tmp(), &self.config, index, known, options, meter)?, report))
    }
}

/// Reads and checks an image record.
pub(crate) fn load_image(store: &dyn Store, digest: &Digest) -> Result<ImageRecord, Error> {
    let key = Key::Image(*digest);
    let bytes = store.get(&key, MAX_OBJECT)?;
    decode_image(digest, &bytes).map_err(|source| Error::Object { key, source })
}

/// Checks the bytes of an image record, and that it is the one that lies under this digest.
pub(crate) fn decode_image(digest: &Digest, bytes: &[u8]) -> Result<ImageRecord, FormatError> {
    let record = ImageRecord::decode(bytes)?;
    if &record.root == digest {
        return Ok(record);
    }
    let what = format!("describes {}: it lies under a wrong name", record.root);
    Err(FormatError::Invalid { object: "image record", what })
}

fn shares_start(a: &str, b: &str) -> bool {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count() >= 4
}

fn random_id() -> Result<ArchiveId, Error> {
    let mut bytes = [0; 16];
    let mut urandom = File::open("/dev/urandom").map_err(Error::system("opening /dev/urandom"))?;
    io::Read::read_exact(&mut urandom, &mut bytes).map_err(Error::system("reading /dev/urandom"))?;
    Ok(ArchiveId::from_bytes(bytes))
}

pub(crate) fn unix_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_was_dropped_is_free_though_somebody_still_has_its_descriptor() {
        let dir = tempfile::tempdir().unwrap();
        let archive = Archive::create(&dir.path().join("archive"), &CreateOptions::default()).unwrap();
        let lock = archive.lock().unwrap();
        let inherited = lock._lock.try_clone().unwrap();
        assert!(matches!(archive.lock(), Err(Error::Locked { .. })));
        drop(lock);
        assert!(archive.lock().is_ok());
        drop(inherited);
    }
}
