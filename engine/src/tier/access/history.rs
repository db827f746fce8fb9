//! Reads by pack and day: single days for a month, weeks for three, thirty days at a time for a year.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::id::PackId;

/// Days that are remembered.
pub(super) const KEEP_DAYS: u32 = 400;
/// Days of age from which days are put together into weeks, and weeks into thirty days.
const WEEKS_FROM: u32 = 31;
const MONTHS_FROM: u32 = 98;
/// Most packs a history holds.
pub(super) const MAX_PACKS: usize = 1 << 18;

/// Reads in one stretch of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tier) struct Bucket {
    /// The last day of the stretch on which something was read.
    pub day: u32,
    /// On how many days something was read.
    pub days: u16,
    pub reads: u32,
    pub bytes: u64,
}

/// The history of one pack: buckets in ascending order of days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::tier) struct PackHistory {
    /// The day of the last read. Stays when the buckets are forgotten.
    pub last: u32,
    pub buckets: Vec<Bucket>,
}

/// Reads within a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Days on which there were any.
    pub days: u32,
    /// How many.
    pub reads: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Reads of the last 30, 90 and 365 days. The first is exact, the others to a week and to a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Windows {
    /// Of 30 days.
    pub month: Window,
    /// Of 90 days.
    pub quarter: Window,
    /// Of 365 days.
    pub year: Window,
}

/// How often a pack is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frequency {
    /// Not in 365 days.
    Never,
    /// Within 365 days.
    Yearly,
    /// On three days of 90, or on one of 30.
    Monthly,
    /// On four days of 30.
    Weekly,
    /// On fifteen days of 30.
    Daily,
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Frequency::Never => "never",
            Frequency::Yearly => "yearly",
            Frequency::Monthly => "monthly",
            Frequency::Weekly => "weekly",
            Frequency::Daily => "daily",
        })
    }
}

impl Windows {
    /// How often that is.
    pub fn frequency(&self) -> Frequency {
        match (self.month.days, self.quarter.days, self.year.days) {
            (15.., _, _) => Frequency::Daily,
            (4.., _, _) => Frequency::Weekly,
            (1.., _, _) | (_, 3.., _) => Frequency::Monthly,
            (_, _, 1..) => Frequency::Yearly,
            _ => Frequency::Never,
        }
    }
}

impl PackHistory {
    pub fn record(&mut self, day: u32, reads: u64, bytes: u64) {
        let more = Bucket { day, days: 1, reads: u32::try_from(reads).unwrap_or(u32::MAX), bytes };
        self.last = self.last.max(day);
        match self.buckets.binary_search_by_key(&day, |bucket| bucket.day) {
            Ok(at) => {
                if let Some(bucket) = self.buckets.get_mut(at) {
                    // That day is counted already.
                    *bucket = Bucket { days: bucket.days, ..bucket.with(more) };
                }
            }
            Err(at) => self.buckets.insert(at, more),
        }
    }

    /// Forgets what is too old and puts together what need not be told apart. Doing it twice changes nothing more.
    fn compact(&mut self, today: u32) {
        self.last = self.last.min(today);
        let mut out: Vec<Bucket> = Vec::with_capacity(self.buckets.len());
        for bucket in &self.buckets {
            // A clock that was ahead must not leave days that never pass.
            let bucket = Bucket { day: bucket.day.min(today), ..*bucket };
            if today - bucket.day > KEEP_DAYS {
                continue;
            }
            match out.last_mut() {
                Some(last) if stretch(last.day, today) == stretch(bucket.day, today) => *last = last.with(bucket),
                _ => out.push(bucket),
            }
        }
        self.buckets = out;
    }

    fn window(&self, today: u32, len: u32) -> Window {
        let inside = self.buckets.iter().filter(|bucket| today.saturating_sub(bucket.day) < len);
        inside.fold(Window::default(), |sum, bucket| Window {
            days: sum.days.saturating_add(bucket.days.into()).min(len),
            reads: sum.reads.saturating_add(bucket.reads.into()),
            bytes: sum.bytes.saturating_add(bucket.bytes),
        })
    }

    pub fn windows(&self, today: u32) -> Windows {
        let [month, quarter, year] = [30, 90, 365].map(|len| self.window(today, len));
        Windows { month, quarter, year }
    }
}

impl Bucket {
    fn with(self, later: Bucket) -> Bucket {
        Bucket {
            day: later.day,
            days: self.days.saturating_add(later.days),
            reads: self.reads.saturating_add(later.reads),
            bytes: self.bytes.saturating_add(later.bytes),
        }
    }
}

/// Which days share a bucket: those of the same stretch. Stretches end with their newest day, so that buckets only merge.
fn stretch(day: u32, today: u32) -> (u32, u32) {
    let age = today.saturating_sub(day);
    let grid = if age < WEEKS_FROM {
        1
    } else if age < MONTHS_FROM {
        7
    } else {
        30
    };
    (grid, day / grid)
}

/// What was read when, for any number of packs up to 2¹⁸.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    pub(super) packs: BTreeMap<PackId, PackHistory>,
}

impl History {
    /// Adds reads of a pack on a day.
    pub fn record(&mut self, pack: &PackId, day: u32, reads: u64, bytes: u64) {
        self.packs.entry(*pack).or_default().record(day, reads, bytes);
    }

    /// Forgets days that are too old, puts older ones together, and of too many packs those that were not read for longest.
    pub fn compact(&mut self, today: u32) {
        self.packs.values_mut().for_each(|pack| pack.compact(today));
        self.keep_newest(MAX_PACKS);
    }

    pub(super) fn keep_newest(&mut self, limit: usize) {
        if self.packs.len() <= limit {
            return;
        }
        let mut by_age: Vec<(u32, PackId)> = self.packs.iter().map(|(id, pack)| (pack.last, *id)).collect();
        by_age.sort_unstable_by(|a, b| b.cmp(a));
        for (_, id) in by_age.into_iter().skip(limit) {
            self.packs.remove(&id);
        }
    }

    /// Forgets packs that are no more.
    pub fn retain(&mut self, keep: impl Fn(&PackId) -> bool) {
        self.packs.retain(|id, _| keep(id));
    }

    /// Day of the last read of a pack, or nothing when none is known.
    pub fn last_read(&self, pack: &PackId) -> Option<u32> {
        self.packs.get(pack).map(|pack| pack.last)
    }

    /// Reads of a pack up to and including `today`.
    pub fn windows(&self, pack: &PackId, today: u32) -> Windows {
        self.packs.get(pack).map(|pack| pack.windows(today)).unwrap_or_default()
    }

    /// Packs that were ever read, with the day of the last time.
    pub fn packs(&self) -> impl Iterator<Item = (&PackId, u32)> {
        self.packs.iter().map(|(id, pack)| (id, pack.last))
    }

    /// Everything remembered, for a replay: one access per bucket, on its last day.
    pub fn accesses(&self) -> impl Iterator<Item = crate::tier::Access> {
        self.packs.iter().flat_map(|(id, pack)| {
            let access = |bucket: &Bucket| crate::tier::Access {
                day: bucket.day,
                pack: *id,
                reads: bucket.reads.into(),
                bytes: bucket.bytes,
            };
            pack.buckets.iter().map(access)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACK: PackId = PackId::from_bytes([1; 32]);

    fn read_on(days: &[u32]) -> History {
        let mut history = History::default();
        days.iter().for_each(|day| history.record(&PACK, *day, 2, 100));
        history
    }

    #[test]
    fn windows_end_today() {
        let history = read_on(&[1000, 1000, 971, 970, 911, 910, 636, 635]);
        let windows = history.windows(&PACK, 1000);
        assert_eq!(windows.month, Window { days: 2, reads: 6, bytes: 300 });
        assert_eq!(windows.quarter, Window { days: 4, reads: 10, bytes: 500 });
        assert_eq!(windows.year, Window { days: 6, reads: 14, bytes: 700 });
        assert_eq!(history.last_read(&PACK), Some(1000));
        assert_eq!(history.last_read(&PackId::from_bytes([2; 32])), None);
        assert_eq!(history.windows(&PackId::from_bytes([2; 32]), 1000), Windows::default());
    }

    #[test]
    fn frequencies() {
        let of = |days: &[u32]| read_on(days).windows(&PACK, 1000).frequency();
        assert_eq!(of(&(986..=1000).collect::<Vec<_>>()), Frequency::Daily);
        assert_eq!(of(&[1000, 993, 986, 979]), Frequency::Weekly);
        assert_eq!(of(&[1000]), Frequency::Monthly);
        assert_eq!(of(&[960, 940, 920]), Frequency::Monthly);
        assert_eq!(of(&[960, 940]), Frequency::Yearly);
        assert_eq!(of(&[600]), Frequency::Never);
        assert!(Frequency::Daily > Frequency::Never);
    }

    #[test]
    fn old_days_are_put_together_and_then_forgotten() {
        let mut history = read_on(&(1..=1000).collect::<Vec<_>>());
        history.compact(1000);
        let pack = &history.packs[&PACK];
        assert!(pack.buckets.len() <= 31 + 11 + 12, "{}", pack.buckets.len());
        assert_eq!(history.windows(&PACK, 1000).month, Window { days: 30, reads: 60, bytes: 3000 });
        let quarter = history.windows(&PACK, 1000).quarter;
        assert!((90..=96).contains(&(quarter.reads / 2)), "{quarter:?}");
        assert_eq!(quarter.days, 90);
        let year = history.windows(&PACK, 1000).year;
        assert!((365..=394).contains(&(year.reads / 2)), "{year:?}");
        history.compact(2000);
        assert_eq!(history.packs[&PACK], PackHistory { last: 1000, buckets: vec![] });
    }

    #[test]
    fn of_too_many_packs_the_longest_unread_go() {
        let mut history = History::default();
        for n in 0..10u8 {
            history.record(&PackId::from_bytes([n; 32]), u32::from(n % 5), 1, 1);
        }
        history.keep_newest(4);
        let left: Vec<u8> = history.packs().map(|(id, _)| id.as_bytes()[0]).collect();
        assert_eq!(left, [3, 4, 8, 9]);
        history.retain(|id| id.as_bytes()[0] != 8);
        assert_eq!(history.packs().count(), 3);
    }

    #[test]
    fn a_clock_that_was_ahead_leaves_nothing_behind() {
        let mut history = read_on(&[900, 5000, 6000]);
        history.compact(1000);
        assert_eq!(history.last_read(&PACK), Some(1000));
        assert_eq!(history.windows(&PACK, 1000).month, Window { days: 2, reads: 4, bytes: 200 });
        assert_eq!(history.windows(&PACK, 1031).month, Window::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn compacting_loses_nothing_that_is_young_and_is_done_once(
            days in prop::collection::vec(0u32..1200, 0..200), today in 600u32..1300,
        ) {
            let mut history = read_on(&days);
            let exact = history.windows(&PACK, today);
            history.compact(today);
            let compact = history.windows(&PACK, today);
            prop_assert_eq!(exact.month.reads, compact.month.reads);
            prop_assert_eq!(exact.month.bytes, compact.month.bytes);
            prop_assert!(compact.quarter.reads >= exact.quarter.reads && compact.year.reads >= exact.year.reads);
            let once = history.clone();
            history.compact(today);
            prop_assert_eq!(&history, &once);
            if let Some(pack) = history.packs.get(&PACK) {
                prop_assert!(pack.buckets.windows(2).all(|pair| pair[0].day < pair[1].day));
            }
        }
    }
}
