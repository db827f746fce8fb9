//! Images made on the spot, of bytes that nothing compresses: small, quick to archive, and the same for the same seed.

use std::path::Path;

use serde_json::json;

use crate::digest;
use crate::error::Result;
use crate::files;
use crate::oci::{self, ImageRef, Layout};
use crate::proc::Cmd;

/// Media type of a layer that is not compressed.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// Files of a layer.
const FILES: u64 = 24;

/// Writes an image with a layer for each of these seeds, about `layer_bytes` each; images with a seed in common share its layer.
///
/// # Errors
/// The layout can't be written, or tar fails.
pub fn image(layout: &Path, tag: &str, seeds: &[u64], layer_bytes: u64) -> Result<ImageRef> {
    image_of(layout, tag, seeds.iter().copied(), |root, seed| {
        let dir = root.join(format!("srv/part-{seed}"));
        files::make_dir(&dir)?;
        for file in 0..FILES {
            // Lengths differ, and add up to what was asked for.
            let len = layer_bytes / FILES / 2 + (layer_bytes / FILES) * file / FILES;
            files::write(&dir.join(format!("{file:02}.bin")), noise(seed * 1000 + file, len))?;
        }
        Ok(())
    })
}

/// Writes an image of one layer with `count` small files, most of them of 1 to 16 KiB, a hundred in a directory, and one of `large` bytes,
/// `large.bin`.
///
/// # Errors
/// As [`image`].
pub fn many_files(layout: &Path, tag: &str, count: u64, large: u64) -> Result<ImageRef> {
    image_of(layout, tag, [count], |root, seed| {
        let mut random = Random::new(seed);
        for file in 0..count {
            let dir = root.join(format!("usr/lib/part-{:03}/{:02}", file / 5000, file / 100 % 50));
            if file % 100 == 0 {
                files::make_dir(&dir)?;
            }
            let len = (1 << (10 + random.below(5))) + random.below(1024);
            files::write(&dir.join(format!("file-{file:06}.dat")), noise(file, len))?;
        }
        files::write(&root.join("large.bin"), noise(seed, large))
    })
}

/// Writes an image with a layer for each of `parts`, of what `fill` puts into an empty directory.
fn image_of<T>(
    layout: &Path,
    tag: &str,
    parts: impl IntoIterator<Item = T>,
    fill: impl Fn(&Path, T) -> Result<()>,
) -> Result<ImageRef> {
    let at = Layout::create(layout)?;
    let (mut layers, mut diff_ids) = (Vec::new(), Vec::new());
    for part in parts {
        let (root, tar) = (layout.join("work"), layout.join("layer.tar"));
        files::fresh_dir(&root)?;
        fill(&root, part)?;
        let words = ["tar", "--format=gnu", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"];
        Cmd::words(&words).arg("--mtime=@1750000000").arg("-C").arg(&root).arg("-cf").arg(&tar).arg(".").run()?;
        diff_ids.push(digest::of_file(&tar)?.digest);
        let blob = at.put(LAYER, &files::read(&tar)?)?;
        layers.push(blob.0);
        files::remove_dir(&root)?;
        files::remove_file(&tar)?;
    }
    let config = json!({
        "created": "2025-06-15T00:00:00Z", "architecture": "amd64", "os": "linux",
        "config": {}, "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = at.put_json(oci::CONFIG, &config)?;
    let manifest = json!({ "schemaVersion": 2, "mediaType": oci::MANIFEST, "config": config.0, "layers": layers });
    at.set_tag(tag, &at.put_json(oci::MANIFEST, &manifest)?)?;
    Ok(ImageRef { dir: files::absolute(layout)?, tag: tag.to_owned() })
}

fn noise(seed: u64, len: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < len {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
    bytes
}

/// Random numbers that are the same for the same seed (SplitMix64; Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so it is no iterator to collect")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 for a limit of 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next().checked_rem(limit).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seeds_give_the_same_image_and_others_another() {
        let dir = tempfile::tempdir().unwrap();
        let digest = |name: &str, seeds: &[u64]| {
            let image = image(&dir.path().join(name), "t", seeds, 10_000).unwrap();
            Layout::open(&image.dir).unwrap().resolve("t").unwrap().digest().to_owned()
        };
        assert_eq!(digest("a", &[1, 2]), digest("b", &[1, 2]));
        assert_ne!(digest("a", &[1, 2]), digest("a", &[1, 3]));
    }
}
