//! `firn settle`

use std::process::ExitCode;
use std::sync::Arc;

use firn_engine::ingest::Meter;
use firn_engine::settle::{Outcome, SettleOptions, Settled, SettledLayer, settle};
use firn_engine::{ErrorKind, with_causes};
use serde_json::{Value, json};

use crate::args::Settle;
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::show;

pub fn run(context: &Context, args: &Settle) -> Result<ExitCode, Failure> {
    let archive = context.archive()?;
    let lock = archive.lock()?;
    let defaults = SettleOptions::default();
    let threads = args.threads.unwrap_or(defaults.threads).clamp(1, 256);
    let options = SettleOptions { threads, retry: args.retry, ..defaults };
    let meter = Arc::new(Meter::default());
    let settled = {
        let _progress = Progress::start(&meter, "settling", context.shows_progress());
        settle(&archive, &lock, &options, &meter)?
    };
    context.print(&to_json(&settled), || to_text(&settled));
    let failed = settled.layers.iter().filter(|layer| matches!(layer.outcome, Outcome::Failed(_))).count();
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Other {
        kind: ErrorKind::Damaged,
        message: format!("{failed} of {} layers could not be read; they were left as they are", settled.layers.len()),
        source: None,
    })
}

fn to_text(settled: &Settled) -> String {
    let mut text = String::new();
    let (mut recreated, mut recreated_bytes, mut recipes) = (0, 0, 0);
    for layer in &settled.layers {
        let (digest, size) = (layer.digest, show::bytes(layer.size));
        match &layer.outcome {
            Outcome::Recreated { recipe_bytes } => {
                (recreated, recreated_bytes) = (recreated + 1, recreated_bytes + layer.size);
                recipes += recipe_bytes;
            }
            Outcome::Kept => text.push_str(&format!("kept    {digest}  {size}: no encoder that firn knows wrote it\n")),
            Outcome::Failed(error) => {
                text.push_str(&show::printable(&format!("FAILED  {digest}  {size}: {}", with_causes(error))));
                text.push('\n');
            }
        }
    }
    text.push_str(&format!(
        "settled {} layers: {recreated} are re-created from now on ({} by recipes of {})\n",
        settled.layers.len(),
        show::bytes(recreated_bytes),
        show::bytes(recipes),
    ));
    if settled.packs_removed > 0 {
        let freed = settled.bytes_removed.saturating_sub(settled.bytes_moved);
        text.push_str(&format!("freed {} ({} packs removed)\n", show::bytes(freed), settled.packs_removed));
    }
    text
}

fn to_json(settled: &Settled) -> Value {
    json!({
        "layers": settled.layers.iter().map(layer_json).collect::<Vec<_>>(),
        "images": settled.images,
        "packs_removed": settled.packs_removed,
        "bytes_removed": settled.bytes_removed,
        "bytes_moved": settled.bytes_moved,
    })
}

fn layer_json(layer: &SettledLayer) -> Value {
    let (outcome, recipe_bytes, error) = match &layer.outcome {
        Outcome::Recreated { recipe_bytes } => ("recreated", *recipe_bytes, None),
        Outcome::Kept => ("kept", 0, None),
        Outcome::Failed(error) => ("failed", 0, Some(with_causes(error))),
    };
    json!({
        "digest": layer.digest.to_string(),
        "size": layer.size,
        "outcome": outcome,
        "recipe_bytes": recipe_bytes,
        "error": error,
        "encoder_search": layer.detection.as_ref().map(show::detection),
    })
}
