//! What `firn thaw` and a mount that thaws by itself have in common: what is to be thawed, what that costs, and how it comes here.

use std::ops::Range;
use std::path::Path;

use firn_engine::bucket::BucketError;
use firn_engine::cost::{Bill, Prices, ThawQuote, Usage, thaw_quotes};
use firn_engine::id::{Digest, JobId};
use firn_engine::read::{FramePlace, Needs};
use firn_engine::remote::{Remote, Tier};
use firn_engine::store::{Key, PackArea, StoreError};
use firn_engine::thaw::{HydrateError, JobSpec, Journal, Plan, Sight, WantedPack, jobs, read_job};
use firn_engine::{Archive, ErrorKind};

use crate::failure::Failure;
use crate::show;

/// Requests that look at objects, at a time.
pub const LOOKS: usize = 16;
/// Bytes that are fetched at a time while a pack comes in.
const PIECE: u64 = 8 << 20;

/// What a thaw would ask for, as the bucket has it now.
pub struct ThawPlan {
    /// The packs.
    pub plan: Plan,
    /// What each tier asks for those that are frozen, slowest first.
    pub quotes: Vec<ThawQuote>,
    /// What it costs besides: looks at the packs, and bringing what is wanted here.
    pub beside: Bill,
    /// Requests that this takes.
    pub requests: u64,
}

impl ThawPlan {
    /// For these bytes of packs: looks at each pack once.
    ///
    /// # Errors
    /// The bucket's; packs that are neither here nor there.
    pub fn look(remote: &dyn Remote, wanted: &Needs, days: u32, prices: &Prices) -> Result<Self, Failure> {
        let plan = Plan::look(remote, wanted, LOOKS).map_err(BucketError::from)?;
        if let Some(pack) = plan.missing.first() {
            let message =
                format!("{} packs are neither here nor in the bucket, first of them {pack}", plan.missing.len());
            return Err(Failure::Other { kind: ErrorKind::Damaged, message, source: None });
        }
        let frozen = plan.packs.iter().filter(|planned| planned.sight == Sight::Frozen);
        let frozen: Vec<_> = frozen.map(|planned| (planned.pack.class, planned.pack.len)).collect();
        let quotes = thaw_quotes(prices, &frozen, days, show::now());
        let (mut usage, mut requests) = (Usage::default(), 0);
        for planned in &plan.packs {
            let (class, pieces) = (planned.pack.class, pieces(&planned.pack).count() as u64);
            // One for this plan; one before it is asked for, or when it is readable.
            usage.heads(class, 2);
            usage.read(class, pieces, planned.pack.wanted());
            requests += 2 + pieces;
        }
        Ok(ThawPlan { plan, quotes, beside: Bill::of(&usage, prices), requests })
    }

    /// Packs that have to be asked for, and their bytes.
    pub fn frozen(&self) -> (u64, u64) {
        self.plan.count(|sight| sight == Sight::Frozen)
    }

    /// Packs that somebody has asked for already, and their bytes.
    pub fn ongoing(&self) -> (u64, u64) {
        self.plan.count(|sight| sight == Sight::Ongoing)
    }

    /// What this tier asks for those that are frozen; where none of their classes has it, the fastest tier that one has.
    pub fn bill(&self, tier: Tier) -> Bill {
        let quote = self.quotes.iter().find(|quote| quote.tier == tier).or(self.quotes.last());
        quote.map(|quote| quote.bill.clone()).unwrap_or_default()
    }

    /// Files a job for it.
    ///
    /// # Errors
    /// Its journal can't be written.
    pub fn file(self, dir: &Path, description: &str, image: Digest, tier: Tier, days: u32) -> Result<Journal, Failure> {
        let spec = JobSpec {
            description: description.to_owned(),
            images: vec![image],
            tier,
            days,
            created_at: show::now(),
            packs: self.plan.into_packs(),
        };
        Ok(Journal::create(dir, spec)?)
    }
}

/// Whether a frame is in the archive's directory, in a pack or in the cache.
pub fn is_here(archive: &Archive) -> impl Fn(&FramePlace) -> bool {
    let store = archive.store();
    |place| store.is_here(&place.key(), place.offset, place.len)
}

/// A job for the image that is not over, whoever filed it. Ones that can't be read are somebody else's trouble.
///
/// # Errors
/// The directory of jobs can't be read.
pub fn unfinished(dir: &Path, image: &Digest) -> Result<Option<JobId>, Failure> {
    let of_image = |id: &JobId| read_job(dir, *id).is_ok_and(|job| !job.is_over() && job.spec().images.contains(image));
    Ok(jobs(dir)?.into_iter().find(of_image))
}

/// What is fetched of a pack, request by request.
fn pieces(pack: &WantedPack) -> impl Iterator<Item = Range<u64>> {
    let whole = Range { start: 0, end: pack.len };
    let ranges = if pack.ranges.is_empty() { vec![whole] } else { pack.ranges.clone() };
    ranges.into_iter().flat_map(|range| {
        let starts = (range.start..range.end).step_by(usize::try_from(PIECE).unwrap_or(usize::MAX));
        starts.map(move |start| start..range.end.min(start + PIECE))
    })
}

/// Reads what is wanted of a pack through the archive's cache, where it stays.
///
/// # Errors
/// See [`HydrateError`].
pub fn hydrate(archive: &Archive, pack: &WantedPack) -> Result<(), HydrateError> {
    let key = Key::Pack(PackArea::Data, pack.id);
    // It was seen to be readable since a read may have found it frozen.
    archive.store().woke(&key);
    let mut bytes = Vec::new();
    for piece in pieces(pack) {
        bytes.resize(usize::try_from(piece.end - piece.start).unwrap_or(0), 0);
        archive.store().read_at(&key, piece.start, &mut bytes).map_err(|error| match error {
            StoreError::Frozen { .. } => HydrateError::Frozen,
            error => HydrateError::Passing(Box::new(error)),
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use firn_engine::id::PackId;
    use firn_engine::remote::Class;

    #[test]
    fn what_is_wanted_comes_in_pieces() {
        let pack = |len, ranges| WantedPack { id: PackId::from_bytes([1; 32]), len, class: Class::DeepArchive, ranges };
        let all = |pack: &WantedPack| pieces(pack).collect::<Vec<_>>();
        let whole = 0..10;
        assert_eq!(all(&pack(10, vec![])), [whole]);
        assert_eq!(all(&pack(2 * PIECE, vec![])), [0..PIECE, PIECE..2 * PIECE]);
        assert_eq!(all(&pack(9 * PIECE, vec![5..9, 20..PIECE + 21])), [5..9, 20..PIECE + 20, PIECE + 20..PIECE + 21]);
    }
}
