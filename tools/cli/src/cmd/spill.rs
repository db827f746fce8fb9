//! `firn spill`

use std::collections::BTreeSet;
use std::sync::Arc;

use firn_engine::Archive;
use firn_engine::bucket::{Decide, SpillPack, SpillPlan, SpillStep, Spilled, Tally, older_than, plan_spill, spill};
use firn_engine::cost::{Held, Plan as Priced, Planner, Prices, Way};
use firn_engine::id::Digest;
use firn_engine::remote::Class;
use serde_json::{Value, json};

use super::attach::{published_json, published_text};
use crate::args::Spill;
use crate::bucket;
use crate::context::Context;
use crate::failure::Failure;
use crate::policy::{self, Chooser};
use crate::progress::Transfer;
use crate::show;

pub fn run(context: &Context, args: &Spill) -> Result<(), Failure> {
    let archive = context.archive()?;
    let remote = bucket::of(&archive)?;
    let images: BTreeSet<Digest> =
        args.images.iter().map(|image| archive.resolve(image).map(|record| record.root)).collect::<Result<_, _>>()?;
    let now = show::now();
    let only = (!images.is_empty()).then_some(&images);
    let prices = crate::pricing::prices(args.prices.as_deref())?;
    let decide = decider(&archive, args, &prices, now)?;
    let tally = Arc::new(Tally::default());
    let plan = {
        let _shown = Transfer::start(&tally, "planning", context.shows_progress());
        plan_spill(&archive, remote.as_ref(), &decide, only, &tally)?.1
    };
    let priced = price(&plan, &prices, now);
    if args.consent.dry_run || plan.is_empty() {
        context.print(&json!({ "plan": plan_json(&plan, &priced) }), || plan_text(&plan, &priced));
        return Ok(());
    }
    context.aside(|| plan_text(&plan, &priced));
    // Without packs that move there are records and names at most that an interrupted run left to be published.
    if !plan.packs.is_empty() && !args.consent.given("Go ahead?")? {
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

/// Whatever says which pack goes where: one class for all that are old enough, or a policy.
fn decider<'p>(archive: &Archive, args: &Spill, prices: &'p Prices, now: i64) -> Result<Box<Decide<'p>>, Failure> {
    match (&args.policy, args.class) {
        (Some(named), _) => {
            let chooser = Chooser { policy: policy::named(named)?, prices, history: policy::history(archive)?, now };
            Ok(Box::new(move |candidate| chooser.decide(candidate)))
        }
        (None, Some(class)) => Ok(Box::new(older_than(now.saturating_sub_unsigned(args.older_than), class))),
        (None, None) => Err(Failure::usage("spill where to? --class or --policy says it")),
    }
}

/// What the plan costs, once and a month.
fn price(plan: &SpillPlan, prices: &Prices, now: i64) -> Priced {
    let mut planner = Planner::new(prices);
    for pack in &plan.packs {
        match pack.step {
            SpillStep::Upload => planner.upload(pack.class, pack.len),
            SpillStep::Reclass(class) => {
                let seconds = pack.far_since.and_then(|since| u64::try_from(now - since).ok()).unwrap_or(0);
                let held = Held { class, bytes: pack.len, seconds };
                planner.change(held, pack.class, Way::Copy);
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

fn is_here(pack: &SpillPack) -> bool {
    pack.is_here
}

/// The classes that packs go to, each with what is written there and what is changed there.
fn by_class(plan: &SpillPlan) -> impl Iterator<Item = (Class, (u64, u64), (u64, u64))> {
    Class::ALL.into_iter().filter_map(|class| {
        let to = |wanted: fn(SpillStep) -> bool| sum(plan, |pack| pack.class == class && wanted(pack.step));
        let upload = to(|step| matches!(step, SpillStep::Upload));
        let reclass = to(|step| matches!(step, SpillStep::Reclass(_)));
        (upload.0 + reclass.0 > 0).then_some((class, upload, reclass))
    })
}

fn plan_text(plan: &SpillPlan, priced: &Priced) -> String {
    let mut table = show::Table::new(&["STEP", ">PACKS", ">SIZE"]);
    let mut line = |what: String, (packs, bytes): (u64, u64)| {
        if packs > 0 {
            table.row([what, packs.to_string(), show::bytes(bytes)]);
        }
    };
    for (class, upload, reclass) in by_class(plan) {
        line(format!("write to {class}"), upload);
        line(format!("change there to {class}"), reclass);
    }
    line("free here".to_owned(), sum(plan, is_here));
    line("stay as they are".to_owned(), plan.kept);
    line("colder already".to_owned(), plan.colder);
    line("move once thawed".to_owned(), plan.frozen);
    let mut text = table.render();
    if plan.is_empty() {
        text.push_str("nothing to do\n");
        return text;
    }
    text.push_str(&format!("{priced}\n"));
    text
}

fn plan_json(plan: &SpillPlan, priced: &Priced) -> Value {
    let classes: serde_json::Map<String, Value> = by_class(plan)
        .map(|(class, upload, reclass)| {
            (class.to_string(), json!({ "upload": show::packs(upload), "reclass": show::packs(reclass) }))
        })
        .collect();
    json!({
        "classes": classes,
        "upload": show::packs(sum(plan, |pack| matches!(pack.step, SpillStep::Upload))),
        "reclass": show::packs(sum(plan, |pack| matches!(pack.step, SpillStep::Reclass(_)))),
        "drop_here": show::packs(sum(plan, is_here)),
        "kept": show::packs(plan.kept),
        "colder": show::packs(plan.colder),
        "move_once_thawed": show::packs(plan.frozen),
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
