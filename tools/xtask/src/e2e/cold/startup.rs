//! Images whose body sleeps in Deep Archive start from their pinned working sets, on a machine that never had anything else of them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::world::{World, local_packs, number};
use crate::e2e::{Runner, Setting, holding};
use crate::error::{Result, check_failed};
use crate::files;
use crate::firn::{Firn, Mount};
use crate::oci::ImageRef;
use crate::proc::Cmd;

const PLACE: &str = "starts";

/// An image, and what is started of it.
struct Start {
    image: ImageRef,
    /// What is pinned by, beside the image's name.
    pin: &'static [&'static str],
    /// What is run in a root filesystem over the mount.
    run: &'static [&'static str],
    /// What it says.
    says: &'static str,
}

const PYTHON: &str = "import django, numpy, PIL, json, ssl; print('up', numpy.arange(9).sum())";
/// Seconds after which a server is told to end.
const SERVES: &str = "2";

/// A Python program and nginx.
pub fn all(setting: &Setting, runner: &mut Runner) {
    let starts = starts(setting);
    let mut begun = None;
    runner.check("startup: pin what starts read", || {
        let (world, here, seen) = pin(setting, &starts)?;
        begun = Some((world, here));
        Ok(seen)
    });
    let Some((world, here)) = begun else { return };
    let there = world.firn("there");
    runner.check("startup: all sleeps, another machine attaches", || sleep(&world, &here, &there));
    for start in &starts {
        runner.check(&format!("startup: {} starts", start.image.tag), || started(&world, &there, start));
    }
}

fn starts(setting: &Setting) -> Vec<Start> {
    let nginx =
        setting.extra.iter().filter_map(|(_, source)| ImageRef::parse(source).ok()).find(|it| it.tag == "nginx");
    let python = setting.images.first().cloned();
    let python = python.map(|image| Start {
        image,
        pin: &["--startup", "--", "python3", "-c", PYTHON],
        run: &["python3", "-c", PYTHON],
        says: "up 36",
    });
    let nginx = nginx.map(|image| Start {
        image,
        pin: &["--startup", "--for", "3s"],
        run: &["nginx", "-g", "daemon off;"],
        says: "",
    });
    python.into_iter().chain(nginx).collect()
}

fn pin(setting: &Setting, starts: &[Start]) -> Result<(World, Firn, String)> {
    let template = setting.firn("archive");
    holding(&template, &starts.iter().map(|start| &start.image).collect::<Vec<_>>())?;
    let world = World::new(setting)?;
    let here = world.copy(template.archive_dir(), "here")?;
    let mut seen = Vec::new();
    for start in starts {
        let tag = start.image.tag.as_str();
        let pinned = here.json(&[&["pin", tag][..], start.pin].concat())?;
        let (bytes, whole) = (number(&pinned, "/bytes"), number(&pinned, "/image_bytes"));
        if bytes == 0 || bytes >= whole {
            return check_failed(format!("of {tag} {bytes} bytes of {whole} are pinned"));
        }
        let share = 100.0 * bytes as f64 / whole as f64;
        seen.push(format!("{tag}: {} files, {bytes} of {whole} bytes, {share:.1} %", number(&pinned, "/files")));
    }
    Ok((world, here, seen.join("; ")))
}

fn sleep(world: &World, here: &Firn, there: &Firn) -> Result<String> {
    world.attach(here, PLACE)?;
    here.json(&["spill", "--class", "deep-archive", "--yes"])?;
    let left = local_packs(here)?;
    files::remove_dir(here.archive_dir())?;
    world.attach(there, PLACE)?;
    let pins = there.json(&["pin", "--list"])?;
    match (left, local_packs(there)?, pins.as_array().map_or(0, Vec::len)) {
        (0, 0, pins) if pins > 0 => Ok(format!("{pins} pinned sets, no pack of anything else")),
        counts => check_failed(format!("packs here, packs there, pinned sets: {counts:?}")),
    }
}

/// Runs the program over the sleeping image: nothing may be asked of the bucket, and no read may fail.
fn started(world: &World, there: &Firn, start: &Start) -> Result<String> {
    let dir = world.dir().join("start").join(&start.image.tag);
    world.sim.reset()?;
    let mount = there.mount(&start.image.tag, &dir.join("image"))?;
    let root = Root::over(&mount, &dir)?;
    let said = Cmd::words(&["timeout", "--preserve-status", SERVES, "unshare", "--net", "chroot"])
        .arg(&root.merged)
        .args(start.run)
        .text()?;
    if said.trim() != start.says {
        return check_failed(format!("it says {said:?}"));
    }
    if let Some(request) = world.sim.requests()?.first() {
        return check_failed(format!("the start asks for {request:?}"));
    }
    let refused = refused(&there.json(&["status", "--offline"])?, mount.dir());
    // What is not in the set sleeps on, so it was the set that the start was served from.
    let outside = Cmd::new("cat").arg(mount.dir().join("usr/bin/perl")).outcome()?;
    if refused > 0 || outside.status.success() {
        return check_failed(format!("{refused} reads met frozen packs; a file outside the set: {:?}", outside.status));
    }
    drop(root);
    mount.unmount()?;
    Ok("0 requests, 0 reads of what sleeps".to_owned())
}

fn refused(status: &Value, mount: &Path) -> u64 {
    let mounts = status.get("refused_reads").and_then(Value::as_array);
    let of_mount = |one: &&Value| one.get("mounted_on").and_then(Value::as_str) == mount.to_str();
    mounts.and_then(|mounts| mounts.iter().find(of_mount)).map_or(0, |mount| number(mount, "/refused"))
}

/// An overlay with its changes in a directory; unmounted when dropped.
struct Root {
    merged: PathBuf,
}

impl Root {
    fn over(lower: &Mount, dir: &Path) -> Result<Self> {
        for name in ["upper", "work", "merged"] {
            files::make_dir(&dir.join(name))?;
        }
        let at = dir.display();
        let options = format!("lowerdir={},upperdir={at}/upper,workdir={at}/work", lower.dir().display());
        let merged = dir.join("merged");
        Cmd::words(&["mount", "-t", "overlay", "overlay", "-o", &options]).arg(&merged).run()?;
        // A container has these, too.
        let root = Root { merged };
        Cmd::words(&["mount", "-t", "tmpfs", "tmpfs"]).arg(root.merged.join("dev")).run()?;
        for (name, minor) in [("null", "3"), ("zero", "5"), ("urandom", "9")] {
            Cmd::words(&["mknod", "-m", "666"])
                .arg(root.merged.join("dev").join(name))
                .args(["c", "1", minor])
                .run()?;
        }
        Ok(root)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // The check that failed is the message; this only tidies up after it.
        for dir in [self.merged.join("dev"), self.merged.clone()] {
            let _ = Cmd::words(&["umount", "-l"]).arg(dir).outcome();
        }
    }
}
