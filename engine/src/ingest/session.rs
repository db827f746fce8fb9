//! Archiving: any number of images, one after the other, through one packer.
//!
//! The order of durable writes is packs (with their footers), index, image record, name. An image exists once its record does;
//! whatever a crash leaves behind before that is unreferenced. Images wait for each other to fill packs and are committed
//! together.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::graph::{self, FilesystemPlan, Graph, Leaf};
use super::layer::{LayerBlob, take_apart};
use super::meter::{Meter, Phase};
use super::packer::{PackUse, Packer, PackerTotals};
use super::recode::{Recoder, SourceBlobs};
use super::spool::Spool;
use super::stream::StreamWriter;
use super::trees::{LayerMetadata, Merged, merge};
use crate::archive::{MAX_META_BLOB, unix_now};
use crate::codec::DecodeLimits;
use crate::error::{Error, ErrorKind, with_causes};
use crate::format::{
    BlobBody, BlobRecord, Config, Filesystem, ImageName, ImageRecord, LayerRecord, MountTree, NameRecord, StreamRef,
    Wrapper,
};
use crate::id::Digest;
use crate::index::ChunkIndex;
use crate::known::Known;
use crate::oci::ImageSource;
use crate::read::ChunkReader;
use crate::recompress::{DetectLimits, Detection, Recipe};
use crate::store::{Body, Key, Store};
use crate::tar::Limits;

/// Memory for frames of layers that were archived before and are merged again.
const REPLAY_CACHE: usize = 64 << 20;

/// What becomes of the compressed bytes of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Originals {
    /// An encoder that re-creates them is looked for and proved before the commit; without one they are kept.
    #[default]
    Prove,
    /// They are kept, and the search is left to [`crate::settle`]: the image is committed sooner.
    Defer,
    /// They are given up: layers come back uncompressed, and the manifest no longer describes what is restored.
    Drop,
}

/// How images are archived.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// What becomes of compressed layers.
    pub originals: Originals,
    /// Threads that compress, and that look for encoders.
    pub threads: usize,
    /// Bounds on what layers decompress to.
    pub decode_limits: DecodeLimits,
    /// Bounds on tar headers.
    pub tar_limits: Limits,
    /// Keep layers that can't be taken apart as opaque bytes instead of refusing the image.
    pub keep_unreadable: bool,
}

impl Default for IngestOptions {
    fn default() -> Self {
        IngestOptions {
            originals: Originals::default(),
            threads: crate::one_per_core(),
            decode_limits: DecodeLimits::default(),
            tar_limits: Limits::default(),
            keep_unreadable: false,
        }
    }
}

/// What a layer's blob comes back from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comeback {
    /// An encoder re-creates it from its content.
    Encoder,
    /// It is kept beside its content, for want of an encoder.
    Original,
    /// It is kept beside its content until an encoder was looked for.
    OriginalForNow,
    /// Nothing: only what it decompresses to comes back.
    Nothing,
    /// It is stored as it is, and was not taken apart.
    AsItIs,
}

impl Comeback {
    fn by(wrapper: &Wrapper) -> Self {
        match wrapper {
            Wrapper::Recipe(_) => Comeback::Encoder,
            Wrapper::Kept(_) => Comeback::Original,
            Wrapper::Deferred(_) => Comeback::OriginalForNow,
            Wrapper::Dropped => Comeback::Nothing,
        }
    }
}

/// What became of one layer.
#[derive(Debug, Clone)]
pub struct IngestedLayer {
    /// The layer's blob.
    pub digest: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// Whether the archive had it already.
    pub was_known: bool,
    /// What its blob comes back from.
    pub comeback: Comeback,
    /// The search for an encoder, for new layers.
    pub detection: Option<Detection>,
    /// Why it is opaque, if it is.
    pub unreadable: Option<String>,
}

/// One committed image.
#[derive(Debug, Clone)]
pub struct Ingested {
    /// Its root digest.
    pub image: Digest,
    /// The name that was bound to it.
    pub name: Option<ImageName>,
    /// Where it came from.
    pub source: String,
    /// Whether the archive had it already.
    pub was_known: bool,
    /// Its record.
    pub record: ImageRecord,
    /// Its layers.
    pub layers: Vec<IngestedLayer>,
    /// Time from opening the source to the end of its work, without the commit.
    pub elapsed: Duration,
}

/// A layer that this session has seen.
struct SessionLayer {
    blob: BlobRecord,
    used: PackUse,
    spool: Option<Spool>,
    summary: IngestedLayer,
}

/// An image whose record is complete but for its packs.
struct Draft {
    record: ImageRecord,
    used: PackUse,
    name: Option<ImageName>,
    layers: Vec<IngestedLayer>,
    elapsed: Duration,
    /// Raw bytes that the archive did not have before it.
    new_bytes: u64,
}

/// An archive being written to.
pub struct Session {
    store: Arc<dyn Store>,
    tmp: PathBuf,
    options: IngestOptions,
    packer: Packer,
    known: Known,
    layers: HashMap<Digest, SessionLayer>,
    drafts: Vec<Draft>,
    /// Nothing comes after the next image.
    is_last: bool,
    /// What had been stored at the last commit.
    committed: PackerTotals,
    meter: Arc<Meter>,
}

impl Session {
    /// Starts a session; the caller holds the archive's write lock.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        tmp: PathBuf,
        config: &Config,
        index: ChunkIndex,
        known: Known,
        options: IngestOptions,
        meter: Arc<Meter>,
    ) -> Result<Self, Error> {
        let packer = Packer::new(Arc::clone(&store), tmp.clone(), config, index, options.threads)?;
        Ok(Session {
            store,
            tmp,
            options,
            packer,
            known,
            layers: HashMap::new(),
            drafts: Vec::new(),
            is_last: false,
            committed: PackerTotals::default(),
            meter,
        })
    }

    /// What the session has stored so far.
    pub fn totals(&self) -> PackerTotals {
        self.packer.totals()
    }

    /// Says that no image comes after the next one: what it brings is compressed while its tree is made.
    pub fn expect_last(&mut self) {
        self.is_last = true;
    }

    /// Archives one image. It is durable when [`Session::commit`] has returned; that happens on its own whenever a pack's
    /// worth has come together, and the images that it made durable are returned.
    pub fn add(&mut self, source: &dyn ImageSource, name: Option<ImageName>) -> Result<Vec<Ingested>, Error> {
        let started = std::time::Instant::now();
        let graph = graph::walk(source)?;
        let root = graph
            .documents
            .first()
            .map(|(leaf, _)| leaf.digest)
            .ok_or_else(|| Error::source(source.origin(), "its root document is too large"))?;
        let known = self.known.image(self.store.as_ref(), &root)?;
        if let Some(record) = known.filter(|record| self.suffices(record.is_whole())) {
            let record = ImageRecord { source: source.origin().to_owned(), ..record };
            if let Some(name) = &name {
                self.bind(name, root)?;
            }
            let (was_known, elapsed, layers) = (true, started.elapsed(), known_layers(&record));
            let source = source.origin().to_owned();
            return Ok(vec![Ingested { image: root, name, source, was_known, record, layers, elapsed }]);
        }
        let before = self.packer.totals().new_bytes;
        self.take_layers(source, &graph.layers)?;
        if self.is_last {
            self.packer.hand_over()?;
        }
        self.meter.set_phase(Phase::Committing);
        let draft = self.draft(source, root, graph, name)?;
        let new_bytes = self.packer.totals().new_bytes - before;
        self.drafts.push(Draft { elapsed: started.elapsed(), new_bytes, ..draft });
        let waiting = self.packer.totals().new_bytes - self.committed.new_bytes;
        if waiting >= self.packer.config().pack_len { self.commit() } else { Ok(Vec::new()) }
    }

    /// Whether what the archive has is as much as is asked for: what was given up once may be wanted whole now.
    fn suffices(&self, is_whole: bool) -> bool {
        is_whole || self.options.originals == Originals::Drop
    }

    /// Takes all layers apart that neither the archive nor this session knows.
    fn take_layers(&mut self, source: &dyn ImageSource, layers: &[Leaf]) -> Result<(), Error> {
        let mut new = Vec::new();
        for leaf in layers {
            if self.layers.contains_key(&leaf.digest) {
                continue;
            }
            let known = self.known.blob(self.store.as_ref(), &leaf.digest)?;
            if let Some(blob) = known.filter(|blob| self.suffices(!is_dropped(blob))) {
                let summary = summary_of_known(&blob);
                let used = PackUse::default();
                self.layers.insert(leaf.digest, SessionLayer { blob, used, spool: None, summary });
            } else {
                new.push(leaf.clone());
            }
        }
        self.meter.add_total(new.iter().map(|leaf| leaf.size).sum());
        self.meter.set_phase(Phase::Layers);
        let (decode, threads) = (self.options.decode_limits, self.options.threads);
        let limits = DetectLimits { decode, threads, ..DetectLimits::default() };
        let blobs = SourceBlobs(source);
        let (recoder, suspects) = Recoder::new(&blobs, limits);
        let taken = std::thread::scope(|scope| {
            for _ in 0..self.options.threads.max(1) {
                scope.spawn(|| recoder.work());
            }
            let mut taken = Vec::with_capacity(new.len());
            for leaf in &new {
                let fate = self.fate(&recoder, leaf);
                if matches!(fate, Fate::Suspected) {
                    suspects.hand_in(leaf.digest, leaf.size);
                }
                let keep = matches!(fate, Fate::Searched(_) | Fate::Deferred);
                match self.take_layer(source, leaf, keep) {
                    Ok(part) => taken.push((part, fate)),
                    Err(error) => {
                        recoder.cancel();
                        drop(suspects);
                        return Err(error);
                    }
                }
            }
            self.meter.set_phase(Phase::Recoding);
            drop(suspects);
            Ok(taken)
        })?;
        let mut verdicts = recoder.into_verdicts();
        for (leaf, (part, mut fate)) in new.into_iter().zip(taken) {
            // What can't be decoded has no encoder, and the search says so in its own way.
            if let (Part::Layer(_), Fate::Suspected) = (&part, &fate)
                && let Some(detection) = verdicts.remove(&leaf.digest).transpose()?
            {
                fate = Fate::Searched(detection);
            }
            self.finish_layer(source, leaf, part, fate)?;
        }
        Ok(())
    }

    /// What is to become of a layer's compressed bytes, as far as it can be known before the layer is read.
    fn fate(&self, recoder: &Recoder<'_>, leaf: &Leaf) -> Fate {
        match self.options.originals {
            Originals::Prove => recoder.dismiss(&leaf.digest, leaf.size).map_or(Fate::Suspected, Fate::Searched),
            // What is not compressed is its own original: that is proved at no cost.
            _ if !recoder.is_compressed(&leaf.digest) => Fate::Suspected,
            Originals::Defer => Fate::Deferred,
            Originals::Drop => Fate::Dropped,
        }
    }

    fn take_layer(&mut self, source: &dyn ImageSource, leaf: &Leaf, keep: bool) -> Result<Part, Error> {
        let (tmp, options) = (&self.tmp, &self.options);
        let blob = LayerBlob { source, digest: leaf.digest, size: leaf.size, keep };
        match take_apart(&mut self.packer, blob, options, tmp, &self.meter) {
            Ok(taken) => Ok(Part::Layer(Box::new(taken))),
            Err(error @ Error::Layer { .. }) if options.keep_unreadable && error.kind() == ErrorKind::BadInput => {
                Ok(Part::Opaque(with_causes(&error)))
            }
            Err(error) => Err(error),
        }
    }

    /// Completes a layer's record once it is known what becomes of its compressed bytes.
    fn finish_layer(&mut self, source: &dyn ImageSource, leaf: Leaf, part: Part, fate: Fate) -> Result<(), Error> {
        let mut summary = IngestedLayer {
            digest: leaf.digest,
            size: leaf.size,
            was_known: false,
            comeback: Comeback::AsItIs,
            detection: None,
            unreadable: None,
        };
        let (body, used, spool) = match part {
            Part::Layer(taken) => {
                let mut used = taken.parts.used;
                let wrapper = match (&fate, fate.recipe()) {
                    (_, Some(recipe)) => Wrapper::Recipe(recipe.encode()),
                    (Fate::Dropped, None) => Wrapper::Dropped,
                    (_, None) => {
                        let original = match taken.original {
                            Some((original, originals)) => {
                                used.add(originals);
                                original
                            }
                            None => self.keep(source, &leaf, &mut used)?,
                        };
                        if matches!(fate, Fate::Deferred) {
                            Wrapper::Deferred(original)
                        } else {
                            Wrapper::Kept(original)
                        }
                    }
                };
                summary.comeback = Comeback::by(&wrapper);
                if let Fate::Searched(detection) = fate {
                    summary.detection = Some(detection);
                }
                let record = LayerRecord {
                    diff_id: taken.diff_id,
                    tar_len: taken.parts.tar_len,
                    members: taken.parts.members,
                    skeleton: taken.parts.skeleton,
                    ops: taken.parts.ops,
                    refs: taken.parts.refs,
                    wrapper,
                    packs: Vec::new(),
                };
                (BlobBody::Layer(Box::new(record)), used, Some(taken.parts.spool))
            }
            Part::Opaque(reason) => {
                let mut used = PackUse::default();
                summary.unreadable = Some(reason);
                (BlobBody::Bytes(self.bytes(source, &leaf, &mut used)?), used, None)
            }
        };
        let blob = BlobRecord { digest: leaf.digest, size: leaf.size, media_type: leaf.media_type, body };
        self.layers.insert(leaf.digest, SessionLayer { blob, used, spool, summary });
        Ok(())
    }

    /// Stores a blob as it is, among the originals.
    fn keep(&mut self, source: &dyn ImageSource, leaf: &Leaf, used: &mut PackUse) -> Result<StreamRef, Error> {
        let stream = StreamWriter::original();
        self.copy(source, leaf, stream, used)
    }

    /// Stores a blob as it is: small ones with the metadata, so that they are always at hand.
    fn bytes(&mut self, source: &dyn ImageSource, leaf: &Leaf, used: &mut PackUse) -> Result<StreamRef, Error> {
        let stream = if leaf.size <= MAX_META_BLOB {
            StreamWriter::meta(&self.packer, "document")
        } else {
            StreamWriter::original()
        };
        self.copy(source, leaf, stream, used)
    }

    fn copy(
        &mut self,
        source: &dyn ImageSource,
        leaf: &Leaf,
        mut stream: StreamWriter,
        used: &mut PackUse,
    ) -> Result<StreamRef, Error> {
        use std::io::Read as _;
        let origin = source.origin();
        let input = source
            .open(&leaf.digest)?
            .ok_or_else(|| Error::source(origin, format!("blob {} is missing", leaf.digest)))?;
        let mut hashing = super::feed::HashingReader::new(input, None);
        let mut buffer = vec![0; 1 << 20];
        loop {
            let len = hashing
                .read(&mut buffer)
                .map_err(Error::source_because(origin, format!("blob {} can't be read", leaf.digest)))?;
            if len == 0 {
                break;
            }
            stream.write(&mut self.packer, buffer.get(..len).unwrap_or_default(), used)?;
        }
        hashing.finish(origin, &leaf.digest, leaf.size)?;
        stream.finish(&mut self.packer, used)
    }

    /// Puts an image's record together.
    fn draft(
        &mut self,
        source: &dyn ImageSource,
        root: Digest,
        graph: Graph,
        name: Option<ImageName>,
    ) -> Result<Draft, Error> {
        let mut used = PackUse::default();
        let mut blobs = Vec::new();
        let mut platforms = HashMap::new();
        for (leaf, bytes) in &graph.documents {
            let mut stream = StreamWriter::meta(&self.packer, "document");
            stream.write(&mut self.packer, bytes, &mut used)?;
            let body = BlobBody::Bytes(stream.finish(&mut self.packer, &mut used)?);
            let media_type = leaf.media_type.clone();
            blobs.push(BlobRecord { digest: leaf.digest, size: leaf.size, media_type, body });
            if let Some(config) = config_of(bytes) {
                platforms.insert(leaf.digest, config);
            }
        }
        for leaf in &graph.others {
            let body = BlobBody::Bytes(self.bytes(source, leaf, &mut used)?);
            let media_type = leaf.media_type.clone();
            blobs.push(BlobRecord { digest: leaf.digest, size: leaf.size, media_type, body });
        }
        let mut layers = Vec::new();
        for leaf in &graph.layers {
            if let Some(layer) = self.layers.get(&leaf.digest) {
                blobs.push(layer.blob.clone());
                layers.push(layer.summary.clone());
            }
        }
        let mut filesystems = Vec::new();
        for plan in &graph.filesystems {
            let platform = self.platform(source, plan, &graph, platforms.get(&plan.manifest))?;
            filesystems.push(self.filesystem(plan, platform, &blobs, &mut used)?);
        }
        let descriptor = serde_json::to_vec(source.root()).map_err(|error| Error::Internal(error.to_string()))?;
        let record = ImageRecord {
            root,
            archived_at: unix_now(),
            source: source.origin().chars().take(1000).collect(),
            descriptor,
            blobs,
            absent: graph.absent,
            filesystems,
            packs: Vec::new(),
            added_bytes: 0,
        };
        Ok(Draft { record, used, name, layers, elapsed: Duration::ZERO, new_bytes: 0 })
    }

    fn platform(
        &self,
        source: &dyn ImageSource,
        plan: &FilesystemPlan,
        graph: &Graph,
        config: Option<&Digest>,
    ) -> Result<String, Error> {
        if !plan.platform.is_empty() {
            return Ok(plan.platform.clone());
        }
        let leaf = config.and_then(|digest| graph.others.iter().find(|leaf| &leaf.digest == digest));
        let Some(leaf) = leaf.filter(|leaf| leaf.size <= MAX_META_BLOB) else { return Ok(String::new()) };
        let Some(input) = source.open(&leaf.digest)? else { return Ok(String::new()) };
        let bytes = graph::read_blob(source.origin(), input, leaf)?;
        Ok(graph::platform_of_config(&bytes).unwrap_or_default())
    }

    /// Merges the layers of one filesystem and stores the tree.
    fn filesystem(
        &mut self,
        plan: &FilesystemPlan,
        platform: String,
        blobs: &[BlobRecord],
        used: &mut PackUse,
    ) -> Result<Filesystem, Error> {
        let index_of = |digest: &Digest| {
            let position = blobs.iter().position(|blob| &blob.digest == digest);
            position.and_then(|position| u32::try_from(position).ok())
        };
        let filesystem = |layers, tree| Filesystem { manifest: plan.manifest, platform, layers, tree };
        let indices: Option<Vec<u32>> = plan.layers.iter().map(index_of).collect();
        let Some(indices) = indices else {
            let reason = "a layer is not in the archive".to_owned();
            return Ok(filesystem(Vec::new(), MountTree::Unmountable(reason)));
        };
        for (number, digest) in plan.layers.iter().enumerate() {
            let layer = self.layers.get(digest);
            if let Some(reason) = layer.and_then(|layer| layer.summary.unreadable.as_ref()) {
                let reason = format!("layer {}: {reason}", number + 1);
                return Ok(filesystem(indices, MountTree::Unmountable(reason)));
            }
        }
        match self.merge(&plan.layers)? {
            Merged::Unmountable(reason) => Ok(filesystem(indices, MountTree::Unmountable(reason))),
            Merged::Tree(bytes) => {
                let mut stream = StreamWriter::meta(&self.packer, "tree");
                stream.write(&mut self.packer, &bytes, used)?;
                let stream = stream.finish(&mut self.packer, used)?;
                Ok(filesystem(indices, MountTree::Stored(stream)))
            }
        }
    }

    fn merge(&self, layers: &[Digest]) -> Result<Merged, Error> {
        let reader = ChunkReader::new(Arc::clone(&self.store), REPLAY_CACHE);
        let mut metadata = Vec::with_capacity(layers.len());
        for digest in layers {
            let layer = self.layers.get(digest).ok_or_else(|| Error::Internal(format!("layer {digest} is lost")))?;
            metadata.push(match (&layer.spool, &layer.blob.body) {
                (Some(spool), _) => LayerMetadata::Spool(spool),
                (None, BlobBody::Layer(record)) => {
                    reader.learn(record.packs.iter().copied())?;
                    LayerMetadata::Stored(&reader, record)
                }
                (None, BlobBody::Bytes(_)) => return Err(Error::Internal("an opaque layer in a merge".to_owned())),
            });
        }
        merge(&metadata, &self.options.tar_limits)
    }

    /// Makes everything durable that was handed in; from now on every layer of the session is read from its packs.
    fn seal_layers(&mut self) -> Result<(), Error> {
        self.packer.seal()?;
        for layer in self.layers.values_mut() {
            if layer.spool.take().is_some()
                && let BlobBody::Layer(record) = &mut layer.blob.body
            {
                record.packs = self.packer.resolve(&layer.used);
            }
        }
        Ok(())
    }

    /// Makes every image that was added durable and visible.
    pub fn commit(&mut self) -> Result<Vec<Ingested>, Error> {
        if self.drafts.is_empty() {
            return Ok(Vec::new());
        }
        self.meter.set_phase(Phase::Committing);
        self.seal_layers()?;
        let totals = self.packer.totals();
        let stored = totals.stored_bytes - self.committed.stored_bytes;
        self.committed = totals;
        let drafts = std::mem::take(&mut self.drafts);
        let mut done = Vec::with_capacity(drafts.len());
        let all_new: u64 = drafts.iter().map(|draft| draft.new_bytes).sum();
        for draft in drafts {
            let Draft { mut record, used, name, layers, elapsed, new_bytes } = draft;
            record.packs = self.packer.resolve(&used);
            // Images that were packed together share what their packs take by what each brought.
            let share = u128::from(stored) * u128::from(new_bytes) / u128::from(all_new.max(1));
            record.added_bytes = u64::try_from(share).unwrap_or(u64::MAX);
            for blob in &mut record.blobs {
                if let (BlobBody::Layer(to), Some(SessionLayer { blob: known, .. })) =
                    (&mut blob.body, self.layers.get(&blob.digest))
                    && let BlobBody::Layer(from) = &known.body
                {
                    to.packs.clone_from(&from.packs);
                }
            }
            let bytes = record.encode().map_err(|error| Error::source(&record.source, error.to_string()))?;
            self.store.put(&Key::Image(record.root), Body::Bytes(&bytes))?;
            self.known.learn(&record);
            if let Some(name) = &name {
                self.bind(name, record.root)?;
            }
            let (image, source, was_known) = (record.root, record.source.clone(), false);
            done.push(Ingested { image, name, source, was_known, record, layers, elapsed });
        }
        Ok(done)
    }

    fn bind(&self, name: &ImageName, image: Digest) -> Result<(), Error> {
        let record = NameRecord { name: name.clone(), image, updated_at: unix_now() };
        let key = Key::Name(name.clone());
        let bytes = record.encode().map_err(|source| Error::Object { key: key.clone(), source })?;
        Ok(self.store.put(&key, Body::Bytes(&bytes))?)
    }

    /// Commits what is left and ends the session.
    pub fn finish(mut self) -> Result<Vec<Ingested>, Error> {
        let done = self.commit()?;
        self.packer.close()?;
        Ok(done)
    }
}

/// What is to become of a layer's compressed bytes.
enum Fate {
    /// An encoder for them is looked for.
    Suspected,
    /// It was looked for.
    Searched(Detection),
    /// It is looked for another day.
    Deferred,
    /// Nobody wants them.
    Dropped,
}

impl Fate {
    fn recipe(&self) -> Option<&Recipe> {
        match self {
            Fate::Searched(detection) => detection.recipe.as_ref(),
            Fate::Suspected | Fate::Deferred | Fate::Dropped => None,
        }
    }
}

enum Part {
    Layer(Box<super::layer::TakenApart>),
    /// Not a readable layer, and to be kept as bytes for this reason.
    Opaque(String),
}

fn summary_of_known(blob: &BlobRecord) -> IngestedLayer {
    IngestedLayer {
        digest: blob.digest,
        size: blob.size,
        was_known: true,
        comeback: match &blob.body {
            BlobBody::Layer(layer) => Comeback::by(&layer.wrapper),
            BlobBody::Bytes(_) => Comeback::AsItIs,
        },
        detection: None,
        unreadable: matches!(&blob.body, BlobBody::Bytes(_)).then(|| "archived as opaque bytes".to_owned()),
    }
}

fn known_layers(record: &ImageRecord) -> Vec<IngestedLayer> {
    record.layers().map(|(blob, _)| summary_of_known(blob)).collect()
}

fn is_dropped(blob: &BlobRecord) -> bool {
    matches!(&blob.body, BlobBody::Layer(layer) if layer.wrapper == Wrapper::Dropped)
}

/// The config that a manifest names.
fn config_of(manifest: &[u8]) -> Option<Digest> {
    match crate::oci::Document::parse("", manifest) {
        Ok(crate::oci::Document::Manifest { config, .. }) => config.sha256(),
        _ => None,
    }
}
