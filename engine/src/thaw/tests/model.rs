//! Random histories: faults, restarts, crashes at every write of the journal, clocks that are off, and orders, against a
//! model that knows nothing of the driver but what it announced, and nothing of the bucket but its log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::remote::{Faults, Pace};

const ID: JobId = JobId::from_bytes([1; 8]);
const HOUR: u64 = 60 * 60;

#[derive(Debug, Clone)]
enum Operation {
    /// A round of the driver.
    Step,
    /// A round of the driver, and the time until the next one.
    StepAndWait,
    /// Time passes.
    Advance(u64),
    /// The driver's clock is set so far ahead of the bucket's, or behind it.
    Skew(i64),
    Faults(Faults),
    /// The owner is killed between rounds.
    Restart,
    /// The owner is killed while it writes its journal for the n-th time in a round; so many bytes of that reached the disk.
    Crash(u32, usize),
    /// Fetches fail from now on, or no more.
    Broken(bool),
    Escalate(Tier),
    Extend(u32),
    Cancel,
    Resume,
    /// Somebody else asks for a pack.
    Stranger(u16, Tier),
}

fn operation() -> impl Strategy<Value = Operation> {
    let share = || prop_oneof![2 => Just(0u16), 1 => 100u16..500];
    let faults = (any::<u64>(), share(), share(), share(), share()).prop_map(
        |(seed, refused, lost, unreachable, no_capacity)| {
            Operation::Faults(Faults { seed, refused, lost, unreachable, no_capacity, denied: lost / 10 })
        },
    );
    let tier = || prop_oneof![Just(Tier::Bulk), Just(Tier::Standard), Just(Tier::Expedited)];
    prop_oneof![
        6 => Just(Operation::Step),
        8 => Just(Operation::StepAndWait),
        4 => (1u64..90).prop_map(Operation::Advance),
        4 => (HOUR / 4..8 * HOUR).prop_map(Operation::Advance),
        2 => (12 * HOUR..200 * HOUR).prop_map(Operation::Advance),
        1 => (-6 * 3600i64..6 * 3600).prop_map(Operation::Skew),
        3 => faults,
        1 => Just(Operation::Faults(Faults::default())),
        2 => Just(Operation::Restart),
        3 => (0u32..5, 0usize..200).prop_map(|(frame, keep)| Operation::Crash(frame, keep)),
        2 => any::<bool>().prop_map(Operation::Broken),
        1 => tier().prop_map(Operation::Escalate),
        1 => (1u32..6).prop_map(Operation::Extend),
        1 => Just(Operation::Cancel),
        2 => Just(Operation::Resume),
        1 => (0u16..6, tier()).prop_map(|(pack, tier)| Operation::Stranger(pack, tier)),
    ]
}

/// Where a pack may go, written down on its own: what the page on thaw jobs promises.
fn may_follow(from: Stage, to: Stage) -> bool {
    use Stage::{Cancelled, Done, Expired, Failed, Hydrating, Planned, Readable, Requested, Thawing};
    match from {
        Planned => [Requested, Thawing, Readable, Failed, Cancelled].contains(&to),
        Requested => [Planned, Thawing, Readable, Failed, Cancelled, Expired].contains(&to),
        Thawing => [Requested, Readable, Failed, Cancelled, Expired].contains(&to),
        Readable => [Requested, Thawing, Hydrating, Failed, Cancelled, Expired].contains(&to),
        Hydrating => [Readable, Done, Failed, Cancelled].contains(&to),
        Failed | Cancelled | Expired => to == Planned,
        Done => false,
    }
}

/// What is known from outside.
#[derive(Default)]
struct Model {
    /// Orders that were carried out.
    resumes: usize,
    extensions: usize,
    escalated: Vec<Tier>,
    /// Requests of strangers, by their place in the bucket's log.
    strangers: BTreeSet<usize>,
    crashes: usize,
    skewed: bool,
    /// The job as it was last announced, and the length of its journal then.
    announced: Option<(Job, usize)>,
}

impl Model {
    fn bytes(dir: &Path) -> Vec<u8> {
        std::fs::read(dir.join(format!("{ID}.job"))).unwrap()
    }

    /// The driver says: this is the job.
    fn announce(&mut self, dir: &Path, job: &Job) {
        let bytes = Model::bytes(dir);
        assert_eq!(&parse_journal(&bytes).unwrap(), job, "what is announced is what is durable");
        self.announced = Some((job.clone(), bytes.len()));
    }

    /// A new owner has read the journal: nothing that was announced is lost.
    fn reopened(&self, dir: &Path) {
        if let Some((job, len)) = &self.announced {
            let bytes = Model::bytes(dir);
            assert_eq!(&parse_journal(&bytes[..*len]).unwrap(), job);
        }
    }

    fn changes(&self, before: &Job, changes: &[Change], fetched: &BTreeSet<PackId>) {
        let mut stages: BTreeMap<PackId, Stage> =
            before.packs().map(|(pack, progress)| (pack.id, progress.state.stage())).collect();
        for change in changes {
            if let Change::Pack { pack, from, to } = change {
                let known = stages.insert(*pack, to.stage()).unwrap();
                assert_eq!(known, *from, "a history without holes");
                assert!(may_follow(*from, to.stage()), "{from} to {to:?}");
                assert!(to.stage() != Stage::Done || fetched.contains(pack), "done but not here");
            }
        }
    }

    /// The bill: what the bucket was asked for by us, and did.
    fn check_bill(&self, remote: &MemoryRemote, pack: u16) {
        let (mut lives, mut upgrades, mut extended) = (0, Vec::new(), 0);
        for (place, request) in remote.requests().into_iter().enumerate() {
            let Op::Restore { key: of, tier, running, answer: Some(answer), .. } = request.op else { continue };
            if of != key(pack) || self.strangers.contains(&place) {
                continue;
            }
            match (answer, running) {
                (RestoreAnswer::Accepted, None) => lives += 1,
                (RestoreAnswer::Accepted, Some(_)) => upgrades.push(tier),
                (RestoreAnswer::Extended, _) => extended += 1,
                _ => {}
            }
        }
        let resumes = self.resumes;
        assert!(lives <= 1 + resumes, "pack {pack}: {lives} lives paid for after {resumes} resumes");
        let escalated = &self.escalated;
        assert!(upgrades.len() <= escalated.len() * (1 + resumes), "pack {pack}: {upgrades:?} after {escalated:?}");
        assert!(upgrades.iter().all(|tier| Some(tier) <= escalated.last()), "pack {pack}: {upgrades:?}");
        // With a clock that is off, an extension may end at the midnight at which the copy ended anyway: whether it took
        // place is then not to be seen.
        let allowed = self.extensions + if self.skewed { self.unheard(remote) } else { 0 };
        assert!(extended <= allowed, "pack {pack}: {extended} extensions paid for, {allowed} ordered");
    }

    /// Answers that never came, or that were not written down.
    fn unheard(&self, remote: &MemoryRemote) -> usize {
        self.crashes + remote.requests().iter().filter(|request| request.done && !request.answered).count()
    }
}

const PACKS: u16 = 6;

fn classes() -> Vec<Class> {
    (0..PACKS).map(|n| if n % 2 == 0 { Class::GlacierFlexible } else { Class::DeepArchive }).collect()
}

fn driver<'a>(
    model: &Model,
    dir: &Path,
    remote: &'a MemoryRemote,
    clock: &'a TestClock<'a>,
    settings: Settings,
) -> Driver<'a> {
    let journal = Journal::open(dir, ID).unwrap();
    model.reopened(dir);
    assert!(matches!(Journal::open(dir, ID), Err(JournalError::Busy(ID))));
    Driver::new(journal, remote, clock, settings).unwrap()
}

/// Carries out an order, if the job allows it.
fn order(driver: &mut Driver<'_>, model: &mut Model, operation: &Operation) {
    let result = match operation {
        Operation::Escalate(tier) => driver.escalate(*tier),
        Operation::Extend(days) => driver.extend(*days),
        Operation::Cancel => driver.cancel(),
        _ => driver.resume(),
    };
    match (result, operation) {
        (Err(ThawError::Journal(JournalError::Illegal(_))), _) => {}
        (Err(error), _) => panic!("{error}"),
        (Ok(_), Operation::Escalate(tier)) => model.escalated.push(*tier),
        (Ok(_), Operation::Extend(_)) => model.extensions += 1,
        (Ok(_), Operation::Resume) => model.resumes += 1,
        (Ok(_), _) => {}
    }
}

fn run(operations: Vec<Operation>, tier: Tier, days: u32, pace: u64, listings_tell: bool) {
    let remote = bucket(&classes());
    remote.set_pace(Pace::Spread(pace));
    remote.set_listings_tell_restores(listings_tell);
    let (dir, clock) = (dir(), TestClock::of(&remote));
    drop(file(dir.path(), spec(&classes(), tier, days)));
    let mut model = Model::default();
    let settings = Settings { rate: 4, threads: 1, hydrations: 2 };
    let mut owner = driver(&model, dir.path(), &remote, &clock, settings);
    let broken = AtomicBool::new(false);
    let fetched = Mutex::new(BTreeSet::new());
    let hydrate = |pack: &WantedPack| {
        if broken.load(Ordering::Relaxed) {
            return Err(HydrateError::Passing("broken".into()));
        }
        fetch(&remote)(pack)?;
        fetched.lock().unwrap().insert(pack.id);
        Ok(())
    };
    // Without faults from then on, every job ends.
    let calm = [Operation::Crash(0, 0), Operation::Faults(Faults::default()), Operation::Broken(false)];
    let end = std::iter::repeat_n(Operation::StepAndWait, 2000);
    for operation in operations.into_iter().chain(calm).chain(end) {
        match operation {
            Operation::Step | Operation::StepAndWait | Operation::Crash(..) => {
                if let Operation::Crash(frames, bytes) = operation {
                    owner.crash_after(frames, bytes);
                }
                let before = owner.job().clone();
                match owner.step(&hydrate, &go_on()) {
                    Ok(round) => {
                        model.changes(&before, &round.changes, &fetched.lock().unwrap());
                        assert_eq!(round.again_at.is_none(), owner.job().is_over());
                        if matches!(operation, Operation::StepAndWait) {
                            let Some(again_at) = round.again_at else { break };
                            remote.advance(u64::try_from(again_at - clock.now()).unwrap());
                        }
                        model.announce(dir.path(), owner.job());
                    }
                    Err(ThawError::Denied(_)) => model.announce(dir.path(), owner.job()),
                    Err(ThawError::Journal(JournalError::Io { .. })) if matches!(operation, Operation::Crash(..)) => {
                        model.crashes += 1;
                        drop(owner);
                        owner = driver(&model, dir.path(), &remote, &clock, settings);
                    }
                    Err(error) => panic!("{}", crate::with_causes(&error)),
                }
                owner.crash_no_more();
            }
            Operation::Advance(seconds) => remote.advance(seconds),
            Operation::Skew(ahead) => {
                model.skewed = true;
                clock.ahead.store(ahead, Ordering::Relaxed);
            }
            Operation::Faults(faults) => remote.set_faults(faults),
            Operation::Restart => {
                drop(owner);
                owner = driver(&model, dir.path(), &remote, &clock, settings);
            }
            Operation::Broken(is) => broken.store(is, Ordering::Relaxed),
            Operation::Stranger(pack, tier) => {
                model.strangers.insert(remote.requests().len());
                // Whatever becomes of it.
                let _ = remote.restore(&key(pack), 2, tier);
            }
            Operation::Escalate(_) | Operation::Extend(_) | Operation::Cancel | Operation::Resume => {
                order(&mut owner, &mut model, &operation);
                model.announce(dir.path(), owner.job());
            }
        }
    }
    assert!(owner.job().is_over(), "{:?}", stages(owner.job()));
    (0..PACKS).for_each(|pack| model.check_bill(&remote, pack));
    let fetched = fetched.into_inner().unwrap();
    for (pack, progress) in owner.job().packs() {
        assert!(progress.state != PackState::Done || fetched.contains(&pack.id));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn random_histories_pay_once_lose_nothing_and_end(
        operations in proptest::collection::vec(operation(), 0..80),
        tier in prop_oneof![Just(Tier::Bulk), Just(Tier::Standard), Just(Tier::Expedited)],
        days in 1u32..4,
        pace in any::<u64>(),
        listings_tell in any::<bool>(),
    ) {
        run(operations, tier, days, pace, listings_tell);
    }
}
