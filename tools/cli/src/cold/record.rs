//! What mounts leave in the archive's directory for `firn status`: reads that failed because a pack is frozen.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use firn_fusefs::mount::mounts;
use serde::{Deserialize, Serialize};

use crate::show;

/// Largest record that is read, in bytes.
const MAX_RECORD: u64 = 64 << 10;
/// Between two times that a record is written.
const PAUSE: Duration = Duration::from_secs(1);

/// How often reads of one mount failed because a pack is frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    /// The image, as it was named.
    pub image: String,
    /// Where it is mounted.
    pub mounted_on: PathBuf,
    /// The process that serves it.
    pub pid: u32,
    /// Requests of the kernel that found a pack frozen; one read of a program may be several.
    pub refused: u64,
    /// When the last of them was, in seconds since the epoch.
    pub last: i64,
}

/// Writes the record of this process's mount.
pub struct Recorder {
    count: Arc<AtomicU64>,
    wake: SyncSender<()>,
    path: PathBuf,
}

fn dir(archive: &Path) -> PathBuf {
    archive.join("mounts")
}

impl Recorder {
    /// Starts; nothing is written before there is something to tell, and nobody is told of a record that can't be written.
    pub fn start(archive: &Path, image: &str, mounted_on: &Path) -> Self {
        let path = dir(archive).join(format!("{}.json", std::process::id()));
        let (count, (wake, woken)) = (Arc::new(AtomicU64::new(0)), sync_channel(1));
        let mounted_on = std::fs::canonicalize(mounted_on).unwrap_or_else(|_| mounted_on.to_owned());
        let start = Refusals { image: image.to_owned(), mounted_on, pid: std::process::id(), refused: 0, last: 0 };
        let (counted, file) = (Arc::clone(&count), path.clone());
        let thread = std::thread::Builder::new().name("firn-record".into());
        let _ = thread.spawn(move || write(&file, start, &counted, &woken));
        Recorder { count, wake, path }
    }

    /// One more read failed.
    pub fn refused(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let _ = self.wake.try_send(());
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // What is left of a process that was killed is told from others by its mount being gone.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn write(path: &Path, mut record: Refusals, count: &AtomicU64, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        (record.refused, record.last) = (count.load(Ordering::Relaxed), show::now());
        let write = || -> std::io::Result<()> {
            let parent = path.parent().unwrap_or(path);
            std::fs::create_dir_all(parent)?;
            let file = tempfile::Builder::new().prefix(".record-").tempfile_in(parent)?;
            serde_json::to_writer(&file, &record)?;
            file.persist(path).map_err(|error| error.error)?;
            Ok(())
        };
        let _ = write();
        std::thread::sleep(PAUSE);
    }
}

/// The records of mounts that are still there.
pub fn refusals(archive: &Path) -> Vec<Refusals> {
    let there = mounts().unwrap_or_default();
    let entries = std::fs::read_dir(dir(archive)).into_iter().flatten().flatten();
    let read = |path: PathBuf| -> Option<Refusals> {
        let file = std::fs::File::open(&path).ok()?;
        serde_json::from_reader(std::io::Read::take(file, MAX_RECORD)).ok()
    };
    let mut records: Vec<Refusals> = entries
        .filter_map(|entry| read(entry.path()))
        .filter(|record| {
            there.iter().any(|mount| mount.point == record.mounted_on)
                && Path::new("/proc").join(record.pid.to_string()).exists()
        })
        .collect();
    records.sort_by(|a, b| a.mounted_on.cmp(&b.mounted_on));
    records
}
