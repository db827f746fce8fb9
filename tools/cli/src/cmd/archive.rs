//! `firn archive`

use std::sync::Arc;

use firn_engine::codec::DecodeLimits;
use firn_engine::format::ImageName;
use firn_engine::index::OpenOutcome;
use firn_engine::ingest::{Comeback, IngestOptions, Ingested, IngestedLayer, Meter, Originals, PackerTotals, Session};
use firn_engine::oci::{Reference, Selector, open_source};
use serde_json::{Value, json};

use crate::args::{Archive, Fidelity};
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::show;

pub fn run(context: &Context, args: &Archive) -> Result<(), Failure> {
    let references = parse(&args.sources)?;
    if args.name.is_some() && references.len() > 1 {
        return Err(Failure::usage("--name is for one source; several take the names they have"));
    }
    let archive = context.archive_at(args.to.as_deref())?;
    let lock = archive.lock()?;
    let defaults = IngestOptions::default();
    let originals = match args.fidelity {
        Fidelity::Content => Originals::Drop,
        Fidelity::Digest if args.defer => Originals::Defer,
        Fidelity::Digest => Originals::Prove,
    };
    let options = IngestOptions {
        originals,
        threads: args.threads.unwrap_or(defaults.threads).clamp(1, 256),
        decode_limits: DecodeLimits {
            max_decoded: args.max_layer_size,
            max_ratio: args.max_layer_ratio,
            zstd_window_log: args.max_zstd_window,
            ..defaults.decode_limits
        },
        keep_unreadable: args.keep_unreadable,
        ..defaults
    };
    let meter = Arc::new(Meter::default());
    let progress = Progress::start(&meter, "archiving", context.shows_progress());
    let (mut session, report) = archive.session(&lock, options.clone(), Arc::clone(&meter))?;
    if let OpenOutcome::Rebuilt { reason, .. } = &report.outcome {
        eprintln!("firn: the chunk index was made anew from the packs ({reason}); nothing was lost");
    }
    let mut done = Vec::new();
    let added = add_all(&mut session, &references, args, &archive.tmp(), &options, &mut done);
    // Images that were complete before one failed are kept.
    let totals = session.totals();
    let finished = session.finish();
    drop(progress);
    done.extend(finished?);
    report_all(context, &done, &totals);
    added
}

fn parse(sources: &[String]) -> Result<Vec<Reference>, Failure> {
    sources.iter().map(|source| source.parse().map_err(|error| Failure::usage(format!("{error}")))).collect()
}

fn add_all(
    session: &mut Session,
    references: &[Reference],
    args: &Archive,
    scratch: &std::path::Path,
    options: &IngestOptions,
    done: &mut Vec<Ingested>,
) -> Result<(), Failure> {
    for (number, reference) in references.iter().enumerate() {
        if number + 1 == references.len() {
            session.expect_last();
        }
        let source = open_source(reference, scratch, &options.decode_limits)?;
        let name = choose_name(args, reference, source.name())?;
        done.extend(session.add(source.as_ref(), name)?);
    }
    Ok(())
}

/// The name asked for, or the one that the reference or the source gives.
fn choose_name(args: &Archive, reference: &Reference, own: Option<String>) -> Result<Option<ImageName>, Failure> {
    if args.no_name {
        return Ok(None);
    }
    let referred = match &reference.selector {
        Selector::Name(name) => Some(name.clone()),
        Selector::Only => own,
        Selector::Digest(_) => None,
    };
    let Some(name) = args.name.clone().or(referred) else { return Ok(None) };
    name.parse().map(Some).map_err(|error| Failure::usage(format!("{error}")))
}

fn report_all(context: &Context, done: &[Ingested], totals: &PackerTotals) {
    let json = json!({
        "images": done.iter().map(image_json).collect::<Vec<_>>(),
        "chunks": totals.chunks,
        "chunk_bytes": totals.bytes,
        "new_chunks": totals.new_chunks,
        "new_chunk_bytes": totals.new_bytes,
        "stored_bytes": totals.stored_bytes,
        "packs": totals.packs,
    });
    context.print(&json, || {
        let mut text: String = done.iter().map(image_line).collect();
        if totals.bytes > 0 {
            text.push_str(&format!(
                "{} of {} were new ({}); stored in {} ({} packs)\n",
                show::bytes(totals.new_bytes),
                show::bytes(totals.bytes),
                show::percent(totals.new_bytes, totals.bytes),
                show::bytes(totals.stored_bytes),
                totals.packs,
            ));
        }
        text
    });
}

fn image_line(image: &Ingested) -> String {
    let name = image.name.as_ref().map_or_else(|| "(no name)".to_owned(), ToString::to_string);
    let verb = if image.was_known { "known   " } else { "archived" };
    let new = image.layers.iter().filter(|layer| !layer.was_known).count();
    let mut line = format!(
        "{verb} {name}  {}  {} layers ({new} new)  {:.1} s\n",
        image.image,
        image.layers.len(),
        image.elapsed.as_secs_f64()
    );
    for layer in &image.layers {
        if let Some(reason) = &layer.unreadable {
            line.push_str(&format!("  layer {} is kept as opaque bytes: {reason}\n", layer.digest));
        }
    }
    let waiting = image.layers.iter().filter(|layer| layer.comeback == Comeback::OriginalForNow);
    let (waiting, bytes) = waiting.fold((0, 0), |(number, bytes), layer| (number + 1, bytes + layer.size));
    if waiting > 0 {
        let size = show::bytes(bytes);
        line.push_str(&format!("  {waiting} layers ({size}) are kept as they are until you run firn settle\n"));
    }
    if image.layers.iter().any(|layer| layer.comeback == Comeback::Nothing) {
        line.push_str("  its layers come back uncompressed: the digest of the manifest is given up\n");
    }
    for filesystem in &image.record.filesystems {
        if let firn_engine::format::MountTree::Unmountable(reason) = &filesystem.tree {
            line.push_str(&format!("  it can't be mounted: {reason}\n"));
        }
    }
    if !image.record.absent.is_empty() {
        line.push_str(&format!("  {} blobs it names were not in the source\n", image.record.absent.len()));
    }
    show_safe(&line)
}

/// Keeps line ends, drops every other control character.
fn show_safe(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", show::printable(line))).collect()
}

fn image_json(image: &Ingested) -> Value {
    json!({
        "digest": image.image.to_string(),
        "name": image.name.as_ref().map(ImageName::as_str),
        "source": image.source,
        "was_known": image.was_known,
        "seconds": image.elapsed.as_secs_f64(),
        "added_bytes": image.record.added_bytes,
        "absent": image.record.absent.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "layers": image.layers.iter().map(layer_json).collect::<Vec<_>>(),
    })
}

fn layer_json(layer: &IngestedLayer) -> Value {
    json!({
        "digest": layer.digest.to_string(),
        "size": layer.size,
        "was_known": layer.was_known,
        "original_kept": matches!(layer.comeback, Comeback::Original | Comeback::OriginalForNow),
        "comes_back_from": match layer.comeback {
            Comeback::Encoder => "encoder",
            Comeback::Original => "original",
            Comeback::OriginalForNow => "original for now",
            Comeback::Nothing => "nothing",
            Comeback::AsItIs => "as it is",
        },
        "unreadable": layer.unreadable,
        "encoder_search": layer.detection.as_ref().map(show::detection),
    })
}
