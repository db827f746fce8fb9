//! A bucket in memory with the archive semantics of S3, a clock that is moved by hand, and faults on request: what tests
//! of everything above [`Remote`] run on.
//!
//! Rules as in the S3 API reference (RestoreObject) and user guide ("Archive retrieval options"); all of them are decided
//! under one lock, so that a request is done as a whole or not at all.

mod log;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use log::{Dice, Fate, mix};
pub use log::{Faults, Op, Request};

use super::{Class, Remote, RemoteError, RemoteObject, Restore, RestoreAnswer, Tier, Version, When};
use crate::store::{Body, Family, HashedFile, Key};

/// Objects on one page of a listing.
const PAGE: usize = 1000;
const DAY: i64 = 24 * 60 * 60;
/// The most days a copy may be asked for: keeps instants far from overflowing.
const MAX_DAYS: u32 = 36_500;

/// How long restores take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// As long as the tier may take for the class.
    #[default]
    Longest,
    /// Between a quarter of that and all of it, differently for every object.
    Spread(u64),
}

/// The last restore of an object; whether it runs, has ended or has expired follows from the clock.
#[derive(Debug, Clone, Copy)]
struct Thawed {
    tier: Tier,
    days: u32,
    ready: i64,
    expires: i64,
}

#[derive(Debug)]
struct Object {
    bytes: Arc<Vec<u8>>,
    class: Class,
    modified: i64,
    copy: Option<Thawed>,
}

impl Object {
    fn restore(&self, now: i64) -> Restore {
        match self.copy {
            Some(copy) if now < copy.ready => Restore::Ongoing,
            Some(copy) if now < copy.expires => Restore::Until(copy.expires),
            _ => Restore::None,
        }
    }

    fn is_readable(&self, now: i64) -> bool {
        !self.class.is_frozen() || matches!(self.restore(now), Restore::Until(_))
    }

    /// As S3 has it for an object put at once: a function of the bytes.
    fn version(&self) -> Version {
        Version(blake3::hash(&self.bytes).to_hex().to_string())
    }

    fn describe(&self, key: &Key, now: i64) -> RemoteObject {
        RemoteObject {
            key: key.clone(),
            len: self.bytes.len() as u64,
            class: self.class,
            restore: self.restore(now),
            modified: self.modified,
            version: self.version(),
            sha256: None,
        }
    }
}

#[derive(Debug)]
struct State {
    now: i64,
    objects: BTreeMap<Key, Object>,
    log: Vec<Request>,
    dice: Dice,
    pace: Pace,
    tells_restore: bool,
}

/// The midnight UTC at or after this instant.
fn midnight_from(at: i64) -> i64 {
    at.saturating_add(DAY - 1).div_euclid(DAY).saturating_mul(DAY)
}

fn not_found(key: &Key) -> RemoteError {
    RemoteError::NotFound { key: key.clone() }
}

fn refused(action: &'static str, key: &Key, status: u16, code: &str, message: &str) -> RemoteError {
    let (code, message) = (code.to_owned(), message.to_owned());
    RemoteError::Refused { action, target: key.to_string(), status, code, message }
}

impl State {
    /// Serves one request as fate will have it, and logs it.
    fn serve<T>(
        &mut self,
        action: &'static str,
        target: &str,
        op: Op,
        work: impl FnOnce(&mut State, &mut Op) -> Result<T, RemoteError>,
    ) -> Result<T, RemoteError> {
        let fate = self.dice.fate();
        let mut request = Request { at: self.now, op, done: false, answered: true };
        let lost = || RemoteError::Unreachable { action, target: target.to_owned(), source: "injected fault".into() };
        let answer = match fate {
            Fate::Refused => Err(RemoteError::SlowDown { action, target: target.to_owned() }),
            Fate::Denied => Err(RemoteError::Refused {
                action,
                target: target.to_owned(),
                status: 403,
                code: "AccessDenied".to_owned(),
                message: "injected fault".to_owned(),
            }),
            Fate::Unreachable => {
                request.answered = false;
                Err(lost())
            }
            Fate::Served | Fate::Lost => {
                let answer = work(self, &mut request.op);
                request.done = answer.is_ok();
                request.answered = fate == Fate::Served;
                if fate == Fate::Lost { Err(lost()) } else { answer }
            }
        };
        self.log.push(request);
        answer
    }

    fn object(&self, key: &Key) -> Result<&Object, RemoteError> {
        self.objects.get(key).ok_or_else(|| not_found(key))
    }

    fn readable(&self, key: &Key) -> Result<&Object, RemoteError> {
        let object = self.object(key)?;
        if object.is_readable(self.now) {
            return Ok(object);
        }
        Err(RemoteError::Frozen { key: key.clone(), class: object.class })
    }

    /// Seconds a restore takes, or `None` where the tier can't be had.
    fn seconds(&self, key: &Key, class: Class, tier: Tier) -> Option<i64> {
        let longest = tier.longest(class)?;
        let seconds = match self.pace {
            Pace::Longest => longest,
            Pace::Spread(seed) => {
                let luck = key.to_string().bytes().fold(seed, |luck, byte| mix(luck ^ u64::from(byte)));
                longest / 4 + luck % (longest - longest / 4 + 1)
            }
        };
        i64::try_from(seconds).ok()
    }

    fn restore(&mut self, key: &Key, days: u32, tier: Tier) -> Result<RestoreAnswer, RemoteError> {
        let (now, object) = (self.now, self.object(key)?);
        let (class, copy, standing) = (object.class, object.copy, object.restore(now));
        if !class.is_frozen() {
            return Ok(RestoreAnswer::NotFrozen);
        }
        let invalid = |message| refused("restoring", key, 400, "InvalidArgument", message);
        if days == 0 || days > MAX_DAYS {
            return Err(invalid("Days must be between 1 and 36500"));
        }
        let seconds = self.seconds(key, class, tier).ok_or_else(|| invalid("no such tier for this class"))?;
        let expiry = |from: i64| midnight_from(from.saturating_add(i64::from(days) * DAY));
        let (answer, copy) = match (standing, copy) {
            (Restore::Ongoing, Some(running)) if tier <= running.tier || days != running.days => {
                return Ok(RestoreAnswer::Ongoing);
            }
            (Restore::Until(_), Some(copy)) => (RestoreAnswer::Extended, Thawed { days, expires: expiry(now), ..copy }),
            (_, before) => {
                if tier == Tier::Expedited && !self.dice.has_capacity() {
                    return Ok(RestoreAnswer::NoCapacity);
                }
                let running = before.filter(|_| standing == Restore::Ongoing);
                let ready = now.saturating_add(seconds);
                let ready = running.map_or(ready, |running| ready.min(running.ready));
                (RestoreAnswer::Accepted, Thawed { tier, days, ready, expires: expiry(ready) })
            }
        };
        if let Some(object) = self.objects.get_mut(key) {
            object.copy = Some(copy);
        }
        Ok(answer)
    }
}

/// Objects in a map, with classes, restores and a clock that stands still unless it is moved.
#[derive(Debug)]
pub struct MemoryRemote {
    state: Mutex<State>,
}

impl MemoryRemote {
    /// An empty bucket whose clock shows `now`, in seconds since the epoch.
    pub fn new(now: i64) -> Self {
        let state = State {
            now,
            objects: BTreeMap::new(),
            log: Vec::new(),
            dice: Dice::default(),
            pace: Pace::default(),
            tells_restore: true,
        };
        MemoryRemote { state: Mutex::new(state) }
    }

    /// What the clock shows.
    pub fn now(&self) -> i64 {
        self.state().now
    }

    /// Moves the clock on.
    pub fn advance(&self, seconds: u64) {
        let mut state = self.state();
        state.now = state.now.saturating_add_unsigned(seconds);
    }

    /// Fails from now on as told; the default heals.
    pub fn set_faults(&self, faults: Faults) {
        self.state().dice = Dice::new(faults);
    }

    /// How long restores asked for from now on take.
    pub fn set_pace(&self, pace: Pace) {
        self.state().pace = pace;
    }

    /// Whether listings tell of restores, as not every server's do.
    pub fn set_listings_tell_restores(&self, tell: bool) {
        self.state().tells_restore = tell;
    }

    /// Every request so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.state().log.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remote for MemoryRemote {
    fn url(&self) -> String {
        "memory://bucket".to_owned()
    }

    fn get(&self, key: &Key, limit: u64) -> Result<(Vec<u8>, Version), RemoteError> {
        self.state().serve("reading", &key.to_string(), Op::Get(key.clone()), |state, _| {
            let object = state.readable(key)?;
            let len = object.bytes.len() as u64;
            if len > limit {
                return Err(RemoteError::TooLarge { key: key.clone(), len, limit });
            }
            Ok((object.bytes.to_vec(), object.version()))
        })
    }

    fn read_at(&self, key: &Key, offset: u64, buf: &mut [u8]) -> Result<(), RemoteError> {
        self.state().serve("reading", &key.to_string(), Op::ReadAt(key.clone()), |state, _| {
            let bytes = &state.readable(key)?.bytes;
            let start = usize::try_from(offset).ok();
            let range = start.and_then(|start| Some(start..start.checked_add(buf.len())?));
            let part = range.and_then(|range| bytes.get(range)).ok_or_else(|| RemoteError::Damaged {
                key: key.clone(),
                what: format!("{} bytes from {offset} on were asked for, it has {}", buf.len(), bytes.len()),
            })?;
            buf.copy_from_slice(part);
            Ok(())
        })
    }

    fn head(&self, key: &Key) -> Result<Option<RemoteObject>, RemoteError> {
        self.state().serve("looking up", &key.to_string(), Op::Head(key.clone()), |state, _| {
            Ok(state.objects.get(key).map(|object| {
                let sha256 = Some(Sha256::digest(object.bytes.as_slice()).into());
                RemoteObject { sha256, ..object.describe(key, state.now) }
            }))
        })
    }

    fn put(&self, key: &Key, body: Body<'_>, class: Class, when: &When) -> Result<Version, RemoteError> {
        let bytes = match body {
            Body::Bytes(bytes) => bytes.to_vec(),
            Body::File(path) | Body::Hashed(&HashedFile { path, .. }) => std::fs::read(path).map_err(|error| {
                RemoteError::Unreachable { action: "reading", target: path.display().to_string(), source: error.into() }
            })?,
        };
        self.state().serve("writing", &key.to_string(), Op::Put(key.clone(), class), |state, _| {
            let there = state.objects.get(key).map(Object::version);
            let holds = match when {
                When::Always => true,
                When::Absent => there.is_none(),
                When::Unchanged(version) => there.as_ref() == Some(version),
            };
            if !holds {
                // What an earlier attempt of the same write left looks just so.
                if let Some(there) = state.objects.get(key).filter(|there| *there.bytes == bytes) {
                    return Ok(there.version());
                }
                return Err(RemoteError::Changed { key: key.clone() });
            }
            let object = Object { bytes: Arc::new(bytes), class, modified: state.now, copy: None };
            let version = object.version();
            state.objects.insert(key.clone(), object);
            Ok(version)
        })
    }

    fn delete(&self, key: &Key) -> Result<(), RemoteError> {
        self.state().serve("deleting", &key.to_string(), Op::Delete(key.clone()), |state, _| {
            state.objects.remove(key);
            Ok(())
        })
    }

    fn reclass(&self, key: &Key, class: Class) -> Result<(), RemoteError> {
        self.state().serve("moving", &key.to_string(), Op::Reclass(key.clone(), class), |state, _| {
            let bytes = Arc::clone(&state.readable(key)?.bytes);
            state.objects.insert(key.clone(), Object { bytes, class, modified: state.now, copy: None });
            Ok(())
        })
    }

    fn restore(&self, key: &Key, days: u32, tier: Tier) -> Result<RestoreAnswer, RemoteError> {
        let op = Op::Restore { key: key.clone(), days, tier, running: None, answer: None };
        self.state().serve("restoring", &key.to_string(), op, |state, op| {
            let before = state.objects.get(key).filter(|object| object.restore(state.now) == Restore::Ongoing);
            let before = before.and_then(|object| object.copy).map(|copy| copy.tier);
            let given = state.restore(key, days, tier)?;
            if let Op::Restore { answer, running, .. } = op {
                (*answer, *running) = (Some(given), before);
            }
            Ok(given)
        })
    }

    fn list(&self, family: Family, page: &mut dyn FnMut(Vec<RemoteObject>)) -> Result<(), RemoteError> {
        let listed: Vec<Key> = {
            let state = self.state();
            let of_family = |key: &&Key| key.to_string().split('/').next() == Some(family.prefix());
            state.objects.keys().filter(of_family).filter(|key| !matches!(key, Key::Config)).cloned().collect()
        };
        // A listing of nothing is a request too.
        let pages = if listed.is_empty() { vec![listed.as_slice()] } else { listed.chunks(PAGE).collect() };
        for keys in pages {
            let objects = self.state().serve("listing", family.prefix(), Op::List(family), |state, _| {
                let tells = state.tells_restore;
                let told = |key: &Key| {
                    let object = state.objects.get(key)?.describe(key, state.now);
                    Some(if tells { object } else { RemoteObject { restore: Restore::None, ..object } })
                };
                Ok(keys.iter().filter_map(told).collect())
            })?;
            // Not under the lock: the page may look things up.
            page(objects);
        }
        Ok(())
    }
}
