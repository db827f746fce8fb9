//! The one thaw job that a mount files by itself, if it may.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use firn_engine::Archive;
use firn_engine::bucket::Lookout;
use firn_engine::cost::Prices;
use firn_engine::id::{Digest, JobId, PackId};
use firn_engine::read::{OpenImage, needs_of_files};
use firn_engine::remote::{Remote, Tier};
use firn_engine::thaw::{Driver, Journal, JournalError, Settings, SystemClock, WantedPack};

use crate::failure::Failure;
use crate::thawing::{ThawPlan, hydrate, is_here, unfinished};
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
        if let Some(job) = unfinished(&dir, &self.image)? {
            eprintln!("firn: thaw job {job} for {} is under way already", self.name);
            return Ok(Outcome::Job(job));
        }
        let remote = bucket::of(archive)?;
        let thaw = self.plan(archive, remote.as_ref(), image)?;
        let (frozen, ongoing) = (thaw.frozen(), thaw.ongoing());
        if frozen.0 + ongoing.0 == 0 {
            return Ok(Outcome::Nothing);
        }
        let (name, price) = (&self.name, thaw.bill(self.tier));
        if price.total.dollars() + thaw.beside.total.dollars() > self.budget {
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
        let within = crate::cmd::thaw::hours(thaw.plan.eta(self.tier).last);
        let job = thaw.file(&dir, name, self.image, self.tier, self.days)?.job().id();
        eprintln!(
            "firn: thaw job {job} for {name}: {} packs ({}), {}, readable within {within}",
            frozen.0,
            show::bytes(frozen.1),
            price.total
        );
        Ok(Outcome::Job(job))
    }

    /// What the mounted files need of packs and is neither here nor known to be read at once. Kept originals are not among it: a mount
    /// needs none.
    fn plan(&self, archive: &Archive, remote: &dyn Remote, image: &OpenImage) -> Result<ThawPlan, Failure> {
        let is_near =
            |pack: &PackId| archive.with_seen(|seen| seen.packs.get(pack).is_some_and(|far| !far.class.is_frozen()));
        let is_here = is_here(archive);
        let wanted = needs_of_files(image, &|place| is_near(&place.pack) || is_here(place))?;
        ThawPlan::look(remote, &wanted, self.days, &self.prices)
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
