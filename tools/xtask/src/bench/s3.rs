//! `cargo xtask bench-s3`: firn and rclone move the same packs to and from the same server, taking turns.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Turns;
use super::measure::{Cost, Job, median};
use crate::error::{IoContext, Result, check_failed};
use crate::files;
use crate::firn::{Firn, built};
use crate::made;
use crate::oci::ImageRef;
use crate::proc::Cmd;
use crate::sim::{self, Sim};
use crate::weed::{BUCKET, Weed};

/// Layers of the image, and bytes of each.
const LAYERS: [u64; 4] = [31, 32, 33, 34];
const LAYER: u64 = 128 << 20;
/// Objects at a time, for both.
const TRANSFERS: &str = "6";
/// Files whose first byte is waited for.
const FILES: usize = 10;

/// Costs of one program, turn by turn.
#[derive(Debug, Default)]
struct Costs(Vec<Cost>);

impl Costs {
    fn median(&self) -> f64 {
        median(self.0.iter().map(|cost| cost.wall).collect()).unwrap_or(f64::NAN)
    }

    #[expect(clippy::cast_precision_loss, reason = "megabytes for people")]
    fn row(&self, name: &str, bytes: u64, against: &Costs) -> String {
        let walls: Vec<String> = self.0.iter().map(|cost| format!("{:.2}", cost.wall)).collect();
        let cpu: f64 = self.0.iter().map(|cost| cost.cpu).sum::<f64>() / self.0.len() as f64;
        let peak = self.0.iter().map(|cost| cost.peak_kib).max().unwrap_or(0) >> 10;
        let speed = bytes as f64 / 1e6 / self.median();
        let ratio = against.median() / self.median();
        format!("| {name} | {} | {speed:.0} | {ratio:.2} | {cpu:.2} | {peak} |\n", walls.join(", "))
    }
}

/// Measures and returns a report in Markdown.
///
/// # Errors
/// A program fails.
pub fn run(plan: &Turns) -> Result<String> {
    files::fresh_dir(&plan.dir)?;
    let dir = files::absolute(&plan.dir)?;
    let hydrate = built(&["--release", "--example", "hydrate"], "release/examples/hydrate")?;
    let weed = Weed::start(&dir.join("seaweedfs"))?;
    let layer = if plan.quick { LAYER / 4 } else { LAYER };
    let image = made::image(&dir.join("layout"), "large", &LAYERS, layer)?;
    let template = weed.firn(&plan.firn, &dir.join("template"));
    template.init()?;
    template.archive(&image.to_string())?;
    let bytes = files::tree_bytes(&template.archive_dir().join("packs"))?;
    let mut turns: [Costs; 4] = Default::default();
    for round in 0..plan.rounds {
        // Who goes first changes from turn to turn.
        for number in 0..2 {
            let is_firn = (round + number) % 2 == 0;
            let costs = if is_firn {
                by_firn(&weed, &plan.firn, &hydrate, template.archive_dir(), &dir, round)?
            } else {
                by_rclone(&weed, &template.archive_dir().join("packs"), &dir, round)?
            };
            let first = if is_firn { 0 } else { 2 };
            for (turn, cost) in turns.iter_mut().skip(first).zip(costs) {
                turn.0.push(cost);
            }
        }
    }
    let [spill, hydrated, up, down] = &turns;
    let mut report = format!(
        "{:.0} MB in packs on SeaweedFS, {TRANSFERS} transfers at a time, {} turns each\n\n",
        mega(bytes),
        plan.rounds
    );
    report += "| | seconds | MB/s (median) | speed against the other | processor seconds | peak MiB |\n|---|---|---|---|---|---|\n";
    report += &spill.row("firn spill", bytes, up);
    report += &up.row("rclone copy, up", bytes, spill);
    report += &hydrated.row("firn, hydrating", bytes, down);
    report += &down.row("rclone copy, down", bytes, hydrated);
    report += &first_bytes(&weed, &plan.firn, &dir, &image)?;
    drop(weed);
    report += &requests(&plan.firn, &dir, &image)?;
    files::remove_dir(&dir)?;
    Ok(report)
}

#[expect(clippy::cast_precision_loss, reason = "megabytes for people")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn job(words: &[&str], env: Vec<(&'static str, String)>) -> Job {
    Job {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        env: env.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

/// A spill from a copy of the archive, and everything back into another one.
fn by_firn(weed: &Weed, program: &Path, hydrate: &Path, template: &Path, dir: &Path, round: u64) -> Result<[Cost; 2]> {
    let (here, there) = (dir.join("here"), dir.join("there"));
    files::remove_dir(&here)?;
    files::remove_dir(&there)?;
    Cmd::words(&["cp", "-a", "-T"]).arg(template).arg(&here).run()?;
    let place = format!("s3://{BUCKET}/firn-{round}");
    let attach = |at: &Path| weed.firn(program, at).cmd(&["attach"]).arg(at).arg(&place).run();
    attach(&here)?;
    let text = |path: &Path| path.display().to_string();
    let (firn, at) = (text(program), text(&here));
    let up = job(&[&firn, "-a", &at, "spill", "--class", "standard", "--yes"], weed.env()).run(dir)?;
    attach(&there)?;
    let down = job(&[&text(hydrate), &text(&there), &weed.url(), &place], weed.env()).run(dir)?;
    files::remove_dir(&here)?;
    files::remove_dir(&there)?;
    Ok([up, down])
}

fn by_rclone(weed: &Weed, packs: &Path, dir: &Path, round: u64) -> Result<[Cost; 2]> {
    let back = dir.join("back");
    files::remove_dir(&back)?;
    let mut env = weed.env();
    let settings = [
        ("RCLONE_CONFIG", "/nonexistent"),
        ("RCLONE_CONFIG_WEED_TYPE", "s3"),
        ("RCLONE_CONFIG_WEED_PROVIDER", "Other"),
        ("RCLONE_CONFIG_WEED_ENV_AUTH", "true"),
        ("RCLONE_CONFIG_WEED_FORCE_PATH_STYLE", "true"),
        ("RCLONE_CONFIG_WEED_REGION", "us-east-1"),
        // Its own connections can't be told of another list of authorities, and need none here.
        ("AWS_CA_BUNDLE", ""),
    ];
    env.extend(settings.map(|(key, value)| (key, value.to_owned())));
    env.push(("RCLONE_CONFIG_WEED_ENDPOINT", weed.url()));
    let (there, here) = (format!("weed:{BUCKET}/rclone-{round}"), packs.display().to_string());
    let words = |from: &str, to: &str| {
        job(&["rclone", "copy", "--transfers", TRANSFERS, "--s3-no-check-bucket", from, to], env.clone())
    };
    let up = words(&here, &there).run(dir)?;
    let down = words(&there, &back.display().to_string()).run(dir)?;
    let (sent, got) = (files::tree_bytes(packs)?, files::tree_bytes(&back)?);
    files::remove_dir(&back)?;
    if sent == got { Ok([up, down]) } else { check_failed(format!("rclone brought {got} of {sent} bytes back")) }
}

fn files_of(mount: &Path) -> Result<Vec<PathBuf>> {
    let found = Cmd::new("find").arg(mount).args(["-type", "f"]).text()?;
    let mut files: Vec<PathBuf> = found.lines().map(PathBuf::from).collect();
    files.sort();
    Ok(files)
}

fn first_byte(path: &Path) -> Result<Duration> {
    let begun = Instant::now();
    let mut byte = [0];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut byte)).at("cannot read", path)?;
    Ok(begun.elapsed())
}

/// Times to the first byte through a mount, of files apart from each other.
fn first_bytes(weed: &Weed, program: &Path, dir: &Path, image: &ImageRef) -> Result<String> {
    let there = weed.firn(program, &dir.join("first"));
    there.cmd(&["attach"]).arg(there.archive_dir()).arg(format!("s3://{BUCKET}/firn-0")).run()?;
    let begun = Instant::now();
    let mount = there.mount(&image.tag, &dir.join("mnt"))?;
    let mounted = begun.elapsed();
    let files = files_of(mount.dir())?;
    let mut times = Vec::new();
    for file in files.iter().step_by((files.len() / FILES).max(1)) {
        times.push(first_byte(file)?);
    }
    mount.unmount()?;
    let first = times.first().copied().unwrap_or_default();
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let worst = times.last().copied().unwrap_or_default();
    Ok(format!(
        "\nThrough a mount on SeaweedFS: mounted after {} ms; first byte of the first file after {:.1} ms, of {} files {:.1} ms (median), {:.1} ms (worst)\n",
        mounted.as_millis(),
        first.as_secs_f64() * 1e3,
        times.len(),
        median.as_secs_f64() * 1e3,
        worst.as_secs_f64() * 1e3,
    ))
}

/// Requests that an image takes, opened cold: counted by a server that keeps a log.
fn requests(program: &Path, dir: &Path, image: &ImageRef) -> Result<String> {
    let sim = Sim::start(&sim::program()?, &dir.join("sim"))?;
    let here: Firn = sim.firn(program, &dir.join("template"));
    let place = format!("s3://{}/count", sim::BUCKET);
    here.cmd(&["attach"]).arg(here.archive_dir()).arg(&place).run()?;
    here.cmd(&["spill", "--class", "standard-ia", "--yes"]).run()?;
    let there = here.on(&dir.join("counted"));
    let mut report = String::from("\nRequests of an image opened cold:");
    sim.reset()?;
    there.cmd(&["attach"]).arg(there.archive_dir()).arg(&place).run()?;
    let _ = write!(report, " {} to attach", sim.requests()?.len());
    sim.reset()?;
    let mount = there.mount(&image.tag, &dir.join("mnt"))?;
    let files = files_of(mount.dir())?;
    let _ = write!(report, ", {} to mount and find", sim.requests()?.len());
    let Some(first) = files.first() else { return check_failed("the mount is empty") };
    first_byte(first)?;
    let _ = write!(report, ", {} for a first byte", sim.requests()?.len());
    sim.reset()?;
    let mut bytes = 0;
    for file in &files {
        bytes += files::read(file)?.len() as u64;
    }
    let asked = sim.requests()?.len();
    mount.unmount()?;
    // Chunks are 16 KiB on average.
    let _ =
        writeln!(report, ", {asked} more for all of its {:.0} MB ({} would be one a chunk)", mega(bytes), bytes >> 14);
    Ok(report)
}
