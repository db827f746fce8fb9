use proptest::prelude::*;

use super::*;
use crate::class::Tier;
use crate::object::Meta;
use crate::time::DAY;

fn object(class: Class, since: u64, body: u64, size: u64) -> Object {
    let (since, modified) = (Time::from_unix(since), Time::from_unix(since));
    let extents = vec![Extent { body: BodyId(body), offset: 0, len: size }];
    let etag = format!("{body:032x}");
    Object { etag, size, class, since, modified, extents, meta: Meta::default(), checksum: None, restore: None }
}

fn world() -> State {
    let mut state = State::default();
    state.apply(Time::from_unix(0), Effect::BucketCreated { bucket: "b".into() });
    state
}

fn put(state: &mut State, at: u64, key: &str, object: Object) -> Vec<BodyId> {
    let (bucket, key) = ("b".into(), key.into());
    state.apply(Time::from_unix(at), Effect::ObjectPut { bucket, key, object: Box::new(object) })
}

fn delete(state: &mut State, at: u64, key: &str) -> Vec<BodyId> {
    state.apply(Time::from_unix(at), Effect::ObjectDeleted { bucket: "b".into(), key: key.into() })
}

#[test]
fn storage_and_early_deletion() {
    let mut state = world();
    put(&mut state, 0, "k", object(Class::Glacier, 0, 1, 1 << 20));
    let day = Time::from_unix(DAY);
    let billed = u128::from((1u64 << 20) + (32 << 10));
    let live = state.usage_at(day);
    assert_eq!(live.stored[&Class::Glacier], billed * u128::from(DAY));
    assert_eq!(live.overhead[&Class::Glacier], 8192 * u128::from(DAY));
    assert!(live.early.is_empty());
    assert_eq!(delete(&mut state, DAY, "k"), [BodyId(1)]);
    let closed = state.usage_at(Time::from_unix(100 * DAY));
    assert_eq!(closed.stored, live.stored, "nothing accrues after the end");
    assert_eq!(closed.early[&Class::Glacier], billed * 89 * u128::from(DAY));
}

#[test]
fn an_object_put_over_itself_keeps_its_bytes() {
    let mut state = world();
    put(&mut state, 0, "k", object(Class::Standard, 0, 1, 100));
    assert_eq!(put(&mut state, 5, "k", object(Class::DeepArchive, 5, 1, 100)), []);
    assert_eq!(put(&mut state, 9, "k", object(Class::Standard, 9, 2, 100)), [BodyId(1)]);
}

#[test]
fn restored_copies_are_billed_from_ready_to_the_end() {
    let mut state = world();
    put(&mut state, 0, "k", object(Class::Glacier, 0, 1, 1000));
    let (requested, ready, expires) = (Time::from_unix(0), Time::from_unix(100), Time::from_unix(DAY));
    let restore = Restore { tier: Tier::Bulk, days: 1, requested, ready, expires };
    let set = |state: &mut State, at, restore| {
        state.apply(at, Effect::RestoreSet { bucket: "b".into(), key: "k".into(), restore });
    };
    set(&mut state, requested, restore);
    assert!(state.usage_at(ready).copies.is_empty());
    assert_eq!(state.usage_at(Time::from_unix(300)).copies[&Class::Glacier], 1000 * 200);
    // Extended by a day: one span, longer.
    set(&mut state, Time::from_unix(400), Restore { expires: Time::from_unix(2 * DAY), ..restore });
    assert_eq!(state.usage_at(Time::from_unix(5 * DAY)).copies[&Class::Glacier], 1000 * u128::from(2 * DAY - 100));
    // Restored anew long after: both spans count.
    let (again, gone) = (Time::from_unix(10 * DAY), Time::from_unix(11 * DAY));
    set(&mut state, again, Restore { requested: again, ready: again, expires: gone, ..restore });
    let sum = u128::from(2 * DAY - 100 + DAY);
    assert_eq!(state.usage_at(Time::from_unix(20 * DAY)).copies[&Class::Glacier], 1000 * sum);
}

#[test]
fn uploads_are_billed_as_staging_until_they_end() {
    let mut state = world();
    let upload = Upload {
        bucket: "b".into(),
        key: "k".into(),
        class: Class::DeepArchive,
        meta: Meta::default(),
        checksum: None,
        begun: Time::from_unix(0),
        parts: BTreeMap::new(),
    };
    state.apply(Time::from_unix(0), Effect::UploadBegun { id: "u".into(), upload: Box::new(upload) });
    let part = |body| {
        let extents = vec![Extent { body: BodyId(body), offset: 0, len: 10 }];
        Box::new(Part { etag: String::new(), size: 10, stored: Time::from_unix(0), extents, checksum: None })
    };
    state.apply(Time::from_unix(0), Effect::PartPut { id: "u".into(), number: 1, part: part(1) });
    let replaced = state.apply(Time::from_unix(5), Effect::PartPut { id: "u".into(), number: 1, part: part(2) });
    assert_eq!(replaced, [BodyId(1)]);
    let lost = state.apply(Time::from_unix(5), Effect::PartPut { id: "gone".into(), number: 1, part: part(3) });
    assert_eq!(lost, [BodyId(3)], "a part of an upload that is gone is not kept");
    assert_eq!(state.apply(Time::from_unix(9), Effect::UploadClosed { id: "u".into() }), [BodyId(2)]);
    // Five seconds of the first, and nine of the second, which says it is stored since 0.
    assert_eq!(state.usage_at(Time::from_unix(99)).staged[&Class::Standard], 10 * 14);
}

#[test]
fn after_a_reset_only_what_follows_is_billed() {
    let mut state = world();
    put(&mut state, 0, "k", object(Class::Standard, 0, 1, 7));
    state.apply(Time::from_unix(100), Effect::Reset);
    assert_eq!(state.usage_at(Time::from_unix(130)).stored[&Class::Standard], 7 * 30);
}

proptest! {
    /// Bodies are freed exactly when the last object that refers to them goes, and storage adds up second by second.
    #[test]
    fn any_history_adds_up(steps in prop::collection::vec((0u8..4, 0u64..4, 1u64..50), 1..60)) {
        let mut state = world();
        let mut model: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let (mut now, mut seconds) = (0u64, 0u128);
        for (slot, body, wait) in steps {
            let key = format!("k{slot}");
            let before: Vec<u64> = model.values().map(|(body, _)| *body).collect();
            let freed = if body == 0 {
                model.remove(&key);
                delete(&mut state, now, &key)
            } else {
                model.insert(key.clone(), (body, 10 * body));
                put(&mut state, now, &key, object(Class::Standard, now, body, 10 * body))
            };
            for id in &freed {
                prop_assert!(before.contains(&id.0));
                prop_assert!(!model.values().any(|(body, _)| *body == id.0));
            }
            let mut live: Vec<u64> = state.bodies().map(|id| id.0).collect();
            let mut want: Vec<u64> = model.values().map(|(body, _)| *body).collect();
            live.sort_unstable();
            want.sort_unstable();
            want.dedup();
            prop_assert_eq!(live, want);
            seconds += model.values().map(|(_, size)| u128::from(*size)).sum::<u128>() * u128::from(wait);
            now += wait;
            let stored = state.usage_at(Time::from_unix(now)).stored.get(&Class::Standard).copied();
            prop_assert_eq!(stored.unwrap_or(0), seconds);
        }
    }
}
