//! The few fields of OCI and Docker documents that matter here. Everything else is kept as the bytes that it is.

use serde::{Deserialize, Serialize};

use crate::id::Digest;

/// Media types.
pub mod media {
    /// OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// OCI image config.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// OCI layer, uncompressed.
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// Docker image manifest, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

    /// Whether blobs of this type are filesystem layers in tar format, compressed or not.
    pub fn is_layer(media_type: &str) -> bool {
        let oci = ["application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar"];
        let base = media_type.split('+').next().unwrap_or_default();
        oci.contains(&base)
            || media_type.starts_with("application/vnd.docker.image.rootfs.diff.tar")
            || media_type.starts_with("application/vnd.docker.image.rootfs.foreign.diff.tar")
    }
}

/// Largest document that is read as JSON, in bytes; registries refuse manifests beyond 4 MiB.
pub(crate) const MAX_DOCUMENT: u64 = 4 << 20;

/// A reference to a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type; may be missing in old documents.
    #[serde(default)]
    pub media_type: String,
    /// `sha256:…`
    pub digest: String,
    /// Length in bytes.
    pub size: u64,
    /// Platform, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Where else the blob can be had (foreign layers).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Annotations, e.g. the name in an OCI layout.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub annotations: serde_json::Map<String, serde_json::Value>,
    /// Everything else, so that nothing is lost when a descriptor is written again.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// What a manifest of an index is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// e.g. `amd64`
    #[serde(default)]
    pub architecture: String,
    /// e.g. `linux`
    #[serde(default)]
    pub os: String,
    /// e.g. `v8`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl Descriptor {
    /// The digest, if it is a SHA-256.
    pub fn sha256(&self) -> Option<Digest> {
        self.digest.parse().ok()
    }

    /// The name that an OCI layout gives it.
    pub fn ref_name(&self) -> Option<&str> {
        self.annotations.get("org.opencontainers.image.ref.name")?.as_str()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDocument {
    #[serde(default)]
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    blobs: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
}

/// A document that refers to other blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// An image manifest (or an artifact in the shape of one).
    Manifest {
        /// The config blob.
        config: Box<Descriptor>,
        /// Layers, lowest first.
        layers: Vec<Descriptor>,
        /// What it is attached to; not part of this image.
        subject: Option<Box<Descriptor>>,
    },
    /// An index of manifests.
    Index {
        /// The manifests.
        manifests: Vec<Descriptor>,
    },
    /// Any other blob: it refers to nothing.
    Leaf,
}

impl Document {
    /// Reads a document. The shape of the JSON decides, as media types are missing or wrong in the wild; bytes that are no
    /// such JSON are a leaf, unless `media_type` claims a manifest or an index.
    pub fn parse(media_type: &str, bytes: &[u8]) -> Result<Document, serde_json::Error> {
        let claimed = [media::OCI_MANIFEST, media::OCI_INDEX, media::DOCKER_MANIFEST, media::DOCKER_LIST];
        let raw: RawDocument = match serde_json::from_slice(bytes) {
            Ok(raw) => raw,
            Err(error) if claimed.contains(&media_type) => return Err(error),
            Err(_) => return Ok(Document::Leaf),
        };
        let claims = raw.media_type.as_deref().unwrap_or(media_type);
        Ok(match (raw.manifests, raw.config, raw.layers) {
            (Some(manifests), None, None) => Document::Index { manifests },
            (None, Some(config), layers) if layers.is_some() || claimed.contains(&claims) => {
                let subject = raw.subject.map(Box::new);
                Document::Manifest { config: Box::new(config), layers: layers.unwrap_or_default(), subject }
            }
            (None, None, _) if raw.blobs.is_some() => {
                // An OCI artifact manifest of the 1.1 release candidates.
                Document::Index { manifests: raw.blobs.unwrap_or_default() }
            }
            _ => Document::Leaf,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_decides() {
        let descriptor = r#"{"mediaType":"x","digest":"sha256:00","size":1,"data":"e30="}"#;
        let manifest = format!(r#"{{"schemaVersion":2,"config":{descriptor},"layers":[{descriptor}]}}"#);
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{descriptor}]}}"#);
        assert!(matches!(Document::parse("", manifest.as_bytes()), Ok(Document::Manifest { .. })));
        assert!(matches!(Document::parse("", index.as_bytes()), Ok(Document::Index { .. })));
        assert_eq!(Document::parse("", b"{}").unwrap(), Document::Leaf);
        assert_eq!(Document::parse("text/plain", b"hello").unwrap(), Document::Leaf);
        assert!(Document::parse(media::OCI_MANIFEST, b"hello").is_err());
        // A container config has a "config" member too, but no layers.
        assert_eq!(Document::parse(media::OCI_CONFIG, br#"{"config":{"Env":[]}}"#).unwrap(), Document::Leaf);
    }

    #[test]
    fn a_descriptor_keeps_what_it_does_not_know() {
        let text = r#"{"mediaType":"x","digest":"sha256:00","size":1,"platform":{"architecture":"arm64","os":"linux","os.version":"1"},"artifactType":"y"}"#;
        let descriptor: Descriptor = serde_json::from_str(text).unwrap();
        let again: serde_json::Value = serde_json::to_value(&descriptor).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(text).unwrap());
    }

    #[test]
    fn layers_are_known_by_their_types() {
        for layer in [
            "application/vnd.oci.image.layer.v1.tar",
            "application/vnd.oci.image.layer.v1.tar+gzip",
            "application/vnd.oci.image.layer.v1.tar+zstd",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "application/vnd.docker.image.rootfs.diff.tar",
        ] {
            assert!(media::is_layer(layer), "{layer}");
        }
        for other in ["application/vnd.in-toto+json", media::OCI_CONFIG, "", "application/vnd.oci.empty.v1+json"] {
            assert!(!media::is_layer(other), "{other}");
        }
    }
}
