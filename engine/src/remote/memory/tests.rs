use super::*;
use crate::id::PackId;
use crate::store::PackArea;

const HOUR: u64 = 60 * 60;
/// A midnight UTC.
const START: i64 = 20_000 * DAY;

fn key(n: u8) -> Key {
    Key::Pack(PackArea::Data, PackId::from_bytes([n; 32]))
}

fn bucket(class: Class) -> MemoryRemote {
    let remote = MemoryRemote::new(START + 10 * 3600);
    remote.put(&key(1), Body::Bytes(b"0123456789"), class, &When::Always).unwrap();
    remote
}

fn standing(remote: &MemoryRemote) -> Restore {
    remote.head(&key(1)).unwrap().unwrap().restore
}

#[test]
fn frozen_objects_are_read_only_while_a_copy_lives() {
    let remote = bucket(Class::GlacierFlexible);
    let mut buf = [0; 3];
    assert!(matches!(remote.get(&key(1), 99), Err(RemoteError::Frozen { class: Class::GlacierFlexible, .. })));
    assert!(matches!(remote.read_at(&key(1), 0, &mut buf), Err(RemoteError::Frozen { .. })));
    assert!(matches!(remote.reclass(&key(1), Class::Standard), Err(RemoteError::Frozen { .. })));
    assert_eq!(standing(&remote), Restore::None);

    assert_eq!(remote.restore(&key(1), 2, Tier::Standard).unwrap(), RestoreAnswer::Accepted);
    remote.advance(5 * HOUR - 1);
    assert_eq!(standing(&remote), Restore::Ongoing);
    assert!(remote.get(&key(1), 99).is_err());
    remote.advance(1);
    // Ready at 15:00, so it is gone at the midnight that ends the third day.
    assert_eq!(standing(&remote), Restore::Until(START + 3 * DAY));
    remote.read_at(&key(1), 4, &mut buf).unwrap();
    assert_eq!(&buf, b"456");
    assert!(matches!(remote.read_at(&key(1), 8, &mut buf), Err(RemoteError::Damaged { .. })));
    remote.advance(57 * HOUR);
    assert_eq!(standing(&remote), Restore::None);
    assert!(matches!(remote.get(&key(1), 99), Err(RemoteError::Frozen { .. })));
    assert_eq!(remote.restore(&key(1), 1, Tier::Bulk).unwrap(), RestoreAnswer::Accepted);
}

#[test]
fn only_a_faster_tier_with_the_same_days_changes_a_running_restore() {
    let remote = bucket(Class::GlacierFlexible);
    let ask = |days, tier| remote.restore(&key(1), days, tier).unwrap();
    assert_eq!(ask(3, Tier::Standard), RestoreAnswer::Accepted);
    assert_eq!(ask(3, Tier::Standard), RestoreAnswer::Ongoing);
    assert_eq!(ask(3, Tier::Bulk), RestoreAnswer::Ongoing);
    assert_eq!(ask(4, Tier::Expedited), RestoreAnswer::Ongoing);
    remote.set_faults(Faults { no_capacity: 1000, ..Faults::default() });
    assert_eq!(ask(3, Tier::Expedited), RestoreAnswer::NoCapacity);
    remote.set_faults(Faults::default());
    assert_eq!(ask(3, Tier::Expedited), RestoreAnswer::Accepted);
    remote.advance(300);
    assert_eq!(standing(&remote), Restore::Until(START + 4 * DAY));
    remote.advance(24 * HOUR);
    assert_eq!(ask(1, Tier::Bulk), RestoreAnswer::Extended);
    assert_eq!(standing(&remote), Restore::Until(START + 3 * DAY), "counted from now, even when that is less");
}

#[test]
fn what_cannot_be_restored_says_so() {
    let remote = bucket(Class::DeepArchive);
    let refused = |answer| matches!(answer, Err(RemoteError::Refused { status: 400, .. }));
    assert!(refused(remote.restore(&key(1), 1, Tier::Expedited)));
    assert!(refused(remote.restore(&key(1), 0, Tier::Bulk)));
    assert!(matches!(remote.restore(&key(2), 1, Tier::Bulk), Err(RemoteError::NotFound { .. })));
    for class in [Class::Standard, Class::StandardIa, Class::GlacierInstant, Class::Other] {
        let answer = bucket(class).restore(&key(1), 1, Tier::Bulk);
        assert_eq!(answer.unwrap(), RestoreAnswer::NotFrozen);
    }
}

#[test]
fn writes_keep_their_conditions() {
    let remote = MemoryRemote::new(START);
    let put = |bytes: &[u8], when| remote.put(&key(1), Body::Bytes(bytes), Class::Standard, &when);
    assert!(matches!(put(b"a", When::Unchanged(Version("x".into()))), Err(RemoteError::Changed { .. })));
    let first = put(b"a", When::Absent).unwrap();
    assert!(matches!(put(b"b", When::Absent), Err(RemoteError::Changed { .. })));
    let second = put(b"b", When::Unchanged(first.clone())).unwrap();
    assert!(matches!(put(b"c", When::Unchanged(first)), Err(RemoteError::Changed { .. })));
    assert_eq!(remote.get(&key(1), 1).unwrap(), (b"b".to_vec(), second));
    assert!(matches!(remote.get(&key(1), 0), Err(RemoteError::TooLarge { len: 1, limit: 0, .. })));
    remote.advance(5);
    remote.reclass(&key(1), Class::DeepArchive).unwrap();
    let object = remote.head(&key(1)).unwrap().unwrap();
    assert_eq!((object.class, object.modified, object.len), (Class::DeepArchive, START + 5, 1));
    assert!(object.sha256.is_some());
    remote.delete(&key(1)).unwrap();
    remote.delete(&key(1)).unwrap();
    assert_eq!(remote.head(&key(1)).unwrap(), None);
}

#[test]
fn listings_are_paged_and_tell_restores_if_they_do() {
    let remote = MemoryRemote::new(START);
    for n in 0..1001u16 {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        let key = Key::Pack(PackArea::Data, PackId::from_bytes(id));
        remote.put(&key, Body::Bytes(b"x"), Class::DeepArchive, &When::Always).unwrap();
    }
    let first = Key::Pack(PackArea::Data, PackId::from_bytes([0; 32]));
    remote.put(&Key::Footer(PackId::from_bytes([0; 32])), Body::Bytes(b"f"), Class::Standard, &When::Always).unwrap();
    remote.restore(&first, 1, Tier::Standard).unwrap();
    let list = |family| {
        let mut pages = Vec::new();
        remote.list(family, &mut |page| pages.push(page)).unwrap();
        pages
    };
    let pages = list(Family::Packs(PackArea::Data));
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1000, 1]);
    assert_eq!((&pages[0][0].key, pages[0][0].restore), (&first, Restore::Ongoing));
    assert_eq!(pages[0][0].sha256, None);
    remote.set_listings_tell_restores(false);
    assert_eq!(list(Family::Packs(PackArea::Data))[0][0].restore, Restore::None);
    assert_eq!(list(Family::Footers)[0].len(), 1);
    assert!(list(Family::Images)[0].is_empty());
    let lists = remote.requests().iter().filter(|request| matches!(request.op, Op::List(_))).count();
    assert_eq!(lists, 6);
}

#[test]
fn faults_come_as_told_and_are_logged() {
    let remote = bucket(Class::DeepArchive);
    let last = || remote.requests().pop().unwrap();
    remote.set_faults(Faults { refused: 1000, ..Faults::default() });
    assert!(matches!(remote.restore(&key(1), 1, Tier::Bulk), Err(RemoteError::SlowDown { .. })));
    assert!(!last().done && last().answered);
    remote.set_faults(Faults { denied: 1000, ..Faults::default() });
    assert!(matches!(remote.head(&key(1)), Err(RemoteError::Refused { status: 403, .. })));
    remote.set_faults(Faults { unreachable: 1000, ..Faults::default() });
    assert!(matches!(remote.restore(&key(1), 1, Tier::Bulk), Err(RemoteError::Unreachable { .. })));
    assert!(!last().done && !last().answered);
    remote.set_faults(Faults::default());
    assert_eq!(standing(&remote), Restore::None, "neither took place");
    remote.set_faults(Faults { lost: 1000, ..Faults::default() });
    assert!(matches!(remote.restore(&key(1), 1, Tier::Bulk), Err(RemoteError::Unreachable { .. })));
    let op =
        Op::Restore { key: key(1), days: 1, tier: Tier::Bulk, running: None, answer: Some(RestoreAnswer::Accepted) };
    assert_eq!(last(), Request { at: remote.now(), op, done: true, answered: false });
    remote.set_faults(Faults::default());
    assert_eq!(standing(&remote), Restore::Ongoing, "it took place");
}

#[test]
fn a_spread_pace_stays_within_what_the_tier_promises() {
    let remote = bucket(Class::GlacierFlexible);
    remote.set_pace(Pace::Spread(7));
    remote.restore(&key(1), 1, Tier::Bulk).unwrap();
    remote.advance(3 * HOUR - 1);
    assert_eq!(standing(&remote), Restore::Ongoing);
    remote.advance(9 * HOUR + 1);
    assert!(matches!(standing(&remote), Restore::Until(_)));
}
