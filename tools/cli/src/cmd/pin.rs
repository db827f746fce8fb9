//! `firn pin` and `firn unpin`

use std::io::Read as _;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use firn_engine::Archive;
use firn_engine::bucket::Tally;
use firn_engine::format::{Filesystem, ImageRecord, PinOrigin, PinRecord};
use firn_engine::id::Digest;
use firn_engine::pin::{self, PinSet, Pinned};
use firn_engine::read::OpenImage;
use firn_engine::tree::{ContentRef, Ino, NodeKind, Tree, TreeError};
use firn_fusefs::fs::{TOUCHED, parse_touched};
use firn_fusefs::mount::mounts;
use serde_json::{Value, json};

use crate::args::{Pin, Unpin};
use crate::context::{Context, choose_filesystem};
use crate::failure::Failure;
use crate::progress::Transfer;
use crate::show::{self, Table};
use crate::startup::{self, Ended};
use crate::sys::attribute;

/// Memory for decompressed frames.
const CACHE: usize = 128 << 20;
/// Longest list of paths, in bytes.
const MAX_LIST: u64 = 256 << 20;

/// Of a file, everything.
const ALL: Range<u64> = 0..u64::MAX;

/// Files and what is wanted of them.
type Wanted = Vec<(ContentRef, Vec<Range<u64>>)>;

pub fn run(context: &Context, args: &Pin) -> Result<(), Failure> {
    let archive = context.archive()?;
    let Some(named) = args.image.as_deref() else { return list(context, &archive) };
    let record = archive.resolve(named)?;
    let filesystem = choose_filesystem(&record, &args.platform)?;
    // A look that finds out what to pin is no use of the image: nothing of it counts as read.
    let image = OpenImage::open(archive.auditor(CACHE), &record, filesystem, &archive.tree_cache())?;
    let image = Arc::new(image);
    let (origin, wanted) = wanted(context, &archive, args, &record, filesystem, &image)?;
    let mut set = pin::select(&image, wanted)?;
    if args.add {
        set.extend_by(&archive, &record.root)?;
    }
    if set.is_empty() {
        return Err(Failure::usage(match origin {
            PinOrigin::Mount => "nothing was read through a mount of the image yet: use it first",
            _ => "none of it has any bytes: there is nothing to pin",
        }));
    }
    let pinned = write(context, &archive, &image, origin, &set)?;
    context.print(&pinned_json(named, &pinned), || pinned_text(named, &pinned, archive.remote().is_some()));
    Ok(())
}

fn wanted(
    context: &Context,
    archive: &Archive,
    args: &Pin,
    record: &ImageRecord,
    filesystem: &Filesystem,
    image: &Arc<OpenImage>,
) -> Result<(PinOrigin, Wanted), Failure> {
    if let Some(list) = &args.files {
        return Ok((PinOrigin::Files, named_files(image, list)?));
    }
    if args.from_mount {
        return Ok((PinOrigin::Mount, read_through_mounts(image, &record.root)?));
    }
    let seconds = args.run_for.as_secs();
    context.aside(|| {
        format!(
            "starting {} for {seconds} s at most, without a network\n",
            show::printable(args.image.as_deref().unwrap_or_default())
        )
    });
    let ended = startup::try_out(archive, record, filesystem, image, &args.command, args.run_for)?;
    let how = if ended == Ended::Done { "it ended by itself" } else { "it was stopped" };
    context.aside(|| format!("{how}\n"));
    let touched = image.contents()?.into_iter().map(|content| (content, image.touched(content))).collect();
    Ok((PinOrigin::Startup, touched))
}

/// All of the files on a list, one path a line, and of those below its directories.
fn named_files(image: &OpenImage, list: &Path) -> Result<Wanted, Failure> {
    let failed = || Failure::system(format!("reading {}", list.display()));
    let mut text = String::new();
    if list == Path::new("-") {
        std::io::stdin().lock().take(MAX_LIST).read_to_string(&mut text).map_err(failed())?;
    } else {
        let file = std::fs::File::open(list).map_err(failed())?;
        file.take(MAX_LIST).read_to_string(&mut text).map_err(failed())?;
    }
    let tree = image.tree();
    let mut wanted = Wanted::new();
    for path in text.lines().filter(|line| !line.is_empty()) {
        let wrong = |what: &dyn std::fmt::Display| Failure::usage(format!("{}: {what}", show::printable(path)));
        let found = tree.resolve_following(path.as_bytes()).map_err(|error| wrong(&error))?;
        let ino = found.ok_or_else(|| wrong(&"the image has no such file"))?;
        below(tree, ino, &mut wanted).map_err(|error| wrong(&error))?;
    }
    Ok(wanted)
}

fn below(tree: &Tree, start: Ino, wanted: &mut Wanted) -> Result<(), TreeError> {
    let mut waiting = vec![start];
    while let Some(ino) = waiting.pop() {
        let node = tree.node(ino)?;
        wanted.extend(node.content.map(|content| (content, vec![ALL])));
        if node.kind == NodeKind::Directory {
            let mut index = 0;
            while let Some((_, entry, _)) = tree.entry(ino, index)? {
                waiting.push(entry);
                index += 1;
            }
        }
    }
    Ok(())
}

/// What was asked for through the mounts of the image that this process sees.
fn read_through_mounts(image: &OpenImage, root: &Digest) -> Result<Wanted, Failure> {
    let all = mounts().map_err(Failure::system("reading the table of mounts"))?;
    let digest = root.to_string();
    let is_of_image =
        |point: &Path| attribute(point, b"user.firn.image").is_some_and(|value| value == digest.as_bytes());
    let mut found = false;
    let mut wanted = Wanted::new();
    for point in all.iter().filter(|mount| mount.is_firn() && is_of_image(&mount.point)).map(|mount| &mount.point) {
        found = true;
        touched_below(image.tree(), point, &mut wanted)
            .map_err(Failure::system(format!("looking through {}", point.display())))?;
    }
    if found {
        return Ok(wanted);
    }
    Err(Failure::usage(
        "the image is not mounted, or its mount can't tell what was read: firn mount IMAGE DIR -o xattr=always, use it, then pin",
    ))
}

fn touched_below(tree: &Tree, dir: &Path, wanted: &mut Wanted) -> std::io::Result<()> {
    let mut waiting = vec![dir.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file()
                && let Some(ranges) = attribute(&entry.path(), TOUCHED).as_deref().and_then(parse_touched)
                // Files have the numbers that the image's tree gives them.
                && let Ok(node) = tree.node(Ino(entry.metadata()?.ino()))
            {
                wanted.extend(node.content.map(|content| (content, ranges)));
            }
        }
    }
    Ok(())
}

fn write(
    context: &Context,
    archive: &Archive,
    image: &OpenImage,
    origin: PinOrigin,
    set: &PinSet,
) -> Result<Pinned, Failure> {
    let tally = Arc::new(Tally::default());
    tally.expect(set.bytes);
    let _progress = Transfer::start(&tally, "pinning", context.shows_progress());
    let done = |bytes| {
        tally.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    };
    Ok(pin::pin(archive, image, origin, set, &done)?)
}

pub fn unpin(context: &Context, args: &Unpin) -> Result<(), Failure> {
    let archive = context.archive()?;
    let record = archive.resolve(&args.image)?;
    let before = pin::unpin(&archive, &record.root)?;
    let Some(before) = before else {
        return Err(Failure::usage(format!("nothing is pinned of {}", show::printable(&args.image))));
    };
    let json = json!({ "image": record.root.to_string(), "files": before.files, "bytes": before.bytes });
    context.print(&json, || {
        let (image, files) = (show::printable(&args.image), show::count(before.files));
        format!("{image}: {files} files ({}) are no longer pinned\n", show::bytes(before.bytes))
    });
    Ok(())
}

fn list(context: &Context, archive: &Archive) -> Result<(), Failure> {
    let pins = pin::all_pinned(archive)?;
    let names = archive.names()?;
    let names_of = |image: &Digest| -> Vec<String> {
        names.iter().filter(|item| &item.image == image).map(|item| item.name.to_string()).collect()
    };
    let json: Vec<Value> = pins.iter().map(|record| record_json(record, &names_of(&record.image))).collect();
    context.print(&json!(json), || {
        if pins.is_empty() {
            return "nothing is pinned\n".to_owned();
        }
        let mut table = Table::new(&["IMAGE", "BY", ">FILES", ">BYTES", ">OF THE IMAGE", "PINNED"]);
        for record in &pins {
            let names = names_of(&record.image);
            table.row([
                if names.is_empty() { record.image.hex().chars().take(12).collect() } else { names.join(", ") },
                record.origin.to_string(),
                show::count(record.files),
                show::bytes(record.bytes),
                show::percent(record.bytes, record.image_bytes),
                show::time(record.pinned_at),
            ]);
        }
        table.render()
    });
    Ok(())
}

fn record_json(record: &PinRecord, names: &[String]) -> Value {
    json!({
        "image": record.image.to_string(),
        "names": names,
        "origin": record.origin.name(),
        "files": record.files,
        "bytes": record.bytes,
        "image_bytes": record.image_bytes,
        "packs": record.packs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "pinned_at": record.pinned_at,
    })
}

fn pinned_json(named: &str, pinned: &Pinned) -> Value {
    let mut json = record_json(&pinned.record, &[named.to_owned()]);
    if let Value::Object(fields) = &mut json {
        fields.insert("shared_bytes".to_owned(), json!(pinned.shared));
        fields.insert("stored_bytes".to_owned(), json!(pinned.stored));
    }
    json
}

fn pinned_text(named: &str, pinned: &Pinned, has_bucket: bool) -> String {
    let record = &pinned.record;
    let mut text = format!(
        "{}: {} files ({}, {} of the image) are pinned: {} written",
        show::printable(named),
        show::count(record.files),
        show::bytes(record.bytes),
        show::percent(record.bytes, record.image_bytes),
        show::bytes(pinned.stored),
    );
    if pinned.shared > 0 {
        text.push_str(&format!(", {} were pinned with other images", show::bytes(pinned.shared)));
    }
    text.push('\n');
    if has_bucket {
        text.push_str("firn sync takes it to the bucket, for other machines\n");
    }
    text
}
