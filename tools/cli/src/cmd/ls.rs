//! `firn ls`

use std::collections::BTreeSet;

use firn_engine::format::ImageRecord;
use firn_engine::id::Digest;
use serde_json::json;

use crate::args::Ls;
use crate::context::Context;
use crate::failure::Failure;
use crate::show::{self, Table};

struct Row {
    name: Option<String>,
    image: Digest,
    record: ImageRecord,
}

pub fn run(context: &Context, args: &Ls) -> Result<(), Failure> {
    let archive = context.archive()?;
    let mut rows = Vec::new();
    let mut named = BTreeSet::new();
    for item in archive.names()? {
        named.insert(item.image);
        if args.pattern.as_ref().is_none_or(|pattern| item.name.as_str().contains(pattern.as_str())) {
            let record = archive.image(&item.image)?;
            rows.push(Row { name: Some(item.name.to_string()), image: item.image, record });
        }
    }
    if args.all && args.pattern.is_none() {
        for image in archive.images()?.difference(&named) {
            rows.push(Row { name: None, image: *image, record: archive.image(image)? });
        }
    }
    let json = json!(rows.iter().map(row_json).collect::<Vec<_>>());
    context.print(&json, || {
        let mut table = Table::new(&["NAME", "IMAGE", "ARCHIVED", ">LAYERS", ">SIZE", ">ADDED"]);
        for row in &rows {
            table.row([
                row.name.clone().unwrap_or_else(|| "-".to_owned()),
                row.image.hex().chars().take(12).collect(),
                show::time(row.record.archived_at),
                row.record.layers().count().to_string(),
                show::bytes(size(&row.record)),
                show::bytes(row.record.added_bytes),
            ]);
        }
        table.render()
    });
    Ok(())
}

fn size(record: &ImageRecord) -> u64 {
    record.blobs.iter().map(|blob| blob.size).sum()
}

fn row_json(row: &Row) -> serde_json::Value {
    json!({
        "name": row.name,
        "digest": row.image.to_string(),
        "archived_at": show::time(row.record.archived_at),
        "source": row.record.source,
        "layers": row.record.layers().count(),
        "size": size(&row.record),
        "added_bytes": row.record.added_bytes,
    })
}
