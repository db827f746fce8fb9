//! `cargo xtask compare-layouts`: the same tag in two layouts, byte for byte.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::digest;
use crate::error::{IoContext, Result};
use crate::oci::{Descriptor, ImageRef, Layout};

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Report {
    /// Blobs compared.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Everything that is not the same.
    pub problems: Vec<String>,
}

/// Compares every blob that `expected` reaches with the blob of that digest on the other side, and both with their digest.
///
/// # Errors
/// A tag does not resolve, or an index or manifest of the expected side cannot be read.
pub fn compare(expected: &ImageRef, found: &ImageRef) -> Result<Report> {
    let (left, right) = (Layout::open(&expected.dir)?, Layout::open(&found.dir)?);
    let (root, other) = (left.resolve(&expected.tag)?, right.resolve(&found.tag)?);
    let mut report = Report::default();
    for (what, a, b) in
        [("digest", root.digest(), other.digest()), ("media type", root.media_type(), other.media_type())]
    {
        if a != b {
            report.problems.push(format!("{what} of the tag: expected {a}, found {b}"));
        }
    }
    if root.size() != other.size() {
        report.problems.push(format!("size of the tag's descriptor: expected {}, found {}", root.size(), other.size()));
    }
    for blob in left.reachable(&root)? {
        compare_blob(&left, &right, &blob, &mut report)?;
    }
    Ok(report)
}

fn compare_blob(left: &Layout, right: &Layout, blob: &Descriptor, report: &mut Report) -> Result<()> {
    let (a, b) = (left.blob_path(blob.digest()), right.blob_path(blob.digest()));
    let measured = digest::of_file(&a)?;
    if measured.digest != blob.digest() || measured.size != blob.size() {
        report.problems.push(format!(
            "{}: the expected side itself is damaged: {} bytes, {}",
            blob.digest(),
            measured.size,
            measured.digest
        ));
    }
    report.blobs += 1;
    report.bytes += measured.size;
    if !b.exists() {
        report.problems.push(format!("{} ({}): missing", blob.digest(), blob.media_type()));
    } else if !same_bytes(&a, &b)? {
        report.problems.push(format!(
            "{} ({}): other bytes, {}",
            blob.digest(),
            blob.media_type(),
            digest::of_file(&b)?.digest
        ));
    }
    Ok(())
}

fn same_bytes(a: &Path, b: &Path) -> Result<bool> {
    let (mut left, mut right) = (File::open(a).at("cannot open", a)?, File::open(b).at("cannot open", b)?);
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    loop {
        mine.clear();
        theirs.clear();
        left.by_ref().take(1 << 20).read_to_end(&mut mine).at("cannot read", a)?;
        right.by_ref().take(1 << 20).read_to_end(&mut theirs).at("cannot read", b)?;
        if mine != theirs || mine.is_empty() {
            return Ok(mine == theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oci;

    /// An index with one manifest, a config and a layer of an unknown type, under the tag `t`.
    fn layout(dir: &Path) -> Layout {
        let layout = Layout::create(dir).unwrap();
        let config = layout.put(oci::CONFIG, b"{}").unwrap();
        let layer = layout.put("application/x-unknown", &[7; 3_000_000]).unwrap();
        let manifest = layout.put_json(oci::MANIFEST, &json!({ "config": config.0, "layers": [layer.0] })).unwrap();
        let index = layout.put_json(oci::INDEX, &json!({ "manifests": [manifest.0] })).unwrap();
        layout.set_tag("t", &index).unwrap();
        layout
    }

    fn reference(layout: &Layout) -> ImageRef {
        ImageRef { dir: layout.dir().to_owned(), tag: "t".into() }
    }

    fn pair() -> (tempfile::TempDir, Layout, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (layout(&dir.path().join("a")), layout(&dir.path().join("b")));
        (dir, a, b)
    }

    #[test]
    fn equal_layouts_have_no_problems() {
        let (_dir, a, b) = pair();
        let report = compare(&reference(&a), &reference(&b)).unwrap();
        assert_eq!((report.blobs, report.problems), (4, vec![]));
    }

    #[test]
    fn every_damaged_or_missing_blob_is_found() {
        let (_dir, a, b) = pair();
        let all = a.reachable(&a.resolve("t").unwrap()).unwrap();
        for blob in &all {
            let path = b.blob_path(blob.digest());
            let original = std::fs::read(&path).unwrap();
            let mut flipped = original.clone();
            *flipped.last_mut().unwrap() ^= 1;
            for damage in [Some(flipped), Some(original[..original.len() - 1].to_vec()), None] {
                match damage {
                    Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                    None => std::fs::remove_file(&path).unwrap(),
                }
                let problems = compare(&reference(&a), &reference(&b)).unwrap().problems;
                assert!(problems.len() == 1 && problems[0].contains(blob.digest()), "{problems:?}");
            }
            std::fs::write(&path, original).unwrap();
        }
    }

    #[test]
    fn another_tag_target_is_found() {
        let (_dir, a, b) = pair();
        let other = b.put("application/x-unknown", b"other").unwrap();
        b.set_tag("t", &other).unwrap();
        let report = compare(&reference(&a), &reference(&b)).unwrap();
        assert_eq!(report.problems.len(), 3, "{:?}", report.problems);
    }
}
