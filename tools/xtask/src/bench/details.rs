//! What only firn can be asked: originals that it had to keep, and how long a mount takes.

use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::input::Input;
use crate::error::{Error, Result, check_failed};
use crate::firn::Firn;

/// Figures about firn beyond the common ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    /// Layers whose compressed form could not be re-created and is stored as it was.
    pub kept_layers: u64,
    /// Stored bytes less those originals.
    pub without_originals: u64,
    /// Milliseconds from `firn mount` to a mounted, listed root, the middle one of all images.
    pub mount_ms: f64,
}

/// Asks the archive for its statistics and mounts every image once.
///
/// # Errors
/// firn fails, or its statistics lack a figure.
pub fn gather(firn: &Firn, inputs: &[Input], scratch: &Path) -> Result<Details> {
    let bytes = firn.cmd(&["stats", "--json"]).bytes()?;
    let stats: Value = serde_json::from_slice(&bytes)
        .map_err(|source| Error::Json { path: "the output of firn stats --json".into(), source })?;
    let number = |path: &str| match stats.pointer(path).and_then(Value::as_u64) {
        Some(n) => Ok(n),
        None => check_failed(format!("`firn stats --json` has no {path}")),
    };
    let (kept_layers, without_originals) = (number("/kept_layers/number")?, number("/stored_bytes_without_originals")?);
    let mut times = Vec::new();
    for input in inputs {
        let begun = Instant::now();
        let mount = firn.mount(&input.tag, &scratch.join("mnt"))?;
        crate::files::list(mount.dir())?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        mount.unmount()?;
    }
    times.sort_by(f64::total_cmp);
    Ok(Details { kept_layers, without_originals, mount_ms: times.get(times.len() / 2).copied().unwrap_or(0.0) })
}
