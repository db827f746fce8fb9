//! `firn thaw`

mod extend;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use firn_engine::id::{Digest, JobId};
use firn_engine::read::needs;
use firn_engine::remote::Remote;
use firn_engine::thaw::{
    Change, Driver, Ended, Job, Journal, Round, Settings, Sight, Stage, SystemClock, ThawError, WantedPack, jobs,
    read_job,
};
use firn_engine::{Archive, ErrorKind};
use serde_json::{Value, json};

use crate::args::Thaw;
use crate::context::Context;
use crate::failure::Failure;
use crate::thawing::{ThawPlan, hydrate, is_here, unfinished};
use crate::{bucket, pricing, show};

/// Metadata that is kept in memory while what an image needs is looked up, in bytes.
const CACHE: usize = 64 << 20;
/// Between two looks of a status that is watched.
const WATCH: Duration = Duration::from_secs(5);

pub fn run(context: &Context, args: &Thaw) -> Result<(), Failure> {
    let archive = context.archive()?;
    let remote = bucket::of(&archive)?;
    let thaw = Thawing { context, archive: &archive, remote: remote.as_ref(), dir: archive.root().join("jobs") };
    if args.status {
        return thaw.status(args);
    }
    let target = args.target.as_deref().ok_or_else(|| Failure::usage("thaw what? Name an image, or a job"))?;
    match thaw.find(target)? {
        Some(id) => thaw.existing(id, args),
        None if args.cancel || args.resume || args.extend || args.escalate.is_some() => {
            Err(Failure::usage(format!("there is no thaw job for {target}: firn thaw --status lists them")))
        }
        None => thaw.file(target, args),
    }
}

impl From<ThawError> for Failure {
    fn from(error: ThawError) -> Self {
        match error {
            // What can be done about it depends on what happened to the job.
            ThawError::Journal(error) => error.into(),
            error => failure(ErrorKind::System, &error),
        }
    }
}

fn failure(kind: ErrorKind, error: &dyn std::error::Error) -> Failure {
    let source = error.source().map(|cause| firn_engine::with_causes(cause).into());
    Failure::Other { kind, message: error.to_string(), source }
}

impl From<firn_engine::thaw::JournalError> for Failure {
    fn from(error: firn_engine::thaw::JournalError) -> Self {
        use firn_engine::thaw::JournalError as E;
        let kind = match &error {
            E::NoSuchJob(_) => ErrorKind::NotFound,
            E::Busy(_) => ErrorKind::Busy,
            E::Unusable { .. } => ErrorKind::Damaged,
            E::Illegal(_) | E::NotOver(_) | E::Spec(_) | E::Full(_) => ErrorKind::Usage,
            _ => ErrorKind::System,
        };
        failure(kind, &error)
    }
}

struct Thawing<'a> {
    context: &'a Context,
    archive: &'a Archive,
    remote: &'a dyn Remote,
    dir: PathBuf,
}

impl Thawing<'_> {
    /// The job that is meant: by its name or the first digits of it, or the unfinished one of an image.
    fn find(&self, target: &str) -> Result<Option<JobId>, Failure> {
        let all = jobs(&self.dir)?;
        if target.len() >= 4 && target.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let mut named = all.iter().filter(|id| id.to_string().starts_with(target));
            if let (Some(one), None) = (named.next(), named.next()) {
                return Ok(Some(*one));
            }
        }
        unfinished(&self.dir, &self.archive.resolve(target)?.root)
    }

    fn file(&self, target: &str, args: &Thaw) -> Result<(), Failure> {
        let record = self.archive.resolve(target)?;
        let prices = pricing::prices(args.prices.as_deref())?;
        let wanted = needs(&self.archive.auditor(CACHE), &record, &is_here(self.archive))?;
        let thaw = ThawPlan::look(self.remote, &wanted, args.days, &prices)?;
        let shown = || plan_text(target, &thaw, args);
        let json = plan_json(&thaw, args);
        let (frozen, ongoing) = (thaw.frozen(), thaw.ongoing());
        // What is readable already costs no more than fetching it, and is fetched if somebody waits for it.
        let nothing_to_do = thaw.plan.packs.is_empty() || (frozen.0 + ongoing.0 == 0 && !args.wait);
        if nothing_to_do || args.consent.dry_run {
            self.context.print(&json!({ "plan": json }), shown);
            return Ok(());
        }
        self.context.aside(shown);
        let question = format!("Ask for {} on tier {}?", show::printable(target), args.tier);
        if frozen.0 > 0 && !args.consent.given(&question)? {
            return Ok(());
        }
        let journal = thaw.file(&self.dir, target, record.root, args.tier, args.days)?;
        self.context.aside(|| format!("thaw job {}\n", journal.job().id()));
        self.drive(self.driver(journal)?, args.wait)
    }

    fn driver(&self, journal: Journal) -> Result<Driver<'_>, Failure> {
        Ok(Driver::new(journal, self.remote, &SystemClock, Settings::default())?)
    }

    fn existing(&self, id: JobId, args: &Thaw) -> Result<(), Failure> {
        if args.consent.dry_run && !args.extend {
            let job = read_job(&self.dir, id)?;
            self.context.print(&job_json(&job), || job_text(&job));
            return Ok(());
        }
        if args.extend {
            return self.extend(id, args);
        }
        let mut driver = self.driver(Journal::open(&self.dir, id)?)?;
        if args.cancel {
            driver.cancel()?;
            let job = driver.job();
            self.context.print(&job_json(job), || {
                format!("{}nothing more is asked for; what is thawing is paid for\n", job_text(job))
            });
            return Ok(());
        }
        if let Some(tier) = args.escalate {
            let (packs, bytes) = [Stage::Planned, Stage::Requested, Stage::Thawing]
                .iter()
                .fold((0, 0), |sum, stage| (sum.0 + driver.job().at(*stage).0, sum.1 + driver.job().at(*stage).1));
            let question = format!("Ask again on tier {tier} for {packs} packs ({})?", show::bytes(bytes));
            if !args.consent.given(&question)? {
                return Ok(());
            }
            driver.escalate(tier)?;
        }
        if args.resume {
            driver.resume()?;
        }
        self.drive(driver, args.wait)
    }

    /// Asks for what is to be asked for; with `wait`, until everything is here.
    fn drive(&self, mut driver: Driver<'_>, wait: bool) -> Result<(), Failure> {
        let never = AtomicBool::new(false);
        let hydrate = |pack: &WantedPack| hydrate(self.archive, pack);
        if wait {
            let ended = driver.run(&hydrate, None, &never, &mut |job, round| self.tell(job, round))?;
            debug_assert_eq!(ended, Ended::Over, "nothing else ends it");
        } else {
            loop {
                let round = driver.step(&hydrate, &never)?;
                self.tell(driver.job(), &round);
                let asking = driver.job().at(Stage::Planned).0 + driver.job().at(Stage::Requested).0;
                let Some(again_at) = round.again_at.filter(|_| asking > 0) else { break };
                let seconds = u64::try_from(again_at - show::now()).unwrap_or(0).min(60);
                std::thread::sleep(Duration::from_secs(seconds));
            }
        }
        let job = driver.job();
        self.context.print(&job_json(job), || job_text(job));
        match job.stage() {
            Stage::Failed => Err(ended_badly(job, "some packs can't be had; firn thaw --status tells why")),
            Stage::Expired => Err(ended_badly(job, "some copies expired before they were here; --resume asks again")),
            _ => Ok(()),
        }
    }

    fn tell(&self, job: &Job, round: &Round) {
        if !self.context.shows_progress() {
            return;
        }
        for change in &round.changes {
            if let Change::NoCapacity { pack, tier, next } = change {
                let next = next.map_or("nothing".to_owned(), |next| next.to_string());
                eprintln!("no capacity for {tier} ({pack}): asking for {next} instead");
            }
        }
        if let Some(trouble) = &round.trouble {
            eprintln!("the bucket has trouble, trying again: {}", firn_engine::with_causes(trouble));
        }
        if !round.changes.is_empty() {
            eprintln!("{}", stages(job));
        }
    }

    fn status(&self, args: &Thaw) -> Result<(), Failure> {
        loop {
            let mut found = Vec::new();
            for id in jobs(&self.dir)? {
                found.push(read_job(&self.dir, id)?);
            }
            found.sort_by_key(|job| job.spec().created_at);
            let json = json!(found.iter().map(job_json).collect::<Vec<_>>());
            self.context.print(&json, || {
                if found.is_empty() { "no thaw jobs\n".to_owned() } else { found.iter().map(job_text).collect() }
            });
            if !args.watch || found.iter().all(Job::is_over) {
                return Ok(());
            }
            std::thread::sleep(WATCH);
        }
    }
}

fn ended_badly(job: &Job, what: &str) -> Failure {
    Failure::Other { kind: ErrorKind::System, message: format!("thaw job {}: {what}", job.id()), source: None }
}

fn stages(job: &Job) -> String {
    let part = |stage: &Stage| match job.at(*stage) {
        (0, _) => None,
        (packs, bytes) => Some(format!("{packs} {stage} ({})", show::bytes(bytes))),
    };
    Stage::ALL.iter().filter_map(part).collect::<Vec<_>>().join(", ")
}

fn job_text(job: &Job) -> String {
    let eta = job.eta(show::now()).map(|eta| format!(", readable by {}", show::time(eta))).unwrap_or_default();
    let mut text = format!(
        "{}  {}  {}  tier {}, {} days{eta}\n  {}\n",
        job.id(),
        job.stage(),
        show::printable(&job.spec().description),
        job.tier(),
        job.days(),
        stages(job)
    );
    for (pack, progress) in job.packs() {
        if let firn_engine::thaw::PackState::Failed(reason) = &progress.state {
            text.push_str(&show::printable(&format!("  {}: {reason}", pack.id)));
            text.push('\n');
        }
    }
    text
}

fn job_json(job: &Job) -> Value {
    let stages: BTreeMap<String, Value> = Stage::ALL
        .iter()
        .map(|stage| (stage.to_string(), json!({ "packs": job.at(*stage).0, "bytes": job.at(*stage).1 })))
        .collect();
    json!({
        "job": job.id().to_string(),
        "description": job.spec().description,
        "images": job.spec().images.iter().map(Digest::to_string).collect::<Vec<_>>(),
        "stage": job.stage().to_string(),
        "tier": job.tier().to_string(),
        "days": job.days(),
        "created_at": job.spec().created_at,
        "readable_by": job.eta(show::now()),
        "packs": stages,
    })
}

fn plan_text(target: &str, thaw: &ThawPlan, args: &Thaw) -> String {
    let (plan, frozen, ongoing) = (&thaw.plan, thaw.frozen(), thaw.ongoing());
    if plan.packs.is_empty() {
        return format!("{}: all of it is here\n", show::printable(target));
    }
    let readable = plan.count(Sight::is_readable);
    let mut text = format!("{}: ", show::printable(target));
    let part = |(packs, bytes): (u64, u64), what: &str| format!("{packs} packs ({}) {what}", show::bytes(bytes));
    text.push_str(
        &[part(frozen, "frozen"), part(ongoing, "thawing already"), part(readable, "readable in the bucket")]
            .join(", "),
    );
    text.push('\n');
    let (wanted, whole) = plan.wanted();
    if wanted < whole {
        text.push_str(&format!("of them {} are wanted and come here; packs thaw as a whole\n", show::bytes(wanted)));
    }
    text.push_str(&format!("looking at them and fetching takes {} requests, {}\n", thaw.requests, thaw.beside.total));
    if frozen.0 == 0 {
        return text;
    }
    let mut table = show::Table::new(&["TIER", "PACKS", "SIZE", "COST", "READABLE WITHIN", "UNTIL"]);
    for quote in &thaw.quotes {
        let chosen = if quote.tier == args.tier { " *" } else { "" };
        table.row([
            format!("{}{chosen}", quote.tier),
            quote.objects.to_string(),
            show::bytes(quote.bytes),
            quote.bill.total.to_string(),
            hours(quote.ready_within),
            show::time(quote.expires),
        ]);
    }
    text.push_str(&table.render());
    for quote in thaw.quotes.iter().filter(|quote| quote.slower > 0) {
        let (slower, tier) = (quote.slower, quote.tier);
        text.push_str(&format!(
            "of {tier}, {slower} packs are in classes that have none, and come on the fastest tier they have\n"
        ));
    }
    text
}

pub fn hours(seconds: u64) -> String {
    if seconds < 3600 { format!("{} min", seconds.div_ceil(60)) } else { format!("{} h", seconds.div_ceil(3600)) }
}

fn plan_json(thaw: &ThawPlan, args: &Thaw) -> Value {
    let plan = &thaw.plan;
    json!({
        "frozen": show::packs(thaw.frozen()),
        "thawing": show::packs(thaw.ongoing()),
        "readable": show::packs(plan.count(Sight::is_readable)),
        "wanted_bytes": plan.wanted().0,
        "tier": args.tier.to_string(),
        "days": args.days,
        "requests_beside": thaw.requests,
        "dollars_beside": thaw.beside.total.dollars(),
        "quotes": thaw.quotes.iter().map(|quote| json!({
            "tier": quote.tier.to_string(),
            "packs": quote.objects,
            "slower_packs": quote.slower,
            "bytes": quote.bytes,
            "dollars": quote.bill.total.dollars(),
            "ready_within_seconds": quote.ready_within,
            "copies_expire": quote.expires,
        })).collect::<Vec<_>>(),
    })
}
