//! `cargo xtask test`: everything that has to hold before a change lands.

use std::path::{Path, PathBuf};
use std::process::Child;

use crate::e2e::{self, Setting, Tally};
use crate::error::{IoContext, Result, check_failed};
use crate::proc::{self, Cmd};
use crate::{corpus, files, firn, setup};

/// Format, lints, all tests of the workspace, kernel mounts among them; then, unless it is to be quick, the real images and the
/// end-to-end checks on them.
///
/// # Errors
/// The first thing that fails.
pub fn run(quick: bool) -> Result<()> {
    setup::run(if quick { "demo" } else { "test" })?;
    // Building the images waits for the network and the disk most of the time, and compiling for neither.
    let images = if quick { None } else { Some(Images::start()?) };
    step("cargo fmt --check");
    cargo(&["fmt", "--all", "--check"])?;
    step("cargo clippy");
    cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    step("unit and integration tests");
    if proc::exists("cargo-nextest") {
        cargo(&["nextest", "run", "--workspace"])?;
    } else {
        cargo(&["test", "--workspace"])?;
    }
    let Some(images) = images else { return Ok(()) };
    step("real images");
    let catalog = images.finish()?;
    step("end-to-end checks");
    let setting = Setting::from_catalog(firn::tested_program()?, &catalog, PathBuf::from("target/e2e"))?;
    let setting = Setting { quick: true, ..setting };
    verdict(e2e::run(&setting, None)?)
}

/// The corpus being built by a process of its own, whose output waits in a file.
struct Images {
    builder: Child,
    log: PathBuf,
}

impl Images {
    fn start() -> Result<Self> {
        let dir = corpus::default_dir();
        files::make_dir(&dir)?;
        let log = dir.join("build.log");
        let program = std::env::current_exe().at("cannot find", Path::new("the running program"))?;
        let builder = Cmd::new(program).arg("corpus").arg("--dir").arg(&dir).all_to(&log)?.spawn()?;
        Ok(Self { builder, log })
    }

    /// Waits for the images, shows how they were built, and finds their catalogue.
    fn finish(mut self) -> Result<PathBuf> {
        let status = self.builder.wait().at("cannot wait for", Path::new("the building of the images"))?;
        print!("{}", String::from_utf8_lossy(&files::read(&self.log)?));
        if !status.success() {
            return check_failed(format!("building the images ended with {status}"));
        }
        corpus::full(&corpus::default_dir())
    }
}

impl Drop for Images {
    /// After a failure elsewhere nothing is left running.
    fn drop(&mut self) {
        let _ = self.builder.kill();
        let _ = self.builder.wait();
    }
}

/// Turns counts into success or failure; a run without checks is none.
///
/// # Errors
/// A check failed, or none ran.
pub fn verdict(tally: Tally) -> Result<()> {
    match tally {
        Tally { failed: 0, passed: 1.. } => Ok(()),
        Tally { failed: 0, .. } => check_failed("no end-to-end check ran"),
        Tally { failed, .. } => check_failed(format!("{failed} end-to-end checks failed")),
    }
}

fn step(text: &str) {
    println!("\n==> {text}");
}

fn cargo(words: &[&str]) -> Result<()> {
    Cmd::new("cargo").args(words).show()
}
