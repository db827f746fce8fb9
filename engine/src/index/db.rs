//! sled, and nothing but sled: the only file that knows which database holds the index.
//!
//! One row and some pages a pack, under keys that only grow: sled then splits its leaves so that each holds one value,
//! and a page costs one slot of a slab file and one read. Everything is in the default tree, since a damaged tree of
//! names makes sled hang at open.

use std::io;
use std::path::{Path, PathBuf};

/// The least that sled allows; with ascending keys it leaves one value in every leaf.
const FANOUT: usize = 3;
/// Leaves that were read are kept as decoded pages by the index, not by sled.
const CACHE_BYTES: usize = 1 << 20;
/// Tables are random bytes: compressing harder gains nothing.
const ZSTD_LEVEL: i32 = 1;

/// What sled adds to a page in a leaf and in its slot, at most: keys, lengths, zstd framing, checksum.
const LEAF_OVERHEAD: usize = 160;
/// The largest page that still fits a slot of 12 KiB.
pub(super) const PAGE_BYTES: usize = 12 * 1024 - LEAF_OVERHEAD;

/// An open database. Not to be shared: its handles belong to one thread.
pub(super) struct TableDb {
    dir: PathBuf,
    db: Option<sled::Db<FANOUT>>,
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
        let mut this = TableDb { dir: dir.to_owned(), db: None };
        this.reopen()?;
        Ok(this)
    }

    /// Closes and opens again, which is how sled lets go of the leaves it has written.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.db = None;
        let config = sled::Config::new()
            .path(&self.dir)
            .flush_every_ms(None)
            .cache_capacity_bytes(CACHE_BYTES)
            .zstd_compression_level(ZSTD_LEVEL);
        self.db = Some(config.open()?);
        Ok(())
    }

    fn db(&self) -> io::Result<&sled::Db<FANOUT>> {
        self.db.as_ref().ok_or_else(|| io::Error::other("the database is closed"))
    }

    /// The bytes stored by [`TableDb::put_meta`].
    pub fn meta(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.db()?.get(META)?.map(|value| value.to_vec()))
    }

    /// Stores a few bytes about the whole.
    pub fn put_meta(&self, bytes: &[u8]) -> io::Result<()> {
        self.db()?.insert(META, bytes).map(drop)
    }

    /// Adds a pack.
    pub fn put(&self, ordinal: u32, row: &[u8], pages: &[Vec<u8>]) -> io::Result<()> {
        let db = self.db()?;
        db.insert(row_key(ordinal), row)?;
        for (number, page) in (0u32..).zip(pages) {
            db.insert(page_key(ordinal, number), page.as_slice())?;
        }
        Ok(())
    }

    /// Removes a pack of so many pages.
    pub fn remove(&self, ordinal: u32, pages: u32) -> io::Result<()> {
        let db = self.db()?;
        db.remove(row_key(ordinal))?;
        (0..pages).try_for_each(|page| db.remove(page_key(ordinal, page)).map(drop))
    }

    /// One page.
    pub fn page(&self, ordinal: u32, page: u32) -> io::Result<Option<Vec<u8>>> {
        Ok(self.db()?.get(page_key(ordinal, page))?.map(|value| value.to_vec()))
    }

    /// Rows of packs from an ordinal on, in order, until they make up about `bytes`; none when there are no more.
    pub fn rows(&self, from: u32, bytes: usize) -> io::Result<Vec<(u32, Vec<u8>)>> {
        let mut rows = Vec::new();
        let mut taken = 0;
        for pair in self.db()?.range(row_key(from)..=row_key(u32::MAX)) {
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
        self.db()?.flush().map(drop)
    }
}

/// The files that grow with the data, with their lengths in bytes, by name. They only change in [`TableDb::flush`].
pub(super) fn slabs(dir: &Path) -> io::Result<Vec<(u64, u64)>> {
    let mut slabs = Vec::new();
    for file in std::fs::read_dir(dir.join("slabs"))? {
        let file = file?;
        let length = file.metadata()?.len();
        if let Some(slot) = file.file_name().to_str().and_then(|name| name.parse().ok())
            && length > 0
        {
            slabs.push((slot, length));
        }
    }
    slabs.sort_unstable();
    Ok(slabs)
}
