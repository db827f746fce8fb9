//! In, mounted, and back out bit for bit; also after the index was lost.

use std::path::Path;

use super::{Runner, Setting, holding};
use crate::error::{Result, check_failed};
use crate::files;
use crate::firn::{Firn, Mount};
use crate::layouts;
use crate::oci::{self, Descriptor, ImageRef, Layout};
use crate::proc::Cmd;
use crate::trees::image;

/// Most that archiving an image again may add: its record and what keeps the archive's books.
const TWICE_LIMIT: u64 = 1 << 20;

/// The kind of a source that is one file with a whole image in it.
const ARCHIVE_FILE: &str = "archive";

/// All round trips from layouts, into one archive.
pub fn all(setting: &Setting, runner: &mut Runner) {
    let firn = setting.firn("archive");
    runner.check("init", || holding(&firn, &[]).map(|()| "new archive".to_owned()));
    for source in &setting.images {
        let tag = &source.tag;
        runner.check(&format!("archive {tag}"), || archive(&firn, source));
        runner.check(&format!("mount {tag}"), || mount(&firn, source, &setting.scratch, &setting.unpacked));
        runner.check(&format!("restore {tag}"), || {
            holding(&firn, &[source])?;
            restore(&firn, &source.tag, source, &setting.scratch)
        });
        // A restore hashes what it makes: in a quick run one image is enough to try what else verify does.
        let is_first = setting.images.first().is_some_and(|first| &first.tag == tag);
        if is_first || !setting.quick {
            runner.check(&format!("verify {tag}"), || {
                holding(&firn, &[source])?;
                firn.verify(tag).map(|()| "every byte re-hashed".to_owned())
            });
        }
    }
    for (kind, source) in setting.extra.iter().filter(|(kind, _)| kind != ARCHIVE_FILE) {
        runner.check(&format!("{kind} {source}"), || other_source(&firn, kind, source, setting));
    }
    runner.check("archive twice", || twice(&firn, setting));
    runner.check("index rebuild", || rebuild(&firn, setting));
}

/// Sources that are one file, each into an archive of its own.
pub fn archive_files(setting: &Setting, runner: &mut Runner) {
    for (_, source) in setting.extra.iter().filter(|(kind, _)| kind == ARCHIVE_FILE) {
        runner.check(&format!("archive file {source}"), || archive_file(source, setting));
    }
}

/// Archives an image and finds its name in the list.
///
/// # Errors
/// firn fails, or the name is missing.
pub fn archive(firn: &Firn, source: &ImageRef) -> Result<String> {
    holding(firn, &[])?;
    firn.archive(&source.to_string())?;
    if !firn.names()?.iter().any(|n| names_tag(n, &source.tag)) {
        return check_failed(format!("`firn ls` does not list {}", source.tag));
    }
    firn.cmd(&["show", &source.tag]).run()?;
    Ok(format!("archive holds {} MB", files::tree_bytes(firn.archive_dir())? / 1_000_000))
}

/// True when an archive's name stands for a tag: alone or as `repository:tag`.
fn names_tag(name: &str, tag: &str) -> bool {
    name == tag || name.rsplit(':').next() == Some(tag)
}

/// Mounts an image, compares it with `umoci unpack` in everything, and reads a file with `firn cat`.
///
/// # Errors
/// firn fails, or something differs.
pub fn mount(firn: &Firn, source: &ImageRef, scratch: &Path, unpacked: &Path) -> Result<String> {
    holding(firn, &[source])?;
    let reference = image::unpacked(source, unpacked)?;
    let entries = compare_mount(firn, &source.tag, &reference, scratch)?;
    let file = "/usr/lib/os-release";
    // Not every image is a whole system.
    if let Ok(expected) = files::read(&reference.join(file.trim_start_matches('/')))
        && firn.cmd(&["cat", &source.tag, file]).bytes()? != expected
    {
        return check_failed(format!("`firn cat` gives other bytes for {file}"));
    }
    Ok(format!("{entries} entries, no difference"))
}

/// Mounts `name`, compares the mount with the tree at `reference`, unmounts, and returns the number of entries.
///
/// # Errors
/// firn fails, or something differs.
pub fn compare_mount(firn: &Firn, name: &str, reference: &Path, scratch: &Path) -> Result<usize> {
    compare_mounted(firn.mount(name, &scratch.join("mnt"))?, reference)
}

/// Compares a mount with the tree at `reference`, unmounts it, and returns the number of entries.
///
/// # Errors
/// It can't be unmounted, or something differs.
pub fn compare_mounted(mount: Mount, reference: &Path) -> Result<usize> {
    let report = image::trees(reference, mount.dir())?;
    mount.unmount()?;
    if report.is_clean() { Ok(report.entries) } else { check_failed(image::describe(&report, 20)) }
}

/// Restores `name` to a fresh layout and compares every blob with the original's.
///
/// # Errors
/// firn fails, or a blob differs.
pub fn restore(firn: &Firn, name: &str, original: &ImageRef, scratch: &Path) -> Result<String> {
    let dir = scratch.join("out");
    files::remove_dir(&dir)?;
    let restored = ImageRef { dir: dir.clone(), tag: original.tag.clone() };
    firn.restore(name, &restored.to_string())?;
    let report = layouts::compare(original, &restored)?;
    files::remove_dir(&dir)?;
    if report.problems.is_empty() {
        Ok(format!("{} blobs, {} MB, identical", report.blobs, report.bytes / 1_000_000))
    } else {
        check_failed(report.problems.join("\n"))
    }
}

/// Indexes and artifacts: everything that the tag reaches comes back.
fn other_source(firn: &Firn, kind: &str, source: &str, setting: &Setting) -> Result<String> {
    let original = ImageRef::parse(source)?;
    holding(firn, &[])?;
    firn.archive(source)?;
    if kind == "single-layer" {
        let reference = image::untarred(&original, &setting.scratch.join("untarred"))?;
        compare_mount(firn, &original.tag, &reference, &setting.scratch)?;
        files::remove_dir(&setting.scratch.join("untarred"))?;
    } else if kind == "image" {
        mount(firn, &original, &setting.scratch, &setting.unpacked)?;
    }
    let seen = restore(firn, &original.tag, &original, &setting.scratch)?;
    firn.verify(&original.tag)?;
    Ok(seen)
}

/// An archive file goes in; the image that it holds comes out as skopeo, which wrote it, would unpack it.
///
/// # Errors
/// firn or skopeo fails, or a blob differs.
pub fn archive_file(source: &str, setting: &Setting) -> Result<String> {
    // A separate archive, so that the new name is the only one.
    let own = setting.firn("archive-of-a-file");
    files::remove_dir(own.archive_dir())?;
    own.init()?;
    own.archive(source)?;
    let names = own.names()?;
    let Some(name) = names.first() else { return check_failed("nothing is listed after archiving") };
    own.verify(name)?;
    let seen = if source.starts_with("oci-archive:") {
        let dir = setting.scratch.join("untarred");
        files::fresh_dir(&dir)?;
        let file = source.split(':').nth(1).unwrap_or_default();
        // An OCI archive is a layout in a tar file.
        Cmd::words(&["tar", "-xf", file, "-C"]).arg(&dir).run()?;
        let tag = Layout::open(&dir)?.tags()?.into_keys().next().unwrap_or_default();
        let original = ImageRef { dir: dir.clone(), tag };
        let seen = restore(&own, name, &original, &setting.scratch)?;
        files::remove_dir(&dir)?;
        seen
    } else {
        docker_layers(&own, name, source, setting)?
    };
    files::remove_dir(own.archive_dir())?;
    Ok(seen)
}
/// A `docker save` archive has no compressed layers: what comes back must hold the same layers by diff id.
fn docker_layers(firn: &Firn, name: &str, source: &str, setting: &Setting) -> Result<String> {
    let plain = setting.scratch.join("by-skopeo");
    files::remove_dir(&plain)?;
    Cmd::words(&["skopeo", "copy", "-q", "--insecure-policy", source, &format!("oci:{}:t", plain.display())]).run()?;
    let out = setting.scratch.join("out");
    files::remove_dir(&out)?;
    firn.restore(name, &format!("oci:{}:t", out.display()))?;
    let expected = diff_ids(&plain)?;
    let found = diff_ids(&out)?;
    files::remove_dir(&plain)?;
    files::remove_dir(&out)?;
    if expected == found && !found.is_empty() {
        Ok(format!("{} layers with the same diff ids", found.len()))
    } else {
        check_failed(format!("diff ids: expected {expected:?}, found {found:?}"))
    }
}

fn diff_ids(layout: &Path) -> Result<Vec<String>> {
    let layout = Layout::open(layout)?;
    let manifest = layout.blob_json(layout.resolve("t")?.digest())?;
    let config = Descriptor(manifest.get("config").cloned().unwrap_or_default());
    Ok(oci::diff_ids(&layout.blob_json(config.digest())?))
}

/// The same image once more costs next to nothing: a record, no packs.
fn twice(firn: &Firn, setting: &Setting) -> Result<String> {
    let Some(source) = setting.images.first() else { return check_failed("no image") };
    holding(firn, &[source])?;
    let before = files::tree_bytes(firn.archive_dir())?;
    firn.archive(&source.to_string())?;
    let grown = files::tree_bytes(firn.archive_dir())?.saturating_sub(before);
    if grown > TWICE_LIMIT {
        return check_failed(format!("an image that was there already added {grown} bytes"));
    }
    restore(firn, &source.tag, source, &setting.scratch)?;
    Ok(format!("{grown} bytes added"))
}

/// Deletes the index, which is derived data, rebuilds it from the packs, and restores images again.
fn rebuild(firn: &Firn, setting: &Setting) -> Result<String> {
    holding(firn, &setting.images.iter().collect::<Vec<_>>())?;
    // What the index holds and what it leaves out must both come from the packs.
    files::remove_dir(&firn.archive_dir().join("index"))?;
    firn.rebuild_index()?;
    let some = [setting.images.first(), setting.images.last()];
    for source in some.into_iter().flatten() {
        restore(firn, &source.tag, source, &setting.scratch)?;
    }
    Ok("first and last image restored afterwards".to_owned())
}
