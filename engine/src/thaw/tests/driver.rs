//! What a driver does when the bucket does as it should.

use super::*;
use crate::remote::Pace;

const FLEXIBLE: Class = Class::GlacierFlexible;

#[test]
fn every_pack_is_hydrated_as_soon_as_it_is_readable_and_asked_for_once() {
    let classes = [FLEXIBLE, Class::DeepArchive, Class::Standard, FLEXIBLE];
    let remote = bucket(&classes);
    remote.set_pace(Pace::Spread(3));
    remote.delete(&key(3)).unwrap();
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let mut driver =
        Driver::new(file(dir.path(), spec(&classes, Tier::Expedited, 2)), &remote, &clock, Settings::default())
            .unwrap();
    let mut done = Vec::new();
    let ended = driver.run(&fetch(&remote), None, &go_on(), &mut |_, round| {
        assert!(round.trouble.is_none());
        for change in &round.changes {
            if let Change::Pack { pack, to: PackState::Done, .. } = change {
                done.push((*pack, remote.now() - START));
            }
        }
    });
    assert_eq!(ended.unwrap(), Ended::Over);
    let failed = Stage::Failed;
    assert_eq!(stages(driver.job()), [Stage::Done, Stage::Done, Stage::Done, failed]);
    assert_eq!(driver.job().stage(), failed);
    assert_eq!(done.iter().map(|(pack, _)| *pack).collect::<Vec<_>>(), [pack_id(2), pack_id(0), pack_id(1)]);
    assert_eq!(done[0].1, 0);
    assert!(done[1].1 <= 300 + 15 && done[2].1 <= 12 * 3600 + 1080, "{done:?}");
    // Deep Archive has no expedited tier.
    let asked: Vec<_> = restores(&remote).into_iter().map(|(_, key, tier, days, _)| (key, tier, days)).collect();
    assert_eq!(asked.len(), 2);
    assert!(asked.contains(&(key(0), Tier::Expedited, 2)) && asked.contains(&(key(1), Tier::Standard, 2)));
    driver.into_journal().remove().unwrap();
    assert_eq!(jobs(dir.path()).unwrap(), []);
}

#[test]
fn what_is_readable_or_on_its_way_is_not_asked_for() {
    let classes = [FLEXIBLE; 3];
    let remote = bucket(&classes);
    remote.restore(&key(0), 9, Tier::Expedited).unwrap();
    remote.advance(300);
    remote.restore(&key(1), 9, Tier::Bulk).unwrap();
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Standard, 1));
    let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
    let round = driver.step(&fetch(&remote), &go_on()).unwrap();
    assert_eq!(stages(driver.job()), [Stage::Done, Stage::Thawing, Stage::Thawing]);
    assert_eq!(round.again_at, Some(clock.now() + 450), "a fortieth of five hours");
    assert_eq!(driver.job().eta(clock.now()), Some(clock.now() + 12 * 3600), "who knows what the other asked for");
    assert_eq!(restores(&remote).len(), 3);
    driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap();
    assert_eq!(driver.job().stage(), Stage::Done);
    assert_eq!(restores(&remote).len(), 3);
}

#[test]
fn a_faster_tier_is_asked_for_the_same_days() {
    let classes = [FLEXIBLE];
    let remote = bucket(&classes);
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Bulk, 3));
    let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
    driver.step(&fetch(&remote), &go_on()).unwrap();
    let error = driver.escalate(Tier::Bulk).unwrap_err().to_string();
    assert_eq!(error, "the job asks on tier bulk already: bulk is no faster");
    driver.extend(5).unwrap();
    driver.escalate(Tier::Standard).unwrap();
    remote.advance(60);
    driver.step(&fetch(&remote), &go_on()).unwrap();
    let asked: Vec<_> = restores(&remote).into_iter().map(|(_, _, tier, days, answer)| (tier, days, answer)).collect();
    assert_eq!(asked, [(Tier::Bulk, 3, RestoreAnswer::Accepted), (Tier::Standard, 3, RestoreAnswer::Accepted)]);
    assert_eq!(driver.job().eta(0), Some(START + 60 + 5 * 3600));
    // Readable, it is extended to the days that were asked for since; but for that it would be done by then.
    let broken = |_: &WantedPack| Err(HydrateError::Stop("disk full".into()));
    let error = driver.run(&broken, None, &go_on(), &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, ThawError::Hydration { .. }), "{error}");
    driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap();
    assert_eq!(driver.job().stage(), Stage::Done);
    let last = restores(&remote).pop().unwrap();
    assert_eq!((last.3, last.4), (5, RestoreAnswer::Extended));
    assert_eq!(restores(&remote).len(), 3);
}

#[test]
fn no_more_is_asked_in_a_second_than_the_rate() {
    let classes = [Class::DeepArchive; 100];
    let remote = bucket(&classes);
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Bulk, 1));
    let settings = Settings { rate: 30, ..Settings::default() };
    let mut driver = Driver::new(journal, &remote, &clock, settings).unwrap();
    driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap();
    assert_eq!(driver.job().stage(), Stage::Done);
    let seconds: Vec<i64> = restores(&remote).into_iter().map(|(at, ..)| at - START).collect();
    let per_second = |second| seconds.iter().filter(|at| **at == second).count();
    assert_eq!([per_second(0), per_second(1), per_second(2), per_second(3)], [30, 30, 30, 10]);
    assert_eq!(seconds.len(), 100);
}

#[test]
fn many_packs_are_looked_at_by_listing_unless_listings_say_nothing() {
    for tells in [true, false] {
        let classes = [FLEXIBLE; 40];
        let remote = bucket(&classes);
        remote.set_listings_tell_restores(tells);
        let (dir, clock) = (dir(), TestClock::of(&remote));
        let journal = file(dir.path(), spec(&classes, Tier::Standard, 1));
        let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
        driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap();
        assert_eq!(driver.job().stage(), Stage::Done);
        let lists = count(&remote, |op| matches!(op, Op::List(_)));
        let heads = count(&remote, |op| matches!(op, Op::Head(_)));
        // One look before each request; five hours are forty polls.
        let expected = if tells { (40, 40) } else { (1, 40 + 40 * 40) };
        assert_eq!((lists, heads), expected);
    }
}

#[test]
fn a_copy_that_went_before_it_was_fetched_is_asked_for_again_only_on_request() {
    let classes = [FLEXIBLE, FLEXIBLE];
    let remote = bucket(&classes);
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Expedited, 1));
    let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
    driver.step(&fetch(&remote), &go_on()).unwrap();
    // Nobody was there for days.
    remote.advance(5 * 86_400);
    driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap();
    assert_eq!(driver.job().stage(), Stage::Expired);
    assert_eq!(restores(&remote).len(), 2);
    assert!(matches!(driver.cancel(), Err(ThawError::Journal(JournalError::Illegal(IllegalTransition::Over(_))))));
    driver.resume().unwrap();
    driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap();
    assert_eq!(driver.job().stage(), Stage::Done);
    assert_eq!(restores(&remote).len(), 4);
    assert!(driver.resume().is_err());
}

#[test]
fn a_cancelled_job_asks_no_more_and_a_resumed_one_joins_what_it_left() {
    let classes = [FLEXIBLE; 3];
    let remote = bucket(&classes);
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Standard, 1));
    let settings = Settings { rate: 2, ..Settings::default() };
    let mut driver = Driver::new(journal, &remote, &clock, settings).unwrap();
    driver.step(&fetch(&remote), &go_on()).unwrap();
    assert_eq!(stages(driver.job()), [Stage::Thawing, Stage::Thawing, Stage::Planned]);
    let changes = driver.cancel().unwrap();
    assert_eq!(changes.len(), 3);
    let before = remote.requests().len();
    assert_eq!(driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap(), Ended::Over);
    assert_eq!(remote.requests().len(), before);
    remote.advance(3600);
    driver.resume().unwrap();
    driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap();
    assert_eq!(driver.job().stage(), Stage::Done);
    assert_eq!(restores(&remote).len(), 3);
}

#[test]
fn runs_end_at_their_deadline_and_when_told_to_stop() {
    let classes = [FLEXIBLE];
    let remote = bucket(&classes);
    let (dir, clock) = (dir(), TestClock::of(&remote));
    let journal = file(dir.path(), spec(&classes, Tier::Standard, 1));
    let mut driver = Driver::new(journal, &remote, &clock, Settings::default()).unwrap();
    let stop = AtomicBool::new(true);
    assert_eq!(driver.run(&fetch(&remote), None, &stop, &mut |_, _| {}).unwrap(), Ended::Stopped);
    assert_eq!(remote.requests().len(), 1, "only the test's own write");
    let deadline = Some(START + 1000);
    assert_eq!(driver.run(&fetch(&remote), deadline, &go_on(), &mut |_, _| {}).unwrap(), Ended::Deadline);
    assert_eq!(remote.now(), START + 1000);
    assert_eq!(driver.run(&fetch(&remote), None, &go_on(), &mut |_, _| {}).unwrap(), Ended::Over);
    assert_eq!(driver.job().stage(), Stage::Done);
}

#[test]
fn a_plan_tells_what_is_to_be_paid_for() {
    let classes = [FLEXIBLE, FLEXIBLE, Class::DeepArchive, Class::Standard, FLEXIBLE, FLEXIBLE];
    let remote = bucket(&classes);
    remote.restore(&key(0), 1, Tier::Expedited).unwrap();
    remote.advance(300);
    remote.restore(&key(1), 1, Tier::Standard).unwrap();
    let mut wanted: std::collections::BTreeMap<_, _> = (0..7).map(|n| (pack_id(n), Vec::new())).collect();
    wanted.insert(pack_id(2), vec![1..9, 5..6]);
    let plan = Plan::look(&remote, &wanted, 3).unwrap();
    assert_eq!(plan.missing, [pack_id(6)]);
    assert_eq!(plan.count(Sight::is_readable), (2, 4));
    assert_eq!(plan.count(|sight| sight == Sight::Ongoing), (1, 2));
    let request = |class, tier, objects| Request { class, tier, objects, bytes: 2 * objects, days: 3 };
    let deep = request(Class::DeepArchive, Tier::Standard, 1);
    assert_eq!(plan.requests(Tier::Expedited, 3), [request(FLEXIBLE, Tier::Expedited, 2), deep]);
    assert_eq!(plan.eta(Tier::Bulk), EtaRange { first: 0, last: 48 * 3600 });
    assert_eq!(plan.eta(Tier::Expedited), EtaRange { first: 0, last: 12 * 3600 });
    let packs = plan.into_packs();
    assert_eq!(packs[2].ranges, [std::ops::Range { start: 1, end: 2 }]);
    assert_eq!(packs.len(), 6);
    // Looking asked for nothing.
    assert_eq!(restores(&remote).len(), 2);
    assert_eq!(Plan::default().eta(Tier::Bulk), EtaRange::default());
}
