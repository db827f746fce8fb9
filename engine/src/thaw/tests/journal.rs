//! The bytes of a journal, and what becomes of broken ones.

use proptest::prelude::*;

use super::*;

const ID: JobId = JobId::from_bytes([1; 8]);

/// A job with a bit of everything.
fn example(dir: &Path) -> Journal {
    let mut spec = spec(&[Class::DeepArchive, Class::GlacierFlexible, Class::Standard], Tier::Bulk, 3);
    spec.packs[1].ranges = vec![std::ops::Range { start: 0, end: 1 }];
    let mut journal = file(dir, spec);
    let steps = |steps: Vec<Step>| (0..).zip(steps).map(|(pack, step)| Event::Pack(pack, step)).collect::<Vec<_>>();
    let ask = |tier| Step::Ask { tier, days: 3 };
    journal.commit(START, &steps(vec![ask(Tier::Bulk), ask(Tier::Bulk), Step::Seen(Sight::Warm)])).unwrap();
    journal.commit(START + 1, &steps(vec![Step::Accepted, Step::Ongoing, Step::Hydrate])).unwrap();
    journal.commit(START + 2, &[Event::Pack(2, Step::Hydrated)]).unwrap();
    journal.commit(START + 3, &[Event::Escalate(Tier::Standard)]).unwrap();
    journal.commit(START + 4, &steps(vec![ask(Tier::Standard), ask(Tier::Standard)])).unwrap();
    journal.commit(START + 5, &steps(vec![Step::NotTaken, Step::Accepted])).unwrap();
    let until = Step::Seen(Sight::Until(START + 3 * DAY));
    journal.commit(START + 6, &[Event::Pack(1, until)]).unwrap();
    journal.commit(START + 7, &[Event::Extend(5)]).unwrap();
    journal.commit(START + 8, &[Event::Pack(0, Step::Fail(Reason::Refused("no".into())))]).unwrap();
    journal
}

fn path(dir: &Path) -> std::path::PathBuf {
    dir.join(format!("{ID}.job"))
}

#[test]
fn the_bytes_are_as_documented() {
    let dir = dir();
    let job = example(dir.path()).job().clone();
    let bytes = std::fs::read(path(dir.path())).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/format/thaw.job");
    if std::env::var_os("FIRN_BLESS").is_some() {
        std::fs::write(&golden, &bytes).unwrap();
    }
    assert_eq!(std::fs::read(&golden).unwrap(), bytes);
    assert_eq!(read_job(dir.path(), ID).unwrap(), job);
    assert_eq!(stages(&job), [Stage::Failed, Stage::Readable, Stage::Done]);
    assert_eq!((job.tier(), job.days()), (Tier::Standard, 5));
    // The header of the page, field by field.
    assert_eq!(&bytes[..16], b"firnthaw\x01\0\0\0\0\0\0\0");
    assert_eq!(&bytes[16..24], ID.as_bytes());
    let len = u32::from_le_bytes(bytes[24..28].try_into().unwrap());
    let (payload, check) = bytes[32..].split_at(usize::try_from(len).unwrap());
    let hashed = [ID.as_bytes().as_slice(), &24u64.to_le_bytes(), &len.to_le_bytes(), payload].concat();
    assert_eq!(check[..8], blake3::hash(&hashed).as_bytes()[..8]);
}

#[test]
fn every_cut_leaves_the_job_as_it_was_and_it_goes_on_from_there() {
    let dir = dir();
    drop(example(dir.path()));
    let whole = std::fs::read(path(dir.path())).unwrap();
    let mut jobs = 0;
    let mut last = None;
    for cut in 0..=whole.len() {
        std::fs::write(path(dir.path()), &whole[..cut]).unwrap();
        let Ok(mut journal) = Journal::open(dir.path(), ID) else {
            assert_eq!(jobs, 0, "cut at {cut}");
            continue;
        };
        if last.as_ref() != Some(journal.job()) {
            jobs += 1;
            last = Some(journal.job().clone());
        }
        if !journal.job().is_over() {
            journal.commit(START + 9, &[Event::Cancel]).unwrap();
        }
        assert_eq!(&read_job(dir.path(), ID).unwrap(), journal.job(), "cut at {cut}");
    }
    assert_eq!(jobs, 10, "the job as filed, and after each of nine commits");
}

#[test]
fn damage_before_the_end_is_never_taken_for_a_torn_write() {
    let dir = dir();
    drop(example(dir.path()));
    let whole = std::fs::read(path(dir.path())).unwrap();
    let job = parse_journal(&whole).unwrap();
    // The last frame is one event with words: 16 of frame, 12 before the event, 5 + 4 + 2 of event.
    let last = whole.len() - (16 + 12 + 11);
    for at in 0..whole.len() {
        for bit in [1, 0x80] {
            let mut damaged = whole.clone();
            damaged[at] ^= bit;
            match parse_journal(&damaged) {
                Err(_) => assert!(at < last, "byte {at}"),
                Ok(found) => assert!(at >= last && found != job, "byte {at}"),
            }
        }
    }
}

#[test]
fn one_job_has_one_owner_and_any_number_of_readers() {
    let dir = dir();
    let journal = example(dir.path());
    let error = Journal::open(dir.path(), ID).unwrap_err();
    assert!(matches!(error, JournalError::Busy(ID)));
    let text = "thaw job 0101010101010101 is being driven by another firn: wait for it, or stop it first";
    assert_eq!(error.to_string(), text);
    assert_eq!(&read_job(dir.path(), ID).unwrap(), journal.job());
    assert_eq!(jobs(dir.path()).unwrap(), [ID]);
    assert!(matches!(journal.remove(), Err(JournalError::NotOver(ID))));
    let mut journal = Journal::open(dir.path(), ID).unwrap();
    journal.commit(START, &[Event::Cancel]).unwrap();
    journal.remove().unwrap();
    assert!(matches!(Journal::open(dir.path(), ID), Err(JournalError::NoSuchJob(ID))));
    assert!(matches!(read_job(dir.path(), ID), Err(JournalError::NoSuchJob(ID))));
    assert_eq!(jobs(&dir.path().join("none")).unwrap(), []);
}

#[test]
fn what_the_job_does_not_allow_is_not_written() {
    let dir = dir();
    let mut journal = example(dir.path());
    let before = std::fs::read(path(dir.path())).unwrap();
    for event in [
        Event::Pack(0, Step::Hydrate),
        Event::Pack(9, Step::Hydrate),
        Event::Pack(2, Step::Seen(Sight::Frozen)),
        Event::Escalate(Tier::Bulk),
        Event::Extend(0),
    ] {
        let allowed = Event::Pack(1, Step::Hydrate);
        assert!(matches!(journal.commit(START, &[allowed, event]), Err(JournalError::Illegal(_))));
    }
    assert_eq!(std::fs::read(path(dir.path())).unwrap(), before);
}

#[test]
fn many_events_are_many_frames() {
    let dir = dir();
    let classes = [Class::DeepArchive; 3000];
    let mut journal = file(dir.path(), spec(&classes, Tier::Bulk, 1));
    let failed = |pack| Event::Pack(pack, Step::Fail(Reason::Hydration("x".repeat(512))));
    journal.commit(START, &(0..3000).map(failed).collect::<Vec<_>>()).unwrap();
    assert_eq!(&read_job(dir.path(), ID).unwrap(), journal.job());
}

#[test]
fn a_file_under_a_wrong_name_and_a_new_job_under_a_taken_one_are_refused() {
    let dir = dir();
    drop(example(dir.path()));
    let other = JobId::from_bytes([2; 8]);
    std::fs::copy(path(dir.path()), dir.path().join(format!("{other}.job"))).unwrap();
    assert!(matches!(Journal::open(dir.path(), other), Err(JournalError::Unusable { .. })));
    let before = std::fs::read(path(dir.path())).unwrap();
    assert!(Journal::create_as(dir.path(), ID, spec(&[], Tier::Bulk, 1)).is_err());
    assert_eq!(std::fs::read(path(dir.path())).unwrap(), before);
    assert!(matches!(Journal::create(dir.path(), spec(&[], Tier::Bulk, 0)), Err(JournalError::Spec(_))));
    let fresh = Journal::create(&dir.path().join("new"), spec(&[], Tier::Bulk, 1)).unwrap();
    assert_eq!(fresh.job().stage(), Stage::Done);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        at in any::<proptest::sample::Index>(),
    ) {
        let _ = parse_journal(&bytes);
        let mut broken = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/format/thaw.job")).unwrap();
        let at = at.index(broken.len());
        broken.splice(at..(at + bytes.len() / 2).min(broken.len()), bytes);
        let _ = parse_journal(&broken);
    }

    /// Bytes whose checksums hold reach the decoder of events and the state machine.
    #[test]
    fn arbitrary_events_never_panic(kinds in proptest::collection::vec((0u8..70, 0u32..3, any::<[u8; 6]>()), 0..40)) {
        let mut bytes = frames_of(&spec(&[Class::DeepArchive; 2], Tier::Bulk, 1));
        for (kind, pack, rest) in kinds {
            let mut payload = START.to_le_bytes().to_vec();
            payload.extend_from_slice(&1u32.to_le_bytes());
            payload.push(kind);
            payload.extend_from_slice(&pack.to_le_bytes());
            payload.extend_from_slice(&rest[..usize::from(rest[0] % 6)]);
            let end = bytes.len();
            let len = u32::try_from(payload.len()).unwrap().to_le_bytes();
            let offset = (end as u64).to_le_bytes();
            let hash = |parts: &[&[u8]]| blake3::hash(&parts.concat());
            let head = hash(&[ID.as_bytes(), &offset, &len]);
            let tail = hash(&[ID.as_bytes(), &offset, &len, &payload]);
            bytes.extend_from_slice(&len);
            bytes.extend_from_slice(&head.as_bytes()[..4]);
            bytes.extend_from_slice(&payload);
            bytes.extend_from_slice(&tail.as_bytes()[..8]);
            if parse_journal(&bytes).is_err() {
                bytes.truncate(end);
            }
        }
        prop_assert!(parse_journal(&bytes).is_ok());
    }
}

fn frames_of(spec: &JobSpec) -> Vec<u8> {
    crate::thaw::frames::first(ID, spec).unwrap()
}
