//! `glacier-sim` as a process: an S3 server with archive classes, whose clock, faults, log and bill the checks hold.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Child;

use serde_json::{Value, json};

use crate::error::{IoContext, Result, check_failed};
use crate::firn::Firn;
use crate::http;
use crate::proc::Cmd;

/// The bucket that the server is started with.
pub const BUCKET: &str = "ice";
const KEY: (&str, &str) = ("firn", "secret");
/// Requests on one page of the log.
const PAGE: usize = 10_000;
/// More requests than are ever under way at a time.
const UNDER_WAY: u64 = 500;

/// A running server; stopped when dropped.
#[derive(Debug)]
pub struct Sim {
    child: Child,
    address: String,
}

/// One request of the server's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number.
    pub seq: u64,
    /// The S3 operation.
    pub op: String,
    /// The object's key, or the prefix of a listing.
    pub key: String,
    /// What was answered; 0 when the connection was reset instead.
    pub status: u64,
    /// The fault it met.
    pub fault: Option<String>,
    /// Whether it is on the bill.
    pub is_billed: bool,
}

impl Request {
    /// Whether it is about a data pack.
    pub fn is_of_pack(&self) -> bool {
        self.key.contains("packs/")
    }

    /// Whether it reads a data pack's bytes.
    pub fn reads_pack(&self) -> bool {
        self.op == "GetObject" && self.is_of_pack()
    }
}

impl Sim {
    /// Starts the program on a directory, with a clock that stands still until it is told to move.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(program: &Path, dir: &Path) -> Result<Self> {
        let words = ["--bucket", BUCKET, "--clock", "virtual", "--no-sync", "--access-key", KEY.0, "--dir"];
        let cmd = Cmd::new(program).args(words).arg(dir).env("GLACIER_SIM_SECRET_KEY", KEY.1);
        let mut child = cmd.spawn_piped()?;
        let mut url = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut url).at("cannot start", program)?;
        }
        match url.trim().strip_prefix("http://") {
            Some(address) => Ok(Self { child, address: address.to_owned() }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                check_failed(format!("{} gives no address", program.display()))
            }
        }
    }

    /// Its endpoint.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A driver for `program` on `archive` that finds this server's credentials, and nothing of the machine's own settings.
    pub fn firn(&self, program: &Path, archive: &Path) -> Firn {
        let nowhere = "/nonexistent";
        Firn::new(program, archive).with_env(&[
            ("AWS_ACCESS_KEY_ID", KEY.0),
            ("AWS_SECRET_ACCESS_KEY", KEY.1),
            ("AWS_ENDPOINT_URL_S3", &self.url()),
            ("AWS_CONFIG_FILE", nowhere),
            ("AWS_SHARED_CREDENTIALS_FILE", nowhere),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ])
    }

    /// Moves the clock on.
    ///
    /// # Errors
    /// The server's.
    pub fn advance(&self, seconds: u64) -> Result<()> {
        http::json(&self.address, "POST", "/_sim/clock", &json!({ "advance": seconds }).to_string()).map(drop)
    }

    /// What its clock shows, in seconds since the epoch.
    ///
    /// # Errors
    /// The server's.
    pub fn now(&self) -> Result<i64> {
        let clock = http::json(&self.address, "GET", "/_sim/clock", "")?;
        match clock.get("unix").and_then(Value::as_i64) {
            Some(now) => Ok(now),
            None => check_failed(format!("the server's clock shows {clock}")),
        }
    }

    /// Puts faults in force, as the server's own documentation names them; `{}` for none.
    ///
    /// # Errors
    /// The server refuses them.
    pub fn faults(&self, faults: &Value) -> Result<()> {
        http::json(&self.address, "PUT", "/_sim/faults", &faults.to_string()).map(drop)
    }

    /// Forgets bill and log; objects stay.
    ///
    /// # Errors
    /// The server's.
    pub fn reset(&self) -> Result<()> {
        http::json(&self.address, "POST", "/_sim/reset", "").map(drop)
    }

    /// What everything since the last reset costs.
    ///
    /// # Errors
    /// The server's.
    pub fn bill(&self) -> Result<Value> {
        http::json(&self.address, "GET", "/_sim/bill", "")
    }

    /// The objects whose key starts so, with class and restore.
    ///
    /// # Errors
    /// The server's.
    pub fn objects(&self, prefix: &str) -> Result<Vec<Value>> {
        let path = format!("/_sim/objects?bucket={BUCKET}&prefix={prefix}");
        let objects = http::json(&self.address, "GET", &path, "")?;
        Ok(objects.as_array().cloned().unwrap_or_default())
    }

    /// The log since the last reset.
    ///
    /// # Errors
    /// The server's.
    pub fn requests(&self) -> Result<Vec<Request>> {
        let mut all: BTreeMap<u64, Request> = BTreeMap::new();
        loop {
            // Numbers are given when a request begins and logged when it ends, so a page may lack some before its last.
            let from = all.keys().next_back().map_or(0, |last| last.saturating_sub(UNDER_WAY));
            let page = http::json(&self.address, "GET", &format!("/_sim/requests?from={from}&limit={PAGE}"), "")?;
            let Some(page) = page.get("requests").and_then(Value::as_array) else {
                return check_failed("the server's log has no requests in it");
            };
            all.extend(page.iter().map(request).map(|request| (request.seq, request)));
            if page.len() < PAGE {
                return Ok(all.into_values().collect());
            }
        }
    }

    /// How many requests of that operation were answered well, for each key.
    ///
    /// # Errors
    /// The server's.
    pub fn taken(&self, op: &str) -> Result<BTreeMap<String, usize>> {
        let mut counts = BTreeMap::new();
        for request in self.requests()?.into_iter().filter(|r| r.op == op && (200..300).contains(&r.status)) {
            *counts.entry(request.key).or_default() += 1;
        }
        Ok(counts)
    }
}

fn request(value: &Value) -> Request {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |key: &str| value.get(key).and_then(Value::as_u64).unwrap_or_default();
    Request {
        seq: number("seq"),
        op: text("op"),
        key: text("key"),
        status: number("status"),
        fault: value.get("fault").and_then(Value::as_str).map(str::to_owned),
        is_billed: value.get("charges").and_then(Value::as_array).is_some_and(|charges| !charges.is_empty()),
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server program: the one `GLACIER_SIM` names, or a build made now.
///
/// # Errors
/// It does not build.
pub fn program() -> Result<PathBuf> {
    match std::env::var_os("GLACIER_SIM") {
        Some(path) => crate::files::absolute(Path::new(&path)),
        None => crate::firn::tested("glacier-sim"),
    }
}
