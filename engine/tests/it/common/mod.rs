//! Images made in memory: small, odd and exactly known.

pub mod layout;
pub mod tarball;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_engine::Archive;
use firn_engine::archive::CreateOptions;
use firn_engine::codec::DecodeLimits;
use firn_engine::ingest::{IngestOptions, Ingested, Meter};
use firn_engine::oci::open_source;
use firn_engine::store::{MemoryStore, Store};

/// A scratch directory on the filesystem of the build, which is a real one.
pub fn scratch() -> tempfile::TempDir {
    let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tempfile::tempdir_in(base).expect("a scratch directory")
}

/// Small frames, windows and packs, so that small images have several of each.
pub fn small_archive(root: &Path) -> Archive {
    let options =
        CreateOptions { pack_len: 1 << 20, frame_raw: 128 << 10, window_raw: 256 << 10, ..CreateOptions::default() };
    Archive::create(root, &options).expect("a new archive")
}

/// An archive in a store that can be told to fail, with small packs; `root` is made for what is derived.
pub fn archive_in_memory(root: &Path) -> (Arc<MemoryStore>, Archive) {
    std::fs::create_dir(root).expect("a directory");
    let store = Arc::new(MemoryStore::default());
    let options = CreateOptions { pack_len: 1 << 20, ..CreateOptions::default() };
    let archive = Archive::create_over(Arc::clone(&store) as Arc<dyn Store>, root, &options).expect("a new archive");
    (store, archive)
}

/// Files of the data packs of the archive in `root`.
pub fn data_packs(root: &Path) -> Vec<PathBuf> {
    let entries =
        |dir: PathBuf| std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries(root.join("packs")).flat_map(entries).collect()
}

/// Archives one image.
pub fn ingest(archive: &Archive, source: &str) -> Result<Vec<Ingested>, firn_engine::Error> {
    ingest_with(archive, source, IngestOptions { threads: 2, ..IngestOptions::default() })
}

pub fn ingest_with(
    archive: &Archive,
    source: &str,
    options: IngestOptions,
) -> Result<Vec<Ingested>, firn_engine::Error> {
    let lock = archive.lock()?;
    let reference = source.parse().expect("a reference");
    let (mut session, _) = archive.session(&lock, options, Arc::new(Meter::default()))?;
    let opened = open_source(&reference, &archive.tmp(), &DecodeLimits::default());
    let name = reference_name(source);
    let mut done = Vec::new();
    let added = opened.and_then(|source| session.add(source.as_ref(), name));
    let finished = session.finish();
    done.extend(added?);
    done.extend(finished?);
    Ok(done)
}

fn reference_name(source: &str) -> Option<firn_engine::format::ImageName> {
    source.rsplit(':').next().and_then(|name| name.parse().ok())
}

/// Bytes that neither compress nor repeat, the same for the same seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
