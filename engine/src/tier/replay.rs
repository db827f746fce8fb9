//! What a history of reads would have cost under a policy.

use std::collections::HashMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::access::PackHistory;
use super::estimate::{PackFacts, Place, leaving_now, tier_for};
use super::policy::{Action, Policy};
use crate::cost::{Bill, DAY, Money, Prices, Usage, Way};
use crate::id::PackId;
use crate::remote::Class;

/// Longest stretch replayed, in days: a century.
const MAX_DAYS: u32 = 36_500;

/// Reads of one pack on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Days since the epoch.
    pub day: u32,
    /// The pack.
    pub pack: PackId,
    /// How many.
    pub reads: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A pack that the replay keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayPack {
    /// Which.
    pub pack: PackId,
    /// Its length in bytes.
    pub bytes: u64,
    /// The day it was written.
    pub born: u32,
    /// Its class on the first day, and days it has been there. Without, it is written into Standard when it is born, or on
    /// the first day if that is later.
    pub start: Option<(Class, u32)>,
    /// How working sets of the images that use it are pinned; nothing if one of them has none.
    pub pinned: Vec<String>,
}

/// One month of a replay: a twelfth of 365 days.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Month {
    /// Its first day, since the epoch.
    pub first_day: u32,
    /// What it cost.
    pub bill: Bill,
    /// Times that somebody had to wait for a frozen pack.
    pub waits: u64,
    /// Packs that changed their class.
    pub moves: u64,
    /// What it would have cost with everything in Standard.
    pub in_standard: Money,
}

/// A history under a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replay {
    /// The policy's name.
    pub policy: String,
    /// Month by month.
    pub months: Vec<Month>,
    /// All of them.
    pub total: Money,
    /// All of them with everything in Standard.
    pub in_standard: Money,
    /// What leaving the classes reached at the end would cost besides.
    pub at_risk: Money,
}

/// `default: $1.20 in 12 months, 3 waits; $12.34 if all were in standard`.
impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits: u64 = self.months.iter().map(|month| month.waits).sum();
        let Replay { policy, months, total, in_standard, .. } = self;
        write!(f, "{policy}: {total} in {} months, {waits} waits; ", months.len())?;
        write!(f, "{in_standard} if all were in standard")
    }
}

#[derive(Default)]
struct Sums {
    used: Usage,
    standard: Usage,
    waits: u64,
    moves: u64,
}

/// Replays `history` over `packs` from one day to another (without it; at most a century), and gives what each month costs.
///
/// The policy decides about every pack on the first day of every month, by what was read until the evening before, and again
/// whenever a frozen pack was brought back. Reads of packs that `packs` does not have count for nothing. A frozen pack that
/// is read is brought back at the policy's tier for the policy's days; a copy counts half a day for the midnight.
pub fn replay(
    prices: &Prices,
    policy: &Policy,
    packs: &[ReplayPack],
    history: impl IntoIterator<Item = Access>,
    days: std::ops::Range<u32>,
) -> Replay {
    let (from, to) = (days.start, days.end.min(days.start.saturating_add(MAX_DAYS)));
    let bounds: Vec<u32> =
        (0..).map(|month: u64| from.saturating_add(month_start(month))).take_while(|day| *day < to).collect();
    let mut sums: Vec<Sums> = bounds.iter().map(|_| Sums::default()).collect();
    let mut reads: HashMap<PackId, Vec<Access>> = HashMap::new();
    for access in history {
        reads.entry(access.pack).or_default().push(access);
    }
    let mut at_risk = Money::ZERO;
    for pack in packs {
        let mut accesses = reads.remove(&pack.pack).unwrap_or_default();
        accesses.sort_by_key(|access| access.day);
        let mut walk = Walk::new(prices, policy, pack, from);
        let mut accesses = accesses.into_iter().peekable();
        while let Some(earlier) = accesses.next_if(|access| access.day < from) {
            walk.seen.record(earlier.day, earlier.reads, earlier.bytes);
        }
        let ends = bounds.iter().skip(1).copied().chain([to]);
        for ((start, end), sums) in bounds.iter().zip(ends).zip(&mut sums) {
            if pack.born >= end {
                continue;
            }
            walk.begin_month((*start).max(pack.born), sums);
            while let Some(access) = accesses.next_if(|access| access.day < end) {
                walk.access(&access, sums);
            }
            walk.keep_until(end, sums);
        }
        if let Some(class) = walk.class {
            at_risk += leaving_now(prices, class, pack.bytes, to.saturating_sub(walk.since));
        }
    }
    let month = |(first_day, sums): (u32, Sums)| Month {
        first_day,
        bill: Bill::of(&sums.used, prices),
        waits: sums.waits,
        moves: sums.moves,
        in_standard: Bill::of(&sums.standard, prices).total,
    };
    let months: Vec<Month> = bounds.into_iter().zip(sums).map(month).collect();
    Replay {
        policy: policy.name.clone(),
        total: months.iter().map(|month| month.bill.total).sum(),
        in_standard: months.iter().map(|month| month.in_standard).sum(),
        months,
        at_risk,
    }
}

fn month_start(month: u64) -> u32 {
    u32::try_from(month * 365 / 12).unwrap_or(u32::MAX)
}

/// One pack on its way through time.
struct Walk<'a> {
    prices: &'a Prices,
    policy: &'a Policy,
    pack: &'a ReplayPack,
    pinned: Vec<&'a str>,
    seen: PackHistory,
    /// Nothing before it is written.
    class: Option<Class>,
    /// The day it came into its class; may lie before the replay.
    since: u32,
    /// Days until then are accounted for.
    paid: u32,
    /// The first day without a copy.
    copy_until: u32,
}

impl<'a> Walk<'a> {
    fn new(prices: &'a Prices, policy: &'a Policy, pack: &'a ReplayPack, from: u32) -> Self {
        let pinned = pack.pinned.iter().map(String::as_str).collect();
        let class = pack.start.map(|(class, _)| class);
        let since = from.saturating_sub(pack.start.map_or(0, |(_, days)| days));
        let seen = PackHistory::default();
        Walk { prices, policy, pack, pinned, seen, class, since, paid: from, copy_until: 0 }
    }

    fn begin_month(&mut self, today: u32, sums: &mut Sums) {
        if self.class.is_some() {
            return self.decide(today, sums);
        }
        sums.used.upload(Class::Standard, self.pack.bytes);
        sums.standard.upload(Class::Standard, self.pack.bytes);
        (self.class, self.since, self.paid) = (Some(Class::Standard), today, today);
    }

    /// Storage up to the morning of `day`.
    fn keep_until(&mut self, day: u32, sums: &mut Sums) {
        let Some(class) = self.class else { return };
        let seconds = u64::from(day.saturating_sub(self.paid)) * DAY;
        sums.used.store(self.prices, class, self.pack.bytes, seconds);
        sums.standard.store(self.prices, Class::Standard, self.pack.bytes, seconds);
        self.paid = self.paid.max(day);
    }

    fn access(&mut self, access: &Access, sums: &mut Sums) {
        let Some(class) = self.class else { return };
        self.seen.record(access.day, access.reads, access.bytes);
        sums.used.read(class, access.reads, access.bytes);
        sums.standard.read(Class::Standard, access.reads, access.bytes);
        if class.is_frozen() && access.day >= self.copy_until {
            let assume = &self.policy.assume;
            let seconds = u64::from(assume.restore_days) * DAY + DAY / 2;
            sums.used.thaw(class, tier_for(class, assume.restore_tier), self.pack.bytes, seconds);
            sums.waits += 1;
            self.copy_until = access.day.saturating_add(assume.restore_days).saturating_add(1);
            self.decide(access.day, sums);
        }
    }

    fn decide(&mut self, today: u32, sums: &mut Sums) {
        let Some(class) = self.class else { return };
        let readable = !class.is_frozen() || today < self.copy_until;
        let held_days = today.saturating_sub(self.since);
        let facts = PackFacts {
            bytes: self.pack.bytes,
            age_days: today.saturating_sub(self.pack.born),
            last_read_days: (!self.seen.buckets.is_empty()).then(|| today.saturating_sub(self.seen.last)),
            reads: self.seen.windows(today),
            place: Place::Bucket { class, held_days, readable },
            pinned: &self.pinned,
            remaining_life_days: None,
        };
        if let Action::Move(to) = self.policy.decide(self.prices, &facts).action {
            self.keep_until(today, sums);
            let held = u64::from(held_days) * DAY;
            sums.used.change(self.prices, class, to, self.pack.bytes, held, Way::Copy);
            sums.moves += 1;
            (self.class, self.since, self.copy_until) = (Some(to), today, 0);
        }
    }
}

/// `{"day":…,"pack":"…","reads":…,"bytes":…}`
impl Serialize for Access {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = to.serialize_struct("Access", 4)?;
        fields.serialize_field("day", &self.day)?;
        fields.serialize_field("pack", &self.pack.to_string())?;
        fields.serialize_field("reads", &self.reads)?;
        fields.serialize_field("bytes", &self.bytes)?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Item;
    use crate::tier::Rule;

    const GB: u64 = 1 << 30;
    const FROM: u32 = 20_000;

    fn pack(n: u8, born: u32, start: Option<(Class, u32)>) -> ReplayPack {
        ReplayPack { pack: PackId::from_bytes([n; 32]), bytes: GB, born, start, pinned: Vec::new() }
    }

    fn read(n: u8, day: u32) -> Access {
        Access { day, pack: PackId::from_bytes([n; 32]), reads: 1, bytes: 1 << 20 }
    }

    fn prices() -> Prices {
        Prices::us_east_1().unwrap()
    }

    /// One GB written on the first day: a month of 30 days in Standard, then to Deep Archive, for 335 days.
    /// - month 1: 0.000005 + 30 × 12 / 365 × 0.023 = 0.022684932.
    /// - the year's storage in Deep Archive: 335 × 12 / 365 × 0.00099 × (1 + 2^-15) = 0.010903894 and
    ///   335 × 12 / 365 × 0.023 × 2^-17 = 0.000001933; the copy there 0.00005.
    /// - in Standard: 0.000005 + 12 × 0.023 = 0.276.
    #[test]
    fn a_pack_nobody_reads() {
        let policy = Policy::simple(30, Class::DeepArchive);
        let replay = replay(&prices(), &policy, &[pack(1, FROM, None)], [], FROM..FROM + 365);
        assert_eq!(replay.months.len(), 12);
        assert_eq!(replay.months[0].bill.total.nanos(), 5_000 + 22_684_932);
        assert_eq!(
            replay.months.iter().map(|month| month.moves).collect::<Vec<_>>(),
            [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
        let rest = replay.total.nanos() - replay.months[0].bill.total.nanos();
        // Eleven months are rounded one by one, twice each.
        assert!((rest - (50_000 + 10_903_894 + 1_933)).abs() <= 22, "{rest}");
        assert!((replay.in_standard.nanos() - 276_005_000).abs() <= 12, "{}", replay.in_standard);
        assert_eq!(replay.at_risk, Money::ZERO, "335 of 180 days");
        assert_eq!(
            replay.to_string(),
            "older than 30 days to deep-archive: $0.034 in 12 months, 0 waits; $0.28 if all were in standard"
        );
    }

    /// In Deep Archive already; read on two days of one copy and on one much later: two waits, two thaws of
    /// 0.0001 + 0.02 and 3.5 × 12 / 365 × 0.023 = 0.002646575, three reads at 0.0000004.
    #[test]
    fn reads_of_a_frozen_pack_are_waited_for() {
        let policy = Policy::simple(30, Class::DeepArchive);
        let packs = [pack(1, FROM - 500, Some((Class::DeepArchive, 400)))];
        let history = [read(1, FROM + 100), read(1, FROM + 10), read(1, FROM + 13), read(9, FROM + 13)];
        let replay = replay(&prices(), &policy, &packs, history, FROM..FROM + 365);
        let item = |item| replay.months.iter().map(|month| month.bill.item(item)).sum::<Money>().nanos();
        assert_eq!(
            replay.months.iter().map(|month| month.waits).collect::<Vec<_>>(),
            [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(item(Item::RestoreRequests), 200_000);
        assert_eq!(item(Item::RestoreRetrieval), 40_000_000);
        assert_eq!(item(Item::RestoredCopy), 5_293_150);
        assert_eq!(item(Item::GetRequests), 1_200);
        assert_eq!(item(Item::PutRequests), 0, "it was there");
        assert_eq!(item(Item::EarlyDeletion), 0);
    }

    /// A pack read little by little, weekly: where every read wakes the whole pack it costs more than in Instant, and the
    /// built-in policy finds that.
    #[test]
    fn the_built_in_policy_beats_both_extremes() {
        let prices = prices();
        let packs: Vec<_> = (1..=4).map(|n| pack(n, FROM - 100, Some((Class::Standard, 100)))).collect();
        // One pack is read weekly, three never.
        let history: Vec<_> = (0..730).step_by(7).map(|day| read(1, FROM - 91 + day)).collect();
        let cost = |policy: &Policy| replay(&prices, policy, &packs, history.clone(), FROM..FROM + 639);
        let built_in = cost(&Policy::built_in().unwrap());
        let frozen = cost(&Policy::simple(0, Class::DeepArchive));
        assert!(built_in.total < frozen.total, "{built_in} {frozen}");
        assert!(built_in.total.times(4, 1) < built_in.in_standard, "{built_in}");
        assert_eq!(built_in.months.iter().map(|month| month.waits).sum::<u64>(), 0);
        assert!(frozen.months.iter().map(|month| month.waits).sum::<u64>() > 80);
    }

    #[test]
    fn packs_born_later_and_pinned_ones() {
        let prices = prices();
        let pinned = ReplayPack { pinned: vec!["startup".into()], ..pack(2, FROM, None) };
        let packs = [pack(1, FROM + 45, None), pinned, pack(3, FROM + 400, None)];
        let mut policy = Policy::simple(10, Class::GlacierInstant);
        let stays = Rule { pinned: vec!["startup".into()], class: Some(Class::Standard), ..Rule::default() };
        policy.rules.insert(0, stays);
        let replay = replay(&prices, &policy, &packs, [], FROM..FROM + 90);
        assert_eq!(replay.months.len(), 3);
        assert_eq!(replay.months.iter().map(|month| month.moves).collect::<Vec<_>>(), [0, 0, 1]);
        let stored: Vec<_> = replay.months.iter().map(|month| month.bill.item(Item::Storage).nanos()).collect();
        // The pinned one 30 days; then it 30 days and the other 15; then it 30 and the other 30 in Instant, in days of Standard
        // (0.023 × 12 / 365 = 0.000756164) and of Instant (0.004 × 12 / 365 = 0.000131507).
        assert_eq!(stored, [22_684_932, 34_027_397, 22_684_932 + 3_945_205]);
        // 60 of 90 days are left: 60 × 12 / 365 × 0.004.
        assert_eq!(replay.at_risk.nanos(), 7_890_411);
    }

    #[test]
    fn no_days_are_no_months() {
        let replay =
            |days| replay(&prices(), &Policy::simple(0, Class::Standard), &[pack(1, 0, None)], [read(1, 5)], days);
        assert!(replay(7..7).months.is_empty());
        #[expect(clippy::reversed_empty_ranges, reason = "whoever asks from today to yesterday")]
        let nothing = replay(7..3);
        assert_eq!((nothing.months.len(), nothing.total), (0, Money::ZERO));
        assert_eq!(replay(0..u32::MAX).months.len(), 1200);
        assert_eq!(replay(u32::MAX - 1..u32::MAX).months.len(), 1);
    }
}
