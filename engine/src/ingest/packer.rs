//! The one place that decides whether a chunk is new.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use super::buffers::Buffers;
use super::pipeline::{Pipeline, Sealed};
use super::window::Window;
use crate::error::Error;
use crate::format::{Config, PackClass};
use crate::id::{ChunkId, PackId};
use crate::index::{ChunkIndex, IndexEntry};
use crate::store::{PackArea, Store};

/// Which packs some stored bytes lie in, as far as is known while the last of them are not sealed.
#[derive(Debug, Clone, Default)]
pub(crate) struct PackUse {
    packs: BTreeSet<PackId>,
    windows: BTreeSet<(PackClass, u64)>,
}

impl PackUse {
    /// Adds what another use saw.
    pub(crate) fn add(&mut self, other: PackUse) {
        self.packs.extend(other.packs);
        self.windows.extend(other.windows);
    }
}

/// What an ingest has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PackerTotals {
    /// Chunks handed in.
    pub chunks: u64,
    /// Bytes handed in.
    pub bytes: u64,
    /// Chunks that the archive did not have.
    pub new_chunks: u64,
    /// Bytes of those.
    pub new_bytes: u64,
    /// Bytes of the packs that were sealed.
    pub stored_bytes: u64,
    /// Packs that were sealed.
    pub packs: u64,
}

/// Deduplicates chunks, arranges the new ones and has them packed.
pub(crate) struct Packer {
    config: Config,
    index: ChunkIndex,
    pipeline: Pipeline,
    windows: [OpenWindow; 3],
    /// New chunks that are in no sealed pack yet, and the window they went into.
    pending: HashMap<(PackArea, ChunkId), (PackClass, u64)>,
    sealed: Vec<SealedWindows>,
    totals: PackerTotals,
    store: Arc<dyn Store>,
    tmp: PathBuf,
    threads: usize,
}

/// What is packed while it is archived.
const PACKED: [PackClass; 3] = [PackClass::Content, PackClass::Original, PackClass::Meta];

/// What is remembered of a sealed pack: enough to resolve a [`PackUse`].
struct SealedWindows {
    class: PackClass,
    pack: PackId,
    windows: RangeInclusive<u64>,
}

struct OpenWindow {
    number: u64,
    window: Window,
    /// What windows of this class gather their bytes in: each class its own, as they are of different sizes.
    buffers: Buffers,
}

impl OpenWindow {
    fn new() -> Self {
        // One fills up while one is compressed.
        let buffers = Buffers::new(2);
        OpenWindow { number: 0, window: Window::new(buffers.take()), buffers }
    }

    /// Ends the window, which leaves an empty one: its number and itself.
    fn end(&mut self) -> (u64, Window) {
        let ended = std::mem::replace(&mut self.window, Window::new(self.buffers.take()));
        self.number += 1;
        (self.number - 1, ended)
    }
}

/// The name under which a chunk is indexed.
fn index_key(area: PackArea, id: &ChunkId) -> ChunkId {
    match area {
        PackArea::Data => *id,
        // Metadata must never be found in a pack that may go cold, so it lives in a key space of its own. What is pinned is in no index.
        PackArea::Meta | PackArea::Pinned => ChunkId::from_bytes(id.as_bytes().map(|byte| !byte)),
    }
}

/// The entries under which a pack's chunks are indexed.
pub(crate) fn index_entries(footer: &crate::format::Footer) -> Vec<IndexEntry> {
    let area = PackArea::of(footer.class);
    let mut entries = Vec::with_capacity(footer.chunks.len());
    for (number, (_, chunks)) in footer.frames_with_chunks().enumerate() {
        let mut offset = 0;
        for chunk in chunks {
            let frame = u32::try_from(number).unwrap_or(u32::MAX);
            entries.push(IndexEntry { id: index_key(area, &chunk.id), frame, offset, len: chunk.len });
            offset += chunk.len;
        }
    }
    entries
}

impl Packer {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        tmp: PathBuf,
        config: &Config,
        index: ChunkIndex,
        threads: usize,
    ) -> Result<Self, Error> {
        Ok(Packer {
            config: config.clone(),
            index,
            pipeline: Pipeline::start(Arc::clone(&store), tmp.clone(), config, threads)?,
            windows: PACKED.map(|_| OpenWindow::new()),
            pending: HashMap::new(),
            sealed: Vec::new(),
            totals: PackerTotals::default(),
            store,
            tmp,
            threads,
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn totals(&self) -> PackerTotals {
        self.totals
    }

    fn window(&mut self, class: PackClass) -> &mut OpenWindow {
        let [content, original, meta] = &mut self.windows;
        match class {
            PackClass::Content => content,
            PackClass::Original => original,
            // Nothing is pinned while it is archived.
            PackClass::Meta | PackClass::Pinned => meta,
        }
    }

    /// Bytes at which a window of this class is full.
    fn window_limit(&self, class: PackClass) -> usize {
        match class {
            PackClass::Content => self.config.window_raw as usize,
            // Nothing to gain by arranging what does not compress, and little by arranging metadata over long distances.
            PackClass::Original | PackClass::Meta | PackClass::Pinned => 16 << 20,
        }
    }

    /// Chunks of this class belong to the file (or kind of metadata) at `path` from now on.
    pub(crate) fn begin_file(&mut self, class: PackClass, path: &[u8]) {
        self.window(class).window.begin_file(path);
    }

    /// Takes one chunk; its bytes are kept only if the archive does not have them. Notes in `used` where it is.
    pub(crate) fn add(&mut self, class: PackClass, id: ChunkId, raw: &[u8], used: &mut PackUse) -> Result<(), Error> {
        self.totals.chunks += 1;
        self.totals.bytes += raw.len() as u64;
        let area = PackArea::of(class);
        if let Some(window) = self.pending.get(&(area, id)) {
            used.windows.insert(*window);
            return Ok(());
        }
        if let Some(location) = self.index.lookup(&index_key(area, &id))? {
            used.packs.insert(location.pack);
            return Ok(());
        }
        self.totals.new_chunks += 1;
        self.totals.new_bytes += raw.len() as u64;
        let limit = self.window_limit(class);
        let open = self.window(class);
        open.window.make_room(limit);
        open.window.push(id, raw);
        let (number, is_full) = (open.number, open.window.raw_len() >= limit);
        used.windows.insert((class, number));
        self.pending.insert((area, id), (class, number));
        if is_full { self.flush(class) } else { Ok(()) }
    }

    /// Has everything compressed that waits for more of its kind, except metadata.
    pub(crate) fn hand_over(&mut self) -> Result<(), Error> {
        self.flush(PackClass::Content)?;
        self.flush(PackClass::Original)
    }

    fn flush(&mut self, class: PackClass) -> Result<(), Error> {
        let frame_raw = match class {
            PackClass::Content => self.config.frame_raw,
            PackClass::Original => crate::format::MAX_CHUNK_LEN,
            PackClass::Meta | PackClass::Pinned => self.config.meta_frame_raw,
        };
        let (number, window) = self.window(class).end();
        let (raw, plans) = window.arrange(frame_raw);
        let raw = Arc::new(raw);
        for plan in plans {
            self.pipeline.submit(class, number, &raw, plan)?;
        }
        let sealed = self.pipeline.take_sealed();
        self.note_sealed(sealed)
    }

    fn note_sealed(&mut self, sealed: Vec<Sealed>) -> Result<(), Error> {
        for item in sealed {
            let footer = &item.pack.footer;
            let area = PackArea::of(footer.class);
            self.index.add_pack(item.pack.id, &index_entries(footer))?;
            for chunk in &footer.chunks {
                self.pending.remove(&(area, chunk.id));
            }
            self.totals.packs += 1;
            self.totals.stored_bytes += item.pack.len;
            self.sealed.push(SealedWindows { class: footer.class, pack: item.pack.id, windows: item.windows });
        }
        Ok(())
    }

    /// Packs everything that waits, seals the open packs and makes the index durable: after this, everything handed in so far
    /// may be referred to by a commit.
    pub(crate) fn seal(&mut self) -> Result<(), Error> {
        for class in PACKED {
            self.flush(class)?;
        }
        let sealed = self.pipeline.finish()?;
        self.note_sealed(sealed)?;
        self.index.flush()?;
        self.pipeline = Pipeline::start(Arc::clone(&self.store), self.tmp.clone(), &self.config, self.threads)?;
        Ok(())
    }

    /// The packs that hold what `used` saw; exact after [`Packer::seal`].
    pub(crate) fn resolve(&self, used: &PackUse) -> Vec<PackId> {
        let mut packs = used.packs.clone();
        for sealed in &self.sealed {
            let (first, last) = (*sealed.windows.start(), *sealed.windows.end());
            if used.windows.range((sealed.class, first)..=(sealed.class, last)).next().is_some() {
                packs.insert(sealed.pack);
            }
        }
        packs.into_iter().collect()
    }

    /// The sealed pack that a chunk is in.
    pub(crate) fn pack_of(&self, area: PackArea, id: &ChunkId) -> Result<Option<PackId>, Error> {
        Ok(self.index.lookup(&index_key(area, id))?.map(|location| location.pack))
    }

    /// Takes a pack for gone: its chunks are new from now on.
    pub(crate) fn forget_pack(&mut self, pack: &PackId) -> Result<(), Error> {
        Ok(self.index.remove_pack(pack)?)
    }

    /// Closes the index.
    pub(crate) fn close(self) -> Result<(), Error> {
        Ok(self.index.close()?)
    }
}
