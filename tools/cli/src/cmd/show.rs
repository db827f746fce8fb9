//! `firn show`

use firn_engine::format::{BlobBody, BlobRecord, ImageRecord, MountTree, PinRecord, Wrapper};
use firn_engine::pin::pinned;
use firn_engine::recompress::Recipe;
use firn_engine::tier::access::day_of;
use firn_engine::tier::{BlobHistory, Frequency};
use serde_json::{Value, json};

use crate::args::Show;
use crate::context::Context;
use crate::failure::Failure;
use crate::policy;
use crate::show::{self, Table};

pub fn run(context: &Context, args: &Show) -> Result<(), Failure> {
    let archive = context.archive()?;
    let record = archive.resolve(&args.image)?;
    let names = archive.names()?.into_iter().filter(|item| item.image == record.root);
    let names: Vec<String> = names.map(|item| item.name.to_string()).collect();
    let reads = Reads { history: policy::blob_history(&archive)?, today: day_of(show::now()) };
    let pin = pinned(&archive, &record.root)?;
    context.print(&record_json(&record, &names, &reads, pin.as_ref()), || text(&record, &names, &reads, pin.as_ref()));
    Ok(())
}

/// What was read of blobs.
struct Reads {
    history: BlobHistory,
    today: u32,
}

impl Reads {
    /// The day of the last read and how often it is read.
    fn of(&self, blob: &BlobRecord) -> (Option<String>, Frequency) {
        let last = self.history.last_read(&blob.digest).map(|day| show::day(i64::from(day) * 86_400));
        (last, self.history.frequency(&blob.digest, self.today))
    }
}

/// How a blob comes back.
fn way_back(blob: &BlobRecord) -> String {
    match &blob.body {
        BlobBody::Bytes(_) => "stored as it is".to_owned(),
        BlobBody::Layer(layer) => match &layer.wrapper {
            Wrapper::Kept(_) => "original kept".to_owned(),
            Wrapper::Deferred(_) => "original kept until firn settle".to_owned(),
            Wrapper::Dropped => "original given up: comes back uncompressed".to_owned(),
            Wrapper::Recipe(recipe) => {
                Recipe::decode(recipe).map_or_else(|error| error.to_string(), |recipe| recipe.to_string())
            }
        },
    }
}

/// Bytes that are kept instead of a blob, besides its content.
fn recipe_bytes(blob: &BlobRecord) -> Option<u64> {
    match &blob.body {
        BlobBody::Layer(layer) => match &layer.wrapper {
            Wrapper::Recipe(recipe) => Some(recipe.len() as u64),
            _ => None,
        },
        BlobBody::Bytes(_) => None,
    }
}

fn text(record: &ImageRecord, names: &[String], reads: &Reads, pin: Option<&PinRecord>) -> String {
    let mut text = format!(
        "image     {}\nnames     {}\narchived  {} from {}\nadded     {}\n",
        record.root,
        if names.is_empty() { "-".to_owned() } else { names.join(", ") },
        show::time(record.archived_at),
        show::printable(&record.source),
        show::bytes(record.added_bytes),
    );
    for filesystem in &record.filesystems {
        let state = match &filesystem.tree {
            MountTree::Stored(tree) => format!("{} layers, tree of {}", filesystem.layers.len(), show::bytes(tree.len)),
            MountTree::Unmountable(reason) => format!("can't be mounted: {}", show::printable(reason)),
        };
        text.push_str(&format!("platform  {}: {state}\n", show::printable(&filesystem.platform)));
    }
    if let Some(pin) = pin {
        let share = show::percent(pin.bytes, pin.image_bytes);
        text.push_str(&format!("pinned    {} ({share}), by {}\n", show::bytes(pin.bytes), pin.origin));
    }
    for digest in &record.absent {
        text.push_str(&format!("absent    {digest}\n"));
    }
    text.push('\n');
    let headings =
        ["BLOB", ">SIZE", ">UNPACKED", ">FILES", "MEDIA TYPE", "LAST READ", "HOW OFTEN", ">RECIPE", "COMES BACK BY"];
    let mut table = Table::new(&headings);
    for blob in &record.blobs {
        let (unpacked, files) = match &blob.body {
            BlobBody::Layer(layer) => (show::bytes(layer.tar_len), show::count(layer.members)),
            BlobBody::Bytes(_) => ("-".to_owned(), "-".to_owned()),
        };
        let digest = blob.digest.hex().chars().take(12).collect();
        let recipe = recipe_bytes(blob).map_or_else(|| "-".to_owned(), show::bytes);
        let (last, often) = reads.of(blob);
        let (last, often) = (last.unwrap_or_else(|| "-".to_owned()), often.to_string());
        table.row([
            digest,
            show::bytes(blob.size),
            unpacked,
            files,
            blob.media_type.clone(),
            last,
            often,
            recipe,
            way_back(blob),
        ]);
    }
    text.push_str(&table.render());
    text
}

fn record_json(record: &ImageRecord, names: &[String], reads: &Reads, pin: Option<&PinRecord>) -> Value {
    json!({
        "digest": record.root.to_string(),
        "names": names,
        "archived_at": show::time(record.archived_at),
        "source": record.source,
        "added_bytes": record.added_bytes,
        "pinned": pin.map(|pin| json!({
            "origin": pin.origin.name(),
            "files": pin.files,
            "bytes": pin.bytes,
            "image_bytes": pin.image_bytes,
        })),
        "absent": record.absent.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "filesystems": record.filesystems.iter().map(|filesystem| json!({
            "manifest": filesystem.manifest.to_string(),
            "platform": filesystem.platform,
            "layers": filesystem.layers.len(),
            "unmountable": match &filesystem.tree {
                MountTree::Stored(_) => None,
                MountTree::Unmountable(reason) => Some(reason),
            },
        })).collect::<Vec<_>>(),
        "blobs": record.blobs.iter().map(|blob| blob_json(blob, reads)).collect::<Vec<_>>(),
        "packs": record.all_packs().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn blob_json(blob: &BlobRecord, reads: &Reads) -> Value {
    let (last_read, frequency) = reads.of(blob);
    let mut json = json!({
        "last_read": last_read,
        "frequency": frequency.to_string(),
        "digest": blob.digest.to_string(),
        "size": blob.size,
        "media_type": blob.media_type,
        "comes_back_by": way_back(blob),
    });
    if let (BlobBody::Layer(layer), Some(json)) = (&blob.body, json.as_object_mut()) {
        json.insert("diff_id".to_owned(), json!(layer.diff_id.to_string()));
        json.insert("tar_bytes".to_owned(), json!(layer.tar_len));
        json.insert("members".to_owned(), json!(layer.members));
        let kept = layer.wrapper.original().map_or(0, |original| original.len);
        json.insert("kept_bytes".to_owned(), json!(kept));
        json.insert("recipe_bytes".to_owned(), json!(recipe_bytes(blob).unwrap_or(0)));
    }
    json
}
