//! Looking at what is thawing: by listing, where that is cheaper and the server's listings tell, else one by one.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use super::look::{Look, Verdict, judge};
use super::{Driver, Round, ThawError};
use crate::id::PackId;
use crate::store::{Family, Key, PackArea};
use crate::thaw::event::Sight;
use crate::thaw::job::{PackState, Stage};

/// Keys on one page of a listing.
const PAGE: u64 = 1000;
/// Seconds between two looks, at least and at most. A pack is looked at some fifty times at most: more often, and looking at what takes
/// two days would cost more than asking for it.
const INTERVAL: (i64, i64) = (15, 3600);

/// What is known of the bucket's listings.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Keys that the last one had.
    keys: u64,
    /// They don't tell of restores.
    silent: bool,
}

/// Whether listing so many keys costs less than looking at so many objects. A listing of 1,000 keys is billed $0.005 per
/// thousand, a look $0.0004 (us-east-1, S3 Standard requests): one listing is 12.5 looks.
fn is_listing_cheaper(keys: u64, looks: u64) -> bool {
    keys.div_ceil(PAGE).max(1).saturating_mul(25) < looks.saturating_mul(2)
}

impl Driver<'_> {
    /// Seconds between two looks: a fortieth of the time the fastest pack may take, or has taken when that is longer.
    fn interval(&self, now: i64) -> Option<i64> {
        let job = self.job();
        let packs = job.packs().filter(|(_, progress)| progress.state.stage() == Stage::Thawing);
        let span = packs.map(|(pack, progress)| {
            let PackState::Thawing { since } = progress.state else { return i64::MAX };
            let start = progress.asked.map_or(since, |ask| ask.at);
            let ready = job.pack_eta(pack, progress, now).unwrap_or(now);
            ready.max(now).saturating_sub(start)
        });
        Some((span.min()? / 40).clamp(INTERVAL.0, INTERVAL.1))
    }

    /// When what is thawing is looked at next; `None` when nothing is.
    pub(super) fn poll_at(&self, now: i64) -> Option<i64> {
        let interval = self.interval(now)?;
        // One in the future means that the clock was set back.
        let polled = self.polled.filter(|polled| *polled <= now);
        Some(polled.map_or(now, |polled| polled.saturating_add(interval)))
    }

    /// Looks at what is thawing, when it is time.
    pub(super) fn poll(&mut self, stop: &AtomicBool, round: &mut Round) -> Result<(), ThawError> {
        let now = self.clock.now();
        if self.poll_at(now).is_none_or(|at| at > now) {
            return Ok(());
        }
        let thawing = self.find(|_, progress| progress.state.stage() == Stage::Thawing);
        let count = thawing.len() as u64;
        let looks = if !self.listing.silent && is_listing_cheaper(self.listing.keys, count) {
            self.list(&thawing, stop, round)?
        } else {
            self.look(&thawing, stop, round)?
        };
        self.note(&looks, round)?;
        if round.trouble.is_none() {
            self.polled = Some(now);
        }
        Ok(())
    }

    /// Looks at packs by listing the bucket; at those of which it tells nothing, one by one.
    fn list(&mut self, thawing: &[u32], stop: &AtomicBool, round: &mut Round) -> Result<Vec<Look>, ThawError> {
        let ids = thawing.iter().filter_map(|index| Some((self.pack(*index)?.0.id, *index)));
        let wanted: HashMap<PackId, u32> = ids.collect();
        let (mut looks, mut keys) = (HashMap::new(), 0u64);
        let listed = self.remote.list(Family::Packs(PackArea::Data), &mut |page| {
            keys += page.len() as u64;
            for object in page {
                if let Key::Pack(_, id) = object.key
                    && let Some(index) = wanted.get(&id)
                {
                    let sight = Sight::of(object.class, object.restore);
                    looks.insert(*index, Look { index: *index, class: object.class, sight });
                }
            }
        });
        match listed.map_err(judge) {
            Ok(()) => {}
            Err(Verdict::Denied(error)) => return Err(ThawError::Denied(error)),
            Err(Verdict::SlowDown(error) | Verdict::Passing(error)) => {
                self.trouble(error, round);
                return Ok(Vec::new());
            }
            // A server that can't list is asked one by one.
            Err(Verdict::Missing | Verdict::Refused(_)) => {
                self.listing.silent = true;
                return self.look(thawing, stop, round);
            }
        }
        self.listing.keys = keys;
        // A listing that shows no restore proves nothing: not every server's tells.
        let shows = |index: &u32| looks.get(index).is_some_and(|look| look.sight != Sight::Frozen);
        let (shown, doubtful): (Vec<u32>, Vec<u32>) = thawing.iter().partition(|index| shows(index));
        let asked = self.look(&doubtful, stop, round)?;
        let listed_frozen = |look: &Look| looks.get(&look.index).is_some_and(|listed| listed.sight == Sight::Frozen);
        self.listing.silent |= asked.iter().any(|look| look.sight != Sight::Frozen && listed_frozen(look));
        let mut all: Vec<Look> = shown.iter().filter_map(|index| looks.get(index).copied()).collect();
        all.extend(asked);
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_pays_from_one_pack_in_eighty_on() {
        assert!(!is_listing_cheaper(100, 12));
        assert!(is_listing_cheaper(100, 13));
        assert!(!is_listing_cheaper(80_000, 1000));
        assert!(is_listing_cheaper(80_000, 1001));
        assert!(is_listing_cheaper(0, 13), "how many keys there are is not known yet");
        assert!(!is_listing_cheaper(u64::MAX, u64::MAX / 1000));
    }
}
