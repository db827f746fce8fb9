//! `corpus.json`: what the corpus holds, for programs and for people.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::build::Places;
use super::extras::Extra;
use super::recipes::{self, IMAGES};
use crate::error::{Result, check_failed};
use crate::files;
use crate::oci::ImageRef;

/// One plain image of the corpus.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its tag.
    pub tag: String,
    /// Where it is.
    pub source: ImageRef,
    /// Its layers' uncompressed bytes, one by one.
    pub raw: u64,
    /// Its layers' bytes as stored in the layout.
    pub compressed: u64,
}

/// Writes the catalogue and returns its path.
pub(super) fn write(places: &Places, extra: &[Extra]) -> Result<PathBuf> {
    let layout = files::absolute(&places.layout())?;
    let mut images = Vec::new();
    let mut all = Totals::default();
    for image in IMAGES {
        let mut layers = Vec::new();
        let mut own = Totals::default();
        for stage in recipes::chain(image.stage) {
            let record = files::read_json(&places.root.join("stages").join(format!("{}.json", stage.name)))?;
            own.add(&record);
            all.add(&record);
            let get = |key: &str| record.get(key).cloned().unwrap_or_default();
            layers.push(json!({
                "name": stage.name, "digest": get("digest"), "diff_id": get("diff_id"), "bytes": get("size"),
                "raw_bytes": get("raw"), "compressor": get("compressor"), "media_type": get("mediaType"),
            }));
        }
        images.push(json!({
            "tag": image.tag, "source": format!("oci:{}:{}", layout.display(), image.tag), "layers": layers,
            "bytes": own.bytes, "raw_bytes": own.raw,
        }));
    }
    let extra: Vec<Value> = extra.iter().map(|e| json!({ "source": e.source, "kind": e.kind })).collect();
    let catalog = json!({ "images": images, "extra": extra, "totals": all.json() });
    let path = places.root.join("corpus.json");
    files::write_json(&path, &catalog)?;
    Ok(path)
}

#[derive(Default)]
struct Totals {
    bytes: u64,
    raw: u64,
    unique: BTreeMap<String, (u64, u64)>,
}

impl Totals {
    fn add(&mut self, record: &Value) {
        let number = |key: &str| record.get(key).and_then(Value::as_u64).unwrap_or(0);
        let (bytes, raw) = (number("size"), number("raw"));
        self.bytes += bytes;
        self.raw += raw;
        let digest = record.get("digest").and_then(Value::as_str).unwrap_or_default();
        self.unique.insert(digest.to_owned(), (bytes, raw));
    }

    fn json(&self) -> Value {
        let unique_bytes: u64 = self.unique.values().map(|v| v.0).sum();
        let unique_raw: u64 = self.unique.values().map(|v| v.1).sum();
        json!({
            "bytes": self.bytes, "raw_bytes": self.raw, "unique_layers": self.unique.len(),
            "unique_bytes": unique_bytes, "unique_raw_bytes": unique_raw,
        })
    }
}

/// The plain images that a catalogue lists.
///
/// # Errors
/// It cannot be read, or lists none.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    let catalog = files::read_json(path)?;
    let mut entries = Vec::new();
    for image in catalog.get("images").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| image.get(key).and_then(Value::as_str).unwrap_or_default();
        let number = |key: &str| image.get(key).and_then(Value::as_u64).unwrap_or(0);
        let source = ImageRef::parse(text("source"))?;
        entries.push(Entry {
            tag: text("tag").to_owned(),
            source,
            raw: number("raw_bytes"),
            compressed: number("bytes"),
        });
    }
    if entries.is_empty() { check_failed(format!("{} lists no images", path.display())) } else { Ok(entries) }
}

/// The other sources that a catalogue lists: `(kind, source)`.
///
/// # Errors
/// It cannot be read.
pub fn extra(path: &Path) -> Result<Vec<(String, String)>> {
    let catalog = files::read_json(path)?;
    let list = catalog.get("extra").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(list.iter().map(|v| (text(v, "kind"), text(v, "source"))).collect())
}
