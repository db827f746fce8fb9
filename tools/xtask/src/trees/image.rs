//! `cargo xtask check-image`: a mounted tree against what `umoci unpack` puts on disk.

use std::path::{Path, PathBuf};

use super::compare::{self, Difference};
use super::snapshot;
use crate::corpus::compress::{self, Compressor};
use crate::error::{Error, Result, check_failed};
use crate::files;
use crate::oci::{self, ImageRef, Layout};
use crate::proc::{Cmd, is_root};

/// What a comparison found.
#[derive(Debug)]
pub struct Report {
    /// Entries of the reference tree, its root included.
    pub entries: usize,
    /// Differences that the walk found.
    pub differences: Vec<Difference>,
    /// Lines in which rsync would change something, in either direction.
    pub rsync: Vec<String>,
}

impl Report {
    /// True when nothing differs.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty() && self.rsync.is_empty()
    }
}

/// Compares two trees by rsync in both directions and by an own walk.
///
/// # Errors
/// A tree cannot be read.
pub fn trees(reference: &Path, other: &Path) -> Result<Report> {
    let expected = snapshot::take(reference, false)?;
    let found = snapshot::take(other, false)?;
    let mut rsync = rsync(reference, other)?;
    rsync.extend(self::rsync(other, reference)?);
    Ok(Report { entries: expected.len(), differences: compare::compare(&expected, &found), rsync })
}

/// What rsync would do to make `to` like `from`, contents compared by checksum.
fn rsync(from: &Path, to: &Path) -> Result<Vec<String>> {
    let slash = |path: &Path| {
        let mut text = path.as_os_str().to_owned();
        text.push("/");
        text
    };
    let output = Cmd::words(&["rsync", "-aHAXni", "--numeric-ids", "--checksum", "--delete"])
        .arg(slash(from))
        .arg(slash(to))
        .bytes()?;
    Ok(String::from_utf8_lossy(&output).lines().filter(|l| !l.is_empty()).map(str::to_owned).collect())
}

/// Unpacks an image with umoci below `cache` and returns its root directory. One image is kept, the last one.
///
/// # Errors
/// Not root, or umoci fails.
pub fn unpacked(image: &ImageRef, cache: &Path) -> Result<PathBuf> {
    if !is_root() {
        return Err(Error::Usage("umoci can only create devices and owners as root".into()));
    }
    let digest = Layout::open(&image.dir)?.resolve(&image.tag)?.digest().replace(':', "-");
    let bundle = cache.join(&digest);
    let root = bundle.join("rootfs");
    let done = cache.join(format!("{digest}.done"));
    if done.exists() && root.is_dir() {
        return Ok(root);
    }
    files::fresh_dir(cache)?;
    files::make_dir(&bundle)?;
    let readable = readable(image, &cache.join("layout"))?;
    // The raw form leaves out the runtime files and the manifest of hashes around the tree; the tree is the same.
    Cmd::words(&["umoci", "raw", "unpack", "--image", &format!("{}:{}", readable.dir.display(), readable.tag)])
        .arg(&root)
        .run()?;
    files::remove_dir(&cache.join("layout"))?;
    files::write(&done, "")?;
    Ok(root)
}

/// The image in a form that Debian's umoci reads: it knows no zstd, so such layers are replaced by their plain tar.
fn readable(image: &ImageRef, dir: &Path) -> Result<ImageRef> {
    let source = Layout::open(&image.dir)?;
    let root = source.resolve(&image.tag)?;
    let mut manifest = source.blob_json(root.digest())?;
    let layers = oci::descriptors(manifest.get("layers"));
    if !layers.iter().any(|l| l.media_type().ends_with("zstd")) {
        return Ok(image.clone());
    }
    let target = Layout::create(dir)?;
    for blob in source.reachable(&root)? {
        files::link_or_copy(&source.blob_path(blob.digest()), &target.blob_path(blob.digest()))?;
    }
    let mut plain = Vec::new();
    for layer in layers {
        if !layer.media_type().ends_with("zstd") {
            plain.push(layer.0);
            continue;
        }
        let tar = dir.join("layer.tar");
        compress::expand(&source.blob_path(layer.digest()), layer.media_type(), &tar)?;
        plain.push(target.put_file(Compressor::Plain.media_type(), &tar)?.0);
    }
    if let Some(map) = manifest.as_object_mut() {
        map.insert("layers".to_owned(), plain.into());
    }
    target.set_tag(&image.tag, &target.put_json(oci::MANIFEST, &manifest)?)?;
    Ok(ImageRef { dir: dir.to_owned(), tag: image.tag.clone() })
}

/// Unpacks an image's only layer with GNU tar below `dir`.
///
/// # Errors
/// The image has another number of layers, or tar fails.
pub fn untarred(image: &ImageRef, dir: &Path) -> Result<PathBuf> {
    let layout = Layout::open(&image.dir)?;
    let manifest = layout.blob_json(layout.resolve(&image.tag)?.digest())?;
    let layers = oci::descriptors(manifest.get("layers"));
    let [layer] = layers.as_slice() else {
        return check_failed(format!("{image} has {} layers, not one", layers.len()));
    };
    let root = dir.join("root");
    files::fresh_dir(&root)?;
    let tar = dir.join("layer.tar");
    compress::expand(&layout.blob_path(layer.digest()), layer.media_type(), &tar)?;
    let words = ["tar", "--numeric-owner", "--same-permissions", "--acls", "--xattrs", "--xattrs-include=*", "-xf"];
    Cmd::words(&words).arg(&tar).arg("-C").arg(&root).run()?;
    Ok(root)
}

/// Compares a mounted image with `umoci unpack`.
///
/// # Errors
/// umoci or rsync fails, or a tree cannot be read; differences are in the report.
pub fn check(mounted: &Path, image: &ImageRef, cache: &Path) -> Result<Report> {
    trees(&unpacked(image, cache)?, mounted)
}

/// The first `limit` differences as text.
pub fn describe(report: &Report, limit: usize) -> String {
    let lines = report
        .differences
        .iter()
        .map(ToString::to_string)
        .chain(report.rsync.iter().map(|l| format!("rsync would change: {l}")));
    let total = report.differences.len() + report.rsync.len();
    let shown: Vec<String> = lines.take(limit).collect();
    format!("{total} differences in {} entries:\n{}", report.entries, shown.join("\n"))
}
