//! What somebody should look at from time to time.

use std::fmt;

use serde::Serialize;

use super::estimate::tier_for;
use crate::cost::{Bill, DAY, Money, Prices, Usage, copy_seconds};
use crate::id::PackId;
use crate::remote::{Class, Tier};

/// Days without a read after which a pack has no business in Standard.
const IDLE_DAYS: u32 = 90;
/// More thaws in a year than that, and the pack is in the wrong class.
const THAWS: u32 = 2;
/// Days before the end of a copy or of a minimum duration that it is told.
const COPY_DAYS: u64 = 2;
const COMMITMENT_DAYS: u32 = 14;
/// Days that a copy is asked for in what thawing again would cost.
const AGAIN_DAYS: u32 = 3;

/// What a review looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackState {
    /// The pack.
    pub pack: PackId,
    /// Its length in bytes.
    pub bytes: u64,
    /// Days since it was written.
    pub age_days: u32,
    /// Days since it was last read; nothing if it never was, as far as is known.
    pub last_read_days: Option<u32>,
    /// What it is kept as.
    pub class: Class,
    /// Days since it came into the class.
    pub held_days: u32,
    /// How often it was brought back in the last 365 days.
    pub thaws_in_year: u32,
    /// When its readable copy is gone, in seconds since the epoch.
    pub copy_until: Option<i64>,
}

/// Why a pack is worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Its copy is gone soon; at stake is thawing it again.
    CopyExpires {
        /// When, in seconds since the epoch.
        at: i64,
    },
    /// Frozen, and brought back often; at stake is what that cost.
    ThawedOften {
        /// How often in a year.
        times: u32,
    },
    /// In Standard, and not read; at stake is what a month in Glacier Instant saves.
    Idle {
        /// For how many days.
        days: u32,
    },
    /// Smaller than its class bills; at stake is what a month costs more than in Standard.
    Small {
        /// Bytes that are billed.
        billed: u64,
    },
    /// Its minimum duration ends soon: it can then move or go for nothing. At stake is what doing so now would cost.
    CommitmentEnds {
        /// In how many days.
        days: u32,
    },
}

/// One pack worth a look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The pack.
    #[serde(serialize_with = "shown")]
    pub pack: PackId,
    /// What it is kept as.
    pub class: Class,
    /// Why.
    pub subject: Subject,
    /// What is at stake; see [`Subject`].
    pub at_stake: Money,
}

fn shown<S: serde::Serializer>(value: &PackId, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { pack, class, at_stake, .. } = self;
        write!(f, "{pack} ({class}) ")?;
        match self.subject {
            Subject::CopyExpires { .. } => write!(f, "loses its readable copy soon; thawing it again costs {at_stake}"),
            Subject::ThawedOften { times } => write!(f, "was thawed {times} times in a year, for about {at_stake}"),
            Subject::Idle { days } => write!(f, "was not read for {days} days; {at_stake} a month could be saved"),
            Subject::Small { billed } => {
                write!(f, "is billed as {billed} bytes, {at_stake} a month more than in standard")
            }
            Subject::CommitmentEnds { days } => {
                write!(f, "is free to leave in {days} days; today it would cost {at_stake}")
            }
        }
    }
}

/// Looks at packs at the instant `now` (seconds since the epoch): what is worth a look, by subject, most at stake first.
pub fn review(prices: &Prices, packs: impl IntoIterator<Item = PackState>, now: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pack in packs {
        let finding = |(subject, at_stake)| Finding { pack: pack.pack, class: pack.class, subject, at_stake };
        let all = [expiring(prices, &pack, now), often(prices, &pack, now), idle(prices, &pack), small(prices, &pack)];
        findings.extend(all.into_iter().chain([ending(prices, &pack)]).flatten().map(finding));
    }
    findings.sort_by_key(|finding| (order(finding.subject), -finding.at_stake, finding.pack));
    findings
}

fn order(subject: Subject) -> u8 {
    match subject {
        Subject::CopyExpires { .. } => 0,
        Subject::ThawedOften { .. } => 1,
        Subject::Idle { .. } => 2,
        Subject::Small { .. } => 3,
        Subject::CommitmentEnds { .. } => 4,
    }
}

fn bill(prices: &Prices, fill: impl FnOnce(&mut Usage)) -> Money {
    let mut usage = Usage::default();
    fill(&mut usage);
    Bill::of(&usage, prices).total
}

fn month(prices: &Prices, class: Class, bytes: u64) -> Money {
    bill(prices, |usage| usage.store(prices, class, bytes, prices.month_seconds))
}

fn thaw(prices: &Prices, pack: &PackState, now: i64) -> Money {
    let tier = tier_for(pack.class, Tier::Standard);
    let ready = now.saturating_add_unsigned(tier.longest(pack.class).unwrap_or(0));
    bill(prices, |usage| usage.thaw(pack.class, tier, pack.bytes, copy_seconds(ready, AGAIN_DAYS)))
}

fn expiring(prices: &Prices, pack: &PackState, now: i64) -> Option<(Subject, Money)> {
    let at = pack.copy_until.filter(|_| pack.class.is_frozen())?;
    let left = u64::try_from(at.saturating_sub(now)).ok().filter(|left| *left > 0)?;
    (left <= COPY_DAYS * DAY).then(|| (Subject::CopyExpires { at }, thaw(prices, pack, now)))
}

fn often(prices: &Prices, pack: &PackState, now: i64) -> Option<(Subject, Money)> {
    let times = pack.thaws_in_year;
    (pack.class.is_frozen() && times > THAWS)
        .then(|| (Subject::ThawedOften { times }, thaw(prices, pack, now).times(times.into(), 1)))
}

fn idle(prices: &Prices, pack: &PackState) -> Option<(Subject, Money)> {
    let days = pack.last_read_days.unwrap_or(pack.age_days).min(pack.age_days);
    let saving = month(prices, Class::Standard, pack.bytes) - month(prices, Class::GlacierInstant, pack.bytes);
    // Not what would cost more there: objects under a fifth of the minimum size.
    (pack.class == Class::Standard && days >= IDLE_DAYS && saving > Money::ZERO)
        .then_some((Subject::Idle { days }, saving))
}

fn small(prices: &Prices, pack: &PackState) -> Option<(Subject, Money)> {
    let billed = prices.of(pack.class).min_bytes;
    let more = month(prices, pack.class, pack.bytes) - month(prices, Class::Standard, pack.bytes);
    (pack.bytes < billed).then_some((Subject::Small { billed }, more))
}

fn ending(prices: &Prices, pack: &PackState) -> Option<(Subject, Money)> {
    let days = prices.of(pack.class).min_days.saturating_sub(pack.held_days);
    let now = super::estimate::leaving_now(prices, pack.class, pack.bytes, pack.held_days);
    (1..=COMMITMENT_DAYS).contains(&days).then_some((Subject::CommitmentEnds { days }, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;
    // 2026-01-01T00:00:00Z
    const NOW: i64 = 1_767_225_600;

    fn pack(n: u8, class: Class) -> PackState {
        PackState {
            pack: PackId::from_bytes([n; 32]),
            bytes: GB,
            age_days: 400,
            last_read_days: Some(10),
            class,
            held_days: 400,
            thaws_in_year: 0,
            copy_until: None,
        }
    }

    fn found(packs: &[PackState]) -> Vec<(u8, Subject, i128)> {
        let findings = review(&Prices::us_east_1().unwrap(), packs.iter().copied(), NOW);
        findings.iter().map(|finding| (finding.pack.as_bytes()[0], finding.subject, finding.at_stake.nanos())).collect()
    }

    #[test]
    fn what_is_in_order_is_not_told() {
        assert!(found(&Class::ALL.map(|class| pack(1, class))).is_empty());
    }

    /// A month of a GB in Standard 0.023, in Instant 0.004: 0.019.
    #[test]
    fn packs_in_standard_that_nobody_reads() {
        let idle = |days, age| found(&[PackState { last_read_days: days, age_days: age, ..pack(1, Class::Standard) }]);
        assert_eq!(idle(Some(90), 400), [(1, Subject::Idle { days: 90 }, 19_000_000)]);
        assert_eq!(idle(None, 100), [(1, Subject::Idle { days: 100 }, 19_000_000)]);
        assert!(idle(Some(89), 400).is_empty());
        assert!(idle(None, 89).is_empty(), "too young to have been read");
        let tiny = PackState { last_read_days: None, bytes: 20_000, ..pack(1, Class::Standard) };
        assert!(found(&[tiny]).is_empty(), "billed as 131,072 bytes it would cost more in Instant");
    }

    /// 100,000 B in IA: 131,072 / 2^30 × 0.0125 = 0.000001526, in Standard 0.000002142: still less. 1,000 B: 0.000001526
    /// against 0.000000021.
    #[test]
    fn objects_under_the_billed_minimum() {
        let of = |bytes, class| found(&[PackState { bytes, ..pack(1, class) }]);
        let small = Subject::Small { billed: 131_072 };
        assert_eq!(of(1_000, Class::StandardIa), [(1, small, 1_526 - 21)]);
        assert_eq!(of(100_000, Class::StandardIa), [(1, small, 1_526 - 2_142)]);
        assert_eq!(of(131_071, Class::GlacierInstant).len(), 1);
        assert!(of(131_072, Class::StandardIa).is_empty());
        assert!(of(1_000, Class::DeepArchive).is_empty());
    }

    /// Thawing a GB of Deep Archive: 0.0001 + 0.02 and, ready at noon, 3.5 days of a copy = 0.002646575.
    #[test]
    fn frozen_packs_that_are_wanted_or_about_to_go() {
        let thaw = 22_746_575;
        let often = PackState { thaws_in_year: 3, ..pack(1, Class::DeepArchive) };
        assert_eq!(found(&[often]), [(1, Subject::ThawedOften { times: 3 }, 3 * thaw)]);
        assert!(found(&[PackState { thaws_in_year: 2, ..often }]).is_empty());
        let until = |seconds| {
            let at = NOW + seconds;
            let expected = vec![(1, Subject::CopyExpires { at }, thaw)];
            found(&[PackState { copy_until: Some(at), ..pack(1, Class::DeepArchive) }]) == expected
        };
        assert!(until(1) && until(2 * 86_400));
        assert!(!until(0) && !until(2 * 86_400 + 1));
    }

    /// 14 days left of 180: 14 × 12 / 365 × 0.00099 × (1 + 2^-15) = 0.000455685.
    #[test]
    fn minimum_durations_that_end() {
        let held = |held_days| found(&[PackState { held_days, ..pack(1, Class::DeepArchive) }]);
        assert_eq!(held(166), [(1, Subject::CommitmentEnds { days: 14 }, 455_685)]);
        assert!(held(165).is_empty() && held(180).is_empty());
    }

    #[test]
    fn most_at_stake_comes_first_within_a_subject() {
        let idle = |n, bytes| PackState { bytes, last_read_days: None, ..pack(n, Class::Standard) };
        let often = PackState { thaws_in_year: 9, ..pack(9, Class::GlacierFlexible) };
        let order: Vec<u8> = found(&[idle(1, GB), idle(2, 2 * GB), often]).iter().map(|found| found.0).collect();
        assert_eq!(order, [9, 2, 1]);
        let told = review(&Prices::us_east_1().unwrap(), [often], NOW)[0].to_string();
        assert!(told.ends_with("(glacier) was thawed 9 times in a year, for about $0.12"), "{told}");
    }
}
