use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

#[test]
fn expiry_is_the_midnight_after_completion_and_days() {
    let now = at("2026-03-01T10:00:00Z");
    let accepted = decide(now, Class::Glacier, None, Tier::Standard, 2, 5 * HOUR).unwrap();
    let restore = accepted.restore();
    assert_eq!(accepted.status(), 202);
    assert_eq!(restore.ready, at("2026-03-01T15:00:00Z"));
    assert_eq!(restore.expires, at("2026-03-04T00:00:00Z"));
    assert_eq!(
        header(standing(Some(&restore), restore.ready)).unwrap(),
        "ongoing-request=\"false\", expiry-date=\"Wed, 04 Mar 2026 00:00:00 GMT\""
    );
    // 20:00 on the 1st + 12 h is the next day: the copy's life counts from there.
    let late = decide(at("2026-03-01T20:00:00Z"), Class::DeepArchive, None, Tier::Standard, 1, 12 * HOUR).unwrap();
    assert_eq!(late.restore().expires, at("2026-03-04T00:00:00Z"));
}

#[test]
fn only_a_faster_tier_with_the_same_days_changes_a_running_restore() {
    let now = at("2026-03-01T00:00:00Z");
    let running = decide(now, Class::Glacier, None, Tier::Standard, 3, 5 * HOUR).unwrap().restore();
    let again = |tier, days| decide(now.plus(60), Class::Glacier, Some(&running), tier, days, 300);
    assert_eq!(again(Tier::Standard, 3), Err(Refusal::RestoreAlreadyInProgress));
    assert_eq!(again(Tier::Bulk, 3), Err(Refusal::RestoreAlreadyInProgress));
    assert_eq!(again(Tier::Expedited, 4), Err(Refusal::RestoreAlreadyInProgress));
    let Ok(Accepted::Upgraded { restore, from }) = again(Tier::Expedited, 3) else { panic!("refused") };
    assert_eq!((from, restore.tier, restore.ready), (Tier::Standard, Tier::Expedited, now.plus(360)));
    assert_eq!(restore.requested, now);
}

#[test]
fn classes_and_tiers_that_cannot_be_restored() {
    let now = Time::from_unix(0);
    let ask = |class, tier, days| decide(now, class, None, tier, days, 1);
    assert_eq!(ask(Class::Standard, Tier::Standard, 1), Err(Refusal::ObjectAlreadyInActiveTier));
    assert_eq!(ask(Class::StandardIa, Tier::Standard, 1), Err(Refusal::ObjectAlreadyInActiveTier));
    assert_eq!(ask(Class::GlacierIr, Tier::Standard, 1).unwrap_err().code(), "InvalidObjectState");
    assert_eq!(ask(Class::DeepArchive, Tier::Expedited, 1).unwrap_err().status(), 400);
    assert_eq!(ask(Class::Glacier, Tier::Standard, 0).unwrap_err().status(), 400);
    assert_eq!(ask(Class::Glacier, Tier::Standard, MAX_DAYS + 1).unwrap_err().status(), 400);
}

#[test]
fn large_expedited_restores_take_their_throughput() {
    let seconds = |size| Pace::Slowest.seconds(Class::Glacier, Tier::Expedited, size, 0).unwrap();
    assert_eq!(seconds(249_999_999), 300);
    assert_eq!(seconds(300_000_000_000), 1_000);
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Glacier), Just(Class::DeepArchive)]
}

fn tier() -> impl Strategy<Value = Tier> {
    prop_oneof![Just(Tier::Bulk), Just(Tier::Standard), Just(Tier::Expedited)]
}

proptest! {
    /// Any history of requests and waiting keeps to what S3 promises about every restore.
    #[test]
    fn histories_keep_the_rules(
        class in class(),
        seed in any::<u64>(),
        steps in prop::collection::vec((tier(), 1u32..5, 0u64..3 * DAY), 1..40),
    ) {
        let mut now = at("2026-02-27T13:37:00Z");
        let mut last: Option<Restore> = None;
        for (tier, days, wait) in steps {
            let before = standing(last.as_ref(), now);
            let Some(seconds) = Pace::Spread(seed).seconds(class, tier, 1 << 20, 7) else {
                prop_assert!(decide(now, class, last.as_ref(), tier, days, 0).is_err());
                continue;
            };
            let (low, high) = span(class, tier).unwrap();
            prop_assert!((low..=high).contains(&seconds));
            match decide(now, class, last.as_ref(), tier, days, seconds) {
                Ok(accepted) => {
                    let restore = accepted.restore();
                    match accepted {
                        Accepted::Started(_) => prop_assert_eq!(before, Standing::None),
                        Accepted::Upgraded { from, .. } => {
                            prop_assert_eq!(before, Standing::InProgress);
                            let old = last.unwrap();
                            prop_assert!(tier > from && days == old.days && restore.ready <= old.ready);
                        }
                        Accepted::Extended(_) => {
                            let restored = matches!(before, Standing::Restored { .. });
                            prop_assert!(restored && restore.ready <= now);
                        }
                    }
                    // A copy lives its days, and less than one more.
                    let from = restore.ready.max(now);
                    let life = restore.expires.since(from);
                    prop_assert!(restore.expires.unix() % DAY == 0);
                    prop_assert!((u64::from(days) * DAY..(u64::from(days) + 1) * DAY).contains(&life));
                    last = Some(restore);
                }
                Err(refusal) => {
                    prop_assert_eq!(refusal, Refusal::RestoreAlreadyInProgress);
                    prop_assert_eq!(before, Standing::InProgress);
                }
            }
            let restored = matches!(standing(last.as_ref(), now), Standing::Restored { .. });
            prop_assert_eq!(readable(class, last.as_ref(), now).is_ok(), restored);
            now = now.plus(wait);
        }
    }
}
