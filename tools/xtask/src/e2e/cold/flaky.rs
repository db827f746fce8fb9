//! A server that errs, loses answers, and cuts and corrupts bodies: slower, never wrong.

use std::path::Path;

use serde_json::json;

use super::sleep::BULK;
use super::world::{World, local_packs};
use crate::e2e::{Runner, Setting};
use crate::error::{Result, check_failed};
use crate::files;
use crate::firn::Firn;
use crate::made;
use crate::oci::ImageRef;

/// Bytes of a layer: some packs of the smallest size.
const LAYER: u64 = 4 << 20;
/// Seeds of the check that every change has to pass.
const SEEDS: u64 = 3;

/// A few seeds; `cargo xtask flaky --rounds N` takes many.
pub fn all(setting: &Setting, runner: &mut Runner) {
    runner.check("cold: a flaky server is only slower", || run(setting, SEEDS, 1));
}

/// The whole life of two images under faults, for each of `rounds` seeds from `seed` on.
///
/// # Errors
/// Something was lost or wrong.
pub fn run(setting: &Setting, rounds: u64, seed: u64) -> Result<String> {
    let world = World::new(setting)?;
    let layout = world.dir().join("layout");
    let images = [made::image(&layout, "flaky-1", &[1, 2], LAYER)?, made::image(&layout, "flaky-2", &[1, 3], LAYER)?];
    let template = world.firn("template");
    template.cmd(&["init"]).arg(template.archive_dir()).args(["--pack-size", "1M"]).run()?;
    images.iter().try_for_each(|image| template.archive(&image.to_string()))?;
    let (mut faults, mut requests) = (0, 0);
    for seed in seed..seed + rounds {
        world.sim.reset()?;
        world.sim.faults(&json!({
            "seed": seed, "slow-down": 0.02, "internal-error": 0.05, "reset": 0.02, "lost-answer": 0.05,
            "cut-body": 0.1, "corrupt-body": 0.05,
        }))?;
        life(&world, template.archive_dir(), &images, seed)
            .or_else(|error| check_failed(format!("seed {seed}: {error}")))?;
        world.sim.faults(&json!({}))?;
        let log = world.sim.requests()?;
        requests += log.len();
        faults += log.iter().filter(|request| request.fault.is_some()).count();
    }
    if faults == 0 {
        return check_failed("no request met a fault, so nothing was shown");
    }
    Ok(format!("{rounds} seeds, {faults} of {requests} requests went wrong"))
}

fn life(world: &World, template: &Path, images: &[ImageRef], seed: u64) -> Result<()> {
    let place = format!("flaky-{seed}");
    let here = world.copy(template, "here")?;
    world.attach(&here, &place)?;
    here.cmd(&["spill", "--class", "deep-archive", "--yes"]).run()?;
    let left = local_packs(&here)?;
    if left > 0 {
        return check_failed(format!("{left} packs are still here after a spill that ended well"));
    }
    files::remove_dir(here.archive_dir())?;
    let there: Firn = world.firn("there");
    world.attach(&there, &place)?;
    for image in images {
        let mount = there.mount(&image.tag, &world.dir().join("mnt"))?;
        crate::proc::Cmd::new("find").arg(mount.dir()).arg("-ls").run()?;
        if crate::proc::Cmd::new("cp").arg("-r").arg(mount.dir()).arg(world.dir().join("copied")).run().is_ok() {
            return check_failed("frozen files can be read");
        }
        mount.unmount()?;
        world.thaw(&there, &image.tag, "bulk", BULK)?;
        world.restored(&there, image)?;
        there.verify(&image.tag)?;
    }
    once(world)?;
    files::remove_dir(&world.dir().join("copied"))?;
    files::remove_dir(there.archive_dir())
}

/// Whatever the answers were: no pack was written or asked for twice.
///
/// # Errors
/// One was.
pub(super) fn once(world: &World) -> Result<()> {
    for op in ["PutObject", "CopyObject", "RestoreObject"] {
        let taken = world.sim.taken(op)?;
        if let Some((key, times)) = taken.iter().find(|(key, times)| key.contains("/packs/") && **times > 1) {
            return check_failed(format!("{op} of {key} took place {times} times"));
        }
    }
    Ok(())
}
