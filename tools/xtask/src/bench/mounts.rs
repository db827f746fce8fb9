//! `cargo xtask bench-mounts`: the same work on a root filesystem of firn's, on an inspection mount, and on the same files unpacked.
//!
//! Everything is warm: each place is read once before its turn is timed. Places take turns within a round.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Turns;
use super::measure::median;
use crate::error::{IoContext, Result};
use crate::files;
use crate::firn::Firn;
use crate::made::{self, Random};
use crate::overlayfs::Overlayfs;
use crate::proc::Cmd;

/// Small files of the image, and bytes of the large one.
const FILES: u64 = 50_000;
const LARGE: u64 = 512 << 20;
/// Reads of 4 KiB for each reader.
const READS: u64 = 200_000;

/// Work that is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Sequential,
    Random(usize),
    Tar,
    Find,
    Chown,
}

const ALL: [(Work, &str); 6] = [
    (Work::Sequential, "large file, sequential"),
    (Work::Random(1), "4 KiB random, 1 reader"),
    (Work::Random(2), "4 KiB random, 2 readers"),
    (Work::Tar, "tar of small files"),
    (Work::Find, "find -ls"),
    (Work::Chown, "chown -R"),
];

impl Work {
    /// Does it in `root`; seconds.
    fn time(self, root: &Path, round: u64) -> Result<f64> {
        let begun = Instant::now();
        match self {
            Work::Sequential => sequential(&root.join("large.bin"))?,
            Work::Random(readers) => random(&root.join("large.bin"), readers)?,
            // Into a pipe: tar reads nothing if it sees that its output is thrown away.
            Work::Tar => Cmd::words(&["sh", "-c", "tar -cf - -C \"$0\" usr | cat >/dev/null"]).arg(root).run()?,
            Work::Find => Cmd::words(&["sh", "-c", "find \"$0\" -ls >/dev/null"]).arg(root).run()?,
            // Another owner each time.
            Work::Chown => Cmd::words(&["chown", "-R", &(1000 + round).to_string()]).arg(root.join("usr")).run()?,
        }
        Ok(begun.elapsed().as_secs_f64())
    }
}

fn sequential(path: &Path) -> Result<()> {
    let mut file = File::open(path).at("cannot open", path)?;
    let mut buffer = vec![0; 1 << 20];
    while file.read(&mut buffer).at("cannot read", path)? > 0 {}
    Ok(())
}

fn random(path: &Path, readers: usize) -> Result<()> {
    let file = File::open(path).at("cannot open", path)?;
    let pages = file.metadata().at("cannot stat", path)?.len() / 4096;
    let read = |seed: u64| -> std::io::Result<()> {
        let (mut random, mut buffer) = (Random::new(seed), [0; 4096]);
        (0..READS).try_for_each(|_| file.read_exact_at(&mut buffer, random.below(pages) * 4096))
    };
    let read = &read;
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..readers as u64).map(|seed| scope.spawn(move || read(seed))).collect();
        running
            .into_iter()
            .try_for_each(|reader| reader.join().unwrap_or_else(|_| Err(std::io::Error::other("panicked"))))
    })
    .at("cannot read", path)
}

/// Somewhere the files are.
struct Place {
    name: &'static str,
    root: PathBuf,
    /// Whether anything can be changed there.
    writable: bool,
    /// Seconds by work, in the order of [`ALL`].
    seconds: Vec<Vec<f64>>,
}

impl Place {
    fn new(name: &'static str, root: PathBuf, writable: bool) -> Self {
        Place { name, root, writable, seconds: vec![Vec::new(); ALL.len()] }
    }

    fn median(&self, work: usize) -> Option<f64> {
        median(self.seconds.get(work)?.clone())
    }
}

/// Measures and returns a report in Markdown.
///
/// # Errors
/// A program fails.
pub fn run(plan: &Turns) -> Result<String> {
    files::fresh_dir(&plan.dir)?;
    let dir = files::absolute(&plan.dir)?;
    let count = if plan.quick { FILES / 10 } else { FILES };
    let image = made::many_files(&dir.join("layout"), "many", count, LARGE)?;
    let firn = Firn::new(&plan.firn, &dir.join("archive"));
    firn.init()?;
    firn.archive(&image.to_string())?;
    firn.cmd(&["hydrate", "many"]).run()?;
    // The same files on the same disk, unpacked by firn itself: that they are the same is what other checks are for.
    let unpacked = dir.join("unpacked");
    firn.restore("many", &format!("dir:{}", unpacked.display()))?;
    // As firn's: a change of owner copies no data.
    let overlay = Overlayfs::over(&unpacked, &dir.join("peer"), &["metacopy=on", "redirect_dir=on"])?;
    let upper = dir.join("changes").display().to_string();
    let (rootfs, _) =
        firn.run_overlay("many", &dir.join("rootfs"), &["--upper", &upper, "--fill", "none", "--mode", "rootfs"])?;
    let inspection = firn.mount("many", &dir.join("inspection"))?;
    let mut places = [
        Place::new("rootfs, all files here", rootfs.dir().to_owned(), true),
        Place::new("overlay over unpacked files", overlay.root().to_owned(), true),
        Place::new("inspection mount", inspection.dir().to_owned(), false),
        Place::new("unpacked files", unpacked, false),
    ];
    for round in 0..plan.rounds {
        for place in &mut places {
            let writable = place.writable;
            for ((work, _), seconds) in ALL.iter().zip(&mut place.seconds) {
                if *work == Work::Chown {
                    if writable {
                        seconds.push(work.time(&place.root, round)?);
                    }
                } else {
                    work.time(&place.root, round)?;
                    seconds.push(work.time(&place.root, round)?);
                }
            }
        }
    }
    rootfs.unmount()?;
    inspection.unmount()?;
    overlay.unmount()?;
    let report = report(&places, count, plan.rounds);
    files::remove_dir(&dir)?;
    Ok(report)
}

fn report(places: &[Place; 4], count: u64, rounds: u64) -> String {
    let [rootfs, overlay, inspection, unpacked] = places;
    let mut out = format!(
        "{count} small files and one of {} MiB; medians of {rounds} turns, seconds; speed against the other\n\n",
        LARGE >> 20
    );
    out += &format!(
        "| | {} | {} | ratio | {} | {} | ratio |\n|---|---|---|---|---|---|---|\n",
        rootfs.name, overlay.name, inspection.name, unpacked.name
    );
    for (number, (_, name)) in ALL.iter().enumerate() {
        out += &format!("| {name} {} {} |\n", pair(rootfs, overlay, number), pair(inspection, unpacked, number));
    }
    out
}

fn pair(ours: &Place, theirs: &Place, work: usize) -> String {
    match (ours.median(work), theirs.median(work)) {
        (Some(ours), Some(theirs)) => format!("| {ours:.3} | {theirs:.3} | {:.2}", theirs / ours),
        _ => "| | | ".to_owned(),
    }
}
