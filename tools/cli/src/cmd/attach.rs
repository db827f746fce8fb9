//! `firn attach` and `firn sync`

use std::path::Path;
use std::sync::Arc;

use firn_engine::Archive;
use firn_engine::bucket::{Published, Pulled, Tally, attach, attach_new, publish, pull};
use serde_json::{Value, json};

use crate::args::{Attach, Sync};
use crate::bucket::{self, RemoteFile};
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Transfer;
use crate::show;

pub fn run(context: &Context, args: &Attach) -> Result<(), Failure> {
    // A server of one's own has no regions; asking the environment for one can take seconds.
    let region = args.region.clone().or_else(|| args.endpoint.is_some().then(|| "us-east-1".to_owned()));
    let file = RemoteFile {
        url: args.url.clone(),
        endpoint: args.endpoint.clone(),
        region,
        checksums: args.checksums,
        cache_size: args.cache_size,
    };
    let (dir, remote) = (args.dir.as_path(), file.connect()?);
    let is_new = !dir.join("config").exists();
    if is_new {
        check_empty(dir)?;
        attach_new(dir, remote.as_ref())?;
    } else {
        attach(&Archive::open(dir)?, remote.as_ref())?;
    }
    file.save(dir)?;
    let archive = bucket::open(dir)?;
    let tally = Arc::new(Tally::default());
    let pulled = {
        let _shown = Transfer::start(&tally, "reading", context.shows_progress());
        pull(&archive, remote.as_ref(), &tally)?
    };
    let id = archive.config().archive.to_string();
    let json = json!({
        "archive": dir,
        "id": id,
        "bucket": remote.url(),
        "new": is_new,
        "pulled": pulled_json(&pulled),
    });
    context.print(&json, || {
        let what = if is_new { "made" } else { "attached" };
        format!("{what} {} ({id}) with {} behind it\n{}", dir.display(), remote.url(), pulled_text(&pulled))
    });
    Ok(())
}

fn check_empty(dir: &Path) -> Result<(), Failure> {
    match std::fs::read_dir(dir).map(|mut entries| entries.next().is_some()) {
        Ok(true) => Err(Failure::usage(format!("{} is no archive, and not empty", dir.display()))),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::system(format!("opening {}", dir.display()))(error))
        }
        _ => Ok(()),
    }
}

pub fn sync(context: &Context, args: &Sync) -> Result<(), Failure> {
    let archive = context.archive()?;
    let remote = bucket::of(&archive)?;
    let tally = Arc::new(Tally::default());
    let (pulled, published) = {
        let _shown = Transfer::start(&tally, "exchanging", context.shows_progress());
        if args.pull {
            (pull(&archive, remote.as_ref(), &tally)?, None)
        } else {
            let (pulled, published) = publish(&archive, remote.as_ref(), args.class, &tally)?;
            (pulled, Some(published))
        }
    };
    let json = json!({
        "pulled": pulled_json(&pulled),
        "published": published.as_ref().map(published_json),
    });
    context.print(&json, || pulled_text(&pulled) + &published.as_ref().map(published_text).unwrap_or_default());
    Ok(())
}

fn pulled_json(pulled: &Pulled) -> Value {
    json!({
        "packs": pulled.packs,
        "bytes": pulled.bytes,
        "images": pulled.images,
        "names": pulled.names,
        "pins": pulled.pins,
        "conflicts": pulled.conflicts,
        "refused": pulled.refused,
        "skipped_documents": pulled.skipped_documents,
    })
}

fn pulled_text(pulled: &Pulled) -> String {
    let mut text = format!(
        "from the bucket: {} images, {} names and {} pinned sets, {} of metadata\n",
        pulled.images,
        pulled.names,
        pulled.pins,
        show::bytes(pulled.bytes)
    );
    pulled.conflicts.iter().for_each(|conflict| text.push_str(&format!("note: {conflict}\n")));
    pulled.refused.iter().for_each(|refused| {
        text.push_str(&show::printable(&format!("refused: {refused}")));
        text.push('\n');
    });
    if pulled.skipped_documents {
        text.push_str("note: somebody is archiving or pinning; new images, names and pinned sets of the bucket come with the next sync\n");
    }
    text
}

/// What was published, for people.
pub fn published_text(published: &Published) -> String {
    let mut text = format!(
        "to the bucket: {} images, {} names and {} pinned sets, {} packs ({}), {} of metadata\n",
        published.images,
        published.names,
        published.pins,
        published.packs.0,
        show::bytes(published.packs.1),
        show::bytes(published.meta_packs.1),
    );
    if !published.waiting.is_empty() {
        text.push_str(&format!(
            "{} images are only here, as some of their packs are: firn sync brings all to the bucket\n",
            published.waiting.len()
        ));
    }
    published.overtaken.iter().for_each(|key| {
        text.push_str(&format!("note: {key} was changed by somebody else at the same time; the next sync decides\n"));
    });
    text
}

/// What was published.
pub fn published_json(published: &Published) -> Value {
    json!({
        "packs": published.packs.0,
        "pack_bytes": published.packs.1,
        "meta_packs": published.meta_packs.0,
        "meta_bytes": published.meta_packs.1,
        "images": published.images,
        "names": published.names,
        "pins": published.pins,
        "waiting": published.waiting.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "overtaken": published.overtaken,
    })
}
