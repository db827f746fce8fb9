//! firn killed at random instants while it spills, asks and hydrates: nothing lost, nothing paid twice.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::flaky::once;
use super::sleep::BULK;
use super::world::{World, local_packs};
use crate::e2e::Setting;
use crate::error::{IoContext, Result, check_failed};
use crate::files;
use crate::firn::Firn;
use crate::made::{self, Random};
use crate::oci::ImageRef;

/// Bytes of a layer: enough packs of the smallest size to be in the middle of something.
const LAYER: u64 = 5 << 20;
/// Kills in one life of an archive: while it spills, while it asks, while it hydrates.
const PHASES: usize = 3;
/// The instants are drawn from the time that an undisturbed run takes, and so many per cent more.
const BEYOND: u64 = 5;

/// How often, and at which instants.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Kills, rounded up to whole lives.
    pub rounds: u64,
    /// Where the random instants start from.
    pub seed: u64,
}

impl Plan {
    /// What every change has to pass.
    pub fn short(quick: bool) -> Self {
        Plan { rounds: if quick { 6 } else { 12 }, seed: 1 }
    }
}

/// What came of the kills.
#[derive(Debug, Default)]
struct Seen {
    hit: u64,
    late: u64,
    refused: usize,
}

/// The words of each phase, for an image.
fn words(phase: usize, image: &str) -> Vec<String> {
    let line = match phase {
        0 => "spill --class deep-archive --yes".to_owned(),
        1 => format!("thaw {image} --tier bulk --yes"),
        _ => format!("thaw {image} --wait --yes"),
    };
    line.split(' ').map(str::to_owned).collect()
}

/// Kills firn, runs the same again, and looks at what there is; as often as planned.
///
/// # Errors
/// Something was lost, or paid twice.
pub fn run(setting: &Setting, plan: &Plan) -> Result<String> {
    let world = World::new(setting)?;
    // Answers that take a while are in the middle of something more often.
    world.sim.faults(&json!({ "delay": 0.5, "delay-ms": 8 }))?;
    let image = made::image(&world.dir().join("layout"), "killed", &[7, 8], LAYER)?;
    let template = world.firn("template");
    template.cmd(&["init"]).arg(template.archive_dir()).args(["--pack-size", "1M"]).run()?;
    template.archive(&image.to_string())?;
    let mut random = Random::new(plan.seed);
    let mut seen = Seen::default();
    let mut spans = [Duration::ZERO; PHASES];
    life(&world, template.archive_dir(), &image, "undisturbed", &mut |phase, firn, words| {
        let begun = Instant::now();
        run_to_the_end(firn, words)?;
        if let Some(span) = spans.get_mut(phase) {
            *span = begun.elapsed();
        }
        Ok(())
    })?;
    for round in 0..plan.rounds.div_ceil(PHASES as u64) {
        let place = format!("killed-{round}");
        let outcome = life(&world, template.archive_dir(), &image, &place, &mut |phase, firn, words| {
            let span = u64::try_from(spans.get(phase).map_or(0, Duration::as_micros)).unwrap_or(u64::MAX);
            let delay = Duration::from_micros(random.below(span * (100 + BEYOND) / 100));
            // What is to be killed while it asks would wait two days for what it asked for; what runs to the end must not.
            let waiting = [words, if phase == 1 { &["--wait"] } else { &[] }].concat();
            if killed(firn, &waiting, delay)? {
                seen.hit += 1;
            } else {
                seen.late += 1;
            }
            run_to_the_end(firn, words)
                .or_else(|error| check_failed(format!("after a kill at {delay:?} of {}: {error}", words.join(" "))))
        });
        outcome.or_else(|error| check_failed(format!("seed {}, life {round}: {error}", plan.seed)))?;
        seen.refused += refused(&world)?;
    }
    let Seen { hit, late, refused } = seen;
    let [spill, ask, hydrate] = spans.map(|span| span.as_millis());
    Ok(format!(
        "{hit} kills and {late} that came too late, in {spill} ms of spilling, {ask} of asking, {hydrate} of hydrating; \
         {refused} requests refused for nothing, every pack once"
    ))
}

fn run_to_the_end(firn: &Firn, words: &[&str]) -> Result<()> {
    firn.cmd(words).run()
}

/// Whether it still ran.
fn killed(firn: &Firn, words: &[&str], delay: Duration) -> Result<bool> {
    let mut child = firn.cmd(words).silent().spawn()?;
    std::thread::sleep(delay);
    if child.try_wait().at("cannot wait for firn on", firn.archive_dir())?.is_some() {
        return Ok(false);
    }
    child.kill().at("cannot kill firn on", firn.archive_dir())?;
    child.wait().at("cannot wait for firn on", firn.archive_dir())?;
    Ok(true)
}

/// Runs the command of a phase.
type Phase<'p> = dyn FnMut(usize, &Firn, &[&str]) -> Result<()> + 'p;

/// One archive's life, in which `phase` runs each command.
fn life(world: &World, template: &Path, image: &ImageRef, place: &str, phase: &mut Phase<'_>) -> Result<()> {
    world.sim.reset()?;
    let firn = world.copy(template, "here")?;
    world.attach(&firn, place)?;
    let packs = local_packs(&firn)?;
    for number in 0..PHASES {
        let words = words(number, &image.tag);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        phase(number, &firn, &words)?;
        once(world)?;
        match number {
            0 => everything_sleeps(world, &firn, place, packs)?,
            1 => {
                let asked = world.sim.taken("RestoreObject")?;
                if asked.len() != packs {
                    return check_failed(format!("{packs} packs sleep, {} were asked for", asked.len()));
                }
                world.sim.advance(BULK * 3600)?;
            }
            _ => {}
        }
    }
    let before = world.sim.requests()?.len();
    firn.verify(&image.tag)?;
    world.restored(&firn, image)?;
    let after = world.sim.requests()?;
    if let Some(read) = after.get(before..).unwrap_or_default().iter().find(|request| request.reads_pack()) {
        return check_failed(format!("everything was brought here, and still {read:?}"));
    }
    files::remove_dir(firn.archive_dir())
}

fn everything_sleeps(world: &World, firn: &Firn, place: &str, packs: usize) -> Result<()> {
    let there = world.packs(place)?;
    let awake = there.iter().filter(|(_, class)| class != "DEEP_ARCHIVE").count();
    let here = local_packs(firn)?;
    let documents =
        ["images", "names"].map(|family| -> Result<_> { Ok(world.sim.objects(&format!("{place}/{family}/"))?.len()) });
    if let Some(lacking) = documents.into_iter().find(|count| !matches!(count, Ok(1))) {
        return check_failed(format!("a machine that attaches now would miss the image: {lacking:?}"));
    }
    if there.len() == packs && awake == 0 && here == 0 {
        return Ok(());
    }
    check_failed(format!("of {packs} packs {} are in the bucket, {awake} of them awake, and {here} here", there.len()))
}

/// Requests that cost nothing, as the server refused what it was doing already.
fn refused(world: &World) -> Result<usize> {
    let log = world.sim.requests()?;
    Ok(log.iter().filter(|request| request.op == "RestoreObject" && !(200..300).contains(&request.status)).count())
}
