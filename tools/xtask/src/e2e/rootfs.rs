//! Root filesystems made by `firn run-overlay`: what they show, what can be done in them, and what they survive.

use std::path::Path;

use serde_json::Value;

use super::roundtrip::compare_mounted;
use super::{Runner, Setting, overlay};
use crate::error::{Result, check_failed};
use crate::files;
use crate::firn::{Firn, Mount};
use crate::oci::ImageRef;
use crate::proc::Cmd;
use crate::trees::snapshot::{self, Tree};
use crate::trees::{compare, image};

/// Which bits of a mode are the type, and which type is a directory.
const S_IFMT: u32 = 0o170_000;
const S_IFDIR: u32 = 0o040_000;

/// Checks on the first image.
pub fn all(setting: &Setting, runner: &mut Runner) {
    let Some(source) = setting.images.first() else { return };
    let firn = setting.firn("archive");
    let dir = setting.scratch.join("rootfs");
    runner.check("rootfs: same as unpacked", || {
        super::holding(&firn, &[source])?;
        same(&firn, source, setting, &dir)
    });
    runner.check("rootfs: same with whole files here", || {
        let said = firn.json(&["hydrate", &source.tag])?;
        let seen = same(&firn, source, setting, &dir)?;
        Ok(format!("{seen}, {} files brought", field(&said, "brought")))
    });
    runner.check("rootfs: its processes are killed", || killed(&firn, source, &dir));
    let changes = setting.scratch.join("changes").display().to_string();
    let mut mounted = None;
    runner.check("rootfs: writable", || {
        mounted = Some(rootfs(&firn, source, &dir, &["--upper", &changes])?.0);
        Ok("changes go into a directory".to_owned())
    });
    let Some(mounted) = mounted else { return };
    runner.check("rootfs: change lower files", || overlay::change(mounted.dir()));
    runner.check("rootfs: chroot", || overlay::chroot(mounted.dir()));
    if mounted.dir().join("usr/bin/apt-get").exists() {
        runner.check("rootfs: apt-get install", || overlay::install(mounted.dir()));
    }
    runner.check("rootfs: changes are found again", || {
        let before = snapshot::take(mounted.dir(), true)?;
        mounted.unmount()?;
        let (again, _) = rootfs(&firn, source, &dir, &["--upper", &changes])?;
        let seen = unchanged(&before, again.dir())?;
        again.unmount()?;
        Ok(seen)
    });
}

/// A root filesystem by the kernel's means, with the number of its process.
fn rootfs(firn: &Firn, source: &ImageRef, dir: &Path, words: &[&str]) -> Result<(Mount, String)> {
    let (mount, said) = firn.run_overlay(&source.tag, dir, words)?;
    if field(&said, "mode") == "rootfs" {
        Ok((mount, field(&said, "pid").to_string()))
    } else {
        check_failed(format!("not in rootfs mode: {said}"))
    }
}

fn field(said: &Value, name: &str) -> Value {
    said.get(name).cloned().unwrap_or_default()
}

fn same(firn: &Firn, source: &ImageRef, setting: &Setting, dir: &Path) -> Result<String> {
    let reference = image::unpacked(source, &setting.unpacked)?;
    let (mount, _) = rootfs(firn, source, dir, &["--read-only"])?;
    Ok(format!("{} entries, no difference", compare_mounted(mount, &reference)?))
}

/// With whole files here, whoever uses the root filesystem does not notice.
fn killed(firn: &Firn, source: &ImageRef, dir: &Path) -> Result<String> {
    let (mount, _) = rootfs(firn, source, dir, &["--read-only"])?;
    let before = snapshot::take(mount.dir(), true)?;
    mount.unmount()?;
    let (mount, pid) = rootfs(firn, source, dir, &["--read-only"])?;
    // The keeper first, or it would start another server.
    let servers = Path::new("/proc").join(&pid).join("task").join(&pid).join("children");
    let servers = String::from_utf8_lossy(&files::read(&servers)?).into_owned();
    let servers: Vec<&str> = servers.split_whitespace().collect();
    Cmd::words(&["kill", "-9", &pid]).run()?;
    Cmd::words(&["kill", "-9"]).args(&servers).run()?;
    let seen = compare::none(&before, &compare::compare(&before, &snapshot::take(mount.dir(), true)?))?;
    mount.unmount()?;
    Ok(format!("{seen} afterwards"))
}

/// The same, though the directories that were changed lie in two layers now.
fn unchanged(before: &Tree, dir: &Path) -> Result<String> {
    let mut differences = compare::compare(before, &snapshot::take(dir, true)?);
    // Of a directory that two layers have, overlayfs says 1.
    let is_dir = |path: &Path| before.get(path).is_some_and(|entry| entry.mode & S_IFMT == S_IFDIR);
    differences.retain(|one| one.field != "nlink" || !is_dir(&one.path));
    compare::none(before, &differences)
}
