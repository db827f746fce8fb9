//! `firn cost`

use std::collections::HashMap;

use firn_engine::bucket::{FarPack, Tally, pull};
use firn_engine::cost::{Growth, Held, Prices, Today, Year, project};
use firn_engine::id::PackId;
use firn_engine::pin::Coverage;
use firn_engine::remote::{Class, Restore};
use firn_engine::store::{Family, PackArea};
use firn_engine::thaw::{jobs, read_job};
use firn_engine::tier::access::day_of;
use firn_engine::tier::{Finding, History, PackState, Policy, Replay, ReplayPack, replay, review};
use serde_json::json;

use crate::args::Cost;
use crate::context::Context;
use crate::failure::Failure;
use crate::{bucket, policy, pricing, show};

/// A pack of the size archives are made with, in bytes: what growth is taken to come in.
const PACK: u64 = 64 << 20;
/// Findings that are shown to people.
const SHOWN: usize = 10;
/// Seconds.
const YEAR: i64 = 365 * 86_400;

pub fn run(context: &Context, args: &Cost) -> Result<(), Failure> {
    let archive = context.archive()?;
    let remote = bucket::of(&archive)?;
    let prices = pricing::prices(args.prices.as_deref())?;
    if !args.offline {
        pull(&archive, remote.as_ref(), &Tally::default())?;
    }
    let now = u64::try_from(show::now()).unwrap_or(0);
    let age = |since: i64| now.saturating_sub(u64::try_from(since).unwrap_or(0));
    let far: Vec<FarPack> = archive.with_seen(|seen| seen.packs.values().copied().collect());
    let mut held: Vec<Held> =
        far.iter().map(|pack| Held { class: pack.class, bytes: pack.len, seconds: age(pack.modified) }).collect();
    // Metadata in the bucket is what is here, in Standard.
    let families = [Family::Packs(PackArea::Meta), Family::Packs(PackArea::Pinned), Family::Footers];
    for family in families.into_iter().chain([Family::Images, Family::Names, Family::Pins]) {
        let listed = archive.store().list(family).map_err(firn_engine::Error::from)?;
        held.extend(listed.iter().map(|item| Held { class: Class::Standard, bytes: item.len, seconds: now }));
    }
    let today = Today::of(&prices, held.iter().copied());
    let years = match args.project {
        Some(years) => projection(&archive, &prices, &held, years, now)?,
        None => Vec::new(),
    };
    let history = policy::history(&archive)?;
    let replayed = match &args.what_if {
        Some(named) => vec![replayed(&archive, &prices, &policy::named(named)?, &history)?],
        None => Vec::new(),
    };
    let findings = findings(&archive, &prices, &history)?;
    let json = json!({
        "today": today,
        "saving_per_month": today.saving(),
        "projection": years,
        "what_if": replayed,
        "findings": findings,
    });
    context.print(&json, || text(&today, &years, &replayed, &findings));
    Ok(())
}

/// What the time since the first image would have cost under a policy, given what was read.
fn replayed(
    archive: &firn_engine::Archive,
    prices: &Prices,
    policy: &Policy,
    history: &History,
) -> Result<Replay, Failure> {
    let mut born: HashMap<PackId, u32> = HashMap::new();
    let mut pins = Coverage::default();
    for image in archive.images()? {
        let record = archive.image(&image)?;
        pins.add(archive.store().as_ref(), &record);
        for pack in record.all_packs() {
            let day = day_of(record.archived_at);
            born.entry(pack).and_modify(|first| *first = day.min(*first)).or_insert(day);
        }
    }
    let lens = archive.packs()?;
    let packs: Vec<ReplayPack> = lens
        .into_iter()
        .filter(|((area, _), _)| *area == PackArea::Data)
        .filter_map(|((_, pack), bytes)| {
            let born = *born.get(&pack)?;
            let pinned = pins.of(&pack).names().into_iter().map(str::to_owned).collect();
            Some(ReplayPack { pack, bytes, born, start: None, pinned })
        })
        .collect();
    let today = day_of(show::now());
    let first = packs.iter().map(|pack| pack.born).min().unwrap_or(today);
    Ok(replay(prices, policy, &packs, history.accesses(), first..today + 1))
}

/// What somebody should look at.
fn findings(archive: &firn_engine::Archive, prices: &Prices, history: &History) -> Result<Vec<Finding>, Failure> {
    let now = show::now();
    let today = day_of(now);
    let dir = archive.root().join("jobs");
    let mut thaws: HashMap<PackId, u32> = HashMap::new();
    for id in jobs(&dir)? {
        let job = read_job(&dir, id)?;
        if now.saturating_sub(job.spec().created_at) < YEAR {
            job.packs().for_each(|(pack, _)| *thaws.entry(pack.id).or_default() += 1);
        }
    }
    let far: Vec<(PackId, FarPack)> =
        archive.with_seen(|seen| seen.packs.iter().map(|(id, far)| (*id, *far)).collect());
    let states = far.into_iter().map(|(pack, far)| {
        let held_days = today.saturating_sub(day_of(far.modified));
        PackState {
            pack,
            bytes: far.len,
            age_days: held_days,
            last_read_days: history.last_read(&pack).map(|day| today.saturating_sub(day)),
            class: far.class,
            held_days,
            thaws_in_year: thaws.get(&pack).copied().unwrap_or(0),
            copy_until: match far.restore {
                Restore::Until(until) => Some(until),
                _ => None,
            },
        }
    });
    Ok(review(prices, states, now))
}

fn projection(
    archive: &firn_engine::Archive,
    prices: &Prices,
    held: &[Held],
    years: u32,
    now: u64,
) -> Result<Vec<Year>, Failure> {
    // What images added since the first of them was archived.
    let (mut first, mut added) = (now, 0u64);
    for image in archive.images()? {
        let record = archive.image(&image)?;
        first = first.min(u64::try_from(record.archived_at).unwrap_or(now));
        added = added.saturating_add(record.added_bytes);
    }
    let days = now.saturating_sub(first).div_ceil(86_400).max(1);
    let classes = held.iter().max_by_key(|held| held.bytes).map_or(Class::Standard, |held| held.class);
    let growth = Growth::observed(prices, added, days, PACK, classes);
    Ok(project(prices, held.iter().copied(), growth, years))
}

fn text(today: &Today, years: &[Year], replayed: &[Replay], findings: &[Finding]) -> String {
    let mut table = show::Table::new(&["CLASS", ">OBJECTS", ">SIZE", ">PER MONTH"]);
    for row in &today.classes {
        table.row([
            row.class.to_string(),
            row.objects.to_string(),
            show::bytes(row.bytes),
            row.monthly.total.to_string(),
        ]);
    }
    let mut text = table.render();
    text.push_str(&format!("{} a month; {} if all were in standard\n", today.monthly, today.in_standard));
    today.commitments.iter().for_each(|commitment| text.push_str(&format!("committed: {commitment}\n")));
    years.iter().for_each(|year| text.push_str(&format!("{year}\n")));
    replayed.iter().for_each(|replay| text.push_str(&format!("what if, {replay}\n")));
    if !findings.is_empty() {
        text.push_str("worth a look:\n");
        findings.iter().take(SHOWN).for_each(|finding| text.push_str(&format!("  {finding}\n")));
    }
    if findings.len() > SHOWN {
        text.push_str(&format!("  and {} more: --json lists them\n", findings.len() - SHOWN));
    }
    text
}
