//! Which packs only belong to images that start without them.

use std::collections::HashMap;

use crate::format::{ImageRecord, PinOrigins};
use crate::id::PackId;
use crate::store::Store;

/// How the images that use a pack are pinned.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// `None` for one that an image uses of which nothing is pinned.
    by_pack: HashMap<PackId, Option<PinOrigins>>,
}

impl Coverage {
    /// Takes an image into account. What is pinned is a hint: where it can't be read, nothing is.
    pub fn add(&mut self, store: &dyn Store, record: &ImageRecord) {
        let pin = super::load(store, &record.root).ok().flatten();
        for pack in record.all_packs() {
            let known = self.by_pack.entry(pack).or_insert(Some(PinOrigins::default()));
            match (known.as_mut(), &pin) {
                (Some(origins), Some(pin)) => origins.insert(pin.origin),
                _ => *known = None,
            }
        }
    }

    /// The ways in which all images that use the pack are pinned; none if one of them is not, or nobody uses it.
    pub fn of(&self, pack: &PackId) -> PinOrigins {
        self.by_pack.get(pack).copied().flatten().unwrap_or_default()
    }
}
