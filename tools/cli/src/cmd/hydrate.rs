//! `firn hydrate`

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use firn_engine::read::OpenImage;
use firn_fusefs::engine::TreeError;
use firn_fusefs::fs::Fs;
use firn_fusefs::hydrate::{self, HydrateError, ObjectDir, Pacer, Progress, Wanted};
use firn_fusefs::rootfs::Parts;
use serde_json::json;

use super::serving::failed;
use crate::args::Hydrate;
use crate::context::{Context, choose_filesystem};
use crate::failure::Failure;
use crate::progress::Files;
use crate::show;

pub fn run(context: &Context, args: &Hydrate) -> Result<(), Failure> {
    let archive = context.archive()?;
    let record = archive.resolve(&args.image)?;
    let filesystem = choose_filesystem(&record, &args.platform)?;
    let cache = usize::try_from(args.cache).unwrap_or(usize::MAX);
    let image = Arc::new(archive.open_image_unnoticed(&record, filesystem, cache)?);
    let parts = super::run_overlay::parts(&archive, &image).map_err(failed)?;
    let objects = ObjectDir::at(archive.rootfs_cache().objects);

    let all = all(&parts)?;
    let files = all.len();
    let Plan { wanted, elsewhere } = Plan::of(&image, &parts, all, args.remote)?;
    let fs = Fs::new(Arc::clone(&parts.objects), Arc::clone(&image) as _);
    let (progress, never) = (Arc::new(Progress::default()), AtomicBool::new(false));
    let start = Instant::now();
    let total = wanted.iter().map(|one| one.size).sum();
    let shown = Files::start(&progress, total, wanted.len(), context.shows_progress());
    let manner = hydrate::Manner { pacer: &Pacer::new(0), stop: &never, progress: &progress };
    let report = hydrate::hydrate(&fs, &parts.objects, &wanted, &objects, manner);
    drop(shown);
    let report = report.map_err(failed)?;
    let took = start.elapsed();
    let json = json!({
        "image": args.image,
        "files": files,
        "brought": report.brought,
        "bytes": report.bytes,
        "present": report.present,
        "asleep": report.asleep,
        "elsewhere": elsewhere,
        "seconds": took.as_secs_f64(),
    });
    context.print(&json, || {
        let mut text = format!(
            "{}: {} whole files ({}) in {:.1} s, {} were here",
            args.image,
            report.brought,
            show::bytes(report.bytes),
            took.as_secs_f64(),
            report.present
        );
        if report.asleep > 0 {
            text += &format!("; {} sleep in an archive class: firn thaw wakes them", report.asleep);
        }
        if elsewhere > 0 {
            text += &format!("; {elsewhere} are in the bucket alone: --remote fetches them");
        }
        text + "\n"
    });
    Ok(())
}

/// All files of an image.
pub fn all(parts: &Parts) -> Result<Vec<Wanted>, Failure> {
    hydrate::wanted(&parts.objects).map_err(damaged)
}

fn damaged(error: TreeError) -> Failure {
    failed(HydrateError::from(error))
}

/// Files that are to be brought here.
pub struct Plan {
    /// In the order in which it is the least work.
    pub wanted: Vec<Wanted>,
    /// Files that are left out, as not all of them is on this machine.
    pub elsewhere: u64,
}

impl Plan {
    /// For these files, or those of them alone whose bytes are on this machine.
    pub fn of(image: &OpenImage, parts: &Parts, files: Vec<Wanted>, remote: bool) -> Result<Plan, Failure> {
        let (mut ordered, mut elsewhere) = (Vec::new(), 0);
        for one in files {
            let node = parts.objects.node(one.ino).map_err(damaged)?;
            let place = node.content.map(|content| image.place_here(content)).transpose()?.flatten();
            if place.is_some() || remote {
                ordered.push((place, one));
            } else {
                elsewhere += 1;
            }
        }
        // Frames hold many files: so each is decompressed once.
        ordered.sort_by_key(|(place, one)| (place.map(|place| (place.pack, place.offset)), one.ino));
        Ok(Plan { wanted: ordered.into_iter().map(|(_, one)| one).collect(), elsewhere })
    }
}
