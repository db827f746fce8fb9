//! A server, and archives whose bucket it holds.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::e2e::Setting;
use crate::e2e::roundtrip;
use crate::error::{Result, check_failed};
use crate::files;
use crate::firn::Firn;
use crate::oci::ImageRef;
use crate::proc::Cmd;
use crate::sim::{self, BUCKET, Sim};

/// A server with an empty bucket, and a directory for archives.
#[derive(Debug)]
pub struct World {
    /// The server.
    pub sim: Sim,
    program: PathBuf,
    dir: PathBuf,
}

static WORLDS: AtomicU64 = AtomicU64::new(0);

impl World {
    /// A new one below the setting's scratch directory.
    ///
    /// # Errors
    /// The server does not start.
    pub fn new(setting: &Setting) -> Result<Self> {
        let dir = setting.scratch.join(format!("cold-{}", WORLDS.fetch_add(1, Ordering::Relaxed)));
        files::fresh_dir(&dir)?;
        let sim = Sim::start(&sim::program()?, &dir.join("sim"))?;
        Ok(Self { sim, program: setting.program.clone(), dir })
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A driver for the archive of that name.
    pub fn firn(&self, name: &str) -> Firn {
        self.sim.firn(&self.program, &self.dir.join(name))
    }

    /// A copy of another archive, under that name.
    ///
    /// # Errors
    /// It can't be copied.
    pub fn copy(&self, of: &Path, name: &str) -> Result<Firn> {
        let firn = self.firn(name);
        files::remove_dir(firn.archive_dir())?;
        Cmd::words(&["cp", "-a", "--reflink=auto", "-T"]).arg(of).arg(firn.archive_dir()).run()?;
        Ok(firn)
    }

    /// Gives an archive the bucket's part of that name, or makes the archive from it.
    ///
    /// # Errors
    /// firn's.
    pub fn attach(&self, firn: &Firn, place: &str) -> Result<Value> {
        let url = format!("s3://{BUCKET}/{place}");
        let dir = firn.archive_dir().display().to_string();
        firn.json(&["attach", &dir, &url])
    }

    /// Restores an image bit for bit.
    ///
    /// # Errors
    /// firn's, or something differs.
    pub fn restored(&self, firn: &Firn, source: &ImageRef) -> Result<String> {
        roundtrip::restore(firn, &source.tag, source, &self.dir)
    }

    /// Thaws what an image needs: asks, lets the time pass, and brings it here.
    ///
    /// # Errors
    /// firn's, or the job does not end well.
    pub fn thaw(&self, firn: &Firn, image: &str, tier: &str, hours: u64) -> Result<()> {
        let filed = firn.json(&["thaw", image, "--tier", tier, "--yes"])?;
        // Without a job, nothing of it sleeps.
        let Some(job) = filed.get("job").and_then(Value::as_str) else { return Ok(()) };
        self.sim.advance(hours * 3600)?;
        let done = firn.json(&["thaw", job, "--wait"])?;
        match text(&done, "/stage") {
            "done" => Ok(()),
            _ => check_failed(format!("the thaw of {image} ended as {done}")),
        }
    }

    /// The data packs of the bucket's part of that name, with their class.
    ///
    /// # Errors
    /// The server's.
    pub fn packs(&self, place: &str) -> Result<Vec<(String, String)>> {
        let objects = self.sim.objects(&format!("{place}/packs/"))?;
        Ok(objects.iter().map(|object| (text(object, "/key").to_owned(), text(object, "/class").to_owned())).collect())
    }
}

impl Drop for World {
    /// What a failed check leaves is of use; a mount is not.
    fn drop(&mut self) {
        let _ = crate::firn::unmount_below(&self.dir);
        if !std::thread::panicking() {
            let _ = files::remove_dir(&self.dir.join("sim"));
        }
    }
}

/// The text at a pointer, or nothing.
pub fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a pointer, or 0.
pub fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// Data packs in an archive's directory.
///
/// # Errors
/// It can't be read.
pub fn local_packs(firn: &Firn) -> Result<usize> {
    let mut packs = 0;
    let dir = firn.archive_dir().join("packs");
    if dir.exists() {
        for shard in files::list(&dir)? {
            packs += files::list(&shard)?.len();
        }
    }
    Ok(packs)
}
