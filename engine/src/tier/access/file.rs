//! A history in a file.
//!
//! `"firnacc1" | packs u32 | packs × (id 32, last day u32, buckets u8, buckets × (day u32, days u16, reads u32, bytes u64)) |
//! BLAKE3 of all before`, little-endian; packs ascend by id, buckets by day. Written beside and renamed, under a lock of its
//! own, so that two mounts of one archive lose nothing of each other.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::AccessLog;
use super::history::{Bucket, History, MAX_PACKS, PackHistory};
use crate::id::PackId;

const MAGIC: &[u8; 8] = b"firnacc1";
/// Longest file written or accepted, in bytes.
const MAX_LEN: usize = 64 << 20;
const PACK_LEN: usize = 32 + 4 + 1;
const BUCKET_LEN: usize = 4 + 2 + 4 + 8;
/// Around the packs: magic, count and hash.
const FRAME_LEN: usize = 8 + 4 + 32;
/// More than a compacted history has.
const MAX_BUCKETS: usize = 64;

/// Why accesses could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{action} the access history {path}")]
pub struct AccessError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// What became of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merged {
    /// It was written, with reads of so many packs added.
    Written(usize),
    /// There was nothing to add.
    Nothing,
    /// Somebody else is merging; the log keeps everything for the next time.
    Busy,
}

impl History {
    /// Reads a file. One that is missing, damaged, too long or of another version counts as empty.
    pub fn load(path: &Path) -> Result<History, AccessError> {
        let failed = |source| AccessError { action: "reading", path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(History::default()),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_LEN as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        Ok(if bytes.len() > MAX_LEN { History::default() } else { History::decode(&bytes).unwrap_or_default() })
    }

    /// The file. Of more packs than fit those that were not read for longest are left out.
    fn encode(&mut self) -> Vec<u8> {
        let mut len = self.encoded_len();
        while len > MAX_LEN {
            self.keep_newest(self.packs.len() / 4 * 3);
            len = self.encoded_len();
        }
        let mut out = Vec::with_capacity(len);
        out.extend(MAGIC);
        out.extend(u32::try_from(self.packs.len()).unwrap_or(0).to_le_bytes());
        for (id, pack) in &self.packs {
            let newest = pack.buckets.len().saturating_sub(MAX_BUCKETS);
            let buckets = pack.buckets.get(newest..).unwrap_or_default();
            out.extend(id.as_bytes());
            out.extend(pack.last.to_le_bytes());
            out.push(u8::try_from(buckets.len()).unwrap_or(0));
            for bucket in buckets {
                out.extend(bucket.day.to_le_bytes());
                out.extend(bucket.days.to_le_bytes());
                out.extend(bucket.reads.to_le_bytes());
                out.extend(bucket.bytes.to_le_bytes());
            }
        }
        out.extend(blake3::hash(&out).as_bytes());
        out
    }

    fn encoded_len(&self) -> usize {
        let pack = |pack: &PackHistory| PACK_LEN + BUCKET_LEN * pack.buckets.len().min(MAX_BUCKETS);
        FRAME_LEN + self.packs.values().map(pack).sum::<usize>()
    }

    /// Reads a file's bytes; nothing unless they are whole and could have been written.
    pub fn decode(file: &[u8]) -> Option<History> {
        let (body, hash) = file.split_last_chunk::<32>()?;
        if blake3::hash(body) != blake3::Hash::from_bytes(*hash) {
            return None;
        }
        let mut rest = body.strip_prefix(MAGIC)?;
        let count = u32::from_le_bytes(take(&mut rest)?);
        let mut history = History::default();
        for _ in 0..count {
            let id = PackId::from_bytes(take(&mut rest)?);
            let last = u32::from_le_bytes(take(&mut rest)?);
            let [buckets] = take(&mut rest)?;
            let buckets = (0..buckets).map(|_| bucket(&mut rest)).collect::<Option<Vec<_>>>()?;
            let ascending = buckets.is_sorted_by(|a, b| a.day < b.day);
            let follows = history.packs.last_key_value().is_none_or(|(before, _)| *before < id);
            let fits = buckets.len() <= MAX_BUCKETS && history.packs.len() < MAX_PACKS;
            if !(ascending && follows && fits) {
                return None;
            }
            history.packs.insert(id, PackHistory { last, buckets });
        }
        rest.is_empty().then_some(history)
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

fn bucket(rest: &mut &[u8]) -> Option<Bucket> {
    Some(Bucket {
        day: u32::from_le_bytes(take(rest)?),
        days: u16::from_le_bytes(take(rest)?),
        reads: u32::from_le_bytes(take(rest)?),
        bytes: u64::from_le_bytes(take(rest)?),
    })
}

impl AccessLog {
    /// Adds everything counted to the history in a file, as reads of `today`. On failure the log keeps its counts.
    ///
    /// `path` gets two neighbours: `path.lock`, which stays, and `path.new`, which is gone afterwards.
    pub fn merge_into(&self, path: &Path, today: u32) -> Result<Merged, AccessError> {
        let beside = |end: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        let failed = |action: &'static str| move |source| AccessError { action, path: path.to_owned(), source };
        let lock = File::options().create(true).append(true).open(beside(".lock")).map_err(failed("locking"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Merged::Busy),
            Err(TryLockError::Error(error)) => return Err(failed("locking")(error)),
        }
        let mut history = History::load(path)?;
        let taken = self.take();
        if taken.is_empty() {
            return Ok(Merged::Nothing);
        }
        for (pack, tally) in &taken {
            history.record(pack, today, tally.reads, tally.bytes);
        }
        history.compact(today);
        let new = beside(".new");
        let written = write(&new, &history.encode()).and_then(|()| std::fs::rename(&new, path));
        if let Err(error) = written {
            taken.iter().for_each(|(pack, tally)| self.count(pack, *tally));
            // It is overwritten the next time; here it would only take room on a disk that may be full.
            let _ = std::fs::remove_file(&new);
            return Err(failed("writing")(error));
        }
        Ok(Merged::Written(taken.len()))
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    // Without it a power failure can leave the name on an empty file, and a year of history would be gone.
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pack(n: u8) -> PackId {
        PackId::from_bytes([n; 32])
    }

    fn some() -> History {
        let mut history = History::default();
        history.record(&pack(7), 100, 3, 3000);
        history.record(&pack(2), 100, 1, 10);
        history.record(&pack(2), 99, 1, 10);
        history
    }

    #[test]
    fn what_is_written_is_read_and_any_damage_is_noticed() {
        let whole = some().encode();
        assert_eq!(whole.len(), FRAME_LEN + 2 * PACK_LEN + 3 * BUCKET_LEN);
        assert_eq!(History::decode(&whole), Some(some()));
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert_eq!(History::decode(&damaged), None, "byte {at}");
            assert_eq!(History::decode(&whole[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn what_could_not_have_been_written_is_refused() {
        let sealed = |mut body: Vec<u8>| {
            body.extend(blake3::hash(&body).as_bytes());
            History::decode(&body)
        };
        let body = |history: &mut History| {
            let mut bytes = history.encode();
            bytes.truncate(bytes.len() - 32);
            bytes
        };
        let good = body(&mut some());
        assert!(sealed(good.clone()).is_some());
        let mut more = good.clone();
        more[8] = 3;
        assert_eq!(sealed(more), None, "fewer packs than announced");
        let mut huge = good.clone();
        huge[8..12].fill(0xff);
        assert_eq!(sealed(huge), None);
        assert_eq!(sealed([good.clone(), vec![0]].concat()), None, "bytes after the end");
        let mut twice = good.clone();
        twice[8..12].copy_from_slice(&4u32.to_le_bytes());
        twice.extend_from_slice(&good[12..]);
        assert_eq!(sealed(twice), None, "packs out of order");
    }

    #[test]
    fn merges_add_up_and_survive_a_damaged_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access");
        let log = AccessLog::default();
        assert_eq!(log.merge_into(&path, 100).unwrap(), Merged::Nothing);
        for day in [100, 100, 101] {
            log.record(&pack(1), 5);
            assert_eq!(log.merge_into(&path, day).unwrap(), Merged::Written(1));
        }
        let history = History::load(&path).unwrap();
        let month = history.windows(&pack(1), 101).month;
        assert_eq!((month.days, month.reads, month.bytes), (2, 3, 15));
        std::fs::write(&path, b"firnacc1 and then nothing").unwrap();
        assert_eq!(History::load(&path).unwrap(), History::default());
        log.record(&pack(1), 5);
        assert_eq!(log.merge_into(&path, 102).unwrap(), Merged::Written(1));
        assert_eq!(History::load(&path).unwrap().last_read(&pack(1)), Some(102));
        assert!(!dir.path().join("access.new").exists());
    }

    #[test]
    fn what_can_not_be_written_now_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access");
        let log = AccessLog::default();
        log.record(&pack(1), 5);
        let lock = File::create(dir.path().join("access.lock")).unwrap();
        lock.lock().unwrap();
        assert_eq!(log.merge_into(&path, 100).unwrap(), Merged::Busy);
        drop(lock);
        std::fs::create_dir(dir.path().join("access.new")).unwrap();
        let error = log.merge_into(&path, 100).unwrap_err();
        assert!(error.to_string().starts_with("writing the access history"), "{error}");
        std::fs::remove_dir(dir.path().join("access.new")).unwrap();
        assert_eq!(log.merge_into(&path, 100).unwrap(), Merged::Written(1));
        assert_eq!(History::load(&path).unwrap().windows(&pack(1), 100).month.bytes, 5);
    }

    /// Two mounts of one archive: neither's reads are lost, whoever comes first.
    #[test]
    fn two_logs_in_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access");
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let log = AccessLog::default();
                    for _ in 0..20 {
                        log.record(&pack(1), 1);
                        while log.merge_into(&path, 100).unwrap() == Merged::Busy {
                            std::thread::yield_now();
                        }
                    }
                });
            }
        });
        assert_eq!(History::load(&path).unwrap().windows(&pack(1), 100).month.reads, 40);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_break_the_decoder(mut body in prop::collection::vec(any::<u8>(), 0..400), seal in any::<bool>()) {
            if seal {
                body.splice(0..0, *MAGIC);
                body.extend(blake3::hash(&body).as_bytes());
            }
            if let Some(mut history) = History::decode(&body) {
                history.compact(20_000);
                prop_assert_eq!(History::decode(&history.encode()), Some(history));
            }
        }

        #[test]
        fn histories_come_back(reads in prop::collection::vec((0u8..9, 0u32..2000, 0u64..9, 0u64..1 << 40), 0..50)) {
            let mut history = History::default();
            reads.into_iter().for_each(|(n, day, reads, bytes)| history.record(&pack(n), day, reads, bytes));
            history.compact(2000);
            prop_assert_eq!(History::decode(&history.encode()), Some(history));
        }
    }
}
