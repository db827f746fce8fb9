//! Runs a program and reads off what it cost, by GNU time.

use std::fs;
use std::path::Path;

use crate::error::{Error, IoContext, Result, check_failed};
use crate::files;
use crate::proc::{self, Cmd};

/// What a run, or several in a row, cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Elapsed seconds, summed.
    pub wall: f64,
    /// User and system seconds of the program and its children, summed.
    pub cpu: f64,
    /// Highest resident set of a single run in KiB.
    pub peak_kib: u64,
}

impl Cost {
    /// Adds a further run.
    pub fn add(&mut self, run: Self) {
        self.wall += run.wall;
        self.cpu += run.cpu;
        self.peak_kib = self.peak_kib.max(run.peak_kib);
    }
}

/// A command line with its environment.
#[derive(Debug, Clone)]
pub struct Job {
    /// Program and arguments.
    pub words: Vec<String>,
    /// Additional environment.
    pub env: Vec<(String, String)>,
}

impl Job {
    /// Runs it and waits.
    ///
    /// # Errors
    /// It cannot be started, or fails; GNU time is missing.
    pub fn run(&self, scratch: &Path) -> Result<Cost> {
        let report = scratch.join("time");
        let mut cmd = Cmd::words(&["/usr/bin/time", "-q", "-f", "%e %U %S %M", "-o"]).arg(&report).args(&self.words);
        for (key, value) in &self.env {
            cmd = cmd.env(key, value);
        }
        cmd.run()?;
        let text = String::from_utf8_lossy(&files::read(&report)?).into_owned();
        parse(&text).ok_or_else(|| Error::Check(format!("GNU time wrote {text:?}")))
    }
}

fn parse(text: &str) -> Option<Cost> {
    let mut words = text.split_whitespace();
    let mut number = || words.next()?.parse::<f64>().ok();
    let (wall, user, system) = (number()?, number()?, number()?);
    Some(Cost { wall, cpu: user + system, peak_kib: words.next()?.parse().ok()? })
}

/// The one in the middle of these; `None` of none.
pub fn median(mut seconds: Vec<f64>) -> Option<f64> {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied()
}

/// Puts the page cache into the same state before every run: emptied, then filled with the run's input.
///
/// Hot input keeps the disk's moods out of a comparison of programs; each of them gets this treatment.
///
/// # Errors
/// Not root, or an input cannot be read.
pub fn prepare_cache(inputs: &[std::path::PathBuf]) -> Result<()> {
    if !proc::is_root() {
        return Err(Error::Usage("emptying the page cache before each run needs root".into()));
    }
    Cmd::new("sync").run()?;
    let switch = Path::new("/proc/sys/vm/drop_caches");
    fs::write(switch, "3").at("cannot write", switch)?;
    for input in inputs {
        read_through(input)?;
    }
    Ok(())
}

fn read_through(path: &Path) -> Result<()> {
    if path.is_dir() {
        return files::list(path)?.iter().try_for_each(|p| read_through(p));
    }
    let mut file = fs::File::open(path).at("cannot open", path)?;
    match std::io::copy(&mut file, &mut std::io::sink()) {
        Ok(_) => Ok(()),
        Err(e) => check_failed(format!("cannot read {}: {e}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_gnu_time_is_read() {
        assert_eq!(parse("1.50 2.25 0.25 34567\n"), Some(Cost { wall: 1.5, cpu: 2.5, peak_kib: 34567 }));
        assert_eq!(parse("Command exited with non-zero status 1\n"), None);
    }

    #[test]
    fn costs_add_up_and_peaks_do_not() {
        let mut total = Cost { wall: 1.0, cpu: 1.0, peak_kib: 10 };
        total.add(Cost { wall: 2.0, cpu: 3.0, peak_kib: 5 });
        assert_eq!(total, Cost { wall: 3.0, cpu: 4.0, peak_kib: 10 });
    }
}
