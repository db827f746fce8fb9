//! `firn cache`

use firn_fusefs::hydrate::{ObjectDir, Stats};
use firn_fusefs::rootfs::objects_in_use;
use serde_json::json;

use crate::args::Cache;
use crate::context::Context;
use crate::failure::Failure;
use crate::show;

pub fn run(context: &Context, args: &Cache) -> Result<(), Failure> {
    let cache = context.archive()?.rootfs_cache();
    let objects = ObjectDir::at(cache.objects);
    let failed = || Failure::system(format!("looking through {}", objects.path().display()));
    match args {
        Cache::Stats => {
            let here = objects.stats().map_err(failed())?;
            context.print(&as_json(here), || format!("{} take {}\n", files(here), show::bytes(here.on_disk)));
        }
        Cache::Trim { to } => {
            let in_use = objects_in_use(&cache.trees).map_err(super::serving::failed)?;
            let trimmed = objects.trim(*to, &|object| in_use.contains(object)).map_err(failed())?;
            let json = json!({ "removed": as_json(trimmed.removed), "left": as_json(trimmed.left) });
            context.print(&json, || {
                let (removed, left) = (trimmed.removed, trimmed.left);
                format!(
                    "removed {} ({}); {} are left ({})\n",
                    files(removed),
                    show::bytes(removed.on_disk),
                    files(left),
                    show::bytes(left.on_disk)
                )
            });
        }
    }
    Ok(())
}

fn as_json(stats: Stats) -> serde_json::Value {
    json!({ "files": stats.files, "bytes_on_disk": stats.on_disk })
}

fn files(stats: Stats) -> String {
    let s = if stats.files == 1 { "" } else { "s" };
    format!("{} whole file{s}", stats.files)
}
