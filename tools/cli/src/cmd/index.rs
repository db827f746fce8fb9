//! `firn index`

use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;

pub fn rebuild(context: &Context) -> Result<(), Failure> {
    let archive = context.archive()?;
    let lock = archive.lock()?;
    let report = archive.rebuild_index(&lock)?;
    context.print(&json!({ "packs": report.packs_loaded }), || {
        format!("made the index anew from {} packs\n", report.packs_loaded)
    });
    Ok(())
}
