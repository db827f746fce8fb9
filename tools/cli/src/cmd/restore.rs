//! `firn restore`

use std::io::{BufWriter, IsTerminal as _};
use std::sync::Arc;

use firn_engine::format::ImageRecord;
use firn_engine::ingest::Meter;
use firn_engine::oci::{Reference, Selector, Transport};
use firn_engine::restore::{
    Destination, DockerName, EmptyDir, LayoutWriter, NewFile, OciArchiveWriter, OciLayoutWriter, Skipped, TreeRestored,
    restore, restore_dir, restore_docker, restore_tar,
};
use firn_engine::{Archive, one_per_core};
use serde_json::{Value, json};

use crate::args::Restore;
use crate::context::{Context, choose_filesystem};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::show;

pub fn run(context: &Context, args: &Restore) -> Result<(), Failure> {
    let destination: Destination =
        args.destination.parse().map_err(|error| Failure::usage(format!("destination {error}")))?;
    let archive = context.archive()?;
    let record = archive.resolve(&args.image)?;
    let job = Job { context, args, archive, record, meter: Arc::new(Meter::default()) };
    match &destination {
        Destination::Image(reference) => match &reference.selector {
            Selector::Digest(_) => Err(Failure::usage("a destination takes a tag, not a digest")),
            Selector::Name(name) => job.image(reference, Some(name)),
            Selector::Only => job.image(reference, None),
        },
        Destination::Tar(path) => {
            let mut file = NewFile::create(path)?;
            let (record, restored) = job.tar(&mut file)?;
            file.finish()?;
            let json = tree_json(record, &destination, restored);
            context.print(&json, || tree_text(record, &destination, restored));
            Ok(())
        }
        Destination::TarOut => {
            let out = std::io::stdout().lock();
            if out.is_terminal() {
                return Err(Failure::usage("a tar stream is nothing for a terminal: redirect it, or name a file"));
            }
            let (record, restored) = job.tar(&mut BufWriter::with_capacity(256 << 10, out))?;
            let json = tree_json(record, &destination, restored);
            context.print_aside(&json, || tree_text(record, &destination, restored));
            Ok(())
        }
        Destination::Dir(path) => {
            let filesystem = choose_filesystem(&job.record, &args.platform)?;
            let image = job.archive.open_image(&job.record, filesystem, job.cache())?;
            let dir = EmptyDir::open(path)?;
            let restored = {
                let _progress = job.progress();
                restore_dir(&image, dir, &job.meter)?
            };
            let mut json = tree_json(&job.record, &destination, restored.tree);
            if let Some(json) = json.as_object_mut() {
                json.insert("skipped".to_owned(), skipped_json(&restored.skipped));
            }
            context.print(&json, || tree_text(&job.record, &destination, restored.tree));
            if !context.json() && !restored.skipped.is_empty() {
                eprint!("{}", skipped_text(&restored.skipped));
            }
            Ok(())
        }
    }
}

struct Job<'c> {
    context: &'c Context,
    args: &'c Restore,
    archive: Archive,
    record: ImageRecord,
    meter: Arc<Meter>,
}

impl Job<'_> {
    fn cache(&self) -> usize {
        usize::try_from(self.args.cache).unwrap_or(usize::MAX)
    }

    fn threads(&self) -> usize {
        self.args.threads.unwrap_or_else(one_per_core).clamp(1, 256)
    }

    fn progress(&self) -> Progress {
        Progress::start(&self.meter, "restoring", self.context.shows_progress())
    }

    fn image(&self, to: &Reference, name: Option<&str>) -> Result<(), Failure> {
        let mut out: Box<dyn LayoutWriter> = match to.transport {
            Transport::DockerArchive => return self.docker(to, name),
            _ if self.args.platform.platform.is_some() => {
                return Err(Failure::usage(
                    "oci: and oci-archive: take the whole image; --platform is for docker-archive:, tar: and dir:",
                ));
            }
            Transport::Oci => Box::new(OciLayoutWriter::open(&to.path)?),
            Transport::OciArchive => Box::new(OciArchiveWriter::create(&to.path)?),
        };
        let reader = self.archive.reader(self.cache());
        let restored = {
            let _progress = self.progress();
            restore(&reader, &self.record, name, out.as_mut(), self.threads(), &self.meter)?
        };
        let root = self.record.root.to_string();
        let json = json!({
            "digest": root,
            "destination": to.to_string(),
            "blobs": restored.blobs,
            "bytes": restored.bytes,
            "already_there": restored.present,
        });
        self.context.print(&json, || {
            let (blobs, bytes) = (restored.blobs, show::bytes(restored.bytes));
            format!("restored {root} to {to}: {blobs} blobs, {bytes}; every digest checked\n")
        });
        Ok(())
    }

    fn docker(&self, to: &Reference, name: Option<&str>) -> Result<(), Failure> {
        let name = name.map(DockerName::parse).transpose()?;
        let filesystem = choose_filesystem(&self.record, &self.args.platform)?;
        let mut file = NewFile::create(&to.path)?;
        let reader = self.archive.reader(self.cache());
        let restored = {
            let _progress = self.progress();
            let restored = restore_docker(&reader, &self.record, filesystem, name.as_ref(), &mut file, &self.meter)?;
            file.finish()?;
            restored
        };
        let json = json!({
            "digest": self.record.root.to_string(),
            "digest_kept": false,
            "manifest": filesystem.manifest.to_string(),
            "image_id": restored.image_id.to_string(),
            "destination": to.to_string(),
            "layers": restored.layers,
            "bytes": restored.bytes,
        });
        self.context.print(&json, || {
            format!(
                "restored image id {} to {to}: {} layers, {}; every diff id checked\n\
                 this format holds no manifest: digest {} is lost in it (oci: and oci-archive: keep it)\n",
                restored.image_id,
                restored.layers,
                show::bytes(restored.bytes),
                filesystem.manifest
            )
        });
        Ok(())
    }

    fn tar(&self, out: &mut dyn std::io::Write) -> Result<(&ImageRecord, TreeRestored), Failure> {
        let filesystem = choose_filesystem(&self.record, &self.args.platform)?;
        let image = self.archive.open_image(&self.record, filesystem, self.cache())?;
        let _progress = self.progress();
        Ok((&self.record, restore_tar(&image, out, &self.meter)?))
    }
}

fn tree_json(record: &ImageRecord, to: &Destination, restored: TreeRestored) -> Value {
    json!({
        "digest": record.root.to_string(),
        "destination": to.to_string(),
        "entries": restored.entries,
        "bytes": restored.bytes,
    })
}

fn tree_text(record: &ImageRecord, to: &Destination, restored: TreeRestored) -> String {
    let (entries, bytes) = (show::count(restored.entries), show::bytes(restored.bytes));
    format!("restored the files of {} to {to}: {entries} entries, {bytes}\n", record.root)
}

fn skipped_json(skipped: &Skipped) -> Value {
    json!({
        "owners": skipped.owners,
        "set_ids": skipped.set_ids,
        "devices": skipped.devices,
        "xattrs": skipped.xattrs,
    })
}

/// One warning for everything.
fn skipped_text(skipped: &Skipped) -> String {
    let parts = [
        (skipped.owners, "owners"),
        (skipped.set_ids, "set-user-ID or set-group-ID bits"),
        (skipped.devices, "devices"),
        (skipped.xattrs, "extended attributes"),
    ];
    let left_out: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", show::count(*n))).collect();
    format!(
        "warning: this user or this filesystem did not allow {}; as root, on a filesystem that has them, all is restored\n",
        left_out.join(", ")
    )
}
