//! What `docker save` wrote before it knew OCI layouts: a list of configs and layer files, and no manifest.
//!
//! There is no manifest digest to preserve, so one is made: an OCI manifest over the config as it is and the layers as they
//! are. It is a pure function of the archive's content, and the config's digest (docker's image id) stays what it was.

use std::collections::HashMap;
use std::io::Read;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::document::{Descriptor, MAX_DOCUMENT, media};
use super::reference::{Reference, Selector};
use super::source::{ImageSource, read_small};
use super::tarfile::TarFile;
use crate::codec::Compression;
use crate::error::Error;
use crate::id::Digest;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

enum Blob {
    Made(Vec<u8>),
    Member(String),
}

/// One image of a docker archive.
pub(super) struct DockerArchive {
    origin: String,
    archive: TarFile,
    root: Descriptor,
    name: Option<String>,
    blobs: HashMap<Digest, Blob>,
}

fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

impl DockerArchive {
    pub(super) fn open(origin: String, archive: TarFile, reference: &Reference) -> Result<Self, Error> {
        let bad = |what: String| Error::source(&origin, what);
        let list =
            archive.open("manifest.json").ok_or_else(|| bad("holds no manifest.json: not a docker archive".into()))?;
        let list = read_small(&origin, "manifest.json", list, MAX_DOCUMENT)?;
        let items: Vec<Item> =
            serde_json::from_slice(&list).map_err(Error::source_because(&origin, "manifest.json is not valid"))?;
        let item = choose(&items, &reference.selector).map_err(bad)?;
        let config = archive
            .open(&item.config)
            .ok_or_else(|| Error::source(&origin, format!("holds no config {}", item.config)))?;
        let config = read_small(&origin, "the config", config, MAX_DOCUMENT)?;
        let mut blobs = HashMap::new();
        let mut layers = Vec::new();
        for member in &item.layers {
            let (digest, media_type) = inspect_layer(&origin, &archive, member)?;
            let size = archive.len(member).unwrap_or_default();
            layers.push(serde_json::json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size }));
            blobs.insert(digest, Blob::Member(member.clone()));
        }
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": media::OCI_MANIFEST,
            "config": {
                "mediaType": media::OCI_CONFIG,
                "digest": digest_of(&config).to_string(),
                "size": config.len(),
            },
            "layers": layers,
        })
        .to_string()
        .into_bytes();
        let root = Descriptor {
            media_type: media::OCI_MANIFEST.to_owned(),
            digest: digest_of(&manifest).to_string(),
            size: manifest.len() as u64,
            platform: None,
            urls: Vec::new(),
            annotations: serde_json::Map::new(),
            other: serde_json::Map::new(),
        };
        blobs.insert(digest_of(&config), Blob::Made(config));
        blobs.insert(digest_of(&manifest), Blob::Made(manifest));
        let name = item.repo_tags.iter().flatten().next().cloned();
        Ok(DockerArchive { origin, archive, root, name, blobs })
    }
}

fn choose<'a>(items: &'a [Item], selector: &Selector) -> Result<&'a Item, String> {
    let tags = || items.iter().flat_map(|item| item.repo_tags.iter().flatten()).cloned().collect::<Vec<_>>().join(", ");
    let found = match (selector, items) {
        (Selector::Only, [one]) => Some(one),
        (Selector::Only, []) => return Err("holds no image".to_owned()),
        (Selector::Only, _) => return Err(format!("holds several images, name one of them: {}", tags())),
        (Selector::Name(name), _) => items.iter().find(|item| {
            item.repo_tags.iter().flatten().any(|tag| tag == name || tag.rsplit('/').next() == Some(name))
        }),
        (Selector::Digest(_), _) => {
            return Err("a docker archive has no manifest digests: name the image by its tag".to_owned());
        }
    };
    found.ok_or_else(|| format!("holds no such image (it has: {})", tags()))
}

/// Digest and media type of a layer member: read once, as some writers compress layers and the config only names what they
/// decompress to.
fn inspect_layer(origin: &str, archive: &TarFile, member: &str) -> Result<(Digest, &'static str), Error> {
    let mut input = archive.open(member).ok_or_else(|| Error::source(origin, format!("holds no layer {member}")))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut compression = None;
    loop {
        let len =
            input.read(&mut buffer).map_err(Error::source_because(origin, format!("layer {member} can't be read")))?;
        let bytes = buffer.get(..len).unwrap_or_default();
        compression.get_or_insert_with(|| Compression::sniff(bytes));
        if len == 0 {
            break;
        }
        hasher.update(bytes);
    }
    let media_type = match compression {
        Some(Compression::Gzip) => "application/vnd.oci.image.layer.v1.tar+gzip",
        Some(Compression::Zstd) => "application/vnd.oci.image.layer.v1.tar+zstd",
        _ => media::OCI_LAYER,
    };
    Ok((Digest::from_bytes(hasher.finalize().into()), media_type))
}

impl ImageSource for DockerArchive {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn root(&self) -> &Descriptor {
        &self.root
    }

    fn name(&self) -> Option<String> {
        self.name.clone()
    }

    fn open(&self, digest: &Digest) -> Result<Option<Box<dyn Read + Send>>, Error> {
        Ok(match self.blobs.get(digest) {
            Some(Blob::Made(bytes)) => Some(Box::new(std::io::Cursor::new(bytes.clone()))),
            Some(Blob::Member(member)) => self.archive.open(member),
            None => None,
        })
    }
}
