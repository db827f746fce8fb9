//! Jobs, their journals and their drivers, on a bucket in memory.

mod driver;
mod journal;
mod model;
mod trouble;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::*;
use crate::id::{Digest, JobId, PackId};
use crate::remote::{Class, MemoryRemote, Op, Remote, RestoreAnswer, Tier, When};
use crate::store::{Body, Key, PackArea};

const DAY: i64 = 24 * 60 * 60;
/// Ten in the morning, UTC.
const START: i64 = 20_000 * DAY + 10 * 3600;

/// The bucket's clock, and how far the driver's is ahead of it.
struct TestClock<'a> {
    remote: &'a MemoryRemote,
    ahead: AtomicI64,
}

impl<'a> TestClock<'a> {
    fn of(remote: &'a MemoryRemote) -> Self {
        TestClock { remote, ahead: AtomicI64::new(0) }
    }
}

impl Clock for TestClock<'_> {
    fn now(&self) -> i64 {
        self.remote.now() + self.ahead.load(Ordering::Relaxed)
    }

    fn sleep(&self, seconds: u64, _stop: &AtomicBool) {
        self.remote.advance(seconds);
    }
}

fn pack_id(n: u16) -> PackId {
    let mut id = [0; 32];
    id[..2].copy_from_slice(&n.to_be_bytes());
    PackId::from_bytes(id)
}

fn key(n: u16) -> Key {
    Key::Pack(PackArea::Data, pack_id(n))
}

fn bucket(classes: &[Class]) -> MemoryRemote {
    let remote = MemoryRemote::new(START);
    for (n, class) in (0..).zip(classes) {
        remote.put(&key(n), Body::Bytes(&n.to_le_bytes()), *class, &When::Always).unwrap();
    }
    remote
}

fn spec(classes: &[Class], tier: Tier, days: u32) -> JobSpec {
    let packs =
        (0..).zip(classes).map(|(n, class)| WantedPack { id: pack_id(n), len: 2, class: *class, ranges: Vec::new() });
    JobSpec {
        description: "app:1".into(),
        images: vec![Digest::from_bytes([7; 32])],
        tier,
        days,
        created_at: START,
        packs: packs.collect(),
    }
}

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn file(dir: &Path, spec: JobSpec) -> Journal {
    Journal::create_as(dir, JobId::from_bytes([1; 8]), spec).unwrap()
}

/// Reads the pack, as a hydration would.
fn fetch(remote: &MemoryRemote) -> impl Fn(&WantedPack) -> Result<(), HydrateError> + Sync {
    |pack| {
        let mut bytes = [0; 2];
        Ok(remote.read_at(&Key::Pack(PackArea::Data, pack.id), 0, &mut bytes)?)
    }
}

/// Restores that took place, with the answers of the bucket.
fn restores(remote: &MemoryRemote) -> Vec<(i64, Key, Tier, u32, RestoreAnswer)> {
    let done = remote.requests().into_iter().filter(|request| request.done);
    done.filter_map(|request| match request.op {
        Op::Restore { key, days, tier, answer, .. } => Some((request.at, key, tier, days, answer?)),
        _ => None,
    })
    .collect()
}

fn count(remote: &MemoryRemote, is: impl Fn(&Op) -> bool) -> usize {
    remote.requests().iter().filter(|request| is(&request.op)).count()
}

fn stages(job: &Job) -> Vec<Stage> {
    job.packs().map(|(_, progress)| progress.state.stage()).collect()
}

fn go_on() -> AtomicBool {
    AtomicBool::new(false)
}
