//! What a thaw of some packs would ask of the bucket. Looking costs next to nothing and asks for nothing.

use std::collections::BTreeMap;
use std::ops::Range;

use super::event::Sight;
use super::job::WantedPack;
use crate::id::PackId;
use crate::parallel::in_parallel;
use crate::remote::{Class, Remote, RemoteError, RemoteObject, Restore, Tier};
use crate::store::{Key, PackArea};

/// A pack and how the bucket has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPack {
    /// The pack, its length, class and wanted ranges: what a job is filed with.
    pub pack: WantedPack,
    /// Whether it has to be asked for.
    pub sight: Sight,
}

/// What is to be thawed, as the bucket has it now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What is there, by id.
    pub packs: Vec<PlannedPack>,
    /// What is not.
    pub missing: Vec<PackId>,
}

/// Packs of one class that would be asked for at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// What they are kept as.
    pub class: Class,
    /// The tier they would be asked on: the wanted one, or the fastest that the class has.
    pub tier: Tier,
    /// How many: each is one request.
    pub objects: u64,
    /// Their bytes, all of which are retrieved and kept in a copy.
    pub bytes: u64,
    /// Days that the copies live.
    pub days: u32,
}

/// Seconds until the first pack may be readable and until the last one is, as the provider states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EtaRange {
    /// Until the first is, at best; 0 when some are already.
    pub first: u64,
    /// Until all are, at worst; 0 when all are already.
    pub last: u64,
}

impl Sight {
    /// What a description of an object shows.
    pub fn of(class: Class, restore: Restore) -> Self {
        match restore {
            _ if !class.is_frozen() => Sight::Warm,
            Restore::None => Sight::Frozen,
            Restore::Ongoing => Sight::Ongoing,
            Restore::Until(until) => Sight::Until(until),
        }
    }

    /// Whether it can be read now.
    pub fn is_readable(self) -> bool {
        matches!(self, Sight::Warm | Sight::Until(_))
    }
}

impl Plan {
    /// The plan for packs with the ranges wanted of each (none: all of it), given what the bucket says of its objects.
    /// Objects that are not wanted are left out. Ranges beyond a pack's end are cut.
    pub fn of(wanted: &BTreeMap<PackId, Vec<Range<u64>>>, objects: impl IntoIterator<Item = RemoteObject>) -> Self {
        let mut found = BTreeMap::new();
        for object in objects {
            if let Key::Pack(PackArea::Data, id) = object.key
                && let Some(ranges) = wanted.get(&id)
            {
                let cut = ranges.iter().map(|range| range.start..range.end.min(object.len));
                let ranges = cut.filter(|range| range.start < range.end).collect();
                let pack = WantedPack { id, len: object.len, class: object.class, ranges };
                found.insert(id, PlannedPack { pack, sight: Sight::of(object.class, object.restore) });
            }
        }
        let missing = wanted.keys().filter(|id| !found.contains_key(id)).copied().collect();
        Plan { packs: found.into_values().collect(), missing }
    }

    /// Looks at the bucket, one object at a time in `threads` threads, and plans. What needs a restore is known only from
    /// that: not every server's listings tell.
    ///
    /// # Errors
    /// The first of the bucket's.
    pub fn look(
        remote: &dyn Remote,
        wanted: &BTreeMap<PackId, Vec<Range<u64>>>,
        threads: usize,
    ) -> Result<Self, RemoteError> {
        let ids: Vec<&PackId> = wanted.keys().collect();
        let never = std::sync::atomic::AtomicBool::new(false);
        let heads = in_parallel(&ids, threads, &never, |id| remote.head(&Key::Pack(PackArea::Data, **id)));
        let objects: Vec<Option<RemoteObject>> = heads.into_iter().flatten().collect::<Result<_, _>>()?;
        Ok(Plan::of(wanted, objects.into_iter().flatten()))
    }

    /// What would be paid for on this tier: packs that are neither readable nor on their way, by class.
    pub fn requests(&self, tier: Tier, days: u32) -> Vec<Request> {
        let mut by_class: BTreeMap<Class, Request> = BTreeMap::new();
        for planned in self.packs.iter().filter(|planned| planned.sight == Sight::Frozen) {
            let class = planned.pack.class;
            let Some(tier) = tier.available(class) else { continue };
            let sum = by_class.entry(class).or_insert(Request { class, tier, objects: 0, bytes: 0, days });
            sum.objects += 1;
            sum.bytes = sum.bytes.saturating_add(planned.pack.len);
        }
        by_class.into_values().collect()
    }

    /// Packs that look like this, and their bytes.
    pub fn count(&self, looks: impl Fn(Sight) -> bool) -> (u64, u64) {
        let packs = self.packs.iter().filter(|planned| looks(planned.sight));
        packs.fold((0, 0), |(count, bytes), planned| (count + 1, bytes + planned.pack.len))
    }

    /// Bytes that are wanted, and all bytes of the packs they are in.
    pub fn wanted(&self) -> (u64, u64) {
        self.packs
            .iter()
            .fold((0, 0), |(wanted, whole), planned| (wanted + planned.pack.wanted(), whole + planned.pack.len))
    }

    /// How long this tier takes. Of packs that somebody has asked for already neither tier nor time is known: they may be
    /// readable at once, and take no longer than the slowest tier.
    pub fn eta(&self, tier: Tier) -> EtaRange {
        let range = |planned: &PlannedPack| {
            let class = planned.pack.class;
            match planned.sight {
                Sight::Warm | Sight::Until(_) => (0, 0),
                Sight::Ongoing => (0, Tier::Bulk.longest(class).unwrap_or(0)),
                Sight::Frozen => {
                    let tier = tier.available(class).unwrap_or(tier);
                    (tier.shortest(class).unwrap_or(0), tier.longest(class).unwrap_or(0))
                }
            }
        };
        EtaRange {
            first: self.packs.iter().map(|planned| range(planned).0).min().unwrap_or(0),
            last: self.packs.iter().map(|planned| range(planned).1).max().unwrap_or(0),
        }
    }

    /// What a job for it is filed with.
    pub fn into_packs(self) -> Vec<WantedPack> {
        self.packs.into_iter().map(|planned| planned.pack).collect()
    }
}
