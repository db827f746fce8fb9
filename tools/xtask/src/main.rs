//! `cargo xtask`: see [`xtask::args::HELP`].

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use xtask::args::{self, Command, Common};
use xtask::e2e::cold::{flaky, kills};
use xtask::e2e::{self, Setting};
use xtask::error::{Result, check_failed};
use xtask::oci::ImageRef;
use xtask::trees::image;
use xtask::{bench, corpus, demo, files, firn, layouts, setup, suite};

fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Help => {
            println!("{}", args::HELP);
            Ok(())
        }
        Command::Corpus(common) => corpus(&common).map(drop),
        Command::CheckImage { mounted, image, cache } => check_image(&mounted, &image, cache),
        Command::CompareLayouts { expected, found } => compare_layouts(&expected, &found),
        Command::BenchPeers(common) => bench_peers(common),
        Command::BenchS3(common) => {
            print!("{}", bench::s3::run(&turns(common, "target/bench-s3", 3)?)?);
            Ok(())
        }
        Command::BenchMounts(common) => {
            print!("{}", bench::mounts::run(&turns(common, "target/bench-mounts", 5)?)?);
            Ok(())
        }
        Command::E2e(common) => run_e2e(common),
        Command::Kills(common) => made(&common, |setting, common| {
            let plan = kills::Plan { rounds: common.rounds.unwrap_or(100), seed: common.seed.unwrap_or(1) };
            kills::run(setting, &plan)
        }),
        Command::Flaky(common) => {
            made(&common, |setting, common| flaky::run(setting, common.rounds.unwrap_or(20), common.seed.unwrap_or(1)))
        }
        Command::Setup { purpose } => setup::run(&purpose),
        Command::Demo => demo::run(Path::new("target/demo")),
        Command::Test { quick } => suite::run(quick),
    }
}

fn turns(common: Common, dir: &str, rounds: u64) -> Result<bench::Turns> {
    Ok(bench::Turns {
        firn: firn::program(common.firn)?,
        dir: common.out.unwrap_or_else(|| PathBuf::from(dir)),
        rounds: common.rounds.unwrap_or(rounds),
        quick: common.quick,
    })
}

fn corpus(common: &Common) -> Result<PathBuf> {
    let dir = common.dir.clone().unwrap_or_else(corpus::default_dir);
    if common.small { corpus::small::build(&dir.join("small")) } else { corpus::full(&dir) }
}

fn run_e2e(common: Common) -> Result<()> {
    let catalog = corpus(&common)?;
    let setting = Setting::from_catalog(firn::program(common.firn)?, &catalog, PathBuf::from("target/e2e"))?;
    let setting = Setting { quick: common.quick, ..setting };
    suite::verdict(e2e::run(&setting, common.only)?)
}

/// A check on images that it makes itself.
fn made(common: &Common, check: impl FnOnce(&Setting, &Common) -> Result<String>) -> Result<()> {
    let program = match &common.firn {
        Some(path) => files::absolute(path)?,
        None => firn::tested_program()?,
    };
    let setting = Setting::made(program, PathBuf::from("target/e2e-made"))?;
    println!("{}", check(&setting, common)?);
    files::remove_dir(&setting.scratch)
}

fn check_image(mounted: &Path, image: &str, cache: Option<PathBuf>) -> Result<()> {
    let cache = cache.unwrap_or_else(|| corpus::default_dir().join("unpacked"));
    let report = image::check(mounted, &ImageRef::parse(image)?, &cache)?;
    for difference in &report.differences {
        println!("{difference}");
    }
    for line in &report.rsync {
        println!("rsync would change: {line}");
    }
    println!("{} entries compared, {} differences", report.entries, report.differences.len() + report.rsync.len());
    if report.is_clean() { Ok(()) } else { check_failed("the trees differ") }
}

fn compare_layouts(expected: &str, found: &str) -> Result<()> {
    let report = layouts::compare(&ImageRef::parse(expected)?, &ImageRef::parse(found)?)?;
    for problem in &report.problems {
        println!("{problem}");
    }
    println!("{} blobs, {} bytes compared, {} problems", report.blobs, report.bytes, report.problems.len());
    if report.problems.is_empty() { Ok(()) } else { check_failed("the layouts differ") }
}

fn bench_peers(common: Common) -> Result<()> {
    let corpus = corpus(&common)?;
    let mut programs = vec![bench::Program::Restic, bench::Program::Borg];
    if !common.peers_only {
        let firn = firn::program(common.firn)?;
        programs.extend([bench::Program::Firn(firn.clone()), bench::Program::FirnDefer(firn)]);
    }
    let dir = common.out.unwrap_or_else(|| PathBuf::from("target/bench"));
    let plan = bench::Plan { catalog: corpus, dir, limit: common.quick.then_some(3), programs };
    print!("{}", bench::run(&plan)?.markdown());
    Ok(())
}
