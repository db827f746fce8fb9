//! `cargo xtask bench-peers`: firn, restic and borg store the same images in the same run.

pub mod details;
pub mod input;
pub mod measure;
pub mod mounts;
mod programs;
mod report;
pub mod s3;

use std::path::{Path, PathBuf};

pub use programs::Program;
pub use report::{ProgramResult, Report};

use crate::error::Result;
use crate::files;
use crate::firn::Firn;
use measure::Cost;

/// Programs or places that take turns on an image made for it.
#[derive(Debug, Clone)]
pub struct Turns {
    /// The program.
    pub firn: PathBuf,
    /// Where everything goes, on a real disk; removed afterwards.
    pub dir: PathBuf,
    /// Turns of each.
    pub rounds: u64,
    /// On a part of the files or bytes.
    pub quick: bool,
}

/// What to compare, on what, and where.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The corpus' catalogue.
    pub catalog: PathBuf,
    /// Where inputs, repositories and the report go.
    pub dir: PathBuf,
    /// Only the first images.
    pub limit: Option<usize>,
    /// Who takes part.
    pub programs: Vec<Program>,
}

/// Stores every image with every program, taking turns image by image, and writes `peers.md` and `peers.json`.
///
/// # Errors
/// A program fails.
pub fn run(plan: &Plan) -> Result<Report> {
    files::make_dir(&plan.dir)?;
    let dir = files::absolute(&plan.dir)?;
    let inputs = input::prepare(&plan.catalog, &dir, plan.limit.unwrap_or(usize::MAX))?;
    let mut results: Vec<ProgramResult> = Vec::new();
    for program in &plan.programs {
        program.init(&dir)?.run(&dir)?;
        let (name, settings) = program.describe();
        results.push(ProgramResult { name, settings, cost: Cost::default(), stored: Vec::new(), walls: Vec::new() });
    }
    for (turn, input) in inputs.iter().enumerate() {
        for i in 0..plan.programs.len() {
            // Another program goes first with each image, so that none always follows the same one.
            let i = (i + turn) % plan.programs.len();
            if let (Some(program), Some(result)) = (plan.programs.get(i), results.get_mut(i)) {
                let cost = store(program, &dir, input)?;
                result.cost.add(cost);
                result.walls.push(cost.wall);
                result.stored.push(files::tree_bytes(&program.repository(&dir))?);
                println!(
                    "{:8} {:7} {:6.1} s  {:5} MiB peak  {:7.1} MB stored",
                    input.tag,
                    result.name,
                    cost.wall,
                    cost.peak_kib >> 10,
                    result.stored_now() as f64 / 1e6
                );
            }
        }
    }
    for program in &plan.programs {
        if let Some(job) = program.settle(&dir) {
            measure::prepare_cache(&[program.repository(&dir)])?;
            let cost = job.run(&dir)?;
            let stored = vec![files::tree_bytes(&program.repository(&dir))?];
            let settings = "what archive --defer left undone, for all images".to_owned();
            results.push(ProgramResult { name: "firn settle", settings, cost, stored, walls: vec![cost.wall] });
        }
    }
    let firn = plan.programs.iter().find_map(|p| match p {
        Program::Firn(path) => Some(Firn::new(path, &p.repository(&dir))),
        _ => None,
    });
    let details = firn.map(|firn| details::gather(&firn, &inputs, &dir)).transpose()?;
    let report = Report::new(&inputs, results, details);
    files::write(&dir.join("peers.md"), report.markdown())?;
    files::write_json(&dir.join("peers.json"), &report.json())?;
    Ok(report)
}

fn store(program: &Program, dir: &Path, input: &input::Input) -> Result<Cost> {
    measure::prepare_cache(&program.reads(input))?;
    program.store(dir, input).run(dir)
}
