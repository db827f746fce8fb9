//! Carries the recipes out: fetches, packs with umoci, recompresses, and assembles images in the corpus layout.
//!
//! Three threads share the work: one fetches from the package registries, one runs debootstrap, apt-get and umoci, one
//! recompresses what is packed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::{Value, json};

use super::compress::{self, Compressor};
use super::recipes::{self, IMAGES, Recipe, SERVER, STAGES, Stage};
use super::{content, oddities, tar_layer};
use crate::digest::Measured;
use crate::error::{IoContext, Result, check_failed};
use crate::files;
use crate::oci::{self, Descriptor, Layout};
use crate::proc::Cmd;

/// Where things lie below the corpus directory.
#[derive(Debug, Clone)]
pub struct Places {
    /// The corpus directory.
    pub root: PathBuf,
}

impl Places {
    /// The layout that holds the finished images.
    pub fn layout(&self) -> PathBuf {
        self.root.join("layout")
    }

    fn work(&self, name: &str) -> PathBuf {
        self.root.join("work").join(name)
    }

    fn fetched(&self, stage: &str) -> PathBuf {
        self.work("fetched").join(stage)
    }

    fn record(&self, stage: &str) -> PathBuf {
        self.root.join("stages").join(format!("{stage}.json"))
    }
}

/// A packed layer on its way to its compressor.
struct Packed {
    stage: &'static Stage,
    blob: PathBuf,
    media_type: String,
    /// Digest and size of a blob that is a plain tar.
    plain: Option<Measured>,
}

/// Builds what is missing of the images; up-to-date layers cost nothing.
///
/// # Errors
/// A program fails, or this is not run as root.
pub fn images(places: &Places) -> Result<()> {
    let layout = Layout::create(&places.layout())?;
    for dir in ["work/oci", "work/fetched", "stages"] {
        files::make_dir(&places.root.join(dir))?;
    }
    let missing = missing_stages(places, &layout)?;
    if !missing.is_empty() {
        println!("corpus: {} of {} layers to build", missing.len(), STAGES.len());
        build_stages(places, &layout, &missing)?;
    }
    for image in IMAGES.iter().chain([&SERVER]) {
        assemble(places, &layout, image)?;
    }
    Ok(())
}

fn build_stages(places: &Places, layout: &Layout, missing: &[&'static Stage]) -> Result<()> {
    let (fetched_tx, fetched_rx) = channel();
    let (packed_tx, packed_rx) = channel();
    std::thread::scope(|scope| {
        let fetcher = scope.spawn(move || fetch_all(places, missing, &fetched_tx));
        let packer = scope.spawn(move || pack_all(places, missing, &fetched_rx, &packed_tx));
        let compressing = compress_all(places, layout, packed_rx);
        // The cause comes before its consequences: a failed fetch makes the packer starve.
        for thread in [fetcher, packer] {
            match thread.join() {
                Ok(result) => result?,
                Err(_) => return check_failed("a corpus thread panicked"),
            }
        }
        compressing
    })
}

/// Stages without an up-to-date record, and parents whose packed form they need.
fn missing_stages(places: &Places, layout: &Layout) -> Result<Vec<&'static Stage>> {
    let packed = if places.work("oci").join("oci-layout").exists() {
        Layout::open(&places.work("oci"))?.tags()?
    } else {
        Default::default()
    };
    let mut wanted: Vec<&str> = Vec::new();
    for stage in STAGES.iter().rev() {
        let current = record_of(places, stage)
            .is_some_and(|r| layout.blob_path(r.get("digest").and_then(Value::as_str).unwrap_or_default()).exists());
        let needed_below = wanted.contains(&stage.name) && !packed.contains_key(stage.name);
        if !current || needed_below {
            wanted.extend(stage.parent);
            wanted.push(stage.name);
        }
    }
    let is_missing =
        |s: &&Stage| wanted.contains(&s.name) && (record_of(places, s).is_none() || !packed.contains_key(s.name));
    Ok(STAGES.iter().filter(|s| is_missing(s)).collect())
}

fn record_of(places: &Places, stage: &Stage) -> Option<Value> {
    let record = files::read_json(&places.record(stage.name)).ok()?;
    (record.get("fingerprint")?.as_str()? == recipes::fingerprint(stage)).then_some(record)
}

fn fetch_all(places: &Places, missing: &[&'static Stage], done: &Sender<&'static str>) -> Result<()> {
    let mut node_root = None;
    for stage in missing {
        let dir = places.fetched(stage.name);
        match stage.recipe {
            Recipe::Pip(packages) => {
                files::fresh_dir(&dir)?;
                content::pip(&dir, packages, "x86_64")?;
            }
            Recipe::Node(version) => {
                files::fresh_dir(&dir)?;
                content::node(&dir, version)?;
                node_root = Some(dir);
            }
            Recipe::Npm(packages) => {
                files::fresh_dir(&dir)?;
                let node = node_root.clone().or_else(|| stage.parent.map(|p| places.fetched(p)));
                content::npm(&dir, packages, &node.unwrap_or_default(), &places.work("npm-cache"))?;
            }
            _ => continue,
        }
        if done.send(stage.name).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn pack_all(
    places: &Places,
    missing: &[&'static Stage],
    fetched: &Receiver<&'static str>,
    packed: &Sender<Packed>,
) -> Result<()> {
    // What waits for the network goes last; parents still come before their children.
    let (local, remote): (Vec<&Stage>, Vec<&Stage>) = missing.iter().partition(|s| {
        recipes::chain(s.name)
            .iter()
            .all(|c| matches!(c.recipe, Recipe::Debootstrap | Recipe::Upgrade | Recipe::Apt(_)))
    });
    for stage in local.into_iter().chain(remote) {
        if matches!(stage.recipe, Recipe::Pip(_) | Recipe::Node(_) | Recipe::Npm(_)) {
            match fetched.recv() {
                Ok(name) if name == stage.name => {}
                _ => return check_failed(format!("the content of {} was not fetched", stage.name)),
            }
        }
        println!("corpus: packing {}", stage.name);
        let blob = pack(places, stage)?;
        if packed.send(blob).is_err() {
            return Ok(());
        }
    }
    files::remove_dir(&places.work("bundle"))
}

fn pack(places: &Places, stage: &'static Stage) -> Result<Packed> {
    let oci = places.work("oci");
    if !oci.join("oci-layout").exists() {
        files::remove_dir(&oci)?;
        Cmd::words(&["umoci", "init", "--layout"]).arg(&oci).run()?;
    }
    let by_umoci = |tag: &str| format!("{}:{tag}", oci.display());
    match (stage.recipe, stage.compressor) {
        (Recipe::Tar(style, seed), _) => {
            let (tree, tar) = (places.work("tree"), places.work("new.tar"));
            tar_layer::write(style, seed, &tree, &tar)?;
            files::remove_dir(&tree)?;
            append(&Layout::open(&oci)?, stage, &tar)
        }
        (Recipe::Pip(_) | Recipe::Node(_) | Recipe::Npm(_), Compressor::Umoci) => {
            let (target, opaque) = copied_to(stage.recipe);
            let source = places.fetched(stage.name).join(target);
            let mut insert = Cmd::words(&["umoci", "insert", "--image", &by_umoci(stage.parent.unwrap_or_default())]);
            insert = insert.args(["--tag", stage.name]).args(opaque.then_some("--opaque"));
            insert.arg(source).arg(Path::new("/").join(target)).run()?;
            packed_by_umoci(&oci, stage)
        }
        (Recipe::Pip(_) | Recipe::Node(_) | Recipe::Npm(_), _) => {
            let (target, opaque) = copied_to(stage.recipe);
            let (root, tar) = (places.fetched(stage.name), places.work("new.tar"));
            if opaque {
                files::write(&root.join(target).join(".wh..wh..opq"), "")?;
            }
            let words = ["tar", "--format=gnu", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-C"];
            Cmd::words(&words).arg(root).arg("-cf").arg(&tar).arg(target).run()?;
            append(&Layout::open(&oci)?, stage, &tar)
        }
        _ => {
            change(places, stage, &by_umoci)?;
            packed_by_umoci(&oci, stage)
        }
    }
}

/// Where a fetched tree goes, and whether it hides what lies there below it.
fn copied_to(recipe: Recipe) -> (&'static str, bool) {
    match recipe {
        Recipe::Pip(_) => (content::SITE, true),
        Recipe::Node(_) => ("usr/local", false),
        _ => ("srv/app", false),
    }
}

fn packed_by_umoci(oci: &Path, stage: &'static Stage) -> Result<Packed> {
    let layout = Layout::open(oci)?;
    let manifest = layout.blob_json(layout.resolve(stage.name)?.digest())?;
    match oci::descriptors(manifest.get("layers")).pop() {
        Some(layer) => Ok(Packed {
            stage,
            blob: layout.blob_path(layer.digest()),
            media_type: layer.media_type().to_owned(),
            plain: None,
        }),
        None => check_failed(format!("umoci packed no layer for {}", stage.name)),
    }
}

/// Makes the stage's working image from its parent's and a plain layer, which takes the tar file over.
fn append(layout: &Layout, stage: &'static Stage, tar: &Path) -> Result<Packed> {
    let media_type = Compressor::Plain.media_type();
    let layer = layout.put_file(media_type, tar)?;
    files::remove_file(tar)?;
    let mut manifest = layout.blob_json(layout.resolve(stage.parent.unwrap_or_default())?.digest())?;
    let below = Descriptor(manifest.get("config").cloned().unwrap_or_default());
    let mut config = layout.blob_json(below.digest())?;
    push(&mut config, "/rootfs/diff_ids", json!(layer.digest()));
    push(&mut config, "/history", json!({ "created_by": stage.name }));
    let config = layout.put_json(oci::CONFIG, &config)?;
    push(&mut manifest, "/layers", layer.0.clone());
    if let Some(map) = manifest.as_object_mut() {
        map.insert("config".to_owned(), config.0);
    }
    layout.set_tag(stage.name, &layout.put_json(oci::MANIFEST, &manifest)?)?;
    let plain = Some(Measured { digest: layer.digest().to_owned(), size: layer.size() });
    Ok(Packed { stage, blob: layout.blob_path(layer.digest()), media_type: media_type.to_owned(), plain })
}

fn push(document: &mut Value, pointer: &str, value: Value) {
    if let Some(array) = document.pointer_mut(pointer).and_then(Value::as_array_mut) {
        array.push(value);
    }
}

/// Unpacks the parent, changes the files, and lets umoci find and pack the difference.
fn change(places: &Places, stage: &Stage, image: &dyn Fn(&str) -> String) -> Result<()> {
    let bundle = places.work("bundle");
    files::remove_dir(&bundle)?;
    let unpack = |tag: &str, to: &Path| Cmd::words(&["umoci", "unpack", "--image", &image(tag)]).arg(to).run();
    let root = bundle.join("rootfs");
    match stage.recipe {
        Recipe::Debootstrap | Recipe::Upgrade => {
            Cmd::words(&["umoci", "new", "--image", &image(stage.name)]).run()?;
            unpack(stage.name, &bundle)?;
        }
        _ => unpack(stage.parent.unwrap_or_default(), &bundle)?,
    }
    match stage.recipe {
        Recipe::Debootstrap => content::debootstrap(&root)?,
        Recipe::Upgrade => {
            let below = places.work("below");
            files::remove_dir(&below)?;
            unpack(stage.parent.unwrap_or_default(), &below)?;
            files::remove_dir(&root)?;
            fs::rename(below.join("rootfs"), &root).at("cannot move", &below)?;
            files::remove_dir(&below)?;
            content::apt(&root, &["upgrade"])?;
        }
        Recipe::Apt(packages) => content::apt(&root, &[&["install"], packages].concat())?,
        Recipe::Edits(seed) => oddities::edit(&root, seed)?,
        _ => {}
    }
    Cmd::words(&["umoci", "repack", "--image", &image(stage.name)]).arg(&bundle).run()
}

fn compress_all(places: &Places, layout: &Layout, packed: Receiver<Packed>) -> Result<()> {
    for item in packed {
        let stage = item.stage;
        let expanded = places.work("layer.tar");
        let (tar, raw) = match item.plain {
            Some(raw) => (&item.blob, raw),
            None => (&expanded, compress::expand(&item.blob, &item.media_type, &expanded)?),
        };
        let media_type = stage.compressor.media_type();
        let scratch = places.work("scratch");
        let layer = match stage.compressor {
            Compressor::Umoci => layout.put_file(media_type, &item.blob)?,
            how => layout.put_file(media_type, &compress::compress(how, tar, &raw.digest, &scratch)?)?,
        };
        files::remove_dir(&scratch)?;
        files::remove_file(&expanded)?;
        let record = json!({
            "fingerprint": recipes::fingerprint(stage), "diff_id": raw.digest, "raw": raw.size, "digest": layer.digest(),
            "size": layer.size(), "mediaType": media_type, "compressor": stage.compressor.name(),
        });
        files::write_json(&places.record(stage.name), &record)?;
        println!(
            "corpus: {} by {}: {} of {} MB",
            stage.name,
            stage.compressor.name(),
            layer.size() / 1_000_000,
            raw.size / 1_000_000
        );
    }
    Ok(())
}

/// Writes config, manifest and tag of one image from its layers' records.
fn assemble(places: &Places, layout: &Layout, image: &recipes::Image) -> Result<()> {
    let mut layers = Vec::new();
    let mut diff_ids = Vec::new();
    let mut history = Vec::new();
    for stage in recipes::chain(image.stage) {
        let Some(record) = record_of(places, stage) else {
            return check_failed(format!("layer {} was not built", stage.name));
        };
        let get = |key: &str| record.get(key).cloned().unwrap_or_default();
        layers.push(json!({ "mediaType": get("mediaType"), "digest": get("digest"), "size": get("size") }));
        diff_ids.push(get("diff_id"));
        history.push(json!({ "created": "2025-09-01T00:00:00Z", "created_by": format!("{} ({})", stage.name, stage.compressor.name()) }));
    }
    let config = json!({
        "created": "2025-09-01T00:00:00Z", "architecture": "amd64", "os": "linux",
        "config": { "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": image.program },
        "rootfs": { "type": "layers", "diff_ids": diff_ids }, "history": history,
    });
    let config = layout.put_json(oci::CONFIG, &config)?;
    let manifest = json!({ "schemaVersion": 2, "mediaType": oci::MANIFEST, "config": config.0, "layers": layers });
    layout.set_tag(image.tag, &layout.put_json(oci::MANIFEST, &manifest)?)
}
