//! Ten images go to Deep Archive, their machine is lost, another one attaches, looks at everything, thaws, and restores.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::bill;
use super::world::{World, local_packs, number, text};
use crate::e2e::{Runner, Setting, holding};
use crate::error::{IoContext, Result, check_failed};
use crate::files;
use crate::firn::{Firn, Mount};
use crate::oci::ImageRef;
use crate::proc::Cmd;
use crate::trees::{compare, snapshot};

/// The errno of a read of frozen bytes.
const EREMOTEIO: i32 = 121;
/// A read that takes longer hangs; how long it takes is not what is checked.
const PROMPT: Duration = Duration::from_secs(20);
/// How long a file may take to become readable once its packs are.
const PATIENCE: Duration = Duration::from_secs(120);
/// The bucket's part.
const PLACE: &str = "team";
/// Hours that a bulk restore from Deep Archive takes at most, and one more.
pub(super) const BULK: u64 = 49;

/// The whole life, step by step.
pub fn all(setting: &Setting, runner: &mut Runner) {
    let images = super::ten(setting);
    let mut begun = None;
    runner.check(&format!("cold: archive {} images, attach", images.len()), || {
        let (world, firn) = begin(setting, &images)?;
        let packs = local_packs(&firn)?;
        begun = Some((world, firn));
        Ok(format!("{packs} data packs"))
    });
    let Some((world, here)) = begun else { return };
    let (mut plan, mut before) = (Value::Null, Value::Null);
    runner.check("cold: spill --dry-run costs nothing", || {
        // What is there already costs something, too.
        world.sim.reset()?;
        world.sim.advance(bill::MONTH)?;
        before = world.sim.bill()?;
        plan = only_looks(&world, || here.json(&["spill", "--class", "deep-archive", "--dry-run"]))?;
        Ok(format!("{} packs to upload", number(&plan, "/plan/upload/packs")))
    });
    runner.check("cold: spill all to deep-archive", || spill(&world, &here, &plan));
    runner.check("cold: the bill of a month is the plan's", || {
        world.sim.advance(bill::MONTH)?;
        bill::agrees(&world.sim.bill()?, &before, &bill::of_spill(&plan)?)
    });
    let there = world.firn("there");
    let mut mounts = Vec::new();
    runner.check("cold: everything is lost, another machine attaches", || attach(&world, &here, &there, &images));
    runner.check("cold: ls, mount and find ask for nothing", || look(&world, &there, &images, &mut mounts));
    let Some((first, mount)) = images.first().zip(mounts.first()) else { return };
    runner.check("cold: a read fails at once", || asleep(&world, &there, first, mount.dir()));
    runner.check(&format!("cold: thaw {}", first.tag), || thaw(&world, &there, first, mount.dir(), setting));
    runner.check("cold: thaw and restore", || {
        // What was thawed above, when it is to be quick: another one would take a while, and show the same.
        let wanted = if setting.quick { 1 } else { images.len() };
        restore(&world, &there, images.get(..wanted).unwrap_or_default(), setting.quick)
    });
    runner.check("cold: unmount", || {
        let count = mounts.len();
        mounts.drain(..).try_for_each(Mount::unmount)?;
        Ok(format!("{count} mounts"))
    });
}

/// An archive that holds the images, with an empty bucket behind it.
pub(super) fn begin(setting: &Setting, images: &[ImageRef]) -> Result<(World, Firn)> {
    let template = setting.firn("archive");
    holding(&template, &images.iter().collect::<Vec<_>>())?;
    let world = World::new(setting)?;
    let here = world.copy(template.archive_dir(), "here")?;
    world.attach(&here, PLACE)?;
    Ok((world, here))
}

/// Runs something that must not change anything in the bucket, nor ask for what is billed as more than a look.
fn only_looks<T>(world: &World, run: impl FnOnce() -> Result<T>) -> Result<T> {
    world.sim.reset()?;
    let outcome = run()?;
    let looks = ["HeadObject", "ListObjectsV2", "GetObject"];
    match world.sim.requests()?.iter().find(|request| !looks.contains(&request.op.as_str()) || request.reads_pack()) {
        Some(request) => check_failed(format!("a dry run sent {request:?}")),
        None => Ok(outcome),
    }
}

fn spill(world: &World, here: &Firn, plan: &Value) -> Result<String> {
    world.sim.reset()?;
    let done = here.json(&["spill", "--class", "deep-archive", "--yes"])?;
    let packs = world.packs(PLACE)?;
    if let Some((key, class)) = packs.iter().find(|(_, class)| class != "DEEP_ARCHIVE") {
        return check_failed(format!("{key} is in {class}"));
    }
    let (here, planned) = (local_packs(here)?, number(plan, "/plan/upload/packs"));
    if here > 0 || packs.len() as u64 != planned || packs.is_empty() {
        return check_failed(format!("{planned} planned, {} there, {here} here: {done}", packs.len()));
    }
    Ok(format!("{planned} packs, {} images", number(&done, "/published/images")))
}

fn attach(world: &World, here: &Firn, there: &Firn, images: &[ImageRef]) -> Result<String> {
    files::remove_dir(here.archive_dir())?;
    world.sim.reset()?;
    world.attach(there, PLACE)?;
    if let Some(read) = world.sim.requests()?.iter().find(|request| request.reads_pack()) {
        return check_failed(format!("attaching reads a pack: {read:?}"));
    }
    let names = there.names()?;
    match images.iter().find(|image| !names.contains(&image.tag)) {
        Some(image) => check_failed(format!("{} is not listed", image.tag)),
        None => Ok(format!("{} requests", world.sim.requests()?.len())),
    }
}

fn look(world: &World, there: &Firn, images: &[ImageRef], mounts: &mut Vec<Mount>) -> Result<String> {
    world.sim.reset()?;
    there.names()?;
    let mut entries = 0;
    for image in images {
        let mount = there.mount(&image.tag, &world.dir().join("mnt").join(&image.tag))?;
        let listed = Cmd::new("find").arg(mount.dir()).arg("-ls").bytes()?;
        entries += listed.iter().filter(|byte| **byte == b'\n').count();
        mounts.push(mount);
    }
    match world.sim.requests()?.first() {
        Some(request) => check_failed(format!("it needs {request:?}")),
        None => Ok(format!("{} mounts, {entries} entries, 0 requests", mounts.len())),
    }
}

/// A file in the mount whose content is in a pack.
fn file_in(mount: &Path) -> Result<PathBuf> {
    let found = Cmd::new("find").arg(mount).args(["-type", "f", "-size", "+64k", "-print", "-quit"]).text()?;
    if found.is_empty() { check_failed("no file in the mount is large enough") } else { Ok(found.into()) }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes).map(|_| bytes)
}

fn asleep(world: &World, there: &Firn, image: &ImageRef, mount: &Path) -> Result<String> {
    let file = file_in(mount)?;
    let begun = Instant::now();
    let outcome = read(&file);
    let took = begun.elapsed();
    match outcome {
        Err(error) if error.raw_os_error() == Some(EREMOTEIO) && took < PROMPT => {}
        Err(error) => return check_failed(format!("after {took:?}: {error}")),
        Ok(bytes) => return check_failed(format!("{} bytes can be read", bytes.len())),
    }
    let plan = only_looks(world, || there.json(&["thaw", &image.tag, "--dry-run"]))?;
    if number(&plan, "/plan/frozen/packs") == 0 {
        return check_failed(format!("the plan knows of nothing frozen: {plan}"));
    }
    Ok(format!("EREMOTEIO after {} ms", took.as_millis()))
}

/// Asks on the cheapest tier, lets two days pass, and reads on in the mount that was there all the time.
fn thaw(world: &World, there: &Firn, image: &ImageRef, mount: &Path, setting: &Setting) -> Result<String> {
    let file = file_in(mount)?;
    let wall = bill::same_time_of_day(world)?;
    let words = ["thaw", &image.tag, "--tier", "bulk", "--days", "3"];
    let plan = there.json(&[&words[..], &["--dry-run"]].concat())?;
    let late = bill::wall_clock() - wall;
    world.sim.reset()?;
    let filed = there.json(&[&words[..], &["--yes"]].concat())?;
    if text(&filed, "/stage") != "thawing" {
        return check_failed(format!("the job is not thawing: {filed}"));
    }
    let asked = world.sim.taken("RestoreObject")?;
    let packs = number(&plan, "/plan/frozen/packs");
    if asked.len() as u64 != packs || asked.values().any(|times| *times != 1) {
        return check_failed(format!("{packs} packs sleep, and these were asked for: {asked:?}"));
    }
    if read(&file).is_ok() {
        return check_failed("the file can be read before its time");
    }
    world.sim.advance(BULK * 3600)?;
    let job = text(&filed, "/job").to_owned();
    let mut hydrating = there.cmd(&["thaw", &job, "--wait", "--json"]).silent().spawn()?;
    let begun = Instant::now();
    // Packs come in one by one, and are read through on their way.
    while let Err(error) = read(&file) {
        if begun.elapsed() > PATIENCE {
            return check_failed(format!("{} stays unreadable: {error}", file.display()));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let ended = hydrating.wait().at("cannot wait for firn on", there.archive_dir())?;
    if !ended.success() {
        return check_failed(format!("hydrating ended with {ended}"));
    }
    // Until the copies are gone: what is read from here on is here.
    world.sim.advance(5 * bill::DAY.unsigned_abs())?;
    let seen = bill::thaw_agrees(&world.sim.bill()?, &plan, "bulk", late)?;
    world.sim.reset()?;
    let entries = same(setting, image, mount)?;
    match world.sim.requests()?.first() {
        Some(request) => check_failed(format!("what is here is asked for again: {request:?}")),
        None => Ok(format!("{packs} packs asked for once, {entries} entries, no difference; {seen}")),
    }
}

/// Every entry and every byte in the mount is as in one of the archive that never left, which other checks compare with umoci's.
fn same(setting: &Setting, image: &ImageRef, mount: &Path) -> Result<usize> {
    let whole = setting.firn("archive").mount(&image.tag, &setting.scratch.join("mnt"))?;
    let (expected, found) = (snapshot::take(whole.dir(), true)?, snapshot::take(mount, true)?);
    whole.unmount()?;
    let differences: Vec<String> = compare::compare(&expected, &found).iter().map(ToString::to_string).collect();
    if differences.is_empty() {
        Ok(expected.len())
    } else {
        check_failed(format!(
            "{} differences: {}",
            differences.len(),
            differences.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
        ))
    }
}

fn restore(world: &World, there: &Firn, images: &[ImageRef], quick: bool) -> Result<String> {
    let mut bytes = Vec::new();
    for image in images {
        world.thaw(there, &image.tag, "bulk", BULK)?;
        world.sim.reset()?;
        bytes.push(world.restored(there, image)?);
        if let Some(read) = world.sim.requests()?.iter().find(|request| request.reads_pack()) {
            return check_failed(format!("{} was thawed, and still reads {read:?}", image.tag));
        }
        if !quick {
            there.verify(&image.tag)?;
        }
    }
    Ok(format!("{} images identical, the last: {}", images.len(), bytes.last().map_or("", String::as_str)))
}
