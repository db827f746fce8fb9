//! The compressors that the world's layers were written with, each run as the program that people use.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::containerd;
use crate::error::{IoContext, Result, check_failed};
use crate::files;
use crate::oci::{self, Descriptor, Layout};
use crate::proc::Cmd;

/// Who compressed a layer, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compressor {
    /// umoci's own output: klauspost/pgzip, kept as it wrote it.
    Umoci,
    /// Go's standard `compress/gzip`, as containerd, BuildKit and Docker use it.
    Go,
    /// skopeo (and podman, buildah): klauspost/pgzip with other block sizes.
    SkopeoGzip,
    /// skopeo's zstd: the pure Go encoder of klauspost/compress.
    SkopeoZstd,
    /// The zstd reference encoder.
    Zstd,
    /// GNU gzip at a level from 1 to 9.
    Gzip(u8),
    /// pigz at its default level.
    Pigz,
    /// Python's `gzip` module (zlib) at a level from 1 to 9.
    Python(u8),
    /// No compression.
    Plain,
}

impl Compressor {
    /// A name for reports.
    pub fn name(self) -> String {
        match self {
            Self::Umoci => "umoci".into(),
            Self::Go => "go".into(),
            Self::SkopeoGzip => "skopeo-gzip".into(),
            Self::SkopeoZstd => "skopeo-zstd".into(),
            Self::Zstd => "zstd".into(),
            Self::Gzip(level) => format!("gzip-{level}"),
            Self::Pigz => "pigz".into(),
            Self::Python(level) => format!("python-{level}"),
            Self::Plain => "none".into(),
        }
    }

    /// Media type of a layer that it wrote.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "application/vnd.oci.image.layer.v1.tar",
            Self::SkopeoZstd | Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
            _ => "application/vnd.oci.image.layer.v1.tar+gzip",
        }
    }
}

const PYTHON_GZIP: &str = "import gzip, shutil, sys
with gzip.GzipFile(filename='', mode='wb', compresslevel=int(sys.argv[1]), fileobj=sys.stdout.buffer, mtime=0) as out:
    shutil.copyfileobj(sys.stdin.buffer, out, 1 << 20)";

/// Compresses the layer `tar` into a file below `scratch` (which is emptied first) and returns that file.
///
/// # Errors
/// The program fails, or `how` is [`Compressor::Umoci`], whose output only umoci can make.
pub fn compress(how: Compressor, tar: &Path, diff_id: &str, scratch: &Path) -> Result<PathBuf> {
    files::fresh_dir(scratch)?;
    let out = scratch.join("layer");
    let filter = |words: &[&str]| Cmd::words(words).stdin_from(tar)?.stdout_to(&out)?.run();
    match how {
        Compressor::Umoci => return check_failed("a layer that umoci compressed is kept as it is"),
        Compressor::Gzip(level) => filter(&["gzip", "-n", &format!("-{level}")])?,
        Compressor::Pigz => filter(&["pigz", "-n", "-p", "2"])?,
        Compressor::Zstd => filter(&["zstd", "-q", "-3", "-c"])?,
        Compressor::Python(level) => filter(&["python3", "-c", PYTHON_GZIP, &level.to_string()])?,
        Compressor::Plain => files::link_or_copy(tar, &out)?,
        Compressor::Go => containerd::compress(tar, diff_id, scratch, &out)?,
        Compressor::SkopeoGzip => by_skopeo(tar, diff_id, scratch, "gzip", &out)?,
        Compressor::SkopeoZstd => by_skopeo(tar, diff_id, scratch, "zstd", &out)?,
    }
    Ok(out)
}

/// Lets skopeo copy a one-layer image with an uncompressed layer, which makes it compress that.
fn by_skopeo(tar: &Path, diff_id: &str, scratch: &Path, format: &str, out: &Path) -> Result<()> {
    let plain = Layout::create(&scratch.join("plain"))?;
    files::link_or_copy(tar, &plain.blob_path(diff_id))?;
    let layer = Descriptor::new(Compressor::Plain.media_type(), diff_id, files::size(tar)?);
    let config = plain.put_json(oci::CONFIG, &one_layer_config(diff_id))?;
    let manifest = json!({ "schemaVersion": 2, "mediaType": oci::MANIFEST, "config": config.0, "layers": [layer.0] });
    plain.set_tag("one", &plain.put_json(oci::MANIFEST, &manifest)?)?;
    let target = scratch.join("packed");
    Cmd::words(&["skopeo", "copy", "-q", "--insecure-policy", "--dest-compress", "--dest-compress-format", format])
        .arg(format!("oci:{}:one", plain.dir().display()))
        .arg(format!("oci:{}:one", target.display()))
        .run()?;
    let packed = Layout::open(&target)?;
    let manifest = packed.blob_json(packed.resolve("one")?.digest())?;
    let Some(layer) = oci::descriptors(manifest.get("layers")).pop() else {
        return check_failed("skopeo wrote an image without layers");
    };
    if !layer.media_type().ends_with(format) {
        return check_failed(format!("skopeo wrote {} where {format} was asked for", layer.media_type()));
    }
    let blob = packed.blob_path(layer.digest());
    fs::rename(&blob, out).at("cannot move", &blob)
}

/// A config that fits one layer.
pub fn one_layer_config(diff_id: &str) -> serde_json::Value {
    json!({ "architecture": "amd64", "os": "linux", "config": {}, "rootfs": { "type": "layers", "diff_ids": [diff_id] } })
}

/// Writes the uncompressed form of a layer blob to `tar` and returns its digest and size.
///
/// # Errors
/// The blob is not in a format that the tools know.
pub fn expand(blob: &Path, media_type: &str, tar: &Path) -> Result<crate::digest::Measured> {
    let words: &[&str] = match media_type.rsplit('+').next() {
        Some("gzip") => &["gzip", "-dc"],
        Some("zstd") => &["zstd", "-dcq"],
        _ => &["cat"],
    };
    let command = Cmd::words(words).stdin_from(blob)?;
    let line = command.line();
    let mut child = command.spawn_piped()?;
    // A file of that name may be a hard link to a blob by now: replace it, never write into it.
    files::remove_file(tar)?;
    let mut sink = fs::File::create(tar).at("cannot create", tar)?;
    let Some(stdout) = child.stdout.take() else {
        return check_failed("no pipe to the decompressor");
    };
    let measured = crate::digest::of_stream(stdout, &mut sink).at("cannot decompress", blob)?;
    let status = child.wait().at("cannot wait for the decompressor of", blob)?;
    if status.success() {
        Ok(measured)
    } else {
        check_failed(format!("`{line}` failed on {} ({status})", blob.display()))
    }
}
