//! `firn run-overlay`

use std::sync::Arc;

use firn_engine::Archive;
use firn_engine::read::OpenImage;
use firn_fusefs::fs::Fs;
use firn_fusefs::hydrate::Pacer;
use firn_fusefs::mount::{self, MountOptions, Mounted, ROOTFS_SOURCE};
use firn_fusefs::rootfs::{self, Layers, Parts, RootfsError, Upper};
use serde_json::json;

use super::fill::Filler;
use super::serving::{self, Attached, Opened, failed};
use crate::args::{LowerMode, RunOverlay};
use crate::context::Context;
use crate::failure::Failure;
use crate::keeper::Resumed;

/// What the background process says of the mode it has taken; behind it why not the other, if that was tried.
const ROOTFS: &str = "rootfs";
const FUSE: &str = "fuse";

pub fn run(context: &Context, args: &RunOverlay) -> Result<(), Failure> {
    let (image, dir) = (&args.image, &args.dir);
    let ready = |pid, said: &str| {
        let (mode, because) = said.split_once(": ").unwrap_or((said, ""));
        let mut json = json!({ "image": image, "mounted_on": dir, "pid": pid, "mode": mode });
        if let (false, Some(fields)) = (because.is_empty(), json.as_object_mut()) {
            fields.insert("because".to_owned(), because.into());
        }
        context.print(&json, || match because {
            "" => format!("mounted {image} on {} (mode {mode})\n", dir.display()),
            _ => {
                format!("mounted {image} on {} (mode {mode}, as rootfs mode can't be had: {because})\n", dir.display())
            }
        });
    };
    serving::run(context, &args.serving, |archive, resumed| attach(archive, args, resumed), ready)
}

fn attach(archive: &Archive, args: &RunOverlay, resumed: Option<Resumed>) -> Result<Attached, Failure> {
    let opened = Opened::open(archive, &args.image, &args.dir, &args.serving)?;
    let mut options = serving::options(archive, &args.serving);
    options.fsname = format!("{ROOTFS_SOURCE}{}", args.image);
    let upper = match (&args.upper, args.read_only) {
        (Some(dir), _) => Upper::Directory(std::path::absolute(dir).map_err(Failure::system("finding --upper"))?),
        (None, true) => Upper::None,
        (None, false) => Upper::Memory,
    };
    let pacer = Arc::new(Pacer::new(args.fill_rate));
    let fill = |parts| {
        let (record, filesystem) = (opened.record.clone(), opened.filesystem.clone());
        Filler { archive: archive.clone(), record, filesystem, parts, pacer: Arc::clone(&pacer) }.start(args);
    };
    let plain = || Arc::new(opened.fs(Arc::clone(opened.image.tree())));
    if let Some(Resumed { kept, parked }) = resumed {
        // In the mode that it was mounted in.
        let mounted = if kept.said == ROOTFS {
            let parts = parts(archive, &opened.image).map_err(failed)?;
            let mounted = rootfs::resume(&parts, objects(&opened, &parts, &pacer), &kept.point, parked, &options);
            fill(parts);
            mounted
        } else {
            mount::resume(plain(), &kept.point, parked, &options)
        };
        return Ok((mounted.map_err(failed)?, kept.said));
    }
    let fuse = || overlay(archive, args, &opened, Layers::Plain(plain()), &upper, &options).map_err(failed);
    let tiered = || {
        let parts = parts(archive, &opened.image)?;
        let layers = tiered(archive, &opened, &parts, &pacer)?;
        let mounted = overlay(archive, args, &opened, layers, &upper, &options)?;
        fill(parts);
        Ok(mounted)
    };
    match args.mode {
        LowerMode::Fuse => Ok((fuse()?, FUSE.to_owned())),
        LowerMode::Rootfs => Ok((tiered().map_err(failed)?, ROOTFS.to_owned())),
        LowerMode::Auto => match tiered() {
            Ok(mounted) => Ok((mounted, ROOTFS.to_owned())),
            // What is wrong with the mount point is wrong with it in every mode.
            Err(error @ RootfsError::Mount(_)) => Err(failed(error)),
            Err(error) => Ok((fuse()?, format!("{FUSE}: {error}"))),
        },
    }
}

fn tiered(archive: &Archive, opened: &Opened, parts: &Parts, pacer: &Arc<Pacer>) -> Result<Layers, RootfsError> {
    let hydrated = archive.rootfs_cache().objects;
    std::fs::create_dir_all(&hydrated).map_err(|source| RootfsError::Cache { path: hydrated.clone(), source })?;
    Ok(Layers::Tiered { parts: parts.clone(), hydrated, objects: objects(opened, parts, pacer) })
}

/// The files of an image by the names of their contents.
fn objects(opened: &Opened, parts: &Parts, pacer: &Arc<Pacer>) -> Arc<Fs> {
    Arc::new(opened.fs(Arc::clone(&parts.objects)).with_pacer(Arc::clone(pacer)))
}

/// What rootfs mode derives from the image's tree, kept in the archive's directory.
pub fn parts(archive: &Archive, image: &OpenImage) -> Result<Parts, RootfsError> {
    let object = |ino| image.object(ino).map_err(Into::into);
    rootfs::prepare(&archive.rootfs_cache().trees, &image.files(), image.tree(), &object)
}

fn overlay(
    archive: &Archive,
    args: &RunOverlay,
    opened: &Opened,
    layers: Layers,
    upper: &Upper,
    options: &MountOptions,
) -> Result<Mounted, RootfsError> {
    let private = archive.rootfs_cache().mounts;
    rootfs::mount(opened.image.tree(), layers, upper, &args.dir, &private, options)
}
