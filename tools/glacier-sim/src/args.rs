//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use glacier_sim::bill::Prices;
use glacier_sim::clock::ClockMode;
use glacier_sim::faults::Faults;
use glacier_sim::restore::Pace;
use glacier_sim::time::Time;
use glacier_sim::{Quota, SimOptions};

/// An S3 server with right archive semantics, for tests and for use by hand.
///
/// It keeps everything in one directory, speaks plain HTTP with path-style addresses, and prints its endpoint on one
/// line when it takes requests. Archived objects must be restored before they can be read, restores take as long as
/// they do on AWS (on a clock that can be moved), every request is billed, and faults can be switched on. The admin
/// interface is below /_sim on the same port: curl ENDPOINT/_sim lists what it offers.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,

    /// Directory that holds everything; created if need be
    #[arg(long)]
    dir: PathBuf,

    /// Bucket to create if it is not there; may be given several times
    #[arg(long = "bucket", value_name = "NAME")]
    buckets: Vec<String>,

    /// Access key that requests must be signed with (Signature Version 4); without one every request is taken
    #[arg(long, requires = "secret_key")]
    access_key: Option<String>,

    /// The secret of the access key
    #[arg(long, requires = "access_key", env = "GLACIER_SIM_SECRET_KEY", hide_env_values = true)]
    secret_key: Option<String>,

    /// How the clock moves: with real time, or only when told to
    #[arg(long, value_enum, default_value_t = ClockKind::Real)]
    clock: ClockKind,

    /// What the clock shows at first, e.g. 2026-01-31T00:00:00Z; it never goes back behind what the directory saw
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    start: Option<Time>,

    /// Simulated seconds per second of a real clock
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", value_parser = positive)]
    speed: f64,

    /// Faults to begin with: slow-down, internal-error, conflict, reset, lost-answer, error-in-200, cut-body,
    /// corrupt-body and delay as NAME=RATE from 0 to 1; delay-ms, seed and limit as numbers; only=OPERATION
    #[arg(long, default_value = "", value_name = "NAME=RATE,…")]
    faults: Faults,

    /// Price table in TOML instead of the list prices of us-east-1
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    /// RestoreObject requests per simulated second and class before SlowDown; 0 for no limit
    #[arg(long, default_value_t = 1000, value_name = "N")]
    restores_per_second: u32,

    /// Expedited retrievals per five simulated minutes before GlacierExpeditedRetrievalNotAvailable; no limit if not
    /// given, 0 for none at all
    #[arg(long, value_name = "N")]
    expedited: Option<u32>,

    /// Where in the documented span of its tier a restore is done: fastest, slowest, or spread=SEED
    #[arg(long, default_value = "slowest", value_parser = pace)]
    restore_time: Pace,

    /// Do not sync to disk: faster, and what is stored survives the process but not the machine
    #[arg(long)]
    no_sync: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ClockKind {
    Real,
    Virtual,
}

fn positive(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|e| format!("{e}"))?;
    if factor.is_finite() && factor > 0.0 { Ok(factor) } else { Err("must be above 0".to_owned()) }
}

fn pace(text: &str) -> Result<Pace, String> {
    match (text, text.strip_prefix("spread=")) {
        ("fastest", _) => Ok(Pace::Fastest),
        ("slowest", _) => Ok(Pace::Slowest),
        (_, Some(seed)) => seed.parse().map(Pace::Spread).map_err(|e| format!("{e}")),
        _ => Err("is none of fastest, slowest, spread=SEED".to_owned()),
    }
}

impl Args {
    /// The options they stand for.
    pub fn options(self) -> Result<SimOptions, String> {
        let prices = match &self.prices {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
                Some(Prices::parse(&text).map_err(|e| format!("{}: {e}", path.display()))?)
            }
        };
        let clock = match self.clock {
            ClockKind::Virtual => ClockMode::Virtual,
            ClockKind::Real => ClockMode::Running { factor: self.speed },
        };
        let restores_per_second = (self.restores_per_second > 0).then_some(self.restores_per_second);
        Ok(SimOptions {
            dir: self.dir,
            listen: self.listen,
            key: self.access_key.zip(self.secret_key),
            clock,
            start: self.start.unwrap_or_else(Time::wall),
            faults: self.faults,
            prices,
            quota: Quota { restores_per_second, expedited_per_5_minutes: self.expedited },
            pace: self.restore_time,
            fsync: !self.no_sync,
            buckets: self.buckets,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
        let parse = |list: &[&str]| Args::try_parse_from([&["glacier-sim", "--dir", "d"], list].concat());
        let options = parse(&["--expedited", "0", "--faults", "slow-down=0.5"]).unwrap().options().unwrap();
        assert_eq!(options.quota.expedited_per_5_minutes, Some(0));
        assert_eq!(options.faults.slow_down, 0.5);
        assert!(options.fsync);
        for bad in [&["--access-key", "a"][..], &["--speed", "0"], &["--start", "now"], &["--faults", "x=1"]] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
