//! `firn spill`

use std::collections::BTreeSet;
use std::sync::Arc;

use firn_engine::bucket::{SpillPack, SpillPlan, SpillStep, Spilled, Tally, plan_spill, spill};
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
    let now = show::now();
    let before = now.saturating_sub_unsigned(args.older_than);
    let only = (!images.is_empty()).then_some(&images);
    let tally = Arc::new(Tally::default());
    let plan = {
        let _shown = Transfer::start(&tally, "planning", context.shows_progress());
        plan_spill(&archive, remote.as_ref(), args.class, before, only, &tally)?.1
    };
    let priced = price(&plan, &crate::pricing::prices(args.prices.as_deref())?, now);
    if args.consent.dry_run || plan.is_empty() {
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
fn price(plan: &SpillPlan, prices: &Prices, now: i64) -> Priced {
    let mut planner = Planner::new(prices);
    for pack in &plan.packs {
        match pack.step {
            SpillStep::Upload => planner.upload(plan.class, pack.len),
            SpillStep::Reclass(class) => {
                let seconds = pack.far_since.and_then(|since| u64::try_from(now - since).ok()).unwrap_or(0);
                let held = Held { class, bytes: pack.len, seconds };
                planner.change(held, plan.class, Way::Copy);
            }
            SpillStep::Drop => {}
        }
    }
    plan.beside.expect(&mut planner);
    planner.finish()
}

fn sum(plan: &SpillPlan, of: impl Fn(&SpillPack) -> bool) -> (u64, u64) {
    let chosen = plan.packs.iter().filter(|pack| of(pack));
    chosen.fold((0, 0), |(packs, bytes), pack| (packs + 1, bytes + pack.len))
}

fn upload(pack: &SpillPack) -> bool {
    matches!(pack.step, SpillStep::Upload)
}

fn reclass(pack: &SpillPack) -> bool {
    matches!(pack.step, SpillStep::Reclass(_))
}

fn is_here(pack: &SpillPack) -> bool {
    pack.is_here
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
    line("free here", sum(plan, is_here));
    line("stay, too young", plan.too_young);
    line("colder already", plan.colder);
    if plan.is_empty() {
        text.push_str("  nothing to do\n");
        return text;
    }
    text.push_str(&format!("{priced}\n"));
    text
}

fn plan_json(plan: &SpillPlan, priced: &Priced) -> Value {
    json!({
        "class": plan.class.to_string(),
        "upload": show::packs(sum(plan, upload)),
        "reclass": show::packs(sum(plan, reclass)),
        "drop_here": show::packs(sum(plan, is_here)),
        "too_young": show::packs(plan.too_young),
        "colder": show::packs(plan.colder),
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
    json!({
        "uploaded": show::packs(spilled.uploaded),
        "reclassed": show::packs(spilled.reclassed),
        "dropped_here": show::packs(spilled.dropped),
        "gone": spilled.gone,
    })
}
