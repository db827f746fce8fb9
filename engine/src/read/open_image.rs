//! An image opened for reading files out of it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::chunks::{ChunkBytes, ChunkReader, FramePlace};
use super::stream::StreamReader;
use super::touched::Touched;
use crate::error::Error;
use crate::format::{BlobBody, CHUNK_REF_LEN, ChunkRef, Filesystem, ImageRecord, LayerRecord, MountTree, StreamRef};
use crate::id::{Digest, FilesId};
use crate::store::PackArea;
use crate::tree::{ContentRef, Tree, TreeBytes};

/// Largest tree in bytes; 100 bytes an entry make that more than forty million of them.
const MAX_TREE: u64 = 4 << 30;
/// Largest list of chunk references of one layer, in bytes.
const MAX_REFS: u64 = 4 << 30;
/// Keeps [`FilesId`]s apart from every other BLAKE3.
const FILES_CONTEXT: &str = "firn 2026-11 files: tree, then content references of each layer";
/// Between two looks whether something was pinned meanwhile, at least.
const LOOK_FOR_PINS: Duration = Duration::from_secs(2);

/// Local copies of trees, so that they can be mapped. Anything in it may be deleted at any time.
#[derive(Debug, Clone)]
pub struct TreeCache {
    dir: PathBuf,
}

impl TreeCache {
    /// Keeps copies in `dir`, which is made when it is needed.
    pub fn new(dir: PathBuf) -> Self {
        TreeCache { dir }
    }

    /// The tree, mapped from a local copy where one can be kept, else held in memory.
    pub(crate) fn open(&self, reader: &ChunkReader, stream: &StreamRef) -> Result<Tree, Error> {
        let path = self.dir.join(cache_name(stream));
        if let Some(tree) = open_tree(&path) {
            return Ok(tree);
        }
        let bytes = StreamReader::new(reader, PackArea::Meta, stream).read_all(MAX_TREE)?;
        // A read-only or full disk is no reason to refuse a mount.
        if self.keep(&path, &bytes).is_ok()
            && let Some(tree) = open_tree(&path)
        {
            return Ok(tree);
        }
        Tree::open(TreeBytes::from(bytes)).map_err(Error::metadata("the merged tree"))
    }

    fn keep(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        let mut file = tempfile::Builder::new().prefix("tree-").tempfile_in(&self.dir)?;
        file.write_all(bytes)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

fn cache_name(stream: &StreamRef) -> String {
    blake3::hash(&encoded(stream)).to_hex().to_string()
}

fn encoded(stream: &StreamRef) -> Vec<u8> {
    let mut encoded = Vec::new();
    stream.encode(&mut encoded);
    encoded
}

/// Maps a local copy of a tree; its own checksum tells whether it is whole. The file must not be written to or truncated while the
/// tree is in use.
pub fn open_tree(path: &Path) -> Option<Tree> {
    let file = File::open(path).ok()?;
    Tree::open(crate::map::read_only(&file).ok()?.into()).ok()
}

/// All content references of one layer, with the position of each in the layer's content.
#[derive(Debug)]
struct LayerRefs {
    /// The layer's blob.
    blob: Digest,
    encoded: Vec<u8>,
    /// `starts[n]` is where chunk `n` starts; one more than there are chunks.
    starts: Vec<u64>,
    touched: Touched,
}

/// A chunk in the content of a layer.
struct At {
    /// Which of the layer's chunk references it is.
    number: usize,
    chunk: ChunkRef,
    /// Where it starts in the content.
    start: u64,
}

impl LayerRefs {
    fn load(reader: &ChunkReader, blob: Digest, layer: &LayerRecord) -> Result<Self, Error> {
        let encoded = StreamReader::new(reader, PackArea::Meta, &layer.refs).read_all(MAX_REFS)?;
        let mut starts = Vec::with_capacity(encoded.len() / CHUNK_REF_LEN + 1);
        let mut position = 0u64;
        starts.push(position);
        for one in encoded.chunks_exact(CHUNK_REF_LEN) {
            let chunk = ChunkRef::decode(one)
                .map_err(Error::metadata(format!("the chunk references of layer {}", layer.diff_id)))?;
            position += u64::from(chunk.len);
            starts.push(position);
        }
        let touched = Touched::new(starts.len());
        Ok(LayerRefs { blob, encoded, starts, touched })
    }

    /// The chunk that holds this position of the layer's content.
    fn at(&self, position: u64) -> Option<At> {
        let number = self.starts.partition_point(|start| *start <= position).checked_sub(1)?;
        let encoded = self.encoded.chunks_exact(CHUNK_REF_LEN).nth(number)?;
        Some(At { number, chunk: ChunkRef::decode(encoded).ok()?, start: *self.starts.get(number)? })
    }

    /// Where the chunk of this number starts; one past the last is the content's end.
    fn start(&self, number: u64) -> Option<u64> {
        usize::try_from(number).ok().and_then(|number| self.starts.get(number)).copied()
    }
}

/// The files of one filesystem of an image.
pub struct OpenImage {
    tree: Arc<Tree>,
    layers: Vec<LayerRefs>,
    reader: Arc<ChunkReader>,
    image: Digest,
    files: FilesId,
    /// When it was last looked for what is pinned of it.
    pins: Mutex<Option<Instant>>,
}

impl OpenImage {
    /// Loads the tree and the chunk references of `filesystem`, one of `record`'s.
    pub fn open(
        reader: Arc<ChunkReader>,
        record: &ImageRecord,
        filesystem: &Filesystem,
        cache: &TreeCache,
    ) -> Result<Self, Error> {
        let stream = match &filesystem.tree {
            MountTree::Stored(stream) => stream,
            MountTree::Unmountable(reason) => {
                return Err(Error::Unmountable { image: filesystem.manifest, reason: reason.clone() });
            }
        };
        let image = record.root;
        reader.learn(record.packs.iter().copied())?;
        let tree = Arc::new(cache.open(&reader, stream)?);
        let mut layers = Vec::with_capacity(filesystem.layers.len());
        let mut files = blake3::Hasher::new_derive_key(FILES_CONTEXT);
        files.update(&encoded(stream));
        for index in &filesystem.layers {
            let Some((blob, BlobBody::Layer(layer))) = record.layer_at(*index).map(|blob| (blob.digest, &blob.body))
            else {
                return Err(Error::Internal("a filesystem over a blob that is no layer".to_owned()));
            };
            reader.learn(layer.packs.iter().copied())?;
            // Two trees may be equal and refer to chunks that are not.
            files.update(&encoded(&layer.refs));
            layers.push(LayerRefs::load(&reader, blob, layer)?);
        }
        let files = FilesId::from_bytes(*files.finalize().as_bytes());
        let image = OpenImage { tree, layers, reader, image, files, pins: Mutex::default() };
        image.look_for_pins();
        Ok(image)
    }

    /// Learns what is pinned of the image, and says whether that was new.
    fn look_for_pins(&self) -> bool {
        let mut last = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < LOOK_FOR_PINS) {
            return false;
        }
        *last = Some(Instant::now());
        // What is pinned is a copy: without it, or with a damaged record of it, the image is read as ever.
        let pin = crate::pin::load(self.reader.store(), &self.image).ok().flatten();
        pin.is_some_and(|pin| self.reader.learn_pinned(&pin.packs))
    }

    /// The merged tree.
    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// The reader behind it.
    pub fn reader(&self) -> &ChunkReader {
        &self.reader
    }

    /// Whether a read of this range would be answered from memory.
    pub fn is_in_memory(&self, content: ContentRef, offset: u64, len: u64) -> bool {
        let Some(layer) = self.layers.get(content.layer as usize) else { return false };
        let first = layer.start(content.first);
        let Some(mut position) = first.and_then(|start| start.checked_add(offset)) else { return false };
        let Some(end) = position.checked_add(len) else { return false };
        while position < end {
            let Some(At { chunk, start, .. }) = layer.at(position) else { return false };
            if !self.reader.is_in_memory(PackArea::Data, &chunk) {
                return false;
            }
            position = start + u64::from(chunk.len);
        }
        true
    }

    /// The encoded chunk references of a file's stored bytes, in order: equal for files of equal bytes stored alike.
    pub(crate) fn encoded_refs(&self, content: ContentRef) -> Result<&[u8], Error> {
        let outside = || Error::Internal("a file whose chunk references its layer does not have".to_owned());
        let layer = self.layers.get(content.layer as usize).ok_or_else(outside)?;
        let at = |number: u64| usize::try_from(number).ok()?.checked_mul(CHUNK_REF_LEN);
        let start = at(content.first);
        let end = content.first.checked_add(content.count).and_then(at);
        start.zip(end).and_then(|(start, end)| layer.encoded.get(start..end)).ok_or_else(outside)
    }

    /// The chunks of a file's stored bytes, in order.
    pub(crate) fn chunk_refs(
        &self,
        content: ContentRef,
    ) -> Result<impl Iterator<Item = Result<ChunkRef, Error>>, Error> {
        let decode = |one| ChunkRef::decode(one).map_err(Error::metadata("the chunk references of a file"));
        Ok(self.encoded_refs(content)?.chunks_exact(CHUNK_REF_LEN).map(decode))
    }

    /// Where a file's stored bytes are: of each frame that it needs, every place that holds it. Reads nothing.
    pub fn frames(&self, content: ContentRef) -> Result<BTreeSet<Vec<FramePlace>>, Error> {
        let mut frames = BTreeSet::new();
        for chunk in self.chunk_refs(content)? {
            frames.insert(self.reader.places(PackArea::Data, &chunk?));
        }
        Ok(frames)
    }

    /// Where the stored bytes of all files are, as [`OpenImage::frames`].
    pub fn all_frames(&self) -> Result<BTreeSet<Vec<FramePlace>>, Error> {
        let mut frames = BTreeSet::new();
        for content in self.contents()? {
            frames.append(&mut self.frames(content)?);
        }
        Ok(frames)
    }

    /// Where a file's first stored byte is, if all of them are on this machine: what lies close is read with the least work together.
    ///
    /// # Errors
    /// Damaged references.
    pub fn place_here(&self, content: ContentRef) -> Result<Option<FramePlace>, Error> {
        let store = self.reader.store();
        let is_here = |place: &FramePlace| store.is_here(&place.key(), place.offset, place.len);
        let mut first = None;
        for chunk in self.chunk_refs(content)? {
            let here = self.reader.places(PackArea::Data, &chunk?).into_iter().find(is_here);
            let Some(here) = here else { return Ok(None) };
            first.get_or_insert(here);
        }
        Ok(first)
    }

    /// The contents of all files, in the order of their names.
    pub fn contents(&self) -> Result<Vec<ContentRef>, Error> {
        let contents = self.tree.inodes().filter_map(|found| found.map(|(_, node)| node.content).transpose());
        contents.collect::<Result<_, _>>().map_err(Error::metadata("the merged tree"))
    }

    /// Names everything that a mount shows: what is derived from it can be kept under this name for good.
    pub fn files(&self) -> FilesId {
        self.files
    }

    /// The root digest of the image.
    pub fn digest(&self) -> Digest {
        self.image
    }

    /// A chunk of file content, verified.
    pub(crate) fn chunk(&self, chunk: &ChunkRef) -> Result<ChunkBytes, Error> {
        match self.reader.chunk(PackArea::Data, chunk) {
            // Somebody may have pinned it since.
            Err(error) if error.frozen_pack().is_some() && self.look_for_pins() => {
                self.reader.chunk(PackArea::Data, chunk)
            }
            outcome => outcome,
        }
    }

    /// Which of a file's stored bytes somebody asked for since the image was opened, whether they could be had or not: ascending
    /// ranges, apart, of whole chunks.
    pub fn touched(&self, content: ContentRef) -> Vec<Range<u64>> {
        let Some(layer) = self.layers.get(content.layer as usize) else { return Vec::new() };
        let end = content.first.checked_add(content.count);
        let number = |number: u64| usize::try_from(number).ok().filter(|number| *number < layer.starts.len());
        let numbers = number(content.first).zip(end.and_then(number)).map(|(first, end)| first..end);
        let base = layer.start(content.first).unwrap_or(0);
        let position = |number: usize| layer.starts.get(number).map_or(0, |start| start - base);
        let runs = numbers.map(|numbers| layer.touched.runs(numbers)).unwrap_or_default();
        runs.into_iter().map(|run| position(run.start)..position(run.end)).collect()
    }

    /// Fills `buf` with the stored bytes of a file from `offset` on; it must lie inside what `content` stands for.
    pub fn read_stored(&self, content: ContentRef, offset: u64, mut buf: &mut [u8]) -> Result<(), Error> {
        let outside = || Error::Internal("a read outside the stored bytes of a file".to_owned());
        let layer = self.layers.get(content.layer as usize).ok_or_else(outside)?;
        let end = content.first.checked_add(content.count).and_then(|last| layer.start(last)).ok_or_else(outside)?;
        let first = layer.start(content.first);
        let mut position = first.and_then(|first| first.checked_add(offset)).ok_or_else(outside)?;
        if position.checked_add(buf.len() as u64).is_none_or(|last| last > end) {
            return Err(outside());
        }
        self.reader.count_blob(&layer.blob, buf.len() as u64);
        while !buf.is_empty() {
            let At { number, chunk, start } = layer.at(position).ok_or_else(outside)?;
            layer.touched.mark(number);
            let bytes = self.chunk(&chunk)?;
            let within = usize::try_from(position - start).unwrap_or(usize::MAX);
            let source = bytes.as_ref().get(within..).unwrap_or_default();
            let len = source.len().min(buf.len());
            if len == 0 {
                return Err(outside());
            }
            let (to, rest) = buf.split_at_mut(len);
            to.copy_from_slice(source.get(..len).unwrap_or_default());
            buf = rest;
            position += len as u64;
        }
        Ok(())
    }
}
