//! `cargo xtask e2e`: what a user does, on real images, with kernel mounts.
//!
//! Every check is a function that returns `Result`: the runner prints them, integration tests can call them.

pub mod cold;
pub mod crash;
pub mod full_disk;
pub mod overlay;
pub mod restored;
pub mod rootfs;
pub mod roundtrip;
pub mod seaweed;

use std::path::PathBuf;
use std::time::Instant;

use crate::corpus::catalog;
use crate::error::Result;
use crate::files;
use crate::firn::{Firn, need_root, unmount_below};
use crate::oci::ImageRef;

/// Where the checks run, and with what.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The program under test.
    pub program: PathBuf,
    /// Scratch directory on a real filesystem.
    pub scratch: PathBuf,
    /// Plain images: each is mounted and compared.
    pub images: Vec<ImageRef>,
    /// Other sources, `(kind, source)`: each is restored and compared.
    pub extra: Vec<(String, String)>,
    /// Where `umoci unpack` keeps its output.
    pub unpacked: PathBuf,
    /// Less of what takes long.
    pub quick: bool,
}

impl Setting {
    /// The setting for a catalogue.
    ///
    /// # Errors
    /// The catalogue cannot be read.
    pub fn from_catalog(program: PathBuf, path: &std::path::Path, scratch: PathBuf) -> Result<Self> {
        let images = catalog::read(path)?.into_iter().map(|e| e.source).collect();
        let unpacked = path.with_file_name("unpacked");
        // firn may run in another directory, and mount tables hold absolute paths.
        files::make_dir(&scratch)?;
        let scratch = files::absolute(&scratch)?;
        Ok(Self { program, scratch, images, extra: catalog::extra(path)?, unpacked, quick: false })
    }

    /// The setting for checks that make their own images.
    ///
    /// # Errors
    /// The scratch directory cannot be made.
    pub fn made(program: PathBuf, scratch: PathBuf) -> Result<Self> {
        files::fresh_dir(&scratch)?;
        let scratch = files::absolute(&scratch)?;
        let unpacked = scratch.join("unpacked");
        Ok(Self { program, scratch, images: Vec::new(), extra: Vec::new(), unpacked, quick: false })
    }

    /// The same with a scratch directory, and so archives, and with unpacked images of its own: what runs beside it is in nobody's way.
    fn lane(&self, name: &str) -> Result<Self> {
        let scratch = self.scratch.join(name);
        files::make_dir(&scratch)?;
        let unpacked = self.unpacked.with_file_name(format!("unpacked-{name}"));
        Ok(Self { scratch, unpacked, ..self.clone() })
    }

    /// A driver for an archive of that name in the scratch directory.
    pub fn firn(&self, archive: &str) -> Firn {
        Firn::new(&self.program, &self.scratch.join(archive))
    }
}

/// Makes sure that the archive exists and holds these images, for checks that run without those before them.
///
/// # Errors
/// firn fails.
pub fn holding(firn: &Firn, images: &[&ImageRef]) -> Result<()> {
    if !firn.archive_dir().exists() {
        firn.init()?;
    }
    let names = firn.names()?;
    for image in images.iter().filter(|i| !names.contains(&i.tag)) {
        firn.archive(&image.to_string())?;
    }
    Ok(())
}

/// Counts of a run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Checks that held.
    pub passed: usize,
    /// Checks that did not.
    pub failed: usize,
}

impl Tally {
    fn and(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

/// Runs checks by name, prints a line for each, and counts.
#[derive(Debug)]
pub struct Runner {
    only: Option<String>,
    tally: Tally,
}

impl Runner {
    /// A runner for checks whose name contains `only`, or for all.
    pub fn new(only: Option<String>) -> Self {
        Self { only, tally: Tally::default() }
    }

    /// Runs one check; its result says in a few words what was seen.
    pub fn check(&mut self, name: &str, body: impl FnOnce() -> Result<String>) {
        if self.only.as_deref().is_some_and(|o| !name.contains(o)) {
            return;
        }
        let begun = Instant::now();
        match body() {
            Ok(seen) => {
                self.tally.passed += 1;
                println!("ok    {name} ({seen}; {:.1} s)", begun.elapsed().as_secs_f64());
            }
            Err(error) => {
                self.tally.failed += 1;
                println!("FAIL  {name} ({:.1} s): {error}", begun.elapsed().as_secs_f64());
            }
        }
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }
}

/// Runs all checks; the scratch directory is emptied before and removed after a run without failures.
///
/// # Errors
/// The scratch directory cannot be made; failed checks are counted, not returned.
pub fn run(setting: &Setting, only: Option<String>) -> Result<Tally> {
    need_root("mounting with every file attribute")?;
    unmount_below(&setting.scratch)?;
    files::fresh_dir(&setting.scratch)?;
    // Two lanes, as most of firn's commands, and all of the tools they are compared with, keep one core busy. What wants an archive
    // with all images is in the first.
    let lanes: [fn(&Setting, &mut Runner); 2] = [
        |setting, runner| {
            roundtrip::all(setting, runner);
            cold::sleep::all(setting, runner);
        },
        |setting, runner| {
            crash::all(setting, runner);
            full_disk::all(setting, runner);
            overlay::all(setting, runner);
            rootfs::all(setting, runner);
            restored::all(setting, runner);
            roundtrip::archive_files(setting, runner);
            cold::startup::all(setting, runner);
            cold::small(setting, runner);
            seaweed::all(setting, runner);
        },
    ];
    let settings = [setting.lane("images")?, setting.lane("trials")?];
    let tally = std::thread::scope(|scope| {
        let running: Vec<_> = lanes
            .into_iter()
            .zip(&settings)
            .map(|(lane, setting)| {
                let mut runner = Runner::new(only.clone());
                scope.spawn(move || {
                    lane(setting, &mut runner);
                    runner.tally()
                })
            })
            .collect();
        let panicked = Tally { passed: 0, failed: 1 };
        running.into_iter().map(|lane| lane.join().unwrap_or(panicked)).fold(Tally::default(), Tally::and)
    });
    if tally.failed == 0 {
        files::remove_dir(&setting.scratch)?;
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(tally)
}
