//! `firn mount` and `firn umount`

use std::sync::Arc;

use firn_engine::Archive;
use firn_fusefs::mount::{self, Manner};
use serde_json::json;

use super::serving::{self, Attached, Opened, failed};
use crate::args::{Mount, Umount};
use crate::context::Context;
use crate::failure::Failure;
use crate::keeper::Resumed;

pub fn mount(context: &Context, args: &Mount) -> Result<(), Failure> {
    let (image, dir) = (&args.image, &args.dir);
    let ready = |pid, _: &str| {
        context.print(&json!({ "image": image, "mounted_on": dir, "pid": pid }), || {
            format!("mounted {image} on {}\n", dir.display())
        });
    };
    serving::run(context, &args.serving, |archive, resumed| attach(archive, args, resumed), ready)
}

fn attach(archive: &Archive, args: &Mount, resumed: Option<Resumed>) -> Result<Attached, Failure> {
    let opened = Opened::open(archive, &args.image, &args.dir, &args.serving)?;
    let mut options = serving::options(archive, &args.serving);
    options.allow_other = args.allow_other;
    for option in &args.options {
        options.apply(option).map_err(|error| Failure::usage(error.to_string()))?;
    }
    let fs = Arc::new(opened.fs(Arc::clone(opened.image.tree())));
    let mounted = match resumed {
        None => mount::mount(fs, &args.dir, &options),
        Some(Resumed { kept, parked }) => mount::resume(fs, &kept.point, parked, &options),
    };
    Ok((mounted.map_err(failed)?, String::new()))
}

pub fn umount(context: &Context, args: &Umount) -> Result<(), Failure> {
    let manner = if args.lazy { Manner::Lazy } else { Manner::Now };
    mount::unmount(&args.dir, manner).map_err(failed)?;
    context.print(&json!({ "unmounted": args.dir }), || format!("unmounted {}\n", args.dir.display()));
    Ok(())
}
