//! What a driver does when the bucket, the disk or its own process fails.

use super::*;
use crate::remote::Faults;

const FLEXIBLE: Class = Class::GlacierFlexible;

#[test]
fn no_capacity_means_the_next_slower_tier_and_is_told() {
    let classes = [FLEXIBLE];
    let remote = bucket(&classes);
    remote.set_faults(Faults { no_capacity: 1000, ..Faults::default() });
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Expedited, 1));
    let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
    let mut told = Vec::new();
    driver
        .run(&fetch(&remote), None, &go_on(), &mut |_, round| {
            let is = |change: &&Change| matches!(change, Change::NoCapacity { .. });
            told.extend(round.changes.iter().filter(is).cloned());
        })
        .unwrap();
    let next = Some(Tier::Standard);
    assert_eq!(told, [Change::NoCapacity { pack: pack_id(0), tier: Tier::Expedited, next }]);
    let answers: Vec<_> = restores(&remote).into_iter().map(|(_, _, tier, _, answer)| (tier, answer)).collect();
    let expected = [(Tier::Expedited, RestoreAnswer::NoCapacity), (Tier::Standard, RestoreAnswer::Accepted)];
    assert_eq!(answers, expected);
}

/// Looks pass, the answer to the request is lost: the draws of some seed.
fn lose_the_request() -> Faults {
    let faults = |seed| Faults { seed, lost: 500, ..Faults::default() };
    let fits = |seed: &u64| {
        let probe = bucket(&[FLEXIBLE]);
        probe.set_faults(faults(*seed));
        probe.head(&key(0)).is_ok() && probe.restore(&key(0), 1, Tier::Bulk).is_err()
    };
    faults((0..).find(fits).unwrap())
}

#[test]
fn a_request_unknown_for_too_long_is_not_made_again() {
    let classes = [FLEXIBLE];
    // Nobody is there for this long, in hours.
    for (absence, stage, paid) in [(4, Stage::Thawing, 1), (6, Stage::Done, 1), (90, Stage::Expired, 1)] {
        let remote = bucket(&classes);
        let (dir, clock) = (dir(), TestClock::of(&remote));
        let journal = file(dir.path(), spec(&classes, Tier::Standard, 2));
        let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
        remote.set_faults(lose_the_request());
        driver.step(&fetch(&remote), &go_on()).unwrap();
        remote.set_faults(Faults::default());
        remote.advance(absence * 3600);
        driver.step(&fetch(&remote), &go_on()).unwrap();
        assert_eq!(stages(driver.job()), [stage], "after {absence} hours");
        assert_eq!(restores(&remote).len(), paid);
    }
}

#[test]
fn a_lost_answer_is_found_out_by_looking() {
    let classes = [FLEXIBLE];
    let remote = bucket(&classes);
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Standard, 1));
    let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
    remote.set_faults(lose_the_request());
    let round = driver.step(&fetch(&remote), &go_on()).unwrap();
    assert!(round.trouble.is_some());
    assert_eq!(stages(driver.job()), [Stage::Requested]);
    remote.set_faults(Faults::default());
    // Its owner is killed on top of it.
    drop(driver);
    let journal = Journal::open(dir.path(), JobId::from_bytes([1; 8])).unwrap();
    let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
    driver.step(&fetch(&remote), &go_on()).unwrap();
    assert_eq!(stages(driver.job()), [Stage::Thawing]);
    driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap();
    assert_eq!(restores(&remote).len(), 1);
}

#[test]
fn a_server_that_asks_for_less_gets_less() {
    let classes = [FLEXIBLE; 20];
    let remote = bucket(&classes);
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Standard, 1));
    let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
    remote.set_faults(Faults { refused: 1000, ..Faults::default() });
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let round = driver.step(&fetch(&remote), &go_on()).unwrap();
        assert!(round.trouble.is_some());
        let pause = round.again_at.unwrap() - clock.now();
        pauses.push(pause);
        // Before that there is nothing to do.
        let before = remote.requests().len();
        assert!(driver.step(&fetch(&remote), &go_on()).unwrap().trouble.is_none());
        assert_eq!(remote.requests().len(), before);
        remote.advance(u64::try_from(pause).unwrap());
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 64]);
    remote.set_faults(Faults::default());
    driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap();
    assert_eq!(driver.job().stage(), Stage::Done);
    assert_eq!(restores(&remote).len(), 20);
}

#[test]
fn lacking_rights_end_the_run_and_change_nothing() {
    let classes = [FLEXIBLE];
    let remote = bucket(&classes);
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Standard, 1));
    let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
    let denied = Faults { denied: 1000, ..Faults::default() };
    remote.set_faults(denied);
    assert!(matches!(driver.step(&fetch(&remote), &go_on()), Err(ThawError::Denied(_))));
    assert_eq!(stages(driver.job()), [Stage::Planned]);
    remote.set_faults(Faults::default());
    driver.step(&fetch(&remote), &go_on()).unwrap();
    remote.set_faults(denied);
    remote.advance(6 * 3600);
    assert!(matches!(driver.step(&fetch(&remote), &go_on()), Err(ThawError::Denied(_))));
    assert_eq!(stages(driver.job()), [Stage::Thawing], "what was paid for is not given up");
    remote.set_faults(Faults::default());
    driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap();
    assert_eq!(restores(&remote).len(), 1);
}

#[test]
fn fetches_that_fail_are_tried_five_times() {
    let classes = [Class::Standard, Class::Standard];
    let remote = bucket(&classes);
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Standard, 1));
    let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
    let tried = std::sync::Mutex::new(Vec::new());
    let hydrate = |pack: &WantedPack| {
        if pack.id == pack_id(0) {
            return Ok(());
        }
        tried.lock().unwrap().push(remote.now() - START);
        Err(HydrateError::Passing("the line is bad".into()))
    };
    driver.run(&hydrate, None, &go_on(), &mut |_, _| {}).unwrap();
    assert_eq!(stages(driver.job()), [Stage::Done, Stage::Failed]);
    assert_eq!(*tried.lock().unwrap(), [0, 5, 15, 35, 75]);
    let state = &driver.job().packs().nth(1).unwrap().1.state;
    let PackState::Failed(reason) = state else { panic!("{state:?}") };
    assert_eq!(reason.to_string(), "it could not be fetched: the line is bad");
    driver.resume().unwrap();
    driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap();
    assert_eq!(driver.job().stage(), Stage::Done);
}

#[test]
fn a_full_disk_ends_the_run_and_keeps_what_is_readable() {
    let classes = [Class::Standard; 3];
    let remote = bucket(&classes);
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Standard, 1));
    let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
    let full = |_: &WantedPack| Err(HydrateError::Stop("no space left".into()));
    for _ in 0..9 {
        let error = driver.step(&full, &go_on()).unwrap_err();
        let text = crate::with_causes(&error);
        assert!(text.ends_with("can't be hydrated; the job goes on once that is mended: no space left"), "{text}");
        assert_eq!(stages(driver.job()), [Stage::Readable; 3]);
    }
    driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap();
    assert_eq!(driver.job().stage(), Stage::Done);
}

#[test]
fn a_stop_in_the_middle_of_a_round_asks_for_no_more() {
    let classes = [Class::Standard, FLEXIBLE, FLEXIBLE];
    let remote = bucket(&classes);
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Standard, 1));
    let settings = Settings { threads: 1, hydrations: 1, rate: 1 };
    let mut driver = Driver::new(journal, &remote, &clock, settings).unwrap();
    let stop = go_on();
    let hydrate = |_: &WantedPack| {
        stop.store(true, Ordering::Relaxed);
        Ok(())
    };
    assert_eq!(driver.run(&hydrate, None, &stop, &mut |_, _| {}).unwrap(), Ended::Stopped);
    assert_eq!(stages(driver.job()), [Stage::Done, Stage::Planned, Stage::Planned]);
    assert_eq!(restores(&remote).len(), 0);
}
