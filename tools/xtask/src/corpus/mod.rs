//! `cargo xtask corpus`: real images to archive, made here from Debian, PyPI and npm packages.

pub mod build;
pub mod catalog;
pub mod compress;
mod containerd;
mod content;
mod extras;
mod oddities;
pub mod recipes;
pub mod small;
mod tar_layer;

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::error::{Error, IoContext, Result};
use crate::files;
use crate::proc;

/// Where the corpus lies unless told otherwise: `FIRN_CORPUS`, else `target/corpus`.
pub fn default_dir() -> PathBuf {
    std::env::var_os("FIRN_CORPUS").map_or_else(|| PathBuf::from("target/corpus"), PathBuf::from)
}

/// Builds the corpus below `dir`, or what is missing of it, and its catalogue `corpus.json`.
///
/// # Errors
/// Not root, or a program fails.
pub fn full(dir: &Path) -> Result<PathBuf> {
    if !proc::is_root() {
        return Err(Error::Usage("the corpus has devices, owners and capabilities in it: build it as root".into()));
    }
    let begun = Instant::now();
    files::make_dir(dir)?;
    let _lock = lock(dir)?;
    let places = build::Places { root: files::absolute(dir)? };
    build::images(&places)?;
    let extra = extras::add(&places)?;
    crate::oci::Layout::open(&places.layout())?.prune()?;
    let catalog = catalog::write(&places, &extra)?;
    println!("corpus: {} ready after {} s", catalog.display(), begun.elapsed().as_secs());
    Ok(catalog)
}

/// Keeps a second builder of the same corpus waiting until the first is done or dead.
fn lock(dir: &Path) -> Result<std::fs::File> {
    let path = dir.join("lock");
    let file = std::fs::File::create(&path).at("cannot create", &path)?;
    if file.try_lock().is_err() {
        println!("corpus: somebody else is building in {}; waiting", dir.display());
        file.lock().at("cannot lock", &path)?;
    }
    Ok(file)
}
