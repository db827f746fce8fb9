//! `firn init`

use firn_engine::Archive;
use firn_engine::archive::CreateOptions;
use serde_json::json;

use crate::args::Init;
use crate::context::Context;
use crate::failure::Failure;

pub fn run(context: &Context, args: &Init) -> Result<(), Failure> {
    let dir = context.archive_dir(args.dir.as_deref())?;
    let size32 = |what: &str, size: u64| {
        u32::try_from(size).map_err(|_| Failure::usage(format!("{what} of {size} bytes is too large")))
    };
    let options = CreateOptions {
        pack_len: args.pack_size,
        level: args.level,
        frame_raw: size32("a frame", args.frame_size)?,
        window_raw: size32("a window", args.window)?,
        ..CreateOptions::default()
    };
    let archive = Archive::create(&dir, &options)?;
    let id = archive.config().archive.to_string();
    context.print(&json!({ "archive": dir, "id": id }), || format!("made archive {id} in {}\n", dir.display()));
    Ok(())
}
