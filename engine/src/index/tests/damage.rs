//! Whatever is done to the files, the answers are those of the store.

use std::fs;
use std::path::PathBuf;

use super::super::checkpoint::Checkpoint;
use super::super::files::{Files, Survey};
use super::*;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Files below a directory that are not empty, as paths within it.
fn files(dir: &Path) -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                walk(&entry.path(), found);
            } else if metadata.len() > 0 {
                found.push(entry.path());
            }
        }
    }
    let mut found = Vec::new();
    walk(dir, &mut found);
    found.sort();
    found.iter().map(|path| path.strip_prefix(dir).unwrap().to_owned()).collect()
}

fn database(dir: &Path) -> PathBuf {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries.into_iter().find(|entry| entry.file_name().to_str().unwrap().starts_with("sled-")).unwrap().path()
}

/// A store and its index, made in several flushes, closed.
fn made(dir: &Path) -> Store {
    let store = Store::default();
    let (mut index, _) = store.open(dir).unwrap();
    for number in 0..12 {
        store.add(number, number * 90..number * 90 + 100);
        index.add_pack(pack(number), &store.get(number).unwrap()).unwrap();
        if number % 5 == 4 {
            index.flush().unwrap();
        }
    }
    index.remove_pack(&pack(3)).unwrap();
    store.remove(3);
    index.close().unwrap();
    store
}

/// Takes the seal off the checkpoint, as if the writer had been killed: now sled itself meets what was done to its files.
fn unseal(dir: &Path) {
    let files = Files::in_dir(dir).unwrap();
    if let Survey::Database(checkpoint) = files.survey() {
        files.write_checkpoint(&Checkpoint { seal: None, ..checkpoint }).unwrap();
    }
}

/// Opens what may be damaged: right answers, also after more work and at the next start.
fn survives(store: &Store, dir: &Path, what: &str) -> OpenReport {
    let (mut index, report) = store.open(dir).unwrap_or_else(|error| panic!("{what}: {error}"));
    store.check(&index);
    store.add(100, 7000..7100);
    index.add_pack(pack(100), &store.get(100).unwrap()).unwrap();
    store.check(&index);
    let stats = index.stats();
    index.close().unwrap();
    let (index, next) = store.open(dir).unwrap();
    assert_eq!(next.outcome, OpenOutcome::Opened, "{what}, first {report:?} {stats:?}");
    store.check(&index);
    store.remove(100);
    report
}

type Damage = (&'static str, fn(&mut Vec<u8>));

const DAMAGES: [Damage; 5] = [
    ("a flip at the start", |bytes| bytes[0] ^= 0x40),
    ("a flip in the middle", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    }),
    ("every hundredth byte", |bytes| bytes.iter_mut().skip(50).step_by(100).for_each(|byte| *byte = !*byte)),
    ("half of it", |bytes| bytes.truncate(bytes.len() / 2)),
    ("zeros", |bytes| bytes.fill(0)),
];

/// Damages every file of `original` in every way, each in a copy of its own; says how many of them were rebuilt at open.
fn damage_all(store: &Store, original: &Path) -> usize {
    let attempt = |file: &Path, what: &str, damage: &dyn Fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        copy(original, dir.path());
        damage(&dir.path().join(file));
        let report = survives(store, dir.path(), &format!("{what}: {}", file.display()));
        usize::from(matches!(report.outcome, OpenOutcome::Rebuilt { .. }))
    };
    let mut rebuilt = 0;
    for file in files(original) {
        for (what, damage) in DAMAGES {
            rebuilt += attempt(&file, what, &|path| {
                let mut bytes = fs::read(path).unwrap();
                damage(&mut bytes);
                fs::write(path, bytes).unwrap();
            });
        }
        rebuilt += attempt(&file, "removed", &|path| fs::remove_file(path).unwrap());
    }
    rebuilt
}

#[test]
fn damage_to_a_closed_database_changes_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = made(dir.path());
    let files = files(dir.path());
    assert!(files.len() >= 5, "{files:?}");
    let rebuilt = damage_all(&store, dir.path());
    let slabs = files.iter().filter(|file| file.components().any(|part| part.as_os_str() == "slabs")).count();
    assert!(rebuilt >= 6 * (files.len() - slabs), "{rebuilt} of {files:?}");
}

#[test]
fn damage_after_a_kill_changes_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = made(dir.path());
    unseal(dir.path());
    assert!(damage_all(&store, dir.path()) > 0);
}

/// Puts another database in the place of the one in `dir`, which looks as if its writer had been killed.
fn replace(dir: &Path, other: &Path) {
    unseal(dir);
    let place = database(dir);
    fs::remove_dir_all(&place).unwrap();
    copy(other, &place);
}

#[test]
fn an_empty_database_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let store = made(dir.path());
    let other = tempfile::tempdir().unwrap();
    drop(Store::default().open(other.path()).unwrap());
    replace(dir.path(), &database(other.path()));
    let report = survives(&store, dir.path(), "empty");
    let quarantine = dir.path().join("quarantine");
    let reason = RebuildReason::ContentLost;
    assert_eq!(report.outcome, OpenOutcome::Rebuilt { reason, quarantine: Some(quarantine.clone()) });
    assert_eq!(report.packs_loaded, 11);
    assert!(quarantine.join("slabs").exists());
}

#[test]
fn an_older_database_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let store = made(dir.path());
    let old = tempfile::tempdir().unwrap();
    copy(&database(dir.path()), &old.path().join("db"));
    store.add(50, 9000..9100);
    drop(store.open(dir.path()).unwrap());
    replace(dir.path(), &old.path().join("db"));
    let report = survives(&store, dir.path(), "older");
    assert!(matches!(report.outcome, OpenOutcome::Rebuilt { reason: RebuildReason::ContentLost, .. }), "{report:?}");
}

#[test]
fn a_lost_directory_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = made(dir.path());
    fs::remove_dir_all(database(dir.path())).unwrap();
    let report = survives(&store, dir.path(), "lost");
    let reason = RebuildReason::DatabaseMissing;
    assert_eq!(report.outcome, OpenOutcome::Rebuilt { reason, quarantine: None });
}

#[test]
fn a_start_that_never_ended_twice_is_not_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = made(dir.path());
    fs::write(dir.path().join("opening"), "11").unwrap();
    let report = survives(&store, dir.path(), "opening");
    assert!(
        matches!(report.outcome, OpenOutcome::Rebuilt { reason: RebuildReason::OpeningNeverEnded, .. }),
        "{report:?}"
    );
}

#[test]
fn damage_while_open_is_answered_from_footers_and_mended_at_the_next_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = made(dir.path());
    let (mut index, report) = store.open(dir.path()).unwrap();
    assert_eq!(report.outcome, OpenOutcome::Opened);
    for file in fs::read_dir(database(dir.path()).join("slabs")).unwrap().map(|file| file.unwrap().path()) {
        let mut bytes = fs::read(&file).unwrap();
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        fs::write(&file, bytes).unwrap();
    }
    store.check(&index);
    let stats = index.stats();
    assert!(stats.footer_loads > 0 && stats.rebuilds == 0, "{stats:?}");
    store.add(60, 9000..9100);
    index.add_pack(pack(60), &store.get(60).unwrap()).unwrap();
    store.check(&index);
    assert_eq!(index.stats().rebuilds, 1);
    index.close().unwrap();
    let (index, report) = store.open(dir.path()).unwrap();
    assert_eq!(report.outcome, OpenOutcome::Opened);
    store.check(&index);
}

#[test]
fn damage_that_nothing_was_written_after_is_mended_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = made(dir.path());
    let (index, _) = store.open(dir.path()).unwrap();
    let slabs = database(dir.path()).join("slabs");
    for file in fs::read_dir(slabs).unwrap().map(|file| file.unwrap().path()) {
        let bytes = vec![0; usize::try_from(fs::metadata(&file).unwrap().len()).unwrap()];
        fs::write(&file, bytes).unwrap();
    }
    store.check(&index);
    drop(index);
    let report = survives(&store, dir.path(), "noted");
    assert!(matches!(report.outcome, OpenOutcome::Rebuilt { reason: RebuildReason::FoundDamaged, .. }), "{report:?}");
}
