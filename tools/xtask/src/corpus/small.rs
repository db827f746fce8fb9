//! Two small images from a handful of Debian packages: no chroot, no root needed, made in seconds.
//!
//! The second is what a rebuild a month later gives: the same packages, packed anew, with other times and one more program.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::compress::{self, Compressor};
use crate::digest;
use crate::error::{IoContext, Result, check_failed};
use crate::files;
use crate::oci::{self, Layout};
use crate::proc::Cmd;

/// Tags of the two images.
pub const TAGS: [&str; 2] = ["demo-1", "demo-2"];

/// Layers by name and Debian packages: a shell on its libraries, tools, and an application.
const LAYERS: [(&str, &[&str]); 3] = [
    ("system", &["base-files", "busybox-static", "libc6", "libgcc-s1", "libstdc++6", "zlib1g", "bash", "libtinfo6"]),
    (
        "tools",
        &[
            "coreutils",
            "libselinux1",
            "libpcre2-8-0",
            "libacl1",
            "libattr1",
            "libgmp10",
            "libssl3",
            "openssl",
            "libgcc-s1",
        ],
    ),
    ("app", &["perl-base", "libcrypt1", "perl-modules-5.36", "libperl5.36"]),
];

/// What the rebuild's tools have in addition.
const ADDED: &[&str] = &["jq", "libjq1", "libonig5"];

/// zlib, as image builders written in Python use it.
const COMPRESSOR: Compressor = Compressor::Python(6);

/// Seconds between the two builds.
const MONTH: u64 = 30 * 86_400;
const FIRST_BUILD: u64 = 1_750_000_000;

/// Makes the images in `dir/layout`, unless they are there, and returns the catalogue's path.
///
/// # Errors
/// apt-get cannot fetch a package, or a program fails.
pub fn build(dir: &Path) -> Result<PathBuf> {
    let layout = Layout::create(&dir.join("layout"))?;
    let catalog = dir.join("corpus.json");
    let tags = layout.tags()?;
    if catalog.exists() && TAGS.iter().all(|t| tags.contains_key(*t)) {
        return Ok(catalog);
    }
    let packages = fetch(&dir.join("debs"))?;
    let mut images = Vec::new();
    for (i, tag) in TAGS.iter().enumerate() {
        let built = FIRST_BUILD + MONTH * i as u64;
        images.push(image(&layout, tag, &packages, built, i > 0, &dir.join("work"))?);
    }
    files::remove_dir(&dir.join("work"))?;
    let total = |key: &str| images.iter().filter_map(|v| v.get(key)?.as_u64()).sum::<u64>();
    let totals = json!({ "bytes": total("bytes"), "raw_bytes": total("raw_bytes") });
    files::write_json(&catalog, &json!({ "images": images, "extra": [], "totals": totals }))?;
    Ok(catalog)
}

/// Downloads the packages; those that are there already are not fetched again.
fn fetch(dir: &Path) -> Result<Vec<PathBuf>> {
    files::make_dir(dir)?;
    let mut names: Vec<&str> =
        LAYERS.iter().flat_map(|(_, packages)| packages.iter().copied()).chain(ADDED.iter().copied()).collect();
    names.sort_unstable();
    names.dedup();
    let have = |name: &str| package_file(&files::list(dir).unwrap_or_default(), name).is_some();
    let wanted: Vec<&str> = names.iter().copied().filter(|n| !have(n)).collect();
    if !wanted.is_empty() {
        // The unprivileged fetcher could not write here; packages are checked against signed lists either way.
        let download =
            || Cmd::words(&["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download"]).args(&wanted).dir(dir).run();
        if let Err(first) = download() {
            // Fresh machines come without package lists.
            Cmd::words(&["apt-get", "-q", "update"]).run().map_err(|_| first)?;
            download()?;
        }
    }
    files::list(dir)
}

fn package_file<'a>(all: &'a [PathBuf], name: &str) -> Option<&'a PathBuf> {
    all.iter().find(|p| p.file_name().and_then(|f| f.to_str()).and_then(|f| f.split('_').next()) == Some(name))
}

fn image(layout: &Layout, tag: &str, debs: &[PathBuf], built: u64, rebuilt: bool, work: &Path) -> Result<Value> {
    let mut layers = Vec::new();
    let mut diff_ids = Vec::new();
    let (mut bytes, mut raw_bytes) = (0, 0);
    for (name, packages) in LAYERS {
        let root = work.join("root");
        files::fresh_dir(&root)?;
        let added = if rebuilt && name == "tools" { ADDED } else { &[] };
        for package in packages.iter().chain(added) {
            let Some(deb) = package_file(debs, package) else {
                return check_failed(format!("apt-get did not fetch {package}"));
            };
            Cmd::words(&["dpkg-deb", "-x"]).arg(deb).arg(&root).run()?;
        }
        finish_layer(name, &root, built, rebuilt)?;
        let tar = work.join("layer.tar");
        let (stamp, format) = (format!("--mtime=@{built}"), "--format=gnu");
        let words = ["tar", format, "--sort=name", "--owner=0", "--group=0", "--numeric-owner", &stamp, "-C"];
        Cmd::words(&words).arg(&root).arg("-cf").arg(&tar).arg(".").run()?;
        let measured = digest::of_file(&tar)?;
        let blob = compress::compress(COMPRESSOR, &tar, &measured.digest, &work.join("packed"))?;
        let layer = layout.put_file(COMPRESSOR.media_type(), &blob)?;
        bytes += layer.size();
        raw_bytes += measured.size;
        diff_ids.push(measured.digest.clone());
        layers.push(json!({
            "name": name, "digest": layer.digest(), "diff_id": measured.digest, "bytes": layer.size(),
            "raw_bytes": measured.size, "compressor": COMPRESSOR.name(), "media_type": layer.media_type(),
        }));
    }
    let config = json!({
        "created": "2025-06-15T00:00:00Z", "architecture": architecture()?, "os": "linux", "config": { "Cmd": ["/bin/sh"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = layout.put_json(oci::CONFIG, &config)?;
    let descriptor =
        |l: &Value| json!({ "mediaType": l.get("media_type"), "digest": l.get("digest"), "size": l.get("bytes") });
    let descriptors: Vec<Value> = layers.iter().map(descriptor).collect();
    let manifest = json!({ "schemaVersion": 2, "mediaType": oci::MANIFEST, "config": config.0, "layers": descriptors });
    layout.set_tag(tag, &layout.put_json(oci::MANIFEST, &manifest)?)?;
    let source = format!("oci:{}:{tag}", files::absolute(layout.dir())?.display());
    Ok(json!({ "tag": tag, "source": source, "layers": layers, "bytes": bytes, "raw_bytes": raw_bytes }))
}

/// What a package cannot bring: whiteouts of the layer below, links, and what tells the two builds apart.
fn finish_layer(name: &str, root: &Path, built: u64, rebuilt: bool) -> Result<()> {
    let at = |path: &str| root.join(path);
    match name {
        "system" => {
            files::make_dir(&at("bin"))?;
            for applet in ["sh", "ls", "cat", "head"] {
                std::os::unix::fs::symlink("busybox", at("bin").join(applet)).at("cannot link", &at("bin"))?;
            }
        }
        "tools" => {
            files::make_dir(&at("usr/share/doc"))?;
            files::write(&at("usr/share/doc/.wh.base-files"), "")?;
        }
        _ => {
            files::make_dir(&at("srv/app"))?;
            let version = if rebuilt { "2.0" } else { "1.0" };
            files::write(&at("srv/app/version"), format!("{version}, built {built}\n"))?;
        }
    }
    Ok(())
}

fn architecture() -> Result<String> {
    Cmd::words(&["dpkg", "--print-architecture"]).text()
}
