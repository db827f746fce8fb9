//! The one owner of the state: a request reads it, decides, and its effects are journalled before they are visible.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::bill::{Bill, Prices, bill};
use crate::bodies::{Bodies, Staged};
use crate::class::{Class, Tier};
use crate::clock::{Clock, ClockMode, GoesBack};
use crate::faults::{BadFaults, Draw, Fate, FaultKind, Faults};
use crate::journal::{Entry, Journal, JournalError, LogView, Request};
use crate::op::{Group, Op};
use crate::quota::{Counter, Quota};
use crate::refusal::Refusal;
use crate::restore::Pace;
use crate::state::{Effect, State};
use crate::time::Time;
use crate::usage::Charge;

/// Everything that does not change while the server runs.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Quotas.
    pub quota: Quota,
    /// How long restores take.
    pub pace: Pace,
    /// What things cost.
    pub prices: Prices,
}

/// Why the server cannot go on with its directory.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file or the directory.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// Another server has it.
    #[error("{0} is in use by another glacier-sim; stop that one or take another directory")]
    InUse(PathBuf),
}

/// Which request is being answered.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its number.
    pub seq: u64,
    /// The operation, when it could be told.
    pub op: Option<Op>,
    /// The bucket, or empty.
    pub bucket: String,
    /// The key or prefix, or empty.
    pub key: String,
    /// What it meets.
    pub fault: Option<FaultKind>,
    /// Body bytes that came in.
    pub bytes_in: u64,
}

/// A decision in the making: what it may look at, and what it wants.
pub struct Tx<'a> {
    /// The world as it is.
    pub state: &'a State,
    /// The instant of the request.
    pub now: Time,
    /// Quotas, pace and prices.
    pub terms: &'a Terms,
    /// What was counted against the quotas.
    pub counter: &'a mut Counter,
    /// The class whose rate the request is billed at; `STANDARD` unless said.
    pub class: Option<Class>,
    /// The restore tier asked for.
    pub tier: Option<Tier>,
    /// The status of the answer; 200 unless said.
    pub status: u16,
    /// Body bytes of the answer.
    pub bytes_out: u64,
    /// What changes.
    pub effects: Vec<Effect>,
    /// What is billed besides the request.
    pub charges: Vec<Charge>,
}

struct World {
    state: State,
    journal: Journal,
    counter: Counter,
    counts: BTreeMap<String, u64>,
    seq: u64,
}

impl World {
    /// An effect that no request asked for; it frees no bodies.
    fn change(&mut self, at: Time, effect: Effect) -> Result<(), JournalError> {
        let entry = Entry { at, request: None, effects: vec![effect] };
        self.journal.append(&entry)?;
        fold(&mut self.state, &mut self.counts, entry);
        Ok(())
    }
}

/// The server without its network.
pub struct Core {
    /// What time it is.
    pub clock: Clock,
    /// The bytes.
    pub bodies: Bodies,
    terms: Terms,
    world: Mutex<World>,
    draw: Mutex<Draw>,
    _lock: std::fs::File,
}

impl Core {
    /// Opens a directory and replays its journal. The clock goes on from the last instant in there, if that is later
    /// than `start`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(dir: &Path, mode: ClockMode, start: Time, terms: Terms, fsync: bool) -> Result<Core, StoreError> {
        let io = |e| StoreError::Io(dir.to_owned(), e);
        std::fs::create_dir_all(dir).map_err(io)?;
        let lock = std::fs::File::create(dir.join("lock")).map_err(io)?;
        lock.try_lock().map_err(|_| StoreError::InUse(dir.to_owned()))?;
        let (mut state, mut counts, mut seq, mut last) = (State::default(), BTreeMap::new(), 0, start);
        let journal = Journal::open(&dir.join("journal.jsonl"), fsync, |entry| {
            last = last.max(entry.at);
            if let Some(request) = &entry.request {
                seq = seq.max(request.seq);
            }
            fold(&mut state, &mut counts, entry);
        })?;
        let bodies = Bodies::open(&dir.join("bodies"), state.bodies(), fsync).map_err(io)?;
        let world = World { state, journal, counter: Counter::default(), counts, seq };
        let clock = Clock::new(mode, last);
        let draw = Mutex::new(Draw::default());
        Ok(Core { clock, bodies, terms, world: Mutex::new(world), draw, _lock: lock })
    }

    /// Creates a bucket if it is not there.
    ///
    /// # Errors
    /// Those of the journal.
    pub fn ensure_bucket(&self, bucket: String) -> Result<(), StoreError> {
        let mut world = self.world();
        if !world.state.buckets().contains_key(&bucket) {
            world.change(self.clock.now(), Effect::BucketCreated { bucket })?;
        }
        Ok(())
    }

    /// The number of a new request.
    pub fn next_seq(&self) -> u64 {
        let mut world = self.world();
        world.seq += 1;
        world.seq
    }

    /// What the next request of `op` on `name` meets.
    pub fn fate(&self, op: Op, name: &str, conditional: bool) -> Fate {
        self.draw().next(op, name, conditional)
    }

    /// Answers one request: `decide` looks at the state and either refuses or says what changes; that is journalled
    /// together with the request, and then applied. `staged` bodies are kept if it accepts.
    ///
    /// # Errors
    /// The refusal; [`Refusal::InternalError`] when the disk fails.
    pub fn answer<T>(
        &self,
        asked: &Asked,
        staged: Option<Staged>,
        decide: impl FnOnce(&mut Tx<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut guard = self.world();
        let world = &mut *guard;
        let now = self.clock.now();
        let (class, tier) = (None, None);
        let (effects, charges) = (Vec::new(), Vec::new());
        let (state, counter, terms) = (&world.state, &mut world.counter, &self.terms);
        let mut tx = Tx { state, now, terms, counter, class, tier, status: 200, bytes_out: 0, effects, charges };
        let outcome = decide(&mut tx);
        let Tx { class, tier, status, bytes_out, mut effects, mut charges, .. } = tx;
        let refusal = outcome.as_ref().err();
        if let Some(refusal) = refusal {
            effects.clear();
            charges.clear();
            if refusal.status() < 500 {
                charges.extend(request_charge(asked.op, class));
            }
        } else {
            charges.extend(request_charge(asked.op, class));
        }
        let request = Request {
            seq: asked.seq,
            at: now,
            op: asked.op,
            bucket: asked.bucket.clone(),
            key: asked.key.clone(),
            status: refusal.map_or(status, Refusal::status),
            code: refusal.map(|refusal| refusal.code().to_owned()),
            bytes_in: asked.bytes_in,
            bytes_out: if refusal.is_some() { 0 } else { bytes_out },
            class,
            tier,
            fault: asked.fault,
            charges,
        };
        let entry = Entry { at: now, request: Some(request), effects };
        world.journal.append(&entry).map_err(|_| Refusal::InternalError)?;
        if let Some(staged) = staged.filter(|_| outcome.is_ok()) {
            self.bodies.adopt(staged);
        }
        let free = fold(&mut world.state, &mut world.counts, entry);
        self.bodies.release(&free);
        outcome
    }

    /// Records a request that was not answered by an operation: a fault, or a refusal before the operation was known.
    pub fn note(&self, asked: &Asked, status: u16, code: Option<String>) {
        let mut world = self.world();
        let request = Request {
            seq: asked.seq,
            at: self.clock.now(),
            op: asked.op,
            bucket: asked.bucket.clone(),
            key: asked.key.clone(),
            status,
            code,
            bytes_in: 0,
            bytes_out: 0,
            class: None,
            tier: None,
            fault: asked.fault,
            charges: Vec::new(),
        };
        let entry = Entry { at: request.at, request: Some(request), effects: Vec::new() };
        // A log line that cannot be written must not fail a request that failed already.
        if world.journal.append(&entry).is_ok() {
            let World { state, counts, .. } = &mut *world;
            fold(state, counts, entry);
        }
    }

    /// Moves the clock; the new instant survives a restart.
    ///
    /// # Errors
    /// Those of the journal.
    pub fn advance(&self, seconds: u64) -> Result<Time, StoreError> {
        let mut world = self.world();
        let now = self.clock.advance(seconds);
        world.journal.append(&Entry { at: now, request: None, effects: Vec::new() })?;
        Ok(now)
    }

    /// Sets the clock on to an instant; it survives a restart.
    ///
    /// # Errors
    /// [`GoesBack`], or those of the journal.
    pub fn set_clock(&self, to: Time) -> Result<Result<Time, GoesBack>, StoreError> {
        let mut world = self.world();
        let set = self.clock.set(to);
        if set.is_ok() {
            world.journal.append(&Entry { at: to, request: None, effects: Vec::new() })?;
        }
        Ok(set)
    }

    /// A lifecycle transition of one object.
    ///
    /// # Errors
    /// A refusal when the object is not there, or the class is not further down.
    pub fn transition(&self, bucket: &str, key: &str, class: Class) -> Result<(), Refusal> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let mut world = self.world();
        let object = world.state.buckets().get(&bucket).ok_or(Refusal::NoSuchBucket)?.objects.get(&key);
        let from = object.ok_or(Refusal::NoSuchKey)?.class;
        if class <= from {
            return Err(Refusal::InvalidRequest("lifecycle transitions only go down to a colder class"));
        }
        let changed = world.change(self.clock.now(), Effect::ClassChanged { bucket, key, class });
        changed.map_err(|_| Refusal::InternalError)
    }

    /// Forgets what was billed, counted and logged up to now; objects stay.
    ///
    /// # Errors
    /// Those of the journal.
    pub fn reset(&self) -> Result<(), StoreError> {
        let mut world = self.world();
        Ok(world.change(self.clock.now(), Effect::Reset)?)
    }

    /// What everything since the last reset costs.
    pub fn bill(&self) -> Bill {
        let world = self.world();
        bill(&world.state.usage_at(self.clock.now()), &self.terms.prices)
    }

    /// Requests since the last reset, by operation.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.world().counts.clone()
    }

    /// The log since the last reset.
    pub fn log(&self) -> LogView {
        self.world().journal.log()
    }

    /// Looks at the state.
    pub fn look<T>(&self, look: impl FnOnce(&State, Time) -> T) -> T {
        let world = self.world();
        look(&world.state, self.clock.now())
    }

    /// The faults in force.
    pub fn faults(&self) -> Faults {
        self.draw().faults().clone()
    }

    /// Puts other faults in force, from the beginning of their seed.
    ///
    /// # Errors
    /// [`BadFaults`].
    pub fn set_faults(&self, faults: Faults) -> Result<(), BadFaults> {
        faults.check()?;
        *self.draw() = Draw::new(faults);
        Ok(())
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) -> MutexGuard<'_, Draw> {
        self.draw.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn request_charge(op: Option<Op>, class: Option<Class>) -> Option<Charge> {
    let group = op?.group();
    matches!(group, Group::Put | Group::Get).then(|| Charge::Request { group, class: class.unwrap_or_default() })
}

/// One step of the fold from the journal to the state: the same while serving and while replaying.
fn fold(state: &mut State, counts: &mut BTreeMap<String, u64>, entry: Entry) -> Vec<crate::object::BodyId> {
    if let Some(request) = &entry.request {
        let op = request.op.map_or("unknown", Op::name);
        *counts.entry(op.to_owned()).or_default() += 1;
        request.charges.iter().for_each(|charge| state.usage_mut().charge(*charge));
    }
    let mut free = Vec::new();
    for effect in entry.effects {
        if effect == Effect::Reset {
            counts.clear();
        }
        if let Effect::ClassChanged { class, .. } = &effect {
            state.usage_mut().charge(Charge::Transition { class: *class });
        }
        free.extend(state.apply(entry.at, effect));
    }
    free
}
