//! What is in registries besides plain images: multi-platform indexes, attestations, artifacts, and archive files.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::build::Places;
use super::compress::{self, Compressor};
use super::content;
use super::oddities::{self, TarStyle};
use super::recipes::SERVER;
use crate::error::Result;
use crate::files;
use crate::oci::{self, Descriptor, Layout};
use crate::proc::Cmd;

/// A source that is not a plain image of the corpus layout.
#[derive(Debug, Clone)]
pub struct Extra {
    /// Tag or file, as firn takes it.
    pub source: String,
    /// What it is for.
    pub kind: &'static str,
}

/// Names of the extra tags.
pub const INDEX_TAG: &str = "multi";
/// The index's amd64 image under a tag of its own.
pub const PLATFORM_TAG: &str = "multi-amd64";
/// A manifest whose blobs are no image at all.
pub const ARTIFACT_TAG: &str = "chart";

/// One layer with sparse members of GNU's old type, which umoci refuses: GNU tar is the reference.
pub const SPARSE_TAG: &str = "gnu-sparse";

/// Raise when any of these is made differently.
const EXTRAS_VERSION: &str = "3";

const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Adds them to the corpus.
///
/// # Errors
/// A program fails.
pub fn add(places: &Places) -> Result<Vec<Extra>> {
    let layout = Layout::open(&places.layout())?;
    let tags = layout.tags()?;
    let stamp = places.root.join("stages/extras");
    let current = fs::read_to_string(&stamp).is_ok_and(|s| s == EXTRAS_VERSION);
    if !current || ![INDEX_TAG, PLATFORM_TAG, ARTIFACT_TAG, SPARSE_TAG].iter().all(|t| tags.contains_key(*t)) {
        multi_platform(places, &layout)?;
        artifact(&layout)?;
        gnu_sparse(places, &layout)?;
        files::write(&stamp, EXTRAS_VERSION)?;
    }
    let mut extra: Vec<Extra> =
        [(INDEX_TAG, "index"), (PLATFORM_TAG, "image"), (ARTIFACT_TAG, "artifact"), (SPARSE_TAG, "single-layer")]
            .iter()
            .map(|(tag, kind)| Extra { source: format!("oci:{}:{tag}", layout.dir().display()), kind })
            .collect();
    extra.push(Extra { source: format!("oci:{}:{}", layout.dir().display(), SERVER.tag), kind: "image" });
    for (transport, tag) in [("oci-archive", "web-1"), ("docker-archive", "build-2")] {
        let file = places.root.join(format!("{tag}.{transport}.tar"));
        archive_file(&layout, transport, tag, &file)?;
        extra.push(Extra { source: format!("{transport}:{}", file.display()), kind: "archive" });
    }
    Ok(extra)
}

fn multi_platform(places: &Places, layout: &Layout) -> Result<()> {
    let mut manifests = Vec::new();
    let mut attestations = Vec::new();
    for (architecture, machine, how) in [("amd64", "x86_64", Compressor::Go), ("arm64", "aarch64", Compressor::Pigz)] {
        println!("corpus: packing {INDEX_TAG} for {architecture}");
        let scratch = places.root.join("work/multi");
        let root = scratch.join("root");
        files::fresh_dir(&root)?;
        content::pip(&root, &["numpy==2.3.2"], machine)?;
        let tar = scratch.join("layer.tar");
        Cmd::words(&["tar", "--sort=name", "--numeric-owner", "-C"])
            .arg(&root)
            .arg("-cf")
            .arg(&tar)
            .arg("usr")
            .run()?;
        let raw = crate::digest::of_file(&tar)?;
        let blob = compress::compress(how, &tar, &raw.digest, &scratch.join("packed"))?;
        let layer = layout.put_file(how.media_type(), &blob)?;
        files::remove_dir(&scratch)?;
        let config = json!({ "architecture": architecture, "os": "linux", "config": {}, "rootfs": { "type": "layers", "diff_ids": [raw.digest] } });
        let config = layout.put_json(oci::CONFIG, &config)?;
        let image = put_manifest(layout, &config, &[layer], json!({}))?;
        attestations.push(attestation(layout, &image)?);
        if architecture == "amd64" {
            layout.set_tag(PLATFORM_TAG, &image)?;
        }
        manifests.push(with(&image, "platform", json!({ "architecture": architecture, "os": "linux" })));
    }
    manifests.extend(attestations);
    let index = json!({ "schemaVersion": 2, "mediaType": oci::INDEX, "manifests": manifests });
    layout.set_tag(INDEX_TAG, &layout.put_json(oci::INDEX, &index)?)
}

fn with(descriptor: &Descriptor, key: &str, value: Value) -> Value {
    let mut out = descriptor.0.clone();
    if let Some(map) = out.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
    out
}

fn put_manifest(layout: &Layout, config: &Descriptor, layers: &[Descriptor], more: Value) -> Result<Descriptor> {
    let layers: Vec<&Value> = layers.iter().map(|l| &l.0).collect();
    let mut manifest = json!({ "schemaVersion": 2, "mediaType": oci::MANIFEST, "config": config.0, "layers": layers });
    if let (Some(map), Value::Object(more)) = (manifest.as_object_mut(), more) {
        map.extend(more);
    }
    layout.put_json(oci::MANIFEST, &manifest)
}

/// A provenance statement in the shape that BuildKit attaches to an index.
fn attestation(layout: &Layout, image: &Descriptor) -> Result<Value> {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{ "name": "multi", "digest": { "sha256": image.digest().trim_start_matches("sha256:") } }],
        "predicate": { "buildType": "pip install --target", "materials": [] },
    });
    let mut layer = layout.put_json(IN_TOTO, &statement)?;
    layer = Descriptor(with(
        &layer,
        "annotations",
        json!({ "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" }),
    ));
    let config = json!({ "architecture": "unknown", "os": "unknown", "config": {}, "rootfs": { "type": "layers", "diff_ids": [layer.digest()] } });
    let config = layout.put_json(oci::CONFIG, &config)?;
    let manifest = put_manifest(layout, &config, &[layer], json!({}))?;
    let annotations =
        json!({ "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.digest() });
    let manifest = Descriptor(with(&manifest, "annotations", annotations));
    Ok(with(&manifest, "platform", json!({ "architecture": "unknown", "os": "unknown" })))
}

/// A chart-like artifact: a config and a layer of media types that an image tool does not know.
fn artifact(layout: &Layout) -> Result<()> {
    let config =
        layout.put("application/vnd.firn.test.config.v1+json", b"{\"name\":\"chart\",\"version\":\"1.0.0\"}")?;
    let layers = [
        layout.put("application/vnd.firn.test.content.v1", "no tar, no gzip: bytes\n".repeat(1000).as_bytes())?,
        layout.put("application/vnd.firn.test.empty.v1", b"")?,
    ];
    let more = json!({ "artifactType": "application/vnd.firn.test.v1", "annotations": { "org.opencontainers.image.title": "chart" } });
    layout.set_tag(ARTIFACT_TAG, &put_manifest(layout, &config, &layers, more)?)
}

fn gnu_sparse(places: &Places, layout: &Layout) -> Result<()> {
    let scratch = places.root.join("work/sparse");
    let tree = scratch.join("tree");
    files::fresh_dir(&tree)?;
    oddities::plant(&tree, 7, Some(TarStyle::GnuOld))?;
    // More runs than the header itself holds, so that extension blocks follow.
    oddities::many_holes(&tree.join("opt/odd/many-holes"), 40)?;
    let tar = scratch.join("layer.tar");
    Cmd::words(&["tar", "--format=gnu", "--sparse", "--sort=name", "--numeric-owner", "-C"])
        .arg(&tree)
        .arg("-cf")
        .arg(&tar)
        .arg(".")
        .run()?;
    let raw = crate::digest::of_file(&tar)?;
    let how = Compressor::Gzip(6);
    let layer =
        layout.put_file(how.media_type(), &compress::compress(how, &tar, &raw.digest, &scratch.join("packed"))?)?;
    files::remove_dir(&scratch)?;
    let config = layout.put_json(oci::CONFIG, &compress::one_layer_config(&raw.digest))?;
    layout.set_tag(SPARSE_TAG, &put_manifest(layout, &config, &[layer], json!({}))?)
}

fn archive_file(layout: &Layout, transport: &str, tag: &str, file: &Path) -> Result<()> {
    let stamp = file.with_extension("stamp");
    let digest = layout.resolve(tag)?.digest().to_owned();
    if file.exists() && fs::read_to_string(&stamp).is_ok_and(|s| s == digest) {
        return Ok(());
    }
    println!("corpus: writing {}", file.display());
    files::remove_file(file)?;
    let source = format!("oci:{}:{tag}", layout.dir().display());
    let target = format!("{transport}:{}:local/{tag}:1", file.display());
    Cmd::words(&["skopeo", "copy", "-q", "--insecure-policy", &source, &target]).run()?;
    files::write(&stamp, digest)
}
