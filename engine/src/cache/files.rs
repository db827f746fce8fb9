//! Pieces of packs in files: one each, named by where it belongs.
//!
//! `<dir>/<2 hex of pack>/<pack>/<offset>-<length>`, both decimal. A piece appears whole, by a rename, and is not made durable:
//! after a power cut it may be empty or wrong, which whoever reads it finds out.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::id::PackId;

/// A directory that did not change for so long has no later change with the same time.
const SETTLED: Duration = Duration::from_secs(2);

pub(super) struct Files {
    dir: PathBuf,
    limit: u64,
    /// Bytes that may still be added before somebody has to look how full it is.
    room: AtomicU64,
}

impl Files {
    pub(super) fn new(dir: PathBuf, limit: u64) -> Self {
        Files { dir, limit, room: AtomicU64::new(0) }
    }

    fn pack_dir(&self, pack: PackId) -> PathBuf {
        let hex = pack.to_string();
        self.dir.join(hex.get(..2).unwrap_or("00")).join(hex)
    }

    fn path(&self, pack: PackId, start: u64, len: u64) -> PathBuf {
        self.pack_dir(pack).join(format!("{start}-{len}"))
    }

    /// Changes whenever a piece of the pack appears or goes; nothing when that can't be told, as right after a change.
    pub(super) fn stamp(&self, pack: PackId) -> Option<SystemTime> {
        let stamp = fs::metadata(self.pack_dir(pack)).and_then(|metadata| metadata.modified()).ok()?;
        // Clocks of filesystems tick slowly: another change may have the same time.
        stamp.elapsed().is_ok_and(|age| age > SETTLED).then_some(stamp)
    }

    /// Offsets and lengths of the pieces that are here, sorted.
    pub(super) fn ranges_of(&self, pack: PackId) -> Vec<(u64, u64)> {
        let entries = fs::read_dir(self.pack_dir(pack)).into_iter().flatten().flatten();
        let mut ranges: Vec<_> = entries.filter_map(|entry| parse(entry.file_name().to_str()?)).collect();
        ranges.sort_unstable();
        ranges
    }

    /// Fills `buf` from a piece; says whether that went well.
    pub(super) fn read(&self, pack: PackId, start: u64, len: u64, offset: u64, buf: &mut [u8]) -> bool {
        let Ok(file) = File::open(self.path(pack, start, len)) else { return false };
        // Which pieces were used last decides which ones go first. Not being able to tell is no reason to fail.
        let _ = file.set_modified(SystemTime::now());
        file.read_exact_at(buf, offset).is_ok()
    }

    /// Keeps a piece if there is room, or can be made; says whether it did.
    pub(super) fn keep(&self, pack: PackId, start: u64, bytes: &[u8]) -> bool {
        let len = bytes.len() as u64;
        if len > self.limit / 2 || !self.make_room(len) {
            return false;
        }
        let write = || -> std::io::Result<()> {
            let dir = self.pack_dir(pack);
            fs::create_dir_all(&dir)?;
            // In the same directory, with a name that no piece has.
            let mut file = tempfile::Builder::new().prefix("new-").tempfile_in(&dir)?;
            file.write_all(bytes)?;
            file.persist(self.path(pack, start, len)).map_err(|error| error.error)?;
            Ok(())
        };
        write().is_ok()
    }

    pub(super) fn remove(&self, pack: PackId, start: u64, len: u64) {
        // Gone already is as good.
        let _ = fs::remove_file(self.path(pack, start, len));
    }

    /// Takes `len` bytes of room, looking at the disk and removing what was not used for longest when there is none.
    fn make_room(&self, len: u64) -> bool {
        let take = |room: u64| room.checked_sub(len);
        if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            return true;
        }
        let mut pieces = self.pieces();
        let mut used: u64 = pieces.iter().map(|piece| piece.len).sum();
        // A tenth of the limit at a time, so that not every piece that is kept has to look.
        let target = self.limit.saturating_sub(len).saturating_sub(self.limit / 10);
        if used.saturating_add(len) > self.limit {
            pieces.sort_by_key(|piece| piece.used);
            for piece in pieces {
                if used <= target {
                    break;
                }
                if fs::remove_file(&piece.path).is_ok() {
                    used = used.saturating_sub(piece.len);
                }
            }
        }
        let room = self.limit.saturating_sub(used);
        // Other processes add to the same directory: no more than an eighth is taken for granted.
        let granted = room.min((self.limit / 8).max(len));
        self.room.store(granted.saturating_sub(len), Ordering::Relaxed);
        room >= len
    }

    fn pieces(&self) -> Vec<Piece> {
        let dirs = |dir: &Path| {
            let entries = fs::read_dir(dir).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        let packs = dirs(&self.dir).into_iter().flat_map(|fan| dirs(&fan));
        packs.flat_map(|pack| dirs(&pack)).filter_map(Piece::at).collect()
    }
}

struct Piece {
    path: PathBuf,
    len: u64,
    used: SystemTime,
}

impl Piece {
    fn at(path: PathBuf) -> Option<Self> {
        let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        Some(Piece { path, len: metadata.len(), used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH) })
    }
}

fn parse(name: &str) -> Option<(u64, u64)> {
    let (start, len) = name.split_once('-')?;
    let (start, len): (u64, u64) = (start.parse().ok()?, len.parse().ok()?);
    // Names that say the same in another way are not ours.
    (format!("{start}-{len}") == name && start.checked_add(len).is_some()).then_some((start, len))
}
