//! Which layers wait, and which images have them.

use std::collections::BTreeMap;

use crate::archive::Archive;
use crate::error::Error;
use crate::format::Wrapper;
use crate::id::Digest;

/// A layer that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// Roots of the images that have it; never empty.
    pub(super) images: Vec<Digest>,
}

/// Whether a layer is to be looked at.
pub(super) fn waits(wrapper: &Wrapper, retry: bool) -> bool {
    match wrapper {
        Wrapper::Deferred(_) => true,
        Wrapper::Kept(_) => retry,
        Wrapper::Recipe(_) | Wrapper::Dropped => false,
    }
}

/// Every layer that waits, by the first image that has it: layers of one image lie in the same packs.
pub(super) fn waiting(archive: &Archive, retry: bool) -> Result<Vec<Waiting>, Error> {
    let mut layers: BTreeMap<Digest, Waiting> = BTreeMap::new();
    for image in archive.images()? {
        for (blob, layer) in archive.image(&image)?.layers() {
            if waits(&layer.wrapper, retry) {
                let (digest, size) = (blob.digest, blob.size);
                let waiting = layers.entry(digest).or_insert_with(|| Waiting { digest, size, images: Vec::new() });
                waiting.images.push(image);
            }
        }
    }
    let mut layers: Vec<Waiting> = layers.into_values().collect();
    layers.sort_by(|a, b| (a.images.first(), a.digest).cmp(&(b.images.first(), b.digest)));
    Ok(layers)
}
