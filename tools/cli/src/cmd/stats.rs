//! `firn stats`

use firn_engine::stats::{Count, archive_stats};
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Failure;
use crate::show::{self, Table};

pub fn run(context: &Context) -> Result<(), Failure> {
    let stats = archive_stats(&context.archive()?)?;
    let stored = stats.stored_bytes();
    let count = |count: &Count| json!({ "number": count.number, "bytes": count.bytes });
    let json: Value = json!({
        "images": count(&stats.images),
        "names": count(&stats.names),
        "logical": count(&stats.logical),
        "total_unique_blobs": count(&stats.unique_blobs),
        "redundant_blob_saves": stats.redundant_blob_saves,
        "layer_tars": count(&stats.layer_tars),
        "recoded_layers": count(&stats.recoded_layers),
        "encoders": stats.encoders.iter().map(|(encoder, share)| json!({
            "encoder": encoder,
            "layers": count(&share.layers),
            "recipe_bytes": share.recipe_bytes,
        })).collect::<Vec<_>>(),
        "kept_layers": count(&stats.kept_layers),
        "deferred_layers": count(&stats.deferred_layers),
        "dropped_layers": count(&stats.dropped_layers),
        "content_packs": count(&stats.content_packs),
        "original_packs": count(&stats.original_packs),
        "meta_packs": count(&stats.meta_packs),
        "pinned": count(&stats.pinned),
        "footers": count(&stats.footers),
        "stored_bytes": stored,
        "stored_bytes_without_originals": stored - stats.original_packs.bytes,
    });
    context.print(&json, || {
        let mut table = Table::new(&["", ">NUMBER", ">BYTES"]);
        let rows: [(&str, &Count); 13] = [
            ("images", &stats.images),
            ("blobs, as often as referred to", &stats.logical),
            ("blobs, each once", &stats.unique_blobs),
            ("layers, unpacked", &stats.layer_tars),
            ("layers that an encoder re-creates", &stats.recoded_layers),
            ("layers whose original is kept", &stats.kept_layers),
            ("layers that wait for firn settle", &stats.deferred_layers),
            ("layers whose original was given up", &stats.dropped_layers),
            ("packs of file contents", &stats.content_packs),
            ("packs of kept originals", &stats.original_packs),
            ("packs of metadata", &stats.meta_packs),
            ("packs of what is pinned", &stats.pinned),
            ("copies of pack footers", &stats.footers),
        ];
        for (what, count) in rows {
            table.row([what.to_owned(), show::count(count.number), show::bytes(count.bytes)]);
        }
        let mut encoders = Table::new(&["COMES BACK BY", ">LAYERS", ">BYTES", ">RECIPES", ">OF THE BYTES"]);
        for (encoder, share) in &stats.encoders {
            encoders.row([
                encoder.clone(),
                show::count(share.layers.number),
                show::bytes(share.layers.bytes),
                show::bytes(share.recipe_bytes),
                format!("{:.4} %", 100.0 * share.recipe_bytes as f64 / share.layers.bytes.max(1) as f64),
            ]);
        }
        let encoders = if stats.encoders.is_empty() { String::new() } else { format!("\n{}", encoders.render()) };
        format!(
            "{}{encoders}\nstored {}: {} of what restoring everything would write ({})\nwithout kept originals {} ({})\n",
            table.render(),
            show::bytes(stored),
            show::percent(stored, stats.logical.bytes),
            show::ratio(stats.logical.bytes, stored),
            show::bytes(stored - stats.original_packs.bytes),
            show::ratio(stats.logical.bytes, stored - stats.original_packs.bytes),
        )
    });
    Ok(())
}
