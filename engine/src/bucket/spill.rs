//! Packs leave the directory for the bucket: planned first, then done.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::PoisonError;

use super::beside::Beside;
use super::parallel::{Tally, for_each};
use super::publish::documents;
use super::pull::{pull_held, save};
use super::seen::FarPack;
use super::upload::{confirm, footer, hashed, upload};
use super::{BucketError, Exchange, Published, Pulled, exchange_store};
use crate::archive::load_image;
use crate::format::PinOrigins;
use crate::id::{Digest, PackId};
use crate::pin::Coverage;
use crate::remote::{Class, Remote, RemoteError};
use crate::store::{Family, Key, LocalStore, PackArea, Store as _, StoreError};
use crate::{Archive, Error, with_causes};

/// Packs between two times that what was done is written down and what is here is dropped.
const BATCH: usize = 32;

/// What has to be done for one pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpillStep {
    /// It is only here: write it, drop it here.
    Upload,
    /// It is there in another class: have it changed, drop it here if it is here.
    Reclass(Class),
    /// It is there as it should be: drop it here.
    Drop,
}

/// A pack that could move, as whoever decides about it sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The pack.
    pub pack: PackId,
    /// Its length in bytes.
    pub len: u64,
    /// Whether it is here.
    pub is_here: bool,
    /// When the last image that uses it was archived, in seconds since the epoch; of one that no image uses, when it was
    /// written.
    pub last_used_by: i64,
    /// What the bucket has of it.
    pub far: Option<FarPack>,
    /// How a working set of every image that uses it is pinned, so that all of them start without it; none if one has no such set.
    pub pinned: PinOrigins,
}

/// What is decided about a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It stays as it is.
    Keep,
    /// It is in the bucket in a colder class already, and may be dropped here.
    Colder,
    /// It goes to this class, and is dropped here.
    To(Class),
    /// It goes to this class once somebody thawed it, and may be dropped here.
    WhenThawed(Class),
}

/// Decides about packs.
pub type Decide<'d> = dyn Fn(&Candidate) -> Verdict + 'd;

/// The plain rule: what no image archived after `before` (seconds since the epoch) uses goes to `class`, and nothing becomes
/// warmer by that.
pub fn older_than(before: i64, class: Class) -> impl Fn(&Candidate) -> Verdict {
    move |candidate| match candidate.far {
        _ if candidate.last_used_by > before => Verdict::Keep,
        Some(far) if far.class != Class::Other && far.class > class => Verdict::Colder,
        _ => Verdict::To(class),
    }
}

/// One pack of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpillPack {
    /// The pack.
    pub pack: PackId,
    /// Its length in bytes.
    pub len: u64,
    /// The class it goes to, or is in.
    pub class: Class,
    /// What has to be done.
    pub step: SpillStep,
    /// Whether it is here, and will not be afterwards.
    pub is_here: bool,
    /// As in [`Candidate`].
    pub last_used_by: i64,
    /// When the object in the bucket was written or changed its class; for early deletion.
    pub far_since: Option<i64>,
}

/// What a spill would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpillPlan {
    /// The packs, oldest first.
    pub packs: Vec<SpillPack>,
    /// Packs that stay as they are, with their bytes; without those that are not here.
    pub kept: (u64, u64),
    /// Packs that are in a colder class already, with their bytes.
    pub colder: (u64, u64),
    /// Packs that would have to be thawed for changing their class, with their bytes.
    pub frozen: (u64, u64),
    /// What else is asked of the bucket.
    pub beside: Beside,
}

impl SpillPlan {
    /// Whether there is nothing to do. Packs may all be where they should be while the records that need them are not: whoever
    /// spilled was stopped in between.
    pub fn is_empty(&self) -> bool {
        self.packs.is_empty() && self.beside.documents == 0
    }
}

/// What a spill did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spilled {
    /// Packs that were written, with their bytes.
    pub uploaded: (u64, u64),
    /// Packs whose class was changed, with their bytes.
    pub reclassed: (u64, u64),
    /// Packs that were dropped here, with their bytes.
    pub dropped: (u64, u64),
    /// Packs that were gone when their turn came, rewritten by somebody else.
    pub gone: u64,
}

/// Plans what `decide` says about each pack, or, where `images` are named, about each that one of them uses. Looks at the
/// bucket, which costs a few listings, and changes nothing there.
///
/// # Errors
/// As [`super::pull`].
pub fn plan_spill(
    archive: &Archive,
    remote: &dyn Remote,
    decide: &Decide<'_>,
    images: Option<&BTreeSet<Digest>>,
    tally: &Tally,
) -> Result<(Pulled, SpillPlan), BucketError> {
    let _exchange = Exchange::begin(archive.root())?;
    let pulled = pull_held(archive, remote, tally)?;
    let local = exchange_store(archive.root());
    let uses = Uses::of(&local, images)?;
    let mut plan = SpillPlan::default();
    for mut candidate in candidates(archive, &local)? {
        if images.is_some() && !uses.wanted.contains(&candidate.pack) {
            continue;
        }
        candidate.pinned = uses.pinned.of(&candidate.pack);
        let last = uses.last.get(&candidate.pack).copied();
        candidate.last_used_by = last.unwrap_or_else(|| modified(archive, candidate.pack));
        plan.add(&candidate, decide(&candidate));
    }
    plan.packs.sort_by_key(|pack| (pack.last_used_by, pack.pack));
    plan.beside = Beside::of(archive, &local, &plan.packs, &pulled)?;
    Ok((pulled, plan))
}

/// Every data pack that is here or there; who uses it is still to be found out.
fn candidates(archive: &Archive, local: &LocalStore) -> Result<impl Iterator<Item = Candidate>, BucketError> {
    let candidate =
        |pack, len, far| Candidate { pack, len, is_here: false, last_used_by: 0, far, pinned: PinOrigins::default() };
    let mut all: HashMap<PackId, Candidate> = archive
        .with_seen(|seen| seen.packs.iter().map(|(id, far)| (*id, candidate(*id, far.len, Some(*far)))).collect());
    for item in local.list(Family::Packs(PackArea::Data))? {
        if let Key::Pack(_, pack) = item.key {
            let here = all.entry(pack).or_insert(candidate(pack, item.len, None));
            (here.len, here.is_here) = (item.len, true);
        }
    }
    Ok(all.into_values())
}

impl SpillPlan {
    fn add(&mut self, candidate: &Candidate, verdict: Verdict) {
        let Candidate { pack, len, is_here, last_used_by, far, pinned: _ } = *candidate;
        let count = |sum: &mut (u64, u64)| *sum = (sum.0 + 1, sum.1 + len);
        let there = far.map(|far| far.class);
        let (class, step) = match (verdict, far) {
            (Verdict::Keep, _) => {
                if is_here {
                    count(&mut self.kept);
                }
                return;
            }
            (Verdict::To(class) | Verdict::WhenThawed(class), None) => (class, SpillStep::Upload),
            (Verdict::To(class) | Verdict::WhenThawed(class), Some(far)) if far.class == class => {
                (class, SpillStep::Drop)
            }
            (Verdict::To(_) | Verdict::WhenThawed(_), Some(far)) if far.class == Class::Other => {
                (far.class, SpillStep::Drop)
            }
            // A frozen object can be copied onto itself only while its restored copy lives.
            (Verdict::To(class), Some(far)) if far.is_readable() => (class, SpillStep::Reclass(far.class)),
            (Verdict::To(_) | Verdict::WhenThawed(_), Some(far)) => {
                count(&mut self.frozen);
                (far.class, SpillStep::Drop)
            }
            (Verdict::Colder, _) => {
                count(&mut self.colder);
                let Some(class) = there else { return };
                (class, SpillStep::Drop)
            }
        };
        if step == SpillStep::Drop && !is_here {
            return;
        }
        let far_since = far.map(|far| far.modified);
        self.packs.push(SpillPack { pack, len, class, step, is_here, last_used_by, far_since });
    }
}

/// Which packs images use.
struct Uses {
    /// When the last image that uses a pack was archived.
    last: HashMap<PackId, i64>,
    pinned: Coverage,
    /// The packs of the images that were named.
    wanted: BTreeSet<PackId>,
}

impl Uses {
    fn of(local: &LocalStore, images: Option<&BTreeSet<Digest>>) -> Result<Self, BucketError> {
        let mut uses = Uses { last: HashMap::new(), pinned: Coverage::default(), wanted: BTreeSet::new() };
        for item in local.list(Family::Images)? {
            let Key::Image(digest) = item.key else { continue };
            let record = load_image(local, &digest).map_err(|error| match error {
                Error::Store(error) => error.into(),
                error => BucketError::Object { key: item.key.clone(), what: with_causes(&error) },
            })?;
            uses.pinned.add(local, &record);
            for pack in record.all_packs() {
                let last = uses.last.entry(pack).or_insert(i64::MIN);
                *last = (*last).max(record.archived_at);
                if images.is_some_and(|images| images.contains(&digest)) {
                    uses.wanted.insert(pack);
                }
            }
        }
        Ok(uses)
    }
}

fn modified(archive: &Archive, pack: PackId) -> i64 {
    let path = archive.root().join(Key::Pack(PackArea::Data, pack).to_string());
    let since = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let since = since.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}

/// Does what was planned, then publishes the records and names that can be. What is here is dropped only after the bucket was
/// shown to hold the same bytes. Interrupted at any point, the same again goes on from there, and writes nothing twice.
///
/// # Errors
/// As [`plan_spill`]; [`BucketError::Unconfirmed`] if the bucket can't be shown to hold what was written.
pub fn spill(
    archive: &Archive,
    remote: &dyn Remote,
    plan: &SpillPlan,
    tally: &Tally,
) -> Result<(Spilled, Published), BucketError> {
    let _exchange = Exchange::begin(archive.root())?;
    plan.packs.iter().for_each(|pack| tally.expect(pack.len));
    let mut spilled = Spilled::default();
    for batch in plan.packs.chunks(BATCH) {
        let done = Mutex::new(Vec::new());
        let outcome = for_each(batch, |item| -> Result<(), BucketError> {
            let there = one(archive, remote, item)?;
            tally.done(item.len);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((*item, there));
            Ok(())
        });
        // What was done before a failure counts, too.
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        archive.with_seen(|seen| {
            seen.packs.extend(done.iter().filter_map(|(item, there)| there.map(|there| (item.pack, there))));
        });
        save(archive)?;
        for (item, there) in done {
            count(archive, &item, there.is_some(), &mut spilled)?;
        }
        outcome?;
    }
    Ok((spilled, documents(archive, remote, tally)?))
}

/// Brings one pack to the class. `None` if it is gone.
fn one(archive: &Archive, remote: &dyn Remote, item: &SpillPack) -> Result<Option<FarPack>, BucketError> {
    let key = Key::Pack(PackArea::Data, item.pack);
    let path = archive.root().join(key.to_string());
    if item.is_here && !path.exists() {
        return Ok(None);
    }
    if item.step == SpillStep::Upload {
        return upload(archive, remote, item.pack, item.class).map(Some);
    }
    if let SpillStep::Reclass(_) = item.step {
        match remote.reclass(&key, item.class) {
            Err(RemoteError::NotFound { .. }) => return Ok(None),
            outcome => outcome?,
        }
    }
    footer(archive, remote, item.pack)?;
    let there = if item.is_here { Some(confirm(remote, &key, &hashed(&key, &path)?)?) } else { remote.head(&key)? };
    Ok(there.map(|there| FarPack {
        len: there.len,
        class: there.class,
        restore: there.restore,
        modified: there.modified,
    }))
}

fn count(archive: &Archive, item: &SpillPack, is_there: bool, spilled: &mut Spilled) -> Result<(), StoreError> {
    let add = |to: &mut (u64, u64)| *to = (to.0 + 1, to.1 + item.len);
    if !is_there {
        spilled.gone += 1;
        return Ok(());
    }
    match item.step {
        SpillStep::Upload => add(&mut spilled.uploaded),
        SpillStep::Reclass(_) => add(&mut spilled.reclassed),
        SpillStep::Drop => {}
    }
    if item.is_here {
        exchange_store(archive.root()).delete(&Key::Pack(PackArea::Data, item.pack))?;
        add(&mut spilled.dropped);
    }
    Ok(())
}
