//! OCI image layouts on disk: blobs, tags and what a tag reaches.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::digest;
use crate::error::{Error, IoContext, Result, check_failed};
use crate::files;

/// Media type of an image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of an image config.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Annotation that holds a tag.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A tag in a layout directory, written `oci:DIR:TAG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef {
    /// The layout's directory.
    pub dir: PathBuf,
    /// The tag.
    pub tag: String,
}

impl ImageRef {
    /// Parses `oci:DIR:TAG` or `DIR:TAG`.
    ///
    /// # Errors
    /// There is no tag.
    pub fn parse(text: &str) -> Result<Self> {
        let bare = text.strip_prefix("oci:").unwrap_or(text);
        match bare.rsplit_once(':') {
            Some((dir, tag)) if !dir.is_empty() && !tag.is_empty() && !tag.contains('/') => {
                Ok(Self { dir: dir.into(), tag: tag.to_owned() })
            }
            _ => Err(Error::Usage(format!("`{text}` is not an image reference: write oci:DIR:TAG"))),
        }
    }
}

impl std::fmt::Display for ImageRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "oci:{}:{}", self.dir.display(), self.tag)
    }
}

/// A descriptor: media type, digest and size, with whatever else its JSON holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Descriptor(pub Value);

impl Descriptor {
    /// A plain descriptor.
    pub fn new(media_type: &str, digest: &str, size: u64) -> Self {
        Self(json!({ "mediaType": media_type, "digest": digest, "size": size }))
    }

    fn field(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Its media type; empty when absent.
    pub fn media_type(&self) -> &str {
        self.field("mediaType")
    }

    /// Its digest; empty when absent.
    pub fn digest(&self) -> &str {
        self.field("digest")
    }

    /// Its size in bytes; 0 when absent.
    pub fn size(&self) -> u64 {
        self.0.get("size").and_then(Value::as_u64).unwrap_or(0)
    }

    fn tag(&self) -> Option<&str> {
        self.0.get("annotations")?.get(REF_NAME)?.as_str()
    }
}

/// A layout directory.
#[derive(Debug, Clone)]
pub struct Layout {
    dir: PathBuf,
}

impl Layout {
    /// Opens a layout, creating an empty one where none is.
    ///
    /// # Errors
    /// Its files cannot be written.
    pub fn create(dir: &Path) -> Result<Self> {
        files::make_dir(&dir.join("blobs/sha256"))?;
        let layout = Self { dir: dir.to_owned() };
        if !dir.join("oci-layout").exists() {
            files::write(&dir.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}")?;
            layout.write_index(&[])?;
        }
        Ok(layout)
    }

    /// Opens an existing layout.
    ///
    /// # Errors
    /// There is none.
    pub fn open(dir: &Path) -> Result<Self> {
        fs::metadata(dir.join("oci-layout")).at("no OCI layout at", dir)?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a blob lies.
    pub fn blob_path(&self, digest: &str) -> PathBuf {
        self.dir.join("blobs").join(digest.replacen(':', "/", 1))
    }

    /// A blob as JSON.
    ///
    /// # Errors
    /// It is missing or is not JSON.
    pub fn blob_json(&self, digest: &str) -> Result<Value> {
        files::read_json(&self.blob_path(digest))
    }

    fn entries(&self) -> Result<Vec<Descriptor>> {
        let index = files::read_json(&self.dir.join("index.json"))?;
        Ok(descriptors(index.get("manifests")))
    }

    fn write_index(&self, entries: &[Descriptor]) -> Result<()> {
        let manifests: Vec<&Value> = entries.iter().map(|d| &d.0).collect();
        files::write(
            &self.dir.join("index.json"),
            json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }).to_string(),
        )
    }

    /// Every tag with its descriptor.
    ///
    /// # Errors
    /// `index.json` cannot be read.
    pub fn tags(&self) -> Result<BTreeMap<String, Descriptor>> {
        Ok(self.entries()?.into_iter().filter_map(|d| Some((d.tag()?.to_owned(), d))).collect())
    }

    /// The descriptor of one tag.
    ///
    /// # Errors
    /// There is no such tag.
    pub fn resolve(&self, tag: &str) -> Result<Descriptor> {
        match self.tags()?.remove(tag) {
            Some(found) => Ok(found),
            None => check_failed(format!("no tag `{tag}` in the layout {}", self.dir.display())),
        }
    }

    /// Points a tag at a descriptor.
    ///
    /// # Errors
    /// `index.json` cannot be written.
    pub fn set_tag(&self, tag: &str, descriptor: &Descriptor) -> Result<()> {
        let mut entries = self.entries()?;
        entries.retain(|d| d.tag() != Some(tag));
        let mut value = descriptor.0.clone();
        if let Some(map) = value.as_object_mut() {
            map.insert("annotations".to_owned(), json!({ REF_NAME: tag }));
        }
        entries.push(Descriptor(value));
        self.write_index(&entries)
    }

    /// Stores bytes as a blob.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&self, media_type: &str, bytes: &[u8]) -> Result<Descriptor> {
        let digest = digest::of_bytes(bytes);
        files::write(&self.blob_path(&digest), bytes)?;
        Ok(Descriptor::new(media_type, &digest, bytes.len() as u64))
    }

    /// Stores a JSON document as a blob.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put_json(&self, media_type: &str, value: &Value) -> Result<Descriptor> {
        self.put(media_type, value.to_string().as_bytes())
    }

    /// Takes a file over as a blob (hard link or copy; the file stays).
    ///
    /// # Errors
    /// It cannot be read or stored.
    pub fn put_file(&self, media_type: &str, path: &Path) -> Result<Descriptor> {
        let measured = digest::of_file(path)?;
        files::link_or_copy(path, &self.blob_path(&measured.digest))?;
        Ok(Descriptor::new(media_type, &measured.digest, measured.size))
    }

    /// Every descriptor that `root` reaches, itself first, each digest once.
    ///
    /// # Errors
    /// An index or manifest on the way is missing or is not JSON.
    pub fn reachable(&self, root: &Descriptor) -> Result<Vec<Descriptor>> {
        let mut found: Vec<Descriptor> = Vec::new();
        let mut queue = vec![root.clone()];
        while let Some(next) = queue.pop() {
            if found.iter().any(|d| d.digest() == next.digest()) {
                continue;
            }
            if next.media_type() == MANIFEST || next.media_type() == INDEX {
                let doc = self.blob_json(next.digest())?;
                let mut children = descriptors(doc.get("manifests"));
                children.extend(doc.get("config").cloned().map(Descriptor));
                children.extend(descriptors(doc.get("layers")));
                children.reverse();
                queue.extend(children);
            }
            found.push(next);
        }
        Ok(found)
    }

    /// Removes blobs that no tag reaches and returns how many.
    ///
    /// # Errors
    /// The layout cannot be read or a blob cannot be removed.
    pub fn prune(&self) -> Result<usize> {
        let mut wanted = std::collections::BTreeSet::new();
        for root in self.entries()? {
            wanted.extend(self.reachable(&root)?.iter().map(|d| self.blob_path(d.digest())));
        }
        let mut removed = 0;
        for path in files::list(&self.dir.join("blobs/sha256"))? {
            if !wanted.contains(&path) {
                fs::remove_file(&path).at("cannot remove", &path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// The descriptors of a JSON array; none when it is absent.
pub fn descriptors(array: Option<&Value>) -> Vec<Descriptor> {
    array.and_then(Value::as_array).map(|a| a.iter().cloned().map(Descriptor).collect()).unwrap_or_default()
}

/// The `diff_ids` of an image config.
pub fn diff_ids(config: &Value) -> Vec<String> {
    let ids = config.get("rootfs").and_then(|r| r.get("diff_ids")).and_then(Value::as_array);
    ids.map(|a| a.iter().filter_map(Value::as_str).map(str::to_owned).collect()).unwrap_or_default()
}
