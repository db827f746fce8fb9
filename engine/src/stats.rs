//! What an archive holds and what that takes.

use std::collections::BTreeMap;

use crate::archive::Archive;
use crate::error::Error;
use crate::format::{BlobBody, PackClass, Wrapper};
use crate::id::Digest;
use crate::recompress::Recipe;
use crate::store::{Family, Key, PackArea};

/// Number and bytes of something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub number: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, bytes: u64) {
        self.number += 1;
        self.bytes += bytes;
    }
}

/// Layers that come back by one encoder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EncoderShare {
    /// The layers, by the bytes of their blobs.
    pub layers: Count,
    /// Bytes of the recipes that are kept instead of those.
    pub recipe_bytes: u64,
}

/// An archive in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveStats {
    /// Image records.
    pub images: Count,
    /// Names.
    pub names: Count,
    /// Every blob of every image, counted as often as it is referred to: what restoring everything would write.
    pub logical: Count,
    /// Every blob once.
    pub unique_blobs: Count,
    /// How often a blob was not stored again because another image had it.
    pub redundant_blob_saves: u64,
    /// Every layer once, uncompressed.
    pub layer_tars: Count,
    /// Layers that an encoder re-creates, by the bytes of their blobs.
    pub recoded_layers: Count,
    /// The same by encoder, by the name that `firn show` gives it.
    pub encoders: BTreeMap<String, EncoderShare>,
    /// Layers whose blob is kept beside their content, for want of an encoder.
    pub kept_layers: Count,
    /// Layers whose blob is kept beside their content until an encoder was looked for.
    pub deferred_layers: Count,
    /// Layers whose blob was given up, by the bytes it had.
    pub dropped_layers: Count,
    /// Packs of file contents.
    pub content_packs: Count,
    /// Packs of kept blobs.
    pub original_packs: Count,
    /// Packs of trees, recipes and documents.
    pub meta_packs: Count,
    /// Packs of pinned contents: copies of what is in the first, for starts while those sleep.
    pub pinned: Count,
    /// Copies of footers.
    pub footers: Count,
}

impl ArchiveStats {
    /// Bytes that the archive's objects take, without what can be derived from them.
    pub fn stored_bytes(&self) -> u64 {
        let packs = [self.content_packs, self.original_packs, self.meta_packs, self.pinned];
        let parts = [self.images, self.names, self.footers].into_iter().chain(packs);
        parts.map(|part| part.bytes).sum()
    }
}

/// The encoder of a recipe, whatever number of streams it wrote.
fn encoder_name(recipe: &[u8]) -> String {
    let Ok(recipe) = Recipe::decode(recipe) else { return "unreadable recipe".to_owned() };
    let text = recipe.to_string();
    let encoder = text.split_once(", ").map_or(text.as_str(), |(encoder, _)| encoder);
    if matches!(&recipe, Recipe::Amended(amended) if !amended.is_exact()) {
        format!("{encoder}, amended")
    } else {
        encoder.to_owned()
    }
}

/// Counts everything in an archive.
pub fn archive_stats(archive: &Archive) -> Result<ArchiveStats, Error> {
    let store = archive.store();
    let mut stats = ArchiveStats::default();
    store.list(Family::Names)?.iter().for_each(|item| stats.names.add(item.len));
    store.list(Family::Footers)?.iter().for_each(|item| stats.footers.add(item.len));
    store.list(Family::Packs(PackArea::Pinned))?.iter().for_each(|item| stats.pinned.add(item.len));
    for ((area, id), len) in archive.packs()? {
        match archive.pack_class(area, id)? {
            PackClass::Content => stats.content_packs.add(len),
            PackClass::Original => stats.original_packs.add(len),
            PackClass::Meta => stats.meta_packs.add(len),
            PackClass::Pinned => stats.pinned.add(len),
        }
    }
    let mut references: BTreeMap<Digest, u64> = BTreeMap::new();
    for item in store.list(Family::Images)? {
        let Key::Image(digest) = item.key else { continue };
        stats.images.add(item.len);
        for blob in archive.image(&digest)?.blobs {
            stats.logical.add(blob.size);
            let count = references.entry(blob.digest).or_default();
            *count += 1;
            if *count > 1 {
                stats.redundant_blob_saves += 1;
                continue;
            }
            stats.unique_blobs.add(blob.size);
            if let BlobBody::Layer(layer) = &blob.body {
                stats.layer_tars.add(layer.tar_len);
                match &layer.wrapper {
                    Wrapper::Recipe(recipe) => {
                        stats.recoded_layers.add(blob.size);
                        let share = stats.encoders.entry(encoder_name(recipe)).or_default();
                        share.layers.add(blob.size);
                        share.recipe_bytes += recipe.len() as u64;
                    }
                    Wrapper::Kept(_) => stats.kept_layers.add(blob.size),
                    Wrapper::Deferred(_) => stats.deferred_layers.add(blob.size),
                    Wrapper::Dropped => stats.dropped_layers.add(blob.size),
                }
            }
        }
    }
    Ok(stats)
}
