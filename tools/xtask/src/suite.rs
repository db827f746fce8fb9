//! `cargo xtask test`: everything that has to hold before a change lands.

use std::path::PathBuf;

use crate::e2e::{self, Setting, Tally};
use crate::error::{Result, check_failed};
use crate::proc::{self, Cmd};
use crate::{corpus, firn, setup};

/// Format, lints, all tests of the workspace, kernel mounts among them; when asked, the real images and the end-to-end checks.
///
/// # Errors
/// The first thing that fails.
pub fn run(with_e2e: bool) -> Result<()> {
    setup::run(if with_e2e { "test" } else { "demo" })?;
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
    if !with_e2e {
        return Ok(());
    }
    step("real images");
    let catalog = corpus::full(&corpus::default_dir())?;
    step("end-to-end checks");
    let setting = Setting::from_catalog(firn::tested_program()?, &catalog, PathBuf::from("target/e2e"))?;
    verdict(e2e::run(&setting, None)?)
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
