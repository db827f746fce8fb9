//! Two archives write into one bucket at once, and the answers to writes that succeeded get lost.

use std::path::Path;
use std::process::Child;

use serde_json::json;

use super::world::{World, local_packs};
use crate::e2e::{Runner, Setting};
use crate::error::{IoContext, Result, check_failed};
use crate::firn::Firn;
use crate::made;
use crate::oci::ImageRef;

const PLACE: &str = "both";
/// Bytes of a layer: some packs of the smallest size.
const LAYER: u64 = 3 << 20;
/// Times that both sides write at once, with other images and other luck.
const ROUNDS: u64 = 3;

/// One check.
pub fn all(setting: &Setting, runner: &mut Runner) {
    runner.check("cold: two machines write at once, answers get lost", || at_once(setting));
}

fn at_once(setting: &Setting) -> Result<String> {
    let world = World::new(setting)?;
    let sides = [world.firn("one"), world.firn("other")];
    sides[0].cmd(&["init"]).arg(sides[0].archive_dir()).args(["--pack-size", "1M"]).run()?;
    sides.iter().try_for_each(|side| world.attach(side, PLACE).map(drop))?;
    let layout = world.dir().join("layout");
    let mut images: Vec<ImageRef> = Vec::new();
    for round in 0..ROUNDS {
        // A layer in common, one of its own on each side, and a name that both claim.
        let mut pair = Vec::new();
        for side in 0..2 {
            let seeds = [100 * round, 100 * round + 1 + side];
            pair.push(made::image(&layout, &format!("round-{round}-side-{side}"), &seeds, LAYER)?);
        }
        world.sim.faults(&json!({ "seed": round, "lost-answer": 0.25, "only": ["PutObject"] }))?;
        both(&sides, |side, firn| {
            let image = pair.get(side).map(ToString::to_string).unwrap_or_default();
            firn.archive_cmd(&image).silent().spawn()
        })?;
        both(&sides, |side, firn| {
            let image = pair.get(side).map(ToString::to_string).unwrap_or_default();
            firn.archive_cmd(&image).args(["--name", "claimed"]).silent().spawn()
        })?;
        both(&sides, |_, firn| firn.cmd(&["spill", "--class", "glacier-ir", "--yes"]).silent().spawn())?;
        images.extend(pair);
    }
    world.sim.faults(&json!({}))?;
    // Once to tell, once to hear what the other told meanwhile.
    for side in sides.iter().chain(&sides) {
        side.cmd(&["sync", "--class", "glacier-ir"]).run()?;
    }
    let lost = world.sim.requests()?.iter().filter(|request| request.fault.is_some()).count();
    if lost == 0 {
        return check_failed("no answer was lost, so nothing was shown");
    }
    same_names(&sides, &images)?;
    for side in &sides {
        intact(&world, side, &images)?;
    }
    let third = world.firn("third");
    world.attach(&third, PLACE)?;
    intact(&world, &third, &images)?;
    let written = world.sim.taken("PutObject")?;
    if let Some((key, times)) = written.iter().find(|(key, times)| key.contains("packs/") && **times > 1) {
        return check_failed(format!("{key} was written {times} times"));
    }
    let here: usize = sides.iter().map(local_packs).sum::<Result<usize>>()?;
    Ok(format!(
        "{} images from both sides on three machines, {lost} answers lost, {here} packs still here",
        images.len()
    ))
}

/// Both at once; both have to end well.
fn both(sides: &[Firn; 2], start: impl Fn(usize, &Firn) -> Result<Child>) -> Result<()> {
    let mut children = Vec::new();
    for (side, firn) in sides.iter().enumerate() {
        children.push(start(side, firn)?);
    }
    let ends: Vec<_> = children.iter_mut().map(|child| child.wait()).collect();
    for end in ends {
        let end = end.at("cannot wait for", Path::new("firn"))?;
        if !end.success() {
            return check_failed(format!("one of two firns at once ended with {end}"));
        }
    }
    Ok(())
}

/// Everything has its name on both sides, and what both claimed is the same on both.
fn same_names(sides: &[Firn; 2], images: &[ImageRef]) -> Result<()> {
    let mut claimed = Vec::new();
    for side in sides {
        let names = side.names()?;
        if let Some(image) = images.iter().find(|image| !names.contains(&image.tag)) {
            return check_failed(format!("{} lacks {}", side.archive_dir().display(), image.tag));
        }
        claimed.push(side.json(&["show", "claimed"])?.get("digest").cloned());
    }
    if claimed.first() == claimed.last() && claimed.iter().all(Option::is_some) {
        Ok(())
    } else {
        check_failed(format!("the name that both sides claimed means {claimed:?}"))
    }
}

fn intact(world: &World, firn: &Firn, images: &[ImageRef]) -> Result<()> {
    for image in images {
        firn.verify(&image.tag)?;
        world.restored(firn, image)?;
    }
    Ok(())
}
