//! Archives with a bucket behind them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_engine::Archive;
use firn_engine::bucket::{
    BucketError, SpillStep, Spilled, Tally, attach, attach_new, older_than, plan_spill, publish, pull, spill,
};
use firn_engine::read::needs;
use firn_engine::remote::{Class, Faults, MemoryRemote, Op, Remote, RestoreAnswer, Tier, contract};
use firn_engine::restore::verify_image;
use firn_engine::store::{Family, Key, PackArea};

use crate::common::layout::{GZIP_LAYER, Layout, gzip};
use crate::common::tarball::Tar;
use crate::common::{ingest, noise, scratch, small_archive};

pub const NOW: i64 = 1_790_000_000;
const CACHE: u64 = 64 << 20;
const EVER: i64 = i64::MAX;

/// A layout with one image of this name and content.
fn layout(dir: &Path, name: &str, seeds: &[u64]) -> Layout {
    let mut layout = Layout::new(&dir.join(name));
    let layers: Vec<_> = seeds
        .iter()
        .map(|seed| layout.blob(GZIP_LAYER, &gzip(&Tar::default().file("f", &noise(*seed, 900_000)).finish())))
        .collect();
    let manifest = layout.manifest(&layers);
    layout.tag(name, manifest);
    layout
}

fn put_in(archive: &Archive, dir: &Path, name: &str, seeds: &[u64]) {
    ingest(archive, &layout(dir, name, seeds).reference(name)).unwrap();
}

fn bucket() -> Arc<MemoryRemote> {
    Arc::new(MemoryRemote::new(NOW))
}

pub fn attached(root: &Path, remote: &Arc<MemoryRemote>) -> Archive {
    let remote: Arc<dyn Remote> = Arc::clone(remote) as _;
    if root.join("config").exists() {
        attach(&Archive::open(root).unwrap(), remote.as_ref()).unwrap();
    } else {
        attach_new(root, remote.as_ref()).unwrap();
    }
    let archive = Archive::open_attached(root, remote, CACHE).unwrap();
    let pulled = pull(&archive, archive.remote().unwrap().as_ref(), &Tally::default()).unwrap();
    assert_eq!(pulled.refused, Vec::<String>::new());
    archive
}

fn spill_all(archive: &Archive, class: Class) -> Result<Spilled, BucketError> {
    let remote = archive.remote().unwrap().as_ref();
    let (_, plan) = plan_spill(archive, remote, &older_than(EVER, class), None, &Tally::default())?;
    Ok(spill(archive, remote, &plan, &Tally::default())?.0)
}

fn packs_in(root: &Path) -> usize {
    std::fs::read_dir(root.join("packs"))
        .map_or(0, |fans| fans.map(|fan| std::fs::read_dir(fan.unwrap().path()).unwrap().count()).sum())
}

/// Every blob of the image is re-created and has its digest.
fn comes_back(archive: &Archive, name: &str) {
    let record = archive.resolve(name).unwrap();
    let reader = archive.reader(1 << 20);
    let report = verify_image(&reader, &record, &Default::default(), 2, &Default::default()).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

fn is_frozen(archive: &Archive, name: &str) -> bool {
    let record = archive.resolve(name).unwrap();
    let report = verify_image(&archive.reader(1 << 20), &record, &Default::default(), 2, &Default::default()).unwrap();
    !report.findings.is_empty()
        && report.findings.iter().all(|finding| finding.error.kind() == firn_engine::ErrorKind::Frozen)
}

fn thaw_all(remote: &MemoryRemote) {
    let mut keys = Vec::new();
    remote
        .list(Family::Packs(PackArea::Data), &mut |page| keys.extend(page.into_iter().map(|object| object.key)))
        .unwrap();
    for key in keys {
        assert_eq!(remote.restore(&key, 2, Tier::Standard).unwrap(), RestoreAnswer::Accepted);
    }
    remote.advance(24 * 3600);
}

#[test]
fn the_bucket_in_memory_behaves_as_agreed() {
    contract::objects(&MemoryRemote::new(NOW));
    let remote = MemoryRemote::new(NOW);
    contract::archives(&remote, &|seconds| remote.advance(seconds));
}

#[test]
fn a_bucket_alone_is_a_whole_archive() {
    let dir = scratch();
    let remote = bucket();
    let here = dir.path().join("here");
    let archive = small_archive(&here);
    put_in(&archive, dir.path(), "one", &[1, 2]);
    put_in(&archive, dir.path(), "two", &[2, 3]);
    let archive = attached(&here, &remote);
    let spilled = spill_all(&archive, Class::DeepArchive).unwrap();
    assert!(spilled.uploaded.0 >= 3 && spilled.dropped == spilled.uploaded, "{spilled:?}");
    assert_eq!(packs_in(&here), 0);
    assert!(is_frozen(&archive, "one"));

    let there = dir.path().join("there");
    let other = attached(&there, &remote);
    assert_eq!(other.names().unwrap().len(), 2);
    assert!(is_frozen(&other, "two"));
    // What sleeps is known all the same: the same content again adds nothing.
    put_in(&other, dir.path(), "one", &[1, 2]);
    assert_eq!(packs_in(&there), 0);

    thaw_all(&remote);
    for name in ["one", "two"] {
        comes_back(&attached(&there, &remote), name);
        comes_back(&attached(&here, &remote), name);
    }
    // From its own copies, when the copies in the bucket are gone.
    remote.advance(10 * 86_400);
    comes_back(&attached(&there, &remote), "one");
}

#[test]
fn what_is_too_young_or_cold_enough_stays_where_it_is() {
    let dir = scratch();
    let remote = bucket();
    let root = dir.path().join("archive");
    put_in(&small_archive(&root), dir.path(), "one", &[1]);
    let archive = attached(&root, &remote);
    let far = archive.remote().unwrap().as_ref();
    let (_, plan) = plan_spill(&archive, far, &older_than(0, Class::GlacierInstant), None, &Tally::default()).unwrap();
    assert!(plan.packs.is_empty() && plan.kept.0 > 0);
    let first = spill_all(&archive, Class::GlacierInstant).unwrap();
    let puts = || remote.requests().iter().filter(|request| matches!(request.op, Op::Put { .. })).count();
    let before = puts();
    assert_eq!(spill_all(&archive, Class::GlacierInstant).unwrap(), Spilled::default());
    let colder = spill_all(&archive, Class::DeepArchive).unwrap();
    assert_eq!(colder.reclassed, first.uploaded);
    let (_, plan) = plan_spill(&archive, far, &older_than(EVER, Class::StandardIa), None, &Tally::default()).unwrap();
    assert!(plan.packs.is_empty());
    assert_eq!((plan.colder, puts()), (first.uploaded, before), "what is there is not written again");
}

/// What an image is said to need is all it needs, and no more than its part of packs that it shares.
#[test]
fn an_image_reads_on_from_the_ranges_it_needs_when_all_is_frozen_again() {
    let dir = scratch();
    let remote = bucket();
    let root = dir.path().join("archive");
    let archive = small_archive(&root);
    put_in(&archive, dir.path(), "both", &[1, 2]);
    put_in(&archive, dir.path(), "one", &[2]);
    let archive = attached(&root, &remote);
    spill_all(&archive, Class::DeepArchive).unwrap();
    let record = archive.resolve("one").unwrap();
    let wanted = needs(&archive.auditor(1 << 20), &record, &|_| false).unwrap();
    assert!(needs(&archive.auditor(1 << 20), &record, &|_| true).unwrap().is_empty());
    let bytes: u64 = wanted.values().flatten().map(|range| range.end - range.start).sum();
    let lens = archive.packs().unwrap();
    let whole: u64 = wanted.keys().map(|pack| lens[&(PackArea::Data, *pack)]).sum();
    assert!(bytes > 900_000 && bytes < whole, "{bytes} of {whole}");
    thaw_all(&remote);
    for (pack, ranges) in &wanted {
        for range in ranges {
            let mut buf = vec![0; usize::try_from(range.end - range.start).unwrap()];
            archive.store().read_at(&Key::Pack(PackArea::Data, *pack), range.start, &mut buf).unwrap();
        }
    }
    remote.advance(60 * 86_400);
    comes_back(&archive, "one");
    let both = archive.resolve("both").unwrap();
    let report = verify_image(&archive.auditor(1 << 20), &both, &Default::default(), 2, &Default::default());
    assert!(report.is_err() || !report.unwrap().findings.is_empty(), "what nobody fetched sleeps");
}

#[test]
fn what_is_read_is_counted_and_what_is_checked_is_not() {
    let dir = scratch();
    let root = dir.path().join("archive");
    let archive = small_archive(&root);
    put_in(&archive, dir.path(), "one", &[1]);
    let record = archive.resolve("one").unwrap();
    let read = |reader: &firn_engine::read::ChunkReader| {
        assert!(
            verify_image(reader, &record, &Default::default(), 2, &Default::default()).unwrap().findings.is_empty()
        );
        archive.save_accesses().unwrap();
        archive.access_history().unwrap().packs().count()
    };
    assert_eq!(read(&archive.auditor(1 << 20)), 0);
    assert!(read(&archive.reader(1 << 20)) > 0);
}

/// Every request of a spill was in its plan, the small ones too.
#[test]
fn a_spill_asks_for_what_its_plan_said() {
    let dir = scratch();
    let remote = bucket();
    let root = dir.path().join("archive");
    put_in(&small_archive(&root), dir.path(), "one", &[1, 2]);
    let archive = attached(&root, &remote);
    let count = |from: usize, of: &dyn Fn(&Op) -> bool| {
        remote.requests().iter().skip(from).filter(|request| of(&request.op)).count()
    };
    for class in [Class::GlacierInstant, Class::DeepArchive] {
        let from = remote.requests().len();
        let far: &dyn Remote = remote.as_ref();
        let (_, plan) = plan_spill(&archive, far, &older_than(EVER, class), None, &Tally::default()).unwrap();
        spill(&archive, far, &plan, &Tally::default()).unwrap();
        let uploads = plan.packs.iter().filter(|pack| pack.step == SpillStep::Upload).count();
        let beside = &plan.beside;
        assert_eq!(count(from, &|op| matches!(op, Op::Put(_, to) if *to == class)), uploads);
        assert_eq!(count(from, &|op| matches!(op, Op::Put(_, Class::Standard))), beside.written.len());
        let looks = usize::try_from(beside.looks.values().sum::<u64>()).unwrap();
        assert_eq!(count(from, &|op| matches!(op, Op::Head(_))), looks);
        assert_eq!(count(from, &|op| matches!(op, Op::List(_))), beside.listed.len());
        assert_eq!(count(from, &|op| matches!(op, Op::Reclass(..))), plan.packs.len() - uploads);
        let rest = |op: &Op| matches!(op, Op::Get(_) | Op::ReadAt(_) | Op::Delete(_) | Op::Restore { .. });
        assert_eq!(count(from, &rest), 0);
    }
}

/// Stopped after the last pack, a spill still has records to publish.
#[test]
fn a_spill_that_lacks_only_its_records_is_not_over() {
    let dir = scratch();
    let remote = bucket();
    let root = dir.path().join("archive");
    put_in(&small_archive(&root), dir.path(), "one", &[1]);
    let archive = attached(&root, &remote);
    let far: &dyn Remote = remote.as_ref();
    let plan = || plan_spill(&archive, far, &older_than(EVER, Class::DeepArchive), None, &Tally::default()).unwrap().1;
    spill(&archive, far, &plan(), &Tally::default()).unwrap();
    assert!(plan().is_empty());
    for family in [Family::Names, Family::Images] {
        let mut keys = Vec::new();
        remote.list(family, &mut |page| keys.extend(page.into_iter().map(|object| object.key))).unwrap();
        assert_eq!(keys.len(), 1);
        remote.delete(&keys[0]).unwrap();
    }
    let rest = plan();
    assert!(rest.packs.is_empty() && !rest.is_empty() && rest.beside.documents == 2, "{rest:?}");
    spill(&archive, far, &rest, &Tally::default()).unwrap();
    assert_eq!(attached(&dir.path().join("other"), &remote).names().unwrap().len(), 1);
}

/// What a mount needs to open is all here, packs that no longer exist included.
#[test]
fn opening_an_image_asks_the_bucket_for_nothing() {
    let dir = scratch();
    let remote = bucket();
    let root = dir.path().join("archive");
    put_in(&small_archive(&root), dir.path(), "one", &[1, 2]);
    let archive = attached(&root, &remote);
    spill_all(&archive, Class::DeepArchive).unwrap();
    let before = remote.requests().len();
    let packs = archive.resolve("one").unwrap().all_packs();
    let gone = firn_engine::id::PackId::from_bytes([9; 32]);
    archive.reader(1 << 20).learn(packs.into_iter().chain([gone]).collect::<Vec<_>>()).unwrap();
    assert_eq!(remote.requests().len(), before);
}

/// Answers get lost and requests are refused; the same command again goes on, writes no pack twice, and loses nothing.
#[test]
fn an_interrupted_spill_goes_on() {
    let dir = scratch();
    for seed in 0..12 {
        let remote = bucket();
        let root = dir.path().join(format!("archive-{seed}"));
        let archive = small_archive(&root);
        put_in(&archive, dir.path(), &format!("a{seed}"), &[1, 2, 3]);
        let archive = attached(&root, &remote);
        remote.set_faults(Faults { seed, lost: 150, unreachable: 150, refused: 50, ..Faults::default() });
        let failed = (0..200).take_while(|_| spill_all(&archive, Class::DeepArchive).is_err()).count();
        remote.set_faults(Faults::default());
        spill_all(&archive, Class::DeepArchive).unwrap();
        assert_eq!(packs_in(&root), 0, "seed {seed}, {failed} failures");
        thaw_all(&remote);
        let other = attached(&dir.path().join(format!("other-{seed}")), &remote);
        comes_back(&other, &format!("a{seed}"));
    }
}

#[test]
fn two_machines_lose_nothing_of_each_other() {
    let dir = scratch();
    let remote = bucket();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    put_in(&small_archive(&one), dir.path(), "base", &[1]);
    let first = attached(&one, &remote);
    let sync = |archive: &Archive| {
        publish(archive, archive.remote().unwrap().as_ref(), Class::Standard, &Tally::default()).unwrap()
    };
    sync(&first);
    let second = attached(&two, &remote);
    put_in(&first, dir.path(), "mine", &[1, 2]);
    put_in(&second, dir.path(), "yours", &[1, 3]);
    // The same name for two images: the later one counts, and both images stay.
    put_in(&first, &dir.path().join("one"), "app", &[4]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    put_in(&second, &dir.path().join("two"), "app", &[5]);
    sync(&first);
    let (pulled, _) = sync(&second);
    assert_eq!(pulled.conflicts.len(), 1, "{pulled:?}");
    sync(&first);
    let wanted = second.resolve("app").unwrap().root;
    for root in [&one, &two] {
        let archive = attached(root, &remote);
        assert_eq!(archive.resolve("app").unwrap().root, wanted);
        assert_eq!(archive.images().unwrap().len(), 5);
        for name in ["base", "mine", "yours", "app"] {
            comes_back(&archive, name);
        }
    }
    let (_, published) = sync(&first);
    assert_eq!((published.packs, published.images, published.names), ((0, 0), 0, 0));
}

#[test]
fn a_bucket_of_another_archive_is_refused() {
    let dir = scratch();
    let remote = bucket();
    let far: &dyn Remote = remote.as_ref();
    assert!(matches!(attach_new(&dir.path().join("x"), far), Err(BucketError::Empty { .. })));
    attach(&small_archive(&dir.path().join("a")), far).unwrap();
    let other = small_archive(&dir.path().join("b"));
    assert!(matches!(attach(&other, far), Err(BucketError::Another { .. })));
}

/// What the bucket held is derived: forgotten, it is looked up again.
#[test]
fn a_forgotten_listing_is_made_again() {
    let dir = scratch();
    let remote = bucket();
    let root = dir.path().join("archive");
    put_in(&small_archive(&root), dir.path(), "one", &[1]);
    spill_all(&attached(&root, &remote), Class::StandardIa).unwrap();
    std::fs::remove_file(root.join("bucket.seen")).unwrap();
    let archive = Archive::open_attached(&root, Arc::clone(&remote) as _, CACHE).unwrap();
    comes_back(&archive, "one");
    std::fs::remove_dir_all(root.join("index")).unwrap();
    archive.rebuild_index(&archive.lock().unwrap()).unwrap();
}

/// Bytes that were damaged in the cache are fetched again, and reading a layer takes few requests.
#[test]
fn warm_packs_are_read_by_few_requests_and_kept() {
    let dir = scratch();
    let remote = bucket();
    let root = dir.path().join("archive");
    put_in(&small_archive(&root), dir.path(), "one", &[1, 2]);
    let archive = attached(&root, &remote);
    spill_all(&archive, Class::StandardIa).unwrap();
    let reads = || {
        let is_read = |op: &Op| matches!(op, Op::ReadAt { .. });
        remote.requests().iter().filter(|request| is_read(&request.op)).count()
    };
    let before = reads();
    comes_back(&archive, "one");
    let taken = reads() - before;
    assert!((1..=12).contains(&taken), "{taken} requests for 1.8 MB");
    comes_back(&Archive::open_attached(&root, Arc::clone(&remote) as _, CACHE).unwrap(), "one");
    assert_eq!(reads() - before, taken, "all of it was kept");
    let mut damaged = 0;
    for file in walk(&root.join("cache").join("ranges")) {
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        std::fs::write(&file, bytes).unwrap();
        damaged += 1;
    }
    assert!(damaged > 0);
    comes_back(&Archive::open_attached(&root, Arc::clone(&remote) as _, CACHE).unwrap(), "one");
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}

/// Of a key that lies.
#[test]
fn a_record_under_a_wrong_key_is_refused_and_the_rest_comes() {
    use firn_engine::id::Digest;
    use firn_engine::remote::When;
    use firn_engine::store::Body;
    let dir = scratch();
    let remote = bucket();
    let root = dir.path().join("archive");
    put_in(&small_archive(&root), dir.path(), "one", &[1]);
    spill_all(&attached(&root, &remote), Class::StandardIa).unwrap();
    let key = Key::Image(Digest::from_bytes([7; 32]));
    remote.put(&key, Body::Bytes(b"nonsense"), Class::Standard, &When::Always).unwrap();
    let other = dir.path().join("other");
    attach_new(&other, remote.as_ref()).unwrap();
    let archive = Archive::open_attached(&other, Arc::clone(&remote) as _, CACHE).unwrap();
    let pulled = pull(&archive, remote.as_ref(), &Tally::default()).unwrap();
    assert_eq!((pulled.images, pulled.names, pulled.refused.len()), (1, 1, 1), "{pulled:?}");
    comes_back(&archive, "one");
}

/// A process that goes on for long, as a mount does, learns what others do to its archive meanwhile.
#[test]
fn an_archive_that_is_open_notices_its_bucket_and_what_others_brought_here() {
    use firn_engine::bucket::{Lookout, Standing};
    use std::sync::atomic::{AtomicBool, Ordering};
    let dir = scratch();
    let remote = bucket();
    let root = dir.path().join("archive");
    put_in(&small_archive(&root), dir.path(), "one", &[1, 2]);
    let has_bucket = Arc::new(AtomicBool::new(false));
    let (flag, far) = (Arc::clone(&has_bucket), Arc::clone(&remote));
    let find = move || Ok(flag.load(Ordering::SeqCst).then(|| (Arc::clone(&far) as Arc<dyn Remote>, CACHE)));
    let early = Archive::open_expecting(&root, Box::new(find)).unwrap();
    let other = attached(&root, &remote);
    let later = Archive::open_attached(&root, Arc::clone(&remote) as _, CACHE).unwrap();
    comes_back(&early, "one");
    spill_all(&other, Class::DeepArchive).unwrap();
    assert_eq!(packs_in(&root), 0);
    assert!(!is_frozen(&early, "one") && early.remote().is_none(), "for all it knows they are lost");
    has_bucket.store(true, Ordering::SeqCst);
    assert!(is_frozen(&early, "one") && early.remote().is_some());
    assert!(is_frozen(&later, "one"));

    let (pack, len) = later.with_seen(|seen| seen.packs.iter().map(|(pack, far)| (*pack, far.len)).next().unwrap());
    let key = Key::Pack(PackArea::Data, pack);
    let lookout = Lookout::new(later.clone());
    assert_eq!(lookout.known(pack), Some(Standing::Frozen(Class::DeepArchive)));
    assert!(!later.store().is_here(&key, 0, len));
    thaw_all(&remote);
    assert!(matches!(lookout.look(pack), Ok(Some(standing)) if standing.is_readable()));
    comes_back(&other, "one");
    remote.advance(10 * 86_400);
    assert_eq!(lookout.look(pack).unwrap(), Some(Standing::Frozen(Class::DeepArchive)));
    // The copies in the bucket are gone; what they brought to one process is there for all.
    comes_back(&early, "one");
    comes_back(&later, "one");
}
