//! `firn thaw --extend`: readable copies live longer.

use firn_engine::cost::{Bill, Prices, Usage, copy_expires};
use firn_engine::id::JobId;
use firn_engine::remote::Tier;
use firn_engine::thaw::{Job, JobSpec, Journal, Plan, PlannedPack, Sight, read_job};
use serde_json::{Value, json};

use super::Thawing;
use crate::args::Thaw;
use crate::failure::Failure;
use crate::{pricing, show};

/// What an extension would ask for.
struct Longer {
    /// Packs whose copies live on, and their bytes.
    copies: (u64, u64),
    /// When the first of them goes otherwise.
    first_gone: Option<i64>,
    /// Packs that have no copy yet; theirs live as long once they are there.
    to_come: (u64, u64),
    /// Packs whose copies live that long anyway.
    enough: (u64, u64),
    /// When copies go then.
    until: i64,
    bill: Bill,
}

impl Longer {
    /// The request for a copy is priced on the tier of the job, and its life from when it would have gone.
    fn of(plan: &Plan, tier: Tier, before: u32, days: u32, prices: &Prices, now: i64) -> Self {
        let mut usage = Usage::default();
        let until = copy_expires(now, days);
        let wanted = now.saturating_add(i64::from(days) * 86_400);
        let add = |sum: &mut (u64, u64), planned: &PlannedPack| *sum = (sum.0 + 1, sum.1 + planned.pack.len);
        let (mut copies, mut to_come, mut enough, mut first_gone) = ((0, 0), (0, 0), (0, 0), None::<i64>);
        for planned in &plan.packs {
            let (class, len) = (planned.pack.class, planned.pack.len);
            let asked = tier.available(class).unwrap_or(tier);
            match planned.sight {
                Sight::Until(gone) if gone < wanted => {
                    add(&mut copies, planned);
                    first_gone = Some(first_gone.map_or(gone, |first| first.min(gone)));
                    usage.restore_requests(class, asked, 1);
                    usage.copy(class, len, u64::try_from(until.saturating_sub(gone)).unwrap_or(0));
                }
                // One request more than was planned, once the copy is there, and the days in between.
                Sight::Ongoing | Sight::Frozen => {
                    add(&mut to_come, planned);
                    usage.restore_requests(class, asked, 1);
                    usage.copy(class, len, u64::from(days.saturating_sub(before)) * 86_400);
                }
                Sight::Warm | Sight::Until(_) => add(&mut enough, planned),
            }
        }
        Longer { copies, first_gone, to_come, enough, until, bill: Bill::of(&usage, prices) }
    }

    fn text(&self, job: &Job, days: u32) -> String {
        let packs = |(packs, bytes): (u64, u64)| format!("{packs} packs ({})", show::bytes(bytes));
        let mut text = format!("{}: {} live until {}", job.id(), packs(self.copies), show::time(self.until));
        if let Some(gone) = self.first_gone {
            text.push_str(&format!(" instead of {} at the earliest", show::time(gone)));
        }
        text.push('\n');
        if self.to_come.0 > 0 {
            text.push_str(&format!("  {} have no copy yet: theirs are asked for {days} days\n", packs(self.to_come)));
        }
        if self.enough.0 > 0 {
            text.push_str(&format!("  {} live that long anyway\n", packs(self.enough)));
        }
        text.push_str(&format!("  {} at most\n", self.bill.total));
        text
    }

    fn json(&self, job: &Job, days: u32) -> Value {
        json!({
            "job": job.id().to_string(),
            "days": days,
            "extended": show::packs(self.copies),
            "to_come": show::packs(self.to_come),
            "long_enough": show::packs(self.enough),
            "first_expires_otherwise": self.first_gone,
            "copies_expire": self.until,
            "dollars": self.bill.total.dollars(),
        })
    }
}

impl Thawing<'_> {
    /// Has the copies of a job live `--days` from now on: looked at and priced, then asked for. A job that is over has brought
    /// its packs here; copies of it that still live get a job of their own.
    pub(super) fn extend(&self, id: JobId, args: &Thaw) -> Result<(), Failure> {
        let job = read_job(&self.dir, id)?;
        let wanted = job.packs().map(|(pack, _)| (pack.id, pack.ranges.clone())).collect();
        let mut plan =
            Plan::look(self.remote, &wanted, crate::thawing::LOOKS).map_err(firn_engine::bucket::BucketError::from)?;
        if job.is_over() {
            plan.packs.retain(|planned| matches!(planned.sight, Sight::Until(_)));
            if plan.packs.is_empty() {
                return Err(Failure::usage(format!(
                    "no copy that job {id} asked for lives any more: firn thaw {} asks for new ones",
                    show::printable(&job.spec().description)
                )));
            }
        }
        // Nothing is retrieved for an extension, so nothing has to be fast.
        let tier = if job.is_over() { Tier::Bulk } else { job.tier() };
        let prices = pricing::prices(args.prices.as_deref())?;
        let longer = Longer::of(&plan, tier, job.days(), args.days, &prices, show::now());
        if args.consent.dry_run || longer.copies.0 + longer.to_come.0 == 0 {
            let json = json!({ "plan": longer.json(&job, args.days) });
            self.context.print(&json, || longer.text(&job, args.days));
            return Ok(());
        }
        self.context.aside(|| longer.text(&job, args.days));
        if !args.consent.given(&format!("Have them live {} days from now?", args.days))? {
            return Ok(());
        }
        let journal = if job.is_over() {
            let spec = JobSpec {
                description: job.spec().description.clone(),
                images: job.spec().images.clone(),
                tier,
                days: args.days,
                created_at: show::now(),
                packs: plan.into_packs(),
            };
            Journal::create(&self.dir, spec)?
        } else {
            Journal::open(&self.dir, id)?
        };
        let mut driver = self.driver(journal)?;
        driver.extend(args.days)?;
        self.drive(driver, args.wait)
    }
}
