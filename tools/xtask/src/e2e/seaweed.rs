//! The same on somebody else's S3 server, as far as it has what AWS has: no archive classes.

use std::time::Duration;

use super::cold::{local_packs, number};
use super::{Runner, Setting, roundtrip};
use crate::error::{IoContext, Result, check_failed};
use crate::files;
use crate::firn::{Firn, tested};
use crate::made;
use crate::oci::ImageRef;
use crate::proc::Cmd;
use crate::weed::{BUCKET, Weed};

/// Bytes of a layer.
const LAYER: u64 = 8 << 20;
/// Bytes of a layer that takes a while to write.
const LARGE: u64 = 96 << 20;

/// All checks, on one server that is started and stopped here.
pub fn all(setting: &Setting, runner: &mut Runner) {
    let dir = setting.scratch.join("seaweedfs");
    let mut started = None;
    runner.check("seaweedfs: start", || {
        started = Some(Weed::start(&dir)?);
        Ok("on this machine alone".to_owned())
    });
    let Some(mut weed) = started else { return };
    runner.check("seaweedfs: the contract of buckets", || contract(&weed));
    runner.check("seaweedfs: attach, spill, sync, restore", || life(setting, &weed));
    runner.check("seaweedfs: killed in the middle of a spill", || killed(setting, &mut weed));
    drop(weed);
    // Gigabytes of volumes are of no use to whoever looks at a failure elsewhere.
    let _ = files::remove_dir(&dir);
}

fn contract(weed: &Weed) -> Result<String> {
    let program = match std::env::var_os("FIRN_CONTRACT") {
        Some(path) => path.into(),
        None => tested("examples/contract")?,
    };
    let cmd = Cmd::new(program).arg(weed.url()).arg(format!("s3://{BUCKET}/contract"));
    let said = weed.env().into_iter().fold(cmd, |cmd, (key, value)| cmd.env(key, value)).text()?;
    Ok(said.replace('\n', ", "))
}

fn place(name: &str) -> String {
    format!("s3://{BUCKET}/{name}")
}

fn archive(setting: &Setting, weed: &Weed, name: &str, seeds: &[u64], layer: u64) -> Result<(Firn, ImageRef)> {
    let firn = weed.firn(&setting.program, &setting.scratch.join(name));
    files::remove_dir(firn.archive_dir())?;
    let image = made::image(&setting.scratch.join("layout"), name, seeds, layer)?;
    firn.cmd(&["init"]).arg(firn.archive_dir()).args(["--pack-size", "8M"]).run()?;
    firn.archive(&image.to_string())?;
    firn.cmd(&["attach"]).arg(firn.archive_dir()).arg(place(name)).run()?;
    Ok((firn, image))
}

/// Another archive from the bucket alone gives the image back.
fn elsewhere(setting: &Setting, weed: &Weed, name: &str, image: &ImageRef) -> Result<String> {
    let there = weed.firn(&setting.program, &setting.scratch.join(format!("{name}-there")));
    files::remove_dir(there.archive_dir())?;
    there.cmd(&["attach"]).arg(there.archive_dir()).arg(place(name)).run()?;
    let seen = roundtrip::restore(&there, &image.tag, image, &setting.scratch)?;
    there.verify(&image.tag)?;
    files::remove_dir(there.archive_dir())?;
    Ok(seen)
}

fn life(setting: &Setting, weed: &Weed) -> Result<String> {
    let (here, image) = archive(setting, weed, "life", &[11, 12], LAYER)?;
    let packs = local_packs(&here)?;
    let plan = here.json(&["spill", "--class", "standard", "--dry-run"])?;
    if number(&plan, "/plan/upload/packs") != packs as u64 {
        return check_failed(format!("{packs} packs are here, the plan is {plan}"));
    }
    here.cmd(&["spill", "--class", "standard", "--yes"]).run()?;
    if local_packs(&here)? > 0 {
        return check_failed("packs are still here");
    }
    let seen = elsewhere(setting, weed, "life", &image)?;
    // What comes later is there after a sync.
    let later = made::image(&setting.scratch.join("layout"), "later", &[11, 13], LAYER)?;
    here.archive(&later.to_string())?;
    here.cmd(&["sync"]).run()?;
    elsewhere(setting, weed, "life", &later)?;
    let mount = here.mount(&image.tag, &setting.scratch.join("mnt"))?;
    Cmd::new("find").arg(mount.dir()).args(["-type", "f", "-exec", "cat", "{}", "+"]).bytes()?;
    mount.unmount()?;
    here.verify(&image.tag)?;
    files::remove_dir(here.archive_dir())?;
    Ok(format!("{packs} packs, {seen}"))
}

/// The server dies while packs are written, and comes back on what it left.
fn killed(setting: &Setting, weed: &mut Weed) -> Result<String> {
    let (here, image) = archive(setting, weed, "killed", &[21, 22], LARGE)?;
    let packs = local_packs(&here)?;
    let mut spilling = here.cmd(&["spill", "--class", "standard", "--yes"]).silent().spawn()?;
    std::thread::sleep(Duration::from_millis(400));
    weed.kill_and_restart()?;
    let first = spilling.wait().at("cannot wait for firn on", here.archive_dir())?;
    here.cmd(&["spill", "--class", "standard", "--yes"]).run()?;
    if local_packs(&here)? > 0 {
        return check_failed("packs are still here");
    }
    let seen = elsewhere(setting, weed, "killed", &image)?;
    files::remove_dir(here.archive_dir())?;
    let ended = if first.success() { "held out" } else { "gave up, the second one ended well" };
    Ok(format!("{packs} packs; the first spill {ended}; {seen}"))
}
