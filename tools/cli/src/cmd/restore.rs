//! `firn restore`

use std::sync::Arc;

use firn_engine::ingest::Meter;
use firn_engine::oci::{Reference, Selector, Transport};
use firn_engine::restore::{LayoutWriter, OciArchiveWriter, OciLayoutWriter, restore};
use serde_json::json;

use crate::args::Restore;
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::show;

pub fn run(context: &Context, args: &Restore) -> Result<(), Failure> {
    let destination: Reference =
        args.destination.parse().map_err(|error| Failure::usage(format!("destination {error}")))?;
    let name = match &destination.selector {
        Selector::Name(name) => Some(name.as_str()),
        Selector::Only => None,
        Selector::Digest(_) => return Err(Failure::usage("a destination takes a tag, not a digest")),
    };
    let archive = context.archive()?;
    let record = archive.resolve(&args.image)?;
    let mut out: Box<dyn LayoutWriter> = match destination.transport {
        Transport::Oci => Box::new(OciLayoutWriter::open(&destination.path)?),
        Transport::OciArchive => Box::new(OciArchiveWriter::create(&destination.path)?),
        Transport::DockerArchive => {
            return Err(Failure::usage(
                "docker-archive: can't hold an image as it is; restore to oci-archive: and convert that with skopeo",
            ));
        }
    };
    let meter = Arc::new(Meter::default());
    let reader = archive.reader(usize::try_from(args.cache).unwrap_or(usize::MAX));
    let restored = {
        let _progress = Progress::start(&meter, "restoring", context.shows_progress());
        restore(&reader, &record, name, out.as_mut(), &meter)?
    };
    let json = json!({
        "digest": record.root.to_string(),
        "destination": destination.to_string(),
        "blobs": restored.blobs,
        "bytes": restored.bytes,
        "already_there": restored.present,
    });
    context.print(&json, || {
        format!(
            "restored {} to {destination}: {} blobs, {}; every digest checked\n",
            record.root,
            restored.blobs,
            show::bytes(restored.bytes)
        )
    });
    Ok(())
}
