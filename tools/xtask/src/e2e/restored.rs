//! What a restore writes besides OCI layouts: a docker archive, a tar stream, a directory; what differs between images; and what
//! comes back after layers were settled.

use std::path::Path;

use serde_json::Value;

use super::roundtrip::restore;
use super::{Runner, Setting, holding};
use crate::error::{Error, Result, check_failed};
use crate::files;
use crate::firn::Firn;
use crate::oci::{self, Descriptor, ImageRef, Layout};
use crate::proc::Cmd;
use crate::trees::image;

/// Docker archives, tar streams and directories of the first image, what differs in the second, and the first one settled.
pub fn all(setting: &Setting, runner: &mut Runner) {
    let firn = setting.firn("archive");
    let Some(first) = setting.images.first() else { return };
    runner.check(&format!("restore {} to docker-archive", first.tag), || docker(&firn, first, setting));
    runner.check(&format!("restore {} to tar", first.tag), || tar(&firn, first, setting));
    runner.check(&format!("restore {} to dir", first.tag), || dir(&firn, first, setting));
    runner.check(&format!("defer and settle {}", first.tag), || settled(first, setting));
    // Another version of the same, where there is one.
    let stem = |image: &ImageRef| image.tag.rsplit_once('-').map(|(stem, _)| stem.to_owned());
    let version = setting.images.iter().skip(1).find(|other| stem(other) == stem(first));
    if let Some(second) = version.or(setting.images.get(1)) {
        runner.check(&format!("diff {} {}", first.tag, second.tag), || diff(&firn, first, second, setting));
    }
}

fn docker(firn: &Firn, source: &ImageRef, setting: &Setting) -> Result<String> {
    holding(firn, &[source])?;
    let file = setting.scratch.join("docker.tar");
    files::remove_file(&file)?;
    firn.restore(&source.tag, &format!("docker-archive:{}:firn/again:1", file.display()))?;
    // skopeo checks every layer against the config's diff ids.
    let plain = setting.scratch.join("by-skopeo");
    files::remove_dir(&plain)?;
    let (from, to) = (format!("docker-archive:{}", file.display()), format!("oci:{}:t", plain.display()));
    Cmd::words(&["skopeo", "copy", "-q", "--insecure-policy", &from, &to]).run()?;
    let (expected, by_skopeo) = (config(source)?, config(&ImageRef { dir: plain.clone(), tag: "t".to_owned() })?);
    files::remove_dir(&plain)?;
    if oci::diff_ids(&expected.1) != oci::diff_ids(&by_skopeo.1) {
        return check_failed("skopeo reads other diff ids out of the docker archive");
    }
    let again = setting.firn("archive-of-docker");
    files::remove_dir(again.archive_dir())?;
    again.init()?;
    again.archive(&from)?;
    let out = setting.scratch.join("out");
    files::remove_dir(&out)?;
    again.restore("firn/again:1", &format!("oci:{}:t", out.display()))?;
    let found = config(&ImageRef { dir: out.clone(), tag: "t".to_owned() })?;
    files::remove_dir(&out)?;
    files::remove_dir(again.archive_dir())?;
    files::remove_file(&file)?;
    if found != expected {
        return check_failed(format!("the config comes back as {}, not {}", found.0, expected.0));
    }
    Ok(format!("{} layers, same image id", oci::diff_ids(&expected.1).len()))
}

/// Digest and content of an image's config.
fn config(image: &ImageRef) -> Result<(String, Value)> {
    let layout = Layout::open(&image.dir)?;
    let manifest = layout.blob_json(layout.resolve(&image.tag)?.digest())?;
    let config = Descriptor(manifest.get("config").cloned().unwrap_or_default());
    Ok((config.digest().to_owned(), layout.blob_json(config.digest())?))
}

/// The tar stream, extracted by GNU tar, is what umoci unpacks.
fn tar(firn: &Firn, source: &ImageRef, setting: &Setting) -> Result<String> {
    holding(firn, &[source])?;
    let reference = image::unpacked(source, &setting.unpacked)?;
    let (file, dir) = (setting.scratch.join("tree.tar"), setting.scratch.join("by-tar"));
    files::remove_file(&file)?;
    files::fresh_dir(&dir)?;
    firn.restore(&source.tag, &format!("tar:{}", file.display()))?;
    let words = ["tar", "--numeric-owner", "--same-permissions", "--xattrs", "--xattrs-include=*", "-xf"];
    Cmd::words(&words).arg(&file).arg("-C").arg(&dir).run()?;
    files::remove_file(&file)?;
    same(&reference, &dir)
}

fn dir(firn: &Firn, source: &ImageRef, setting: &Setting) -> Result<String> {
    holding(firn, &[source])?;
    let reference = image::unpacked(source, &setting.unpacked)?;
    let dir = setting.scratch.join("by-firn");
    files::remove_dir(&dir)?;
    firn.restore(&source.tag, &format!("dir:{}", dir.display()))?;
    same(&reference, &dir)
}

/// Originals that were kept for the time being go once their layers can be made again, and the image is the same before and after.
fn settled(source: &ImageRef, setting: &Setting) -> Result<String> {
    let firn = setting.firn("archive-deferred");
    files::remove_dir(firn.archive_dir())?;
    firn.init()?;
    firn.cmd(&["archive", "--defer", &source.to_string()]).run()?;
    let number = |json: &Value, pointer: &str| json.pointer(pointer).and_then(Value::as_u64).unwrap_or(u64::MAX);
    let before = firn.json(&["stats"])?;
    restore(&firn, &source.tag, source, &setting.scratch)?;
    firn.cmd(&["settle"]).run()?;
    let after = firn.json(&["stats"])?;
    let seen = restore(&firn, &source.tag, source, &setting.scratch)?;
    files::remove_dir(firn.archive_dir())?;
    let [deferred, left] = [&before, &after].map(|stats| number(stats, "/deferred_layers/number"));
    let [stored, stays] = [&before, &after].map(|stats| number(stats, "/stored_bytes"));
    if deferred == 0 || left != 0 || stays >= stored {
        return check_failed(format!(
            "{deferred} layers deferred, {left} after settling; {stored} bytes, then {stays}"
        ));
    }
    Ok(format!("{deferred} layers, {} MB stored, {} MB settled; {seen}", stored / 1_000_000, stays / 1_000_000))
}

fn same(reference: &Path, dir: &Path) -> Result<String> {
    let report = image::trees(reference, dir)?;
    if !report.is_clean() {
        return check_failed(image::describe(&report, 20));
    }
    files::remove_dir(dir)?;
    Ok(format!("{} entries, no difference", report.entries))
}

/// Two versions differ, each from itself does not, and both ways round the numbers agree.
fn diff(firn: &Firn, first: &ImageRef, second: &ImageRef, setting: &Setting) -> Result<String> {
    holding(firn, &[first, second])?;
    firn.cmd(&["diff", "--exit-code", &first.tag, &first.tag]).run()?;
    let there = diff_json(firn, &first.tag, &second.tag)?;
    let back = diff_json(firn, &second.tag, &first.tag)?;
    let number = |json: &Value, key: &str| json.pointer(key).and_then(Value::as_u64).unwrap_or(0);
    let mirrored = [("/added", "/removed"), ("/changed", "/changed"), ("/bytes/only_first", "/bytes/only_second")];
    if mirrored.iter().any(|(a, b)| number(&there, a) != number(&back, b) || number(&there, b) != number(&back, a)) {
        return check_failed("the other way round, the numbers are others");
    }
    // What umoci unpacks tells which paths there are to differ.
    let names = |image: &ImageRef| -> Result<_> {
        crate::trees::snapshot::take(&image::unpacked(image, &setting.unpacked)?, false)
    };
    let (one, other) = (names(first)?, names(second)?);
    let added = other.keys().filter(|path| !one.contains_key(*path)).count() as u64;
    let removed = one.keys().filter(|path| !other.contains_key(*path)).count() as u64;
    if (added, removed) != (number(&there, "/added"), number(&there, "/removed")) {
        return check_failed(format!("umoci's trees differ by {added} added and {removed} removed paths: {there}"));
    }
    let changed = number(&there, "/changed");
    Ok(format!("{added} added, {removed} removed, {changed} changed, {} bytes shared", number(&there, "/bytes/shared")))
}

fn diff_json(firn: &Firn, first: &str, second: &str) -> Result<Value> {
    let bytes = firn.cmd(&["diff", "--stat", "--json", first, second]).bytes()?;
    serde_json::from_slice(&bytes)
        .map_err(|source| Error::Json { path: "the output of firn diff --json".into(), source })
}
