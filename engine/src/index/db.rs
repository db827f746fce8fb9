//! sled, and nothing but sled: the only file that knows which database holds the index.
//!
//! One row and some pages a pack, under keys that only grow: sled then splits its leaves so that each holds one value,
//! and a page costs one slot of a slab file and one read. Everything is in the default tree, since a damaged tree of
//! names makes sled hang at open.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The least that sled allows; with ascending keys it leaves one value in every leaf.
const FANOUT: usize = 3;
/// Leaves that were read are kept as decoded pages by the index, not by sled: it keeps the last few dozen.
const CACHE_BYTES: usize = 1 << 16;
/// Tables are random bytes: compressing harder gains nothing.
const ZSTD_LEVEL: i32 = 1;

/// How long a lock that somebody holds on the database is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// What sled adds to a page in a leaf and in its slot, at most: keys, lengths, zstd framing, checksum.
const LEAF_OVERHEAD: usize = 160;
/// The largest page that still fits a slot of 24 KiB. Smaller ones hardly load faster, since sled sets up a decoder for each;
/// larger ones make a single look-up slower.
pub(super) const PAGE_BYTES: usize = 24 * 1024 - LEAF_OVERHEAD;

/// An open database. Not to be shared: its handles belong to one thread.
pub(super) struct TableDb {
    db: sled::Db<FANOUT>,
}

const META: &[u8] = b"M";

fn row_key(ordinal: u32) -> [u8; 5] {
    let [a, b, c, d] = ordinal.to_be_bytes();
    [b'P', a, b, c, d]
}

fn page_key(ordinal: u32, page: u32) -> [u8; 9] {
    let [a, b, c, d] = ordinal.to_be_bytes();
    let [e, f, g, h] = page.to_be_bytes();
    [b'T', a, b, c, d, e, f, g, h]
}

impl TableDb {
    /// Opens or creates the database in `dir`. May panic, hang or be slow: sled runs the program `sync` twice.
    pub fn open(dir: &Path) -> io::Result<Self> {
        save_snapshot(dir)?;
        let config = sled::Config::new()
            .path(dir)
            .flush_every_ms(None)
            .cache_capacity_bytes(CACHE_BYTES)
            .zstd_compression_level(ZSTD_LEVEL);
        let start = Instant::now();
        loop {
            match config.open() {
                // A process that another thread is just starting holds copies of our files, locks included, until it runs
                // its program: what we closed a moment ago may still be locked.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && start.elapsed() < LOCK_PATIENCE => {
                    thread::sleep(Duration::from_millis(20));
                }
                result => return Ok(TableDb { db: result? }),
            }
        }
    }

    /// The bytes stored by [`TableDb::put_meta`].
    pub fn meta(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.db.get(META)?.map(|value| value.to_vec()))
    }

    /// Stores a few bytes about the whole.
    pub fn put_meta(&self, bytes: &[u8]) -> io::Result<()> {
        self.db.insert(META, bytes).map(drop)
    }

    /// Adds a pack.
    pub fn put(&self, ordinal: u32, row: &[u8], pages: &[Vec<u8>]) -> io::Result<()> {
        let db = &self.db;
        db.insert(row_key(ordinal), row)?;
        for (number, page) in (0u32..).zip(pages) {
            db.insert(page_key(ordinal, number), page.as_slice())?;
        }
        Ok(())
    }

    /// Removes a pack of so many pages.
    pub fn remove(&self, ordinal: u32, pages: u32) -> io::Result<()> {
        let db = &self.db;
        db.remove(row_key(ordinal))?;
        (0..pages).try_for_each(|page| db.remove(page_key(ordinal, page)).map(drop))
    }

    /// One page.
    pub fn page(&self, ordinal: u32, page: u32) -> io::Result<Option<Vec<u8>>> {
        Ok(self.db.get(page_key(ordinal, page))?.map(|value| value.to_vec()))
    }

    /// Up to `most` rows of packs from an ordinal on, in order, until they make up about `bytes`.
    ///
    /// To ask for more than there are is slow: sled's iterator walks to the end of the tree in search of them.
    pub fn rows(&self, from: u32, most: usize, bytes: usize) -> io::Result<Vec<(u32, Vec<u8>)>> {
        let mut rows = Vec::new();
        let mut taken = 0;
        for pair in self.db.range(row_key(from)..=row_key(u32::MAX)).take(most) {
            let (key, row) = pair?;
            let ordinal = key.last_chunk().map(|ordinal| u32::from_be_bytes(*ordinal));
            let ordinal = ordinal.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
            taken += row.len();
            rows.push((ordinal, row.to_vec()));
            if taken >= bytes {
                break;
            }
        }
        Ok(rows)
    }

    /// Makes everything so far durable.
    pub fn flush(&self) -> io::Result<()> {
        self.db.flush().map(drop)
    }
}

/// Keeps sled from deleting its metadata: when it finds a snapshot and no log, as after a crash between the two steps that
/// end its recovery, it writes the snapshot under the name it has and then removes the old one, which is the same. An
/// empty log makes the names differ.
fn save_snapshot(dir: &Path) -> io::Result<()> {
    let metadata = dir.join("metadata");
    let entries = match fs::read_dir(&metadata) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let (mut snapshot, mut log) = (None, None);
    for entry in entries {
        let name = entry?.file_name();
        let number = |prefix| u64::from_str_radix(name.to_str()?.strip_prefix(prefix)?, 16).ok();
        snapshot = snapshot.max(number("snapshot_"));
        log = log.max(number("log_"));
    }
    match snapshot {
        Some(last) if log <= snapshot => {
            File::create(metadata.join(format!("log_{:016x}", last + 1)))?.sync_all()?;
            File::open(&metadata)?.sync_all()
        }
        _ => Ok(()),
    }
}

/// A hash of the database's files: of the slab files, which hold the data, their lengths; of the few others, which sled
/// trusts more than it should, their content. Stays the same while the database is closed.
pub(super) fn seal(dir: &Path) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    for part in ["", "metadata", "slabs"] {
        let mut files = Vec::new();
        for entry in fs::read_dir(dir.join(part))? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_file() && metadata.len() > 0 {
                files.push((entry.file_name(), metadata.len()));
            }
        }
        files.sort();
        for (name, length) in files {
            let bytes = name.as_encoded_bytes();
            hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes).update(&length.to_le_bytes());
            if part != "slabs" {
                hasher.update_reader(File::open(dir.join(part).join(&name))?)?;
            }
        }
    }
    Ok(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(db: &TableDb) -> Vec<(u32, Vec<u8>)> {
        db.rows(0, 3, usize::MAX).unwrap()
    }

    #[test]
    fn rows_come_in_order_and_in_portions() {
        let dir = tempfile::tempdir().unwrap();
        let db = TableDb::open(dir.path()).unwrap();
        for ordinal in [0, 1, 255, 256, u32::MAX - 1] {
            db.put(ordinal, &ordinal.to_le_bytes(), &[vec![1; 100], vec![2; 100]]).unwrap();
        }
        db.remove(1, 2).unwrap();
        let ordinals = |from, most, bytes| -> Vec<u32> {
            db.rows(from, most, bytes).unwrap().into_iter().map(|(ordinal, _)| ordinal).collect()
        };
        assert_eq!(ordinals(0, 9, 1000), [0, 255, 256, u32::MAX - 1]);
        assert_eq!(ordinals(1, 2, 1000), [255, 256]);
        assert_eq!(ordinals(0, 9, 5), [0, 255]);
        assert_eq!(db.page(255, 1).unwrap(), Some(vec![2; 100]));
        assert_eq!(db.page(1, 1).unwrap(), None);
    }

    /// Fails without `save_snapshot`: the second opening finds no snapshot.
    #[test]
    fn a_snapshot_without_a_log_outlives_two_openings() {
        let dir = tempfile::tempdir().unwrap();
        let db = TableDb::open(dir.path()).unwrap();
        (0..3).for_each(|ordinal| db.put(ordinal, &[7; 50], &[vec![1; 500]]).unwrap());
        db.flush().unwrap();
        drop(db);
        drop(TableDb::open(dir.path()).unwrap());
        for _ in 0..3 {
            for file in fs::read_dir(dir.path().join("metadata")).unwrap().map(|file| file.unwrap()) {
                if file.file_name().to_str().unwrap().starts_with("log_") {
                    assert_eq!(file.metadata().unwrap().len(), 0, "a log with content is not to be lost");
                    fs::remove_file(file.path()).unwrap();
                }
            }
            let db = TableDb::open(dir.path()).unwrap();
            assert_eq!(rows(&db), [(0, vec![7; 50]), (1, vec![7; 50]), (2, vec![7; 50])]);
        }
    }

    #[test]
    fn the_seal_holds_while_closed_and_breaks_with_any_file() {
        let dir = tempfile::tempdir().unwrap();
        let db = TableDb::open(dir.path()).unwrap();
        db.put(0, &[7; 50], &[vec![1; 500]]).unwrap();
        db.flush().unwrap();
        drop(db);
        let sealed = seal(dir.path()).unwrap();
        assert_eq!(seal(dir.path()).unwrap(), sealed);
        for part in ["", "metadata", "slabs"] {
            for file in fs::read_dir(dir.path().join(part)).unwrap().map(|file| file.unwrap().path()) {
                if file.is_file() && fs::metadata(&file).unwrap().len() > 0 {
                    let whole = fs::read(&file).unwrap();
                    fs::write(&file, &whole[1..]).unwrap();
                    assert_ne!(seal(dir.path()).unwrap(), sealed, "{}", file.display());
                    fs::write(&file, whole).unwrap();
                }
            }
        }
        assert_eq!(seal(dir.path()).unwrap(), sealed);
    }
}
