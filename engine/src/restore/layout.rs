//! An image into an OCI layout.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value, json};

use super::anew::with_current;
use crate::error::Error;
use crate::format::{BlobRecord, ImageRecord, LayerRecord, Wrapper};
use crate::id::Digest;
use crate::ingest::Meter;
use crate::parallel::{Crew, in_parallel};
use crate::read::{ChunkReader, write_blob};
use crate::store::sync_dir;

const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// What a restore wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restored {
    /// Blobs written.
    pub blobs: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Blobs that were there already, with the right bytes.
    pub present: u64,
}

/// Where an image is restored to.
pub trait LayoutWriter: Sync {
    /// Whether blobs may be written side by side, in any order; otherwise they come one after the other, in the record's.
    fn takes_any_order(&self) -> bool;

    /// Whether the blob is there already, whole.
    fn has(&self, blob: &BlobRecord) -> Result<bool, Error>;

    /// Writes a blob; `fill` gives its bytes and fails if they are not the blob's, and then nothing may be left of it.
    fn blob(&self, blob: &BlobRecord, fill: &mut dyn FnMut(&mut dyn Write) -> Result<(), Error>) -> Result<(), Error>;

    /// Lists the image, once all blobs are there.
    fn list(&mut self, descriptor: Map<String, Value>) -> Result<(), Error>;
}

/// Writes every blob of an image, by as many threads, then lists it under `name`.
pub fn restore(
    reader: &ChunkReader,
    record: &ImageRecord,
    name: Option<&str>,
    out: &mut dyn LayoutWriter,
    threads: usize,
    meter: &Meter,
) -> Result<Restored, Error> {
    let is_dropped = |(_, layer): &(&BlobRecord, &LayerRecord)| layer.wrapper == Wrapper::Dropped;
    if let Some((blob, _)) = record.layers().find(is_dropped) {
        return Err(Error::BlobDropped { digest: blob.digest });
    }
    reader.learn(record.all_packs())?;
    meter.add_total(record.blobs.iter().map(|blob| blob.size).sum());
    let crew = Crew::new(threads);
    let at_once = if out.takes_any_order() { threads } else { 1 };
    let blobs = if at_once > 1 { largest_first(&record.blobs) } else { record.blobs.iter().collect() };
    let failed = AtomicBool::new(false);
    let write = |blob: &&BlobRecord| {
        let _hand = crew.take();
        let written = write(reader, &record.root, blob, &*out, &crew, meter);
        failed.fetch_or(written.is_err(), Ordering::Relaxed);
        written.map(|is_new| (is_new, blob.size))
    };
    let mut restored = Restored::default();
    for written in in_parallel(&blobs, at_once, &failed, write).into_iter().flatten() {
        match written? {
            (true, size) => {
                restored.blobs += 1;
                restored.bytes += size;
            }
            (false, _) => restored.present += 1,
        }
    }
    out.list(listed_descriptor(record, name)?)?;
    Ok(restored)
}

/// Blobs in an order in which no large one is left for the end, when all other threads are done.
pub(super) fn largest_first(blobs: &[BlobRecord]) -> Vec<&BlobRecord> {
    let mut blobs: Vec<&BlobRecord> = blobs.iter().collect();
    blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
    blobs
}

/// Writes a blob unless it is there; true if it was not.
fn write(
    reader: &ChunkReader,
    image: &Digest,
    blob: &BlobRecord,
    out: &dyn LayoutWriter,
    crew: &Crew,
    meter: &Meter,
) -> Result<bool, Error> {
    if out.has(blob)? {
        meter.add_done(blob.size);
        return Ok(false);
    }
    with_current(reader, image, blob, &mut |blob| {
        out.blob(blob, &mut |out| write_blob(reader, blob, crew, &mut Metered { out, meter }))
    })?;
    Ok(true)
}

/// Counts what is written through it.
pub(super) struct Metered<'w> {
    pub(super) out: &'w mut dyn Write,
    pub(super) meter: &'w Meter,
}

impl Write for Metered<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.out.write(bytes)?;
        self.meter.add_done(len as u64);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The image's descriptor as its source gave it, under the name it is restored as.
fn listed_descriptor(record: &ImageRecord, name: Option<&str>) -> Result<Map<String, Value>, Error> {
    let damaged = || Error::metadata::<serde_json::Error>(format!("the descriptor of image {}", record.root));
    let mut descriptor: Map<String, Value> = serde_json::from_slice(&record.descriptor).map_err(damaged())?;
    let mut annotations = match descriptor.remove("annotations") {
        Some(Value::Object(annotations)) => annotations,
        _ => Map::new(),
    };
    annotations.remove(REF_NAME);
    if let Some(name) = name {
        annotations.insert(REF_NAME.to_owned(), json!(name));
    }
    if !annotations.is_empty() {
        descriptor.insert("annotations".to_owned(), Value::Object(annotations));
    }
    Ok(descriptor)
}

/// Adds an image to an index: one of the same name, or the same unnamed one, is replaced.
pub(super) fn add_to_index(index: Option<Value>, descriptor: Map<String, Value>) -> Value {
    let name_of = |item: &Value| item.pointer(&format!("/annotations/{REF_NAME}")).cloned();
    let new = Value::Object(descriptor);
    let mut index = index.filter(Value::is_object).unwrap_or_else(|| json!({ "schemaVersion": 2 }));
    let mut manifests = match index.get_mut("manifests").map(Value::take) {
        Some(Value::Array(manifests)) => manifests,
        _ => Vec::new(),
    };
    let name = name_of(&new);
    manifests.retain(|item| match &name {
        Some(_) => name_of(item) != name,
        None => item.get("digest") != new.get("digest") || name_of(item).is_some(),
    });
    manifests.push(new);
    if let Some(object) = index.as_object_mut() {
        object.insert("manifests".to_owned(), Value::Array(manifests));
    }
    index
}

pub(super) fn layout_marker() -> Vec<u8> {
    json!({ "imageLayoutVersion": "1.0.0" }).to_string().into_bytes()
}

/// An OCI layout in a directory; images are added to what is there.
pub struct OciLayoutWriter {
    root: PathBuf,
    blobs: PathBuf,
}

impl OciLayoutWriter {
    /// Writes to `root`, which is made if it does not exist. A directory that holds other things is refused.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let blobs = root.join("blobs").join("sha256");
        let is_layout = root.join("oci-layout").exists();
        // A restore that was interrupted leaves its blobs, which the next one need not write again.
        let is_ours = |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() == "blobs");
        let is_free = fs::read_dir(root).map(|mut entries| entries.all(is_ours)).unwrap_or(true);
        if !is_layout && !is_free {
            return Err(Error::Usage(format!("{} is neither empty nor an OCI layout", root.display())));
        }
        fs::create_dir_all(&blobs).map_err(Error::system(format!("creating {}", blobs.display())))?;
        Ok(OciLayoutWriter { root: root.to_owned(), blobs })
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let write = || {
            let mut file = new_file(&self.root)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(self.root.join(name)).map_err(|error| error.error)?;
            sync_dir(&self.root)
        };
        write().map_err(Error::system(format!("writing {}", self.root.join(name).display())))
    }
}

/// A temporary file that others may read once it has its name, as far as the umask lets them.
pub(super) fn new_file(dir: &Path) -> io::Result<tempfile::NamedTempFile> {
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    tempfile::Builder::new().prefix(".firn-").permissions(permissions).tempfile_in(dir)
}

impl LayoutWriter for OciLayoutWriter {
    fn takes_any_order(&self) -> bool {
        true
    }

    fn has(&self, blob: &BlobRecord) -> Result<bool, Error> {
        let path = self.blobs.join(blob.digest.hex());
        let Ok(file) = File::open(&path) else { return Ok(false) };
        let hashed = Digest::of_file(file).map_err(Error::system(format!("reading {}", path.display())))?;
        Ok(hashed == (blob.digest, blob.size))
    }

    fn blob(&self, blob: &BlobRecord, fill: &mut dyn FnMut(&mut dyn Write) -> Result<(), Error>) -> Result<(), Error> {
        let path = self.blobs.join(blob.digest.hex());
        let failed = || Error::system(format!("writing {}", path.display()));
        let file = new_file(&self.blobs).map_err(failed())?;
        let mut out = BufWriter::with_capacity(256 << 10, file);
        fill(&mut out)?;
        let file = out.into_inner().map_err(|error| failed()(error.into_error()))?;
        file.as_file().sync_all().map_err(failed())?;
        file.persist(&path).map_err(|error| failed()(error.error))?;
        Ok(())
    }

    fn list(&mut self, descriptor: Map<String, Value>) -> Result<(), Error> {
        sync_dir(&self.blobs).map_err(Error::system(format!("writing {}", self.blobs.display())))?;
        let path = self.root.join("index.json");
        let index = match fs::read(&path) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(Error::source_because(
                path.display().to_string(),
                "is not valid JSON, and will not be overwritten",
            ))?),
            Err(_) => None,
        };
        self.replace("oci-layout", &layout_marker())?;
        let index = add_to_index(index, descriptor);
        self.replace("index.json", index.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_keeps_other_images_and_replaces_its_own() {
        let item = |digest: &str, name: Option<&str>| {
            let mut item = json!({ "digest": digest });
            if let Some(name) = name {
                item["annotations"] = json!({ REF_NAME: name });
            }
            item
        };
        let object = |value: Value| value.as_object().cloned().unwrap();
        let index = json!({ "schemaVersion": 2, "x": 1, "manifests": [item("a", Some("v1")), item("b", Some("v2"))] });
        let index = add_to_index(Some(index), object(item("c", Some("v1"))));
        assert_eq!(index["manifests"], json!([item("b", Some("v2")), item("c", Some("v1"))]));
        assert_eq!(index["x"], 1);
        let index = add_to_index(Some(index), object(item("c", None)));
        let index = add_to_index(Some(index), object(item("c", None)));
        assert_eq!(index["manifests"].as_array().unwrap().len(), 3);
    }
}
