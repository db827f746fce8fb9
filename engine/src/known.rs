//! What the archive has, by the digests of its blobs: so that a layer is taken apart once.

use std::collections::HashMap;

use crate::archive::load_image;
use crate::error::Error;
use crate::format::{BlobBody, BlobRecord, ImageRecord};
use crate::id::Digest;
use crate::store::{Family, Key, Store};

/// Which image record describes which layer.
#[derive(Debug, Default)]
pub(crate) struct Known {
    images: std::collections::HashSet<Digest>,
    /// Layer digest to the root of an image that has it.
    layers: HashMap<Digest, Digest>,
    /// Records are read when the first layer is asked for.
    is_complete: bool,
    last: Option<ImageRecord>,
}

impl Known {
    /// Lists the images.
    pub(crate) fn list(store: &dyn Store) -> Result<Self, Error> {
        let images = store.list(Family::Images)?.into_iter().filter_map(|item| match item.key {
            Key::Image(digest) => Some(digest),
            _ => None,
        });
        Ok(Known { images: images.collect(), ..Known::default() })
    }

    /// The record of an image, if there is one.
    pub(crate) fn image(&self, store: &dyn Store, root: &Digest) -> Result<Option<ImageRecord>, Error> {
        if !self.images.contains(root) {
            return Ok(None);
        }
        load_image(store, root).map(Some)
    }

    /// A layer that some image has.
    pub(crate) fn blob(&mut self, store: &dyn Store, digest: &Digest) -> Result<Option<BlobRecord>, Error> {
        if !self.is_complete {
            for root in self.images.clone() {
                let record = load_image(store, &root)?;
                self.learn(&record);
            }
            self.is_complete = true;
        }
        let Some(root) = self.layers.get(digest) else { return Ok(None) };
        if self.last.as_ref().is_none_or(|record| &record.root != root) {
            self.last = Some(load_image(store, root)?);
        }
        let blob = self.last.as_ref().and_then(|record| record.blob(digest));
        Ok(blob.filter(|blob| matches!(blob.body, BlobBody::Layer(_))).cloned())
    }

    /// Takes note of an image.
    pub(crate) fn learn(&mut self, record: &ImageRecord) {
        self.images.insert(record.root);
        for (blob, _) in record.layers() {
            self.layers.insert(blob.digest, record.root);
        }
    }
}
