//! `firn spill`

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use firn_engine::bucket::{SpillPlan, SpillStep, Spilled, Tally, plan_spill, spill};
use firn_engine::cost::{Held, Plan as Priced, Planner, Prices, Way};
use firn_engine::id::Digest;
use serde_json::{Value, json};

use super::attach::{published_json, published_text};
use crate::args::Spill;
use crate::bucket;
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Transfer;
use crate::show;

pub fn run(context: &Context, args: &Spill) -> Result<(), Failure> {
    let archive = context.archive()?;
    let remote = bucket::of(&archive)?;
    let images: BTreeSet<Digest> =
        args.images.iter().map(|image| archive.resolve(image).map(|record| record.root)).collect::<Result<_, _>>()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let before = i64::try_from(now.saturating_sub(args.older_than)).unwrap_or(i64::MAX);
    let only = (!images.is_empty()).then_some(&images);
    let tally = Arc::new(Tally::default());
    let plan = {
        let _shown = Transfer::start(&tally, "planning", context.shows_progress());
        plan_spill(&archive, remote.as_ref(), args.class, before, only, &tally)?.1
    };
    let priced = price(&plan, &crate::pricing::prices(args.prices.as_deref())?, now);
    if args.consent.dry_run || plan.packs.is_empty() {
        context.print(&json!({ "plan": plan_json(&plan, &priced) }), || plan_text(&plan, &priced));
        return Ok(());
    }
    context.aside(|| plan_text(&plan, &priced));
    if !args.consent.given("Go ahead?")? {
        return Ok(());
    }
    let tally = Arc::new(Tally::default());
    let (spilled, published) = {
        let _shown = Transfer::start(&tally, "spilling", context.shows_progress());
        spill(&archive, remote.as_ref(), &plan, &tally)?
    };
    let json = json!({
        "plan": plan_json(&plan, &priced),
        "spilled": spilled_json(&spilled),
        "published": published_json(&published),
    });
    context.print(&json, || spilled_text(&spilled) + &published_text(&published));
    Ok(())
}

/// What the plan costs, once and a month.
fn price(plan: &SpillPlan, prices: &Prices, now: u64) -> Priced {
    let mut planner = Planner::new(prices);
    for pack in &plan.packs {
        match pack.step {
            SpillStep::Upload => planner.upload(plan.class, pack.len),
            SpillStep::Reclass(class) => {
                let since = pack.far_since.and_then(|since| u64::try_from(since).ok()).unwrap_or(now);
                let held = Held { class, bytes: pack.len, seconds: now.saturating_sub(since) };
                planner.change(held, plan.class, Way::Copy);
            }
            SpillStep::Drop => {}
        }
    }
    planner.finish()
}

fn sum(plan: &SpillPlan, of: impl Fn(&SpillStep) -> bool) -> (u64, u64) {
    let chosen = plan.packs.iter().filter(|pack| of(&pack.step));
    chosen.fold((0, 0), |(packs, bytes), pack| (packs + 1, bytes + pack.len))
}

fn upload(step: &SpillStep) -> bool {
    matches!(step, SpillStep::Upload)
}

fn reclass(step: &SpillStep) -> bool {
    matches!(step, SpillStep::Reclass(_))
}

fn plan_text(plan: &SpillPlan, priced: &Priced) -> String {
    let mut text = format!("to {}:\n", plan.class);
    let mut line = |what: &str, (packs, bytes): (u64, u64)| {
        if packs > 0 {
            text.push_str(&format!("  {what:22} {packs:>8} packs  {:>10}\n", show::bytes(bytes)));
        }
    };
    line("upload", sum(plan, upload));
    line("change class there", sum(plan, reclass));
    let freed = plan.packs.iter().filter(|pack| pack.is_here);
    line("free here", freed.fold((0, 0), |(packs, bytes), pack| (packs + 1, bytes + pack.len)));
    line("stay, too young", plan.too_young);
    line("colder already", plan.colder);
    if plan.packs.is_empty() {
        text.push_str("  nothing to do\n");
        return text;
    }
    text.push_str(&format!("{priced}\n"));
    text
}

fn plan_json(plan: &SpillPlan, priced: &Priced) -> Value {
    let part = |(packs, bytes): (u64, u64)| json!({ "packs": packs, "bytes": bytes });
    json!({
        "class": plan.class.to_string(),
        "upload": part(sum(plan, upload)),
        "reclass": part(sum(plan, reclass)),
        "drop_here": part(plan.packs.iter().filter(|pack| pack.is_here).fold((0, 0), |sum, pack| (sum.0 + 1, sum.1 + pack.len))),
        "too_young": part(plan.too_young),
        "colder": part(plan.colder),
        "price": priced,
    })
}

fn spilled_text(spilled: &Spilled) -> String {
    let mut text = format!(
        "spilled {} packs ({}), changed the class of {}, freed {} here\n",
        spilled.uploaded.0,
        show::bytes(spilled.uploaded.1),
        spilled.reclassed.0,
        show::bytes(spilled.dropped.1),
    );
    if spilled.gone > 0 {
        text.push_str(&format!("{} packs were rewritten meanwhile and left out\n", spilled.gone));
    }
    text
}

fn spilled_json(spilled: &Spilled) -> Value {
    let part = |(packs, bytes): (u64, u64)| json!({ "packs": packs, "bytes": bytes });
    json!({
        "uploaded": part(spilled.uploaded),
        "reclassed": part(spilled.reclassed),
        "dropped_here": part(spilled.dropped),
        "gone": spilled.gone,
    })
}
