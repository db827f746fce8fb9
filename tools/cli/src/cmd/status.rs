//! `firn status`

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

use firn_engine::Archive;
use firn_engine::bucket::{BucketError, Standing};
use firn_engine::format::ImageRecord;
use firn_engine::id::{Digest, PackId};
use firn_engine::read::{Needs, needs};
use firn_engine::store::{Family, Key, PackArea};
use firn_engine::thaw::{Job, Stage, jobs, read_job};
use firn_fusefs::mount::mounts;
use serde_json::{Value, json};

use crate::args::Status;
use crate::cold::{Refusals, refusals};
use crate::context::Context;
use crate::failure::Failure;
use crate::show::{self, Table};
use crate::sys::attribute;

pub fn run(context: &Context, args: &Status) -> Result<(), Failure> {
    let archive = context.archive()?;
    let far = Far::look(&archive, args.offline)?;
    let mut names: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
    for named in archive.names()? {
        names.entry(named.image).or_default().push(named.name.to_string());
    }
    let records = match &args.image {
        Some(image) => vec![archive.resolve(image)?],
        None => archive.images()?.iter().map(|image| archive.image(image)).collect::<Result<_, _>>()?,
    };
    let dir = archive.root().join("jobs");
    let jobs: Vec<Job> = jobs(&dir)?.into_iter().map(|id| read_job(&dir, id)).collect::<Result<_, _>>()?;
    let images: Vec<Image> = records
        .iter()
        .map(|record| Image::of(&archive, record, names.remove(&record.root).unwrap_or_default(), &far, &jobs))
        .collect();
    let (mounts, traffic) = (refusals(archive.root()), traffic(&records));
    let json = json!({
        "images": images.iter().map(Image::json).collect::<Vec<_>>(),
        "refused_reads": mounts,
        "traffic": traffic,
    });
    context.print(&json, || text(&images, &mounts, &traffic));
    Ok(())
}

/// Packs of the bucket, and how they can be read.
struct Far(HashMap<PackId, (u64, Standing)>);

impl Far {
    /// One listing; or what the last one showed.
    fn look(archive: &Archive, offline: bool) -> Result<Self, Failure> {
        let mut far = HashMap::new();
        if let Some(remote) = archive.remote().filter(|_| !offline) {
            let listed = remote.list(Family::Packs(PackArea::Data), &mut |page| {
                for object in page {
                    if let Key::Pack(_, pack) = object.key {
                        far.insert(pack, (object.len, Standing::of(object.class, object.restore)));
                    }
                }
            });
            listed.map_err(BucketError::from)?;
        } else {
            far.extend(archive.with_seen(|seen| {
                let of = seen.packs.iter();
                of.map(|(pack, far)| (*pack, (far.len, Standing::of(far.class, far.restore)))).collect::<Vec<_>>()
            }));
        }
        Ok(Far(far))
    }
}

/// Metadata that is kept in memory while what an image needs is looked up, in bytes.
const CACHE: usize = 64 << 20;

/// A number of packs and their bytes.
type Sum = (u64, u64);

/// Where the packs of an image are.
struct Image {
    image: Digest,
    names: Vec<String>,
    here: Sum,
    near: Sum,
    readable: Sum,
    /// When the first copy goes.
    until: Option<i64>,
    thawing: Sum,
    frozen: Sum,
    missing: u64,
    waits_for: Vec<WaitsFor>,
}

/// A job that some of an image's packs wait for.
struct WaitsFor {
    job: String,
    tier: String,
    packs: u64,
    readable_by: Option<i64>,
}

impl Image {
    fn of(archive: &Archive, record: &ImageRecord, names: Vec<String>, far: &Far, jobs: &[Job]) -> Self {
        let none = (0, 0);
        let mut image = Image {
            image: record.root,
            names,
            here: none,
            near: none,
            readable: none,
            until: None,
            thawing: none,
            frozen: none,
            missing: 0,
            waits_for: Vec::new(),
        };
        let mut waiting = Vec::new();
        // What a thaw brings here are the frames that the image needs. Looked up for packs that are elsewhere alone.
        let wanted: OnceCell<Needs> = OnceCell::new();
        let wanted_of = |pack: &PackId| {
            let look = || needs(&archive.auditor(CACHE), record, &|_| false).unwrap_or_default();
            wanted.get_or_init(look).get(pack).cloned().unwrap_or_default()
        };
        for pack in record.all_packs() {
            let local = |area| std::fs::metadata(archive.root().join(Key::Pack(area, pack).to_string())).ok();
            let there = far.0.get(&pack).copied();
            let key = Key::Pack(PackArea::Data, pack);
            let cached = || {
                if !archive.store().has_part(&key) {
                    return false;
                }
                let ranges = wanted_of(&pack);
                let is_here = |range: &Range<u64>| archive.store().is_here(&key, range.start, range.end - range.start);
                !ranges.is_empty() && ranges.iter().all(is_here)
            };
            match (local(PackArea::Data), there) {
                (Some(file), _) => add(&mut image.here, file.len()),
                (None, Some((len, _))) if cached() => add(&mut image.here, len),
                (None, Some((len, Standing::Near(_)))) => add(&mut image.near, len),
                (None, Some((len, Standing::Readable { until, .. }))) => {
                    add(&mut image.readable, len);
                    image.until = Some(image.until.map_or(until, |first| first.min(until)));
                }
                (None, Some((len, Standing::Thawing(_)))) => {
                    add(&mut image.thawing, len);
                    waiting.push(pack);
                }
                (None, Some((len, Standing::Frozen(_)))) => {
                    add(&mut image.frozen, len);
                    waiting.push(pack);
                }
                // Metadata is always here.
                (None, None) if local(PackArea::Meta).is_some() => {}
                (None, None) => image.missing += 1,
            }
        }
        image.waits_for = jobs.iter().filter_map(|job| WaitsFor::of(job, &waiting)).collect();
        image
    }

    fn name(&self) -> String {
        if self.names.is_empty() { self.image.to_string() } else { self.names.join(", ") }
    }

    fn json(&self) -> Value {
        json!({
            "image": self.image.to_string(),
            "names": self.names,
            "here": show::packs(self.here),
            "near": show::packs(self.near),
            "readable": show::packs(self.readable),
            "readable_until": self.until,
            "thawing": show::packs(self.thawing),
            "frozen": show::packs(self.frozen),
            "missing_packs": self.missing,
            "waits_for": self.waits_for.iter().map(|wait| json!({
                "job": wait.job,
                "tier": wait.tier,
                "packs": wait.packs,
                "readable_by": wait.readable_by,
            })).collect::<Vec<_>>(),
        })
    }
}

fn add(sum: &mut Sum, len: u64) {
    *sum = (sum.0 + 1, sum.1.saturating_add(len));
}

impl WaitsFor {
    /// What of these packs the job is to wake.
    fn of(job: &Job, waiting: &[PackId]) -> Option<Self> {
        let (now, mut packs, mut readable_by) = (show::now(), 0, None);
        for (pack, progress) in job.packs() {
            let asks = matches!(progress.state.stage(), Stage::Planned | Stage::Requested | Stage::Thawing);
            if asks && waiting.contains(&pack.id) {
                packs += 1;
                readable_by = readable_by.max(job.pack_eta(pack, progress, now));
            }
        }
        let (job, tier) = (job.id().to_string(), job.tier().to_string());
        (packs > 0).then_some(WaitsFor { job, tier, packs, readable_by })
    }
}

/// What was fetched for the mounts of these images, as they tell it.
fn traffic(records: &[ImageRecord]) -> Vec<Value> {
    let own = |mount: &Path| {
        let image = attribute(mount, b"user.firn.image")?;
        records.iter().find(|record| record.root.to_string().as_bytes() == image)?;
        let text = String::from_utf8(attribute(mount, b"user.firn.traffic")?).ok()?;
        let numbers = text.split(' ').filter_map(|part| {
            let (name, number) = part.split_once('=')?;
            Some((name.to_owned(), json!(number.parse::<u64>().ok()?)))
        });
        let mut told: serde_json::Map<String, Value> = numbers.collect();
        told.insert("mounted_on".to_owned(), json!(mount));
        Some(Value::Object(told))
    };
    let all = mounts().unwrap_or_default();
    all.iter().filter(|mount| mount.is_firn()).filter_map(|mount| own(&mount.point)).collect()
}

fn text(images: &[Image], mounts: &[Refusals], traffic: &[Value]) -> String {
    let mut table = Table::new(&["IMAGE", ">HERE", ">NEAR", ">READABLE", ">THAWING", ">FROZEN", "UNTIL"]);
    let bytes = |(packs, bytes): Sum| if packs == 0 { "-".to_owned() } else { show::bytes(bytes) };
    for image in images {
        let sums = [image.here, image.near, image.readable, image.thawing, image.frozen].map(bytes);
        let cells = std::iter::once(image.name()).chain(sums);
        table.row(cells.chain([image.until.map(show::time).unwrap_or_default()]));
    }
    let mut text = table.render();
    for image in images {
        for wait in &image.waits_for {
            let by = wait.readable_by.map(|by| format!(", readable by {}", show::time(by))).unwrap_or_default();
            let name = show::printable(&image.name());
            text.push_str(&format!(
                "{name} waits for thaw job {}: {} packs, tier {}{by}\n",
                wait.job, wait.packs, wait.tier
            ));
        }
        if image.missing > 0 {
            text.push_str(&format!("{}: {} packs are missing\n", show::printable(&image.name()), image.missing));
        }
    }
    for mount in mounts {
        let (image, dir) = (&mount.image, mount.mounted_on.display().to_string());
        let line =
            format!("{dir} ({image}): {} reads met frozen packs, last {}", mount.refused, show::time(mount.last));
        text.push_str(&show::printable(&line));
        text.push('\n');
    }
    for told in traffic {
        let number = |name: &str| told.get(name).and_then(Value::as_u64).unwrap_or(0);
        let dir = told.get("mounted_on").and_then(Value::as_str).unwrap_or_default();
        let line = format!(
            "{dir}: {} from the bucket in {} requests, {} from the cache",
            show::bytes(number("bytes_fetched")),
            show::count(number("requests")),
            show::bytes(number("bytes_from_cache"))
        );
        text.push_str(&show::printable(&line));
        text.push('\n');
    }
    text
}
