//! What each program gets to store: the peers the decompressed layer tars, firn the layouts.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::corpus::compress;
use crate::error::{Result, check_failed};
use crate::files;
use crate::oci::{self, Layout};

/// One image as input.
#[derive(Debug, Clone)]
pub struct Input {
    /// The image's tag.
    pub tag: String,
    /// Directory with one `N/layer.tar` for each layer.
    pub tars: PathBuf,
    /// `oci:DIR:TAG`.
    pub source: String,
    /// The blobs that the source names.
    pub blobs: Vec<PathBuf>,
    /// Bytes of all layer tars.
    pub raw: u64,
    /// Bytes of all layer blobs.
    pub compressed: u64,
}

/// Decompresses the layers of the first `limit` images of a catalogue below `dir`; a layer that several images share is one file.
///
/// # Errors
/// A layer does not decompress to its diff id.
pub fn prepare(catalog: &Path, dir: &Path, limit: usize) -> Result<Vec<Input>> {
    let pool = dir.join("tars");
    files::make_dir(&pool)?;
    let catalog = files::read_json(catalog)?;
    let mut inputs = Vec::new();
    for image in catalog.get("images").and_then(Value::as_array).into_iter().flatten().take(limit) {
        let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let tag = text(image, "tag");
        let source = oci::ImageRef::parse(&text(image, "source"))?;
        let layout = Layout::open(&source.dir)?;
        let tars = dir.join("images").join(&tag);
        files::fresh_dir(&tars)?;
        let mut input = Input { tag, tars, source: source.to_string(), blobs: Vec::new(), raw: 0, compressed: 0 };
        for (i, layer) in image.get("layers").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let blob = layout.blob_path(&text(layer, "digest"));
            let tar = pool.join(text(layer, "diff_id").replace(':', "-"));
            if !tar.exists() {
                let partial = pool.join("partial");
                let found = compress::expand(&blob, &text(layer, "media_type"), &partial)?;
                if found.digest != text(layer, "diff_id") {
                    return check_failed(format!("layer {} has diff id {}", blob.display(), found.digest));
                }
                files::rename(&partial, &tar)?;
            }
            files::make_dir(&input.tars.join(i.to_string()))?;
            files::link_or_copy(&tar, &input.tars.join(i.to_string()).join("layer.tar"))?;
            input.raw += files::size(&tar)?;
            input.compressed += files::size(&blob)?;
            input.blobs.push(blob);
        }
        inputs.push(input);
    }
    Ok(inputs)
}
