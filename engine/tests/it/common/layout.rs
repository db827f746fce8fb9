//! OCI layouts on disk.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const GZIP_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub const ZSTD_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
pub const PLAIN_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A layout being written.
pub struct Layout {
    pub root: PathBuf,
    manifests: Vec<Value>,
}

pub fn sha256(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// gzip as python writes it: stock zlib, which has a recipe.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use firn_engine::recompress::{
        DeflateEncoder, Encoder, GzipRecipe, Member, Recipe, Strategy, Trailing, ZlibParams,
    };
    let header = [0x1f, 0x8b, 8, 0, 1, 0, 0, 0, 0, 255];
    let params = ZlibParams::new(6, 15, 8, Strategy::Default).expect("parameters");
    let encoder = DeflateEncoder::Zlib(params);
    let member = Member { header: header.as_slice().into(), encoder, len: bytes.len() as u64 };
    let recipe = Recipe::Gzip(GzipRecipe { members: vec![member], trailing: Trailing::default() });
    let mut encoder = Encoder::new(&recipe, Vec::new());
    encoder.write_all(bytes).expect("encoding");
    encoder.finish().expect("encoding")
}

/// gzip by an encoder that no recipe knows: stored blocks of odd sizes.
pub fn foreign_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let mut pieces = bytes.chunks(12_345).peekable();
    while let Some(piece) = pieces.next() {
        out.push(u8::from(pieces.peek().is_none()));
        let len = u16::try_from(piece.len()).expect("short");
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&(!len).to_le_bytes());
        out.extend_from_slice(piece);
    }
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&crc.amount().to_le_bytes());
    out
}

impl Layout {
    pub fn new(root: &Path) -> Self {
        fs::create_dir_all(root.join("blobs/sha256")).expect("a layout");
        fs::write(root.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#).expect("a layout");
        Layout { root: root.to_owned(), manifests: Vec::new() }
    }

    pub fn blob_path(&self, digest: &str) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.strip_prefix("sha256:").expect("a digest"))
    }

    /// Writes a blob and gives its descriptor.
    pub fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = sha256(bytes);
        fs::write(self.blob_path(&digest), bytes).expect("a blob");
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    /// Writes a manifest over layer blobs and gives its descriptor.
    pub fn manifest(&self, layers: &[Value]) -> Value {
        self.manifest_of(layers, &[])
    }

    /// The same, with a config that lists the layers' diff ids.
    pub fn manifest_of(&self, layers: &[Value], diff_ids: &[String]) -> Value {
        let rootfs = json!({ "type": "layers", "diff_ids": diff_ids });
        let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": rootfs });
        let config = self.blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": layers,
        });
        self.blob("application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes())
    }

    /// Lists a root document under a name.
    pub fn tag(&mut self, name: &str, mut descriptor: Value) {
        descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        self.manifests.push(descriptor);
        let index = json!({ "schemaVersion": 2, "manifests": self.manifests });
        fs::write(self.root.join("index.json"), index.to_string()).expect("an index");
    }

    /// An image of gzip layers that have recipes.
    pub fn image(&mut self, name: &str, tars: &[Vec<u8>]) {
        let layers: Vec<Value> = tars.iter().map(|tar| self.blob(GZIP_LAYER, &gzip(tar))).collect();
        let diff_ids: Vec<String> = tars.iter().map(|tar| sha256(tar)).collect();
        let manifest = self.manifest_of(&layers, &diff_ids);
        self.tag(name, manifest);
    }

    /// How the engine refers to an image of it.
    pub fn reference(&self, name: &str) -> String {
        format!("oci:{}:{name}", self.root.display())
    }
}

/// Every file below `blobs/`, by name.
pub fn blobs(root: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(root.join("blobs/sha256")).expect("blobs");
    let read =
        |entry: fs::DirEntry| (entry.file_name().into_string().expect("hex"), fs::read(entry.path()).expect("a blob"));
    entries.map(|entry| read(entry.expect("an entry"))).collect()
}
