//! The one thaw job that a mount files by itself, if it may.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use firn_engine::Archive;
use firn_engine::bucket::{BucketError, Lookout};
use firn_engine::cost::{Bill, Prices, Usage, copy_seconds};
use firn_engine::id::{Digest, JobId, PackId};
use firn_engine::read::OpenImage;
use firn_engine::remote::{Remote, Tier};
use firn_engine::store::PackArea;
use firn_engine::thaw::{
    Driver, JobSpec, Journal, JournalError, Plan, Settings, Sight, SystemClock, WantedPack, jobs, read_job,
};

use crate::cmd::thaw::{LOOKS, hydrate};
use crate::failure::Failure;
use crate::{bucket, show};

/// After a failure, such as a bucket that does not answer, nothing is tried for so long.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
/// A job that somebody else is driving is looked after again after so long.
const BUSY: Duration = Duration::from_secs(60);

/// The job that may be filed, and what it may cost.
pub struct Order {
    /// The image, as its user calls it.
    pub name: String,
    /// The image.
    pub image: Digest,
    /// How fast.
    pub tier: Tier,
    /// Days that copies live.
    pub days: u32,
    /// The most that all of it may cost, in dollars.
    pub budget: f64,
    /// What it costs.
    pub prices: Prices,
}

/// What came of an order.
enum Outcome {
    /// This job thaws the image.
    Job(JobId),
    /// It would cost too much, which was said.
    TooDear,
    /// Nothing is frozen any more.
    Nothing,
}

impl Order {
    /// Waits in a thread of its own for the first read that fails, then files the job and drives it. Returns what to tell it
    /// by. The thread ends with the process: a job goes on from its journal, whoever takes it up.
    pub fn take(self, lookout: Arc<Lookout>, image: Arc<OpenImage>) -> SyncSender<()> {
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new().name("firn-thaw".into());
        // Without the thread there is no job, and reads fail as they would otherwise.
        let started = thread.spawn(move || self.serve(lookout.archive(), &image, &woken));
        if let Err(error) = started {
            eprintln!("firn: no thaw job will be filed: {error}");
        }
        wake
    }

    fn serve(&self, archive: &Archive, image: &OpenImage, woken: &Receiver<()>) {
        while woken.recv().is_ok() {
            match self.file(archive, image) {
                Ok(Outcome::Job(job)) => return self.drive(archive, job),
                Ok(Outcome::TooDear) => return,
                Ok(Outcome::Nothing) => {}
                Err(failure) => {
                    eprint!("no thaw job for {} yet: {}", self.name, failure.render(false).0);
                    std::thread::sleep(AFTER_FAILURE);
                }
            }
        }
    }

    fn file(&self, archive: &Archive, image: &OpenImage) -> Result<Outcome, Failure> {
        let dir = archive.root().join("jobs");
        if let Some(job) = self.under_way(&dir)? {
            eprintln!("firn: thaw job {job} for {} is under way already", self.name);
            return Ok(Outcome::Job(job));
        }
        let remote = bucket::of(archive)?;
        let plan = self.plan(archive, remote.as_ref(), image)?;
        let (frozen, ongoing) =
            (plan.count(|sight| sight == Sight::Frozen), plan.count(|sight| sight == Sight::Ongoing));
        if frozen.0 + ongoing.0 == 0 {
            return Ok(Outcome::Nothing);
        }
        let (name, price) = (&self.name, self.price(&plan));
        if price.total.dollars() > self.budget {
            eprintln!(
                "firn: {name} is not thawed: {} packs ({}) on tier {} for {} days cost {}, and --cold-budget is ${}",
                frozen.0,
                show::bytes(frozen.1),
                self.tier,
                self.days,
                price.total,
                self.budget
            );
            return Ok(Outcome::TooDear);
        }
        let within = crate::cmd::thaw::hours(plan.eta(self.tier).last);
        let spec = JobSpec {
            description: name.clone(),
            images: vec![self.image],
            tier: self.tier,
            days: self.days,
            created_at: show::now(),
            packs: plan.into_packs(),
        };
        let job = Journal::create(&dir, spec)?.job().id();
        eprintln!(
            "firn: thaw job {job} for {name}: {} packs ({}), {}, readable within {within}",
            frozen.0,
            show::bytes(frozen.1),
            price.total
        );
        Ok(Outcome::Job(job))
    }

    /// A job for the image that is not over, whoever filed it.
    fn under_way(&self, dir: &Path) -> Result<Option<JobId>, Failure> {
        for id in jobs(dir)? {
            // One that can't be read is somebody else's trouble.
            if let Ok(job) = read_job(dir, id)
                && !job.is_over()
                && job.spec().images.contains(&self.image)
            {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// The packs that the mounted files need and that are neither here nor known to be read at once. Packs that only hold kept
    /// originals of layers are not among them: a mount needs none.
    fn plan(&self, archive: &Archive, remote: &dyn Remote, image: &OpenImage) -> Result<Plan, Failure> {
        let store = archive.store();
        let near =
            |pack: &PackId| archive.with_seen(|seen| seen.packs.get(pack).is_some_and(|far| !far.class.is_frozen()));
        let mut wanted = BTreeMap::new();
        for places in image.all_frames()? {
            let at_hand =
                places.iter().any(|place| near(&place.pack) || store.is_here(&place.key(), place.offset, place.len));
            let mut asleep = places.iter().filter(|place| !at_hand && place.area == PackArea::Data);
            if let Some(place) = asleep.next() {
                wanted.insert(place.pack, Vec::new());
            }
        }
        Ok(Plan::look(remote, &wanted, LOOKS).map_err(BucketError::from)?)
    }

    /// What would be paid, copies as if every pack took its longest time.
    fn price(&self, plan: &Plan) -> Bill {
        let (mut usage, now) = (Usage::default(), show::now());
        for planned in plan.packs.iter().filter(|planned| planned.sight == Sight::Frozen) {
            let (class, len) = (planned.pack.class, planned.pack.len);
            let Some(tier) = self.tier.available(class) else { continue };
            let ready = now.saturating_add_unsigned(tier.longest(class).unwrap_or(0));
            usage.thaw(class, tier, len, copy_seconds(ready, self.days));
        }
        Bill::of(&usage, &self.prices)
    }

    /// Does what is due for the job, round by round. In between anybody else may have it: to hurry, extend or cancel it.
    fn drive(&self, archive: &Archive, job: JobId) {
        let dir = archive.root().join("jobs");
        loop {
            match round(archive, &dir, job) {
                Ok(Some(pause)) => std::thread::sleep(pause),
                Ok(None) => return,
                Err(failure) => {
                    eprint!("thaw job {job}: {}", failure.render(false).0);
                    std::thread::sleep(AFTER_FAILURE);
                }
            }
        }
    }
}

/// One round of the job; how long to leave it alone then, or `None` when it is over or gone.
fn round(archive: &Archive, dir: &Path, job: JobId) -> Result<Option<Duration>, Failure> {
    let journal = match Journal::open(dir, job) {
        Ok(journal) => journal,
        Err(JournalError::Busy(_)) => return Ok(Some(BUSY)),
        Err(JournalError::NoSuchJob(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let remote = bucket::of(archive)?;
    let never = AtomicBool::new(false);
    let mut driver = Driver::new(journal, remote.as_ref(), &SystemClock, Settings::default())?;
    let round = driver.step(&|pack: &WantedPack| hydrate(archive, pack), &never)?;
    let seconds = |at: i64| u64::try_from(at.saturating_sub(show::now())).unwrap_or(0);
    let pause = round.again_at.map(|at| Duration::from_secs(seconds(at)).max(Duration::from_millis(100)));
    if pause.is_none() {
        eprintln!("firn: thaw job {job} is over: {}", driver.job().stage());
    }
    Ok(pause)
}
