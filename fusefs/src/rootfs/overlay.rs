//! The mounts of a rootfs: its layers, and the overlay that is all that is left to be seen of them.
//!
//! Layers are mounted in a private directory and taken out of sight as soon as the overlay has them. So they go with the overlay,
//! whoever unmounts it and whatever becomes of this process, and nothing has to be cleaned up behind it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::mount::MountAttrFlags;

use super::error::RootfsError;
use super::kernel::Setup;
use super::parts::Parts;
use super::upper;
use crate::engine::Tree;
use crate::fs::Fs;
use crate::making::Making;
use crate::mount::{self, MountError, MountOptions, Mounted, Parked};

/// What lies below the writable layer.
pub enum Layers {
    /// Metadata by EROFS, files by name of their contents from a directory and then from FUSE.
    Tiered {
        /// The metadata image and the list of files; in use as long as they are mounted.
        parts: Parts,
        /// Where whole files are.
        hydrated: PathBuf,
        /// Serves all files.
        objects: Arc<Fs>,
    },
    /// Everything by FUSE.
    Plain(Arc<Fs>),
}

/// Where changes go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upper {
    /// Nowhere: the root filesystem is read-only.
    None,
    /// Into `upper` in this directory, which is made as what belongs there; `work` beside it is the kernel's.
    Directory(PathBuf),
    /// Into memory; they are gone with the mount.
    Memory,
}

/// Mounts a rootfs of `tree` at `point` and returns when it can be used. `private` is a directory for mounts that are made and taken away
/// meanwhile. `options` hold for the FUSE mount; its source is shown for the overlay, too.
///
/// # Errors
/// See [`RootfsError`]; nothing is left mounted.
pub fn mount(
    tree: &Tree,
    layers: Layers,
    upper: &Upper,
    point: &Path,
    private: &Path,
    options: &MountOptions,
) -> Result<Mounted, RootfsError> {
    let point = mount::check_point(point)?;
    // Gone at the end, and with it the mounts in it are out of sight.
    let private = Making::in_dir(private).map_err(RootfsError::cache(private))?;
    let mut overlay = Setup::of("overlay")?;
    overlay.set("source", &options.fsname)?;
    let mut served = match layers {
        Layers::Tiered { parts, hydrated, objects } => {
            let at = private_point(&private, "metadata")?;
            let mut erofs = Setup::of("erofs")?;
            erofs.set_path("source", &parts.metadata)?;
            erofs.set_flag("ro")?;
            erofs.mount_at(&at, MountAttrFlags::MOUNT_ATTR_RDONLY)?;
            let mut served = mount::mount(objects, &private_point(&private, "objects")?, options)?;
            overlay.set_path("lowerdir+", &at)?;
            overlay.set_path("datadir+", &hydrated)?;
            overlay.set_path("datadir+", served.point())?;
            served.keep_open(parts.in_use);
            served
        }
        Layers::Plain(files) => {
            let served = mount::mount(files, &private_point(&private, "files")?, options)?;
            overlay.set_path("lowerdir+", served.point())?;
            served
        }
    };
    let changes = match upper {
        Upper::None => None,
        Upper::Directory(dir) => Some(dir.clone()),
        Upper::Memory => {
            let at = private_point(&private, "changes")?;
            let mut tmpfs = Setup::of("tmpfs")?;
            tmpfs.set("mode", "0755")?;
            tmpfs.mount_at(&at, MountAttrFlags::empty())?;
            Some(at)
        }
    };
    let mut attributes = MountAttrFlags::empty();
    match changes {
        None => attributes |= MountAttrFlags::MOUNT_ATTR_RDONLY,
        Some(dir) => {
            overlay.set_path("upperdir", &upper::directory(&dir.join("upper"), tree)?)?;
            overlay.set_path("workdir", &upper::work(&dir.join("work"))?)?;
        }
    }
    // A change of owner or mode copies no data: without this a `chown -R` would bring the whole image here.
    overlay.set("metacopy", "on")?;
    overlay.set("redirect_dir", "on")?;
    overlay.mount_at(&point, attributes)?;
    served.goes_with(point)?;
    Ok(served)
}

/// Goes on serving the files of a tiered rootfs at `point` after the process is gone that did: see [`mount::resume`].
///
/// # Errors
/// As there.
pub fn resume(
    parts: &Parts,
    objects: Arc<Fs>,
    point: &Path,
    parked: Parked,
    options: &MountOptions,
) -> Result<Mounted, MountError> {
    let mut served = mount::resume(objects, point, parked, options)?;
    served.keep_open(Arc::clone(&parts.in_use));
    Ok(served)
}

/// A new directory for a mount that nobody else is to see.
fn private_point(private: &Making, name: &str) -> Result<PathBuf, RootfsError> {
    let dir = private.path().join(name);
    fs::create_dir(&dir).map_err(RootfsError::cache(&dir))?;
    dir.canonicalize().map_err(RootfsError::cache(dir))
}
