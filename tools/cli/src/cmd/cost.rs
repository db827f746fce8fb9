//! `firn cost`

use firn_engine::bucket::{FarPack, Tally, pull};
use firn_engine::cost::{Growth, Held, Today, Year, project};
use firn_engine::remote::Class;
use firn_engine::store::{Family, PackArea};
use serde_json::json;

use crate::args::Cost;
use crate::context::Context;
use crate::failure::Failure;
use crate::{bucket, pricing, show};

/// A pack of the size archives are made with, in bytes: what growth is taken to come in.
const PACK: u64 = 64 << 20;

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
    for family in [Family::Packs(PackArea::Meta), Family::Footers, Family::Images, Family::Names] {
        let listed = archive.store().list(family).map_err(firn_engine::Error::from)?;
        held.extend(listed.iter().map(|item| Held { class: Class::Standard, bytes: item.len, seconds: now }));
    }
    let today = Today::of(&prices, held.iter().copied());
    let years = match args.project {
        Some(years) => projection(&archive, &prices, &held, years, now)?,
        None => Vec::new(),
    };
    let json = json!({
        "today": today,
        "saving_per_month": today.saving(),
        "projection": years,
    });
    context.print(&json, || text(&today, &years));
    Ok(())
}

fn projection(
    archive: &firn_engine::Archive,
    prices: &firn_engine::cost::Prices,
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

fn text(today: &Today, years: &[Year]) -> String {
    let mut table = show::Table::new(&["CLASS", "OBJECTS", "SIZE", "PER MONTH"]);
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
    text
}
