//! Files of body bytes. A file is complete and synced before the journal mentions it, and is unlinked when nothing
//! refers to it and nobody reads it any more.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use crate::object::{BodyId, Extent};
use crate::stream::{Fed, fed};

/// Bytes read from a file at once.
const PIECE: usize = 128 << 10;
/// How long a body that is to be cut short stays silent before it breaks off.
const FLUSH: Duration = Duration::from_millis(20);

/// One file; dropping the last handle of a dead one unlinks it.
struct BodyFile {
    path: PathBuf,
    dead: AtomicBool,
}

impl Drop for BodyFile {
    fn drop(&mut self) {
        if self.dead.load(Ordering::Acquire) {
            // What stays is swept when the directory is opened next.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A body that nothing refers to yet; dropped unless it is adopted.
pub struct Staged {
    id: BodyId,
    file: Arc<BodyFile>,
    writer: tokio::fs::File,
    len: u64,
}

impl Staged {
    /// Appends bytes.
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.len += bytes.len() as u64;
        self.writer.write_all(bytes).await
    }

    /// All of it.
    pub fn extents(&self) -> Vec<Extent> {
        if self.len == 0 { Vec::new() } else { vec![Extent { body: self.id, offset: 0, len: self.len }] }
    }
}

/// What goes wrong, on purpose, while a body is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Damage {
    /// Only this many bytes are sent.
    pub cut: Option<u64>,
    /// The byte here has one bit flipped.
    pub flip: Option<u64>,
}

/// All body files of a directory.
pub struct Bodies {
    dir: PathBuf,
    next: AtomicU64,
    live: Mutex<HashMap<BodyId, Arc<BodyFile>>>,
    fsync: bool,
}

impl Bodies {
    /// Opens the directory, creating it if need be; files that are not `live` are leftovers and removed.
    ///
    /// # Errors
    /// Those of the disk, and one for a live body whose file is missing.
    pub fn open(dir: &Path, live: impl Iterator<Item = BodyId>, fsync: bool) -> io::Result<Bodies> {
        std::fs::create_dir_all(dir)?;
        let wanted: HashSet<BodyId> = live.collect();
        let mut found = HashMap::new();
        let mut next = 1;
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()).map(BodyId) else { continue };
            next = next.max(id.0.saturating_add(1));
            let file = BodyFile { path: entry.path(), dead: AtomicBool::new(!wanted.contains(&id)) };
            if wanted.contains(&id) {
                found.insert(id, Arc::new(file));
            }
        }
        if let Some(missing) = wanted.iter().find(|id| !found.contains_key(id)) {
            let path = dir.join(missing.0.to_string());
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("{} is missing", path.display())));
        }
        Ok(Bodies { dir: dir.to_owned(), next: AtomicU64::new(next), live: Mutex::new(found), fsync })
    }

    /// Begins a new body.
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn stage(&self) -> io::Result<Staged> {
        let id = BodyId(self.next.fetch_add(1, Ordering::Relaxed));
        let path = self.dir.join(id.0.to_string());
        let writer = tokio::fs::OpenOptions::new().write(true).create_new(true).open(&path).await?;
        let file = Arc::new(BodyFile { path, dead: AtomicBool::new(true) });
        Ok(Staged { id, file, writer, len: 0 })
    }

    /// Puts the bytes of a body where a crash cannot take them.
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn seal(&self, staged: &mut Staged) -> io::Result<()> {
        staged.writer.flush().await?;
        if self.fsync {
            staged.writer.sync_all().await?;
            let dir = self.dir.clone();
            tokio::task::spawn_blocking(move || std::fs::File::open(dir)?.sync_all()).await??;
        }
        Ok(())
    }

    /// From here on the journal refers to the body.
    pub fn adopt(&self, staged: Staged) {
        // An empty body has no extents: nothing will ever refer to its file.
        if staged.len > 0 {
            staged.file.dead.store(false, Ordering::Release);
            self.files().insert(staged.id, staged.file);
        }
    }

    /// Nothing refers to these bodies any more; whoever still reads them can finish.
    pub fn release(&self, ids: &[BodyId]) {
        let mut files = self.files();
        for id in ids {
            if let Some(file) = files.remove(id) {
                file.dead.store(true, Ordering::Release);
            }
        }
    }

    /// Streams the bytes of `extents`; the files stay until the stream is dropped. Must run inside the runtime, while
    /// the extents are referred to.
    pub fn read(&self, extents: Vec<Extent>, damage: Damage) -> Fed {
        let files = self.files();
        let sources: Vec<_> = extents.into_iter().map(|extent| (files.get(&extent.body).cloned(), extent)).collect();
        drop(files);
        let (sender, stream) = fed(sources.iter().map(|(_, extent)| extent.len).sum());
        tokio::spawn(async move {
            let mut pump = Pump { sender, damage, at: 0 };
            for (file, extent) in &sources {
                let Err(error) = pump.extent(file.as_deref(), extent).await else { continue };
                let _ = pump.sender.send(Err(error)).await;
                return;
            }
        });
        stream
    }

    fn files(&self) -> MutexGuard<'_, HashMap<BodyId, Arc<BodyFile>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Pump {
    sender: tokio::sync::mpsc::Sender<io::Result<Bytes>>,
    damage: Damage,
    at: u64,
}

impl Pump {
    async fn extent(&mut self, file: Option<&BodyFile>, extent: &Extent) -> io::Result<()> {
        let file = file.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the body is gone"))?;
        let mut reader = tokio::fs::File::open(&file.path).await?;
        reader.seek(io::SeekFrom::Start(extent.offset)).await?;
        let mut left = extent.len;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let mut piece = vec![0; want];
            reader.read_exact(&mut piece).await?;
            left -= want as u64;
            self.send(piece).await?;
        }
        Ok(())
    }

    async fn send(&mut self, mut piece: Vec<u8>) -> io::Result<()> {
        let start = self.at;
        self.at += piece.len() as u64;
        if let Some(cut) = self.damage.cut.filter(|cut| *cut <= self.at) {
            piece.truncate(usize::try_from(cut.saturating_sub(start)).unwrap_or(0));
            let _ = self.sender.send(Ok(piece.into())).await;
            // The connection drops what it has not yet flushed, the head of the answer included, when its body fails:
            // once it has taken the last piece and finds no more for a while, it flushes.
            while !self.sender.is_closed() && self.sender.capacity() < self.sender.max_capacity() {
                tokio::time::sleep(FLUSH).await;
            }
            tokio::time::sleep(FLUSH).await;
            return Err(io::Error::other("the body is cut short on purpose"));
        }
        let flip = self.damage.flip.and_then(|flip| flip.checked_sub(start)).and_then(|i| usize::try_from(i).ok());
        if let Some(byte) = flip.and_then(|i| piece.get_mut(i)) {
            *byte ^= 1;
        }
        self.sender.send(Ok(piece.into())).await.map_err(|_| io::Error::other("nobody reads on"))
    }
}
