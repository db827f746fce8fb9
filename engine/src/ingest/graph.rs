//! What an image consists of: its documents read, and every other blob they name.

use std::collections::{BTreeMap, HashSet, VecDeque};

use crate::error::Error;
use crate::id::Digest;
use crate::oci::{Descriptor, Document, ImageSource, media};

use super::feed::HashingReader;

/// Most documents and blobs of one image.
const MAX_NODES: usize = 100_000;
/// Largest document that is parsed; what registries accept.
const MAX_DOCUMENT: u64 = 4 << 20;

/// A blob that is not a parsed document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) media_type: String,
}

/// A root filesystem to be merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilesystemPlan {
    pub(crate) manifest: Digest,
    pub(crate) platform: String,
    pub(crate) layers: Vec<Digest>,
}

/// Everything reachable from a root.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// Documents with their bytes, in the order in which they were found.
    pub(crate) documents: Vec<(Leaf, Vec<u8>)>,
    /// Filesystem layers, in the order in which they are named.
    pub(crate) layers: Vec<Leaf>,
    /// Configs and blobs of other types.
    pub(crate) others: Vec<Leaf>,
    /// Named, but not in the source, and allowed not to be.
    pub(crate) absent: Vec<Digest>,
    pub(crate) filesystems: Vec<FilesystemPlan>,
}

struct Walk<'s> {
    source: &'s dyn ImageSource,
    graph: Graph,
    seen: HashSet<Digest>,
    queue: VecDeque<(Descriptor, bool)>,
}

/// Follows an image's documents from its root.
pub(crate) fn walk(source: &dyn ImageSource) -> Result<Graph, Error> {
    let mut walk = Walk { source, graph: Graph::default(), seen: HashSet::new(), queue: VecDeque::new() };
    walk.queue.push_back((source.root().clone(), false));
    while let Some((descriptor, may_be_absent)) = walk.queue.pop_front() {
        walk.document(&descriptor, may_be_absent)?;
        if walk.seen.len() > MAX_NODES {
            return Err(Error::source(source.origin(), format!("an image of more than {MAX_NODES} blobs")));
        }
    }
    Ok(walk.graph)
}

impl Walk<'_> {
    fn digest(&self, descriptor: &Descriptor) -> Result<Digest, Error> {
        descriptor
            .digest
            .parse()
            .map_err(Error::source_because(self.source.origin(), "names a blob that has no SHA-256"))
    }

    /// Reads a document that may name others.
    fn document(&mut self, descriptor: &Descriptor, may_be_absent: bool) -> Result<(), Error> {
        let digest = self.digest(descriptor)?;
        if !self.seen.insert(digest) {
            return Ok(());
        }
        let origin = self.source.origin();
        let Some(input) = self.source.open(&digest)? else {
            if may_be_absent {
                self.graph.absent.push(digest);
                return Ok(());
            }
            return Err(Error::source(origin, format!("blob {digest} is missing")));
        };
        let leaf = Leaf { digest, size: descriptor.size, media_type: descriptor.media_type.clone() };
        if descriptor.size > MAX_DOCUMENT {
            self.graph.others.push(leaf);
            return Ok(());
        }
        let bytes = read_blob(origin, input, &leaf)?;
        let document = Document::parse(&descriptor.media_type, &bytes)
            .map_err(Error::source_because(origin, format!("document {digest} is not valid")))?;
        match document {
            Document::Index { manifests } => {
                manifests.into_iter().for_each(|manifest| self.queue.push_back((manifest, true)));
            }
            Document::Manifest { config, layers, .. } => {
                self.manifest(digest, descriptor, &config, &layers)?;
            }
            Document::Leaf => {}
        }
        self.graph.documents.push((leaf, bytes));
        Ok(())
    }

    fn manifest(
        &mut self,
        manifest: Digest,
        descriptor: &Descriptor,
        config: &Descriptor,
        layers: &[Descriptor],
    ) -> Result<(), Error> {
        let is_filesystem =
            layers.iter().all(|layer| media::is_layer(&layer.media_type)) && is_container(config, layers);
        if is_filesystem {
            let layers = layers.iter().map(|layer| self.digest(layer)).collect::<Result<_, _>>()?;
            let platform = descriptor.platform.as_ref().map(ToString::to_string);
            let platform = platform.unwrap_or_default();
            self.graph.filesystems.push(FilesystemPlan { manifest, platform, layers });
        }
        self.blob(config)?;
        layers.iter().try_for_each(|layer| self.blob(layer))
    }

    /// Notes a blob that names nothing.
    fn blob(&mut self, descriptor: &Descriptor) -> Result<(), Error> {
        let digest = self.digest(descriptor)?;
        if !self.seen.insert(digest) {
            return Ok(());
        }
        if self.source.open(&digest)?.is_none() {
            // A foreign layer is fetched from elsewhere; an archive can only note that it is not here.
            if descriptor.urls.is_empty() {
                return Err(Error::source(self.source.origin(), format!("blob {digest} is missing")));
            }
            self.graph.absent.push(digest);
            return Ok(());
        }
        let leaf = Leaf { digest, size: descriptor.size, media_type: descriptor.media_type.clone() };
        let group = if media::is_layer(&leaf.media_type) { &mut self.graph.layers } else { &mut self.graph.others };
        group.push(leaf);
        Ok(())
    }
}

/// Whether a manifest describes a root filesystem rather than an artifact.
fn is_container(config: &Descriptor, layers: &[Descriptor]) -> bool {
    let known = [media::OCI_CONFIG, "application/vnd.docker.container.image.v1+json", ""];
    known.contains(&config.media_type.as_str()) || !layers.is_empty()
}

/// Reads a whole small blob and checks it.
pub(crate) fn read_blob(origin: &str, input: impl std::io::Read, leaf: &Leaf) -> Result<Vec<u8>, Error> {
    use std::io::Read as _;
    let mut hashing = HashingReader::new(input, None);
    let mut bytes = Vec::new();
    (&mut hashing)
        .take(leaf.size.min(MAX_DOCUMENT))
        .read_to_end(&mut bytes)
        .map_err(Error::source_because(origin, format!("blob {} can't be read", leaf.digest)))?;
    hashing.finish(origin, &leaf.digest, leaf.size)?;
    Ok(bytes)
}

/// Platforms that configs name, for manifests whose descriptor does not.
pub(crate) fn platform_of_config(config: &[u8]) -> Option<String> {
    let config: BTreeMap<String, serde_json::Value> = serde_json::from_slice(config).ok()?;
    let text = |key: &str| config.get(key).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    let variant = text("variant").map(|variant| format!("/{variant}")).unwrap_or_default();
    Some(format!("{}/{}{variant}", text("os")?, text("architecture")?))
}
