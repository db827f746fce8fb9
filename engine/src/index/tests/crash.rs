//! A child process is killed at random points of its work; then the index must say what the store says.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;

const CHILD: &str = "FIRN_TEST_INDEX_CHILD";
const TEST: &str = "index::tests::crash::a_killed_writer_leaves_a_sound_index";

/// The store of this test is a directory with an empty file for each pack; pack n holds chunks 50n..50n+150.
fn store_in(dir: &Path) -> Store {
    let store = Store::default();
    for file in fs::read_dir(dir).unwrap() {
        let number: u32 = file.unwrap().file_name().to_str().unwrap().parse().unwrap();
        store.add(number, number * 50..number * 50 + 150);
    }
    store
}

/// Adds and removes packs until killed, saying a word after each step.
fn child(dir: &Path) {
    let packs = dir.join("packs");
    println!("start");
    let store = store_in(&packs);
    let (mut index, _) = store.open(&dir.join("index")).unwrap();
    println!("opened");
    let first = u32::try_from(fs::read_dir(&packs).unwrap().count()).unwrap() * 2;
    for number in first.. {
        fs::write(packs.join(number.to_string()), "").unwrap();
        store.add(number, number * 50..number * 50 + 150);
        index.add_pack(pack(number), &store.get(number).unwrap()).unwrap();
        println!("added");
        if number % 3 == 2 {
            index.remove_pack(&pack(number / 2)).unwrap();
            let _ = fs::remove_file(packs.join((number / 2).to_string()));
            store.remove(number / 2);
        }
        if number % 4 == 3 {
            index.flush().unwrap();
            println!("flushed");
        }
    }
}

#[test]
fn a_killed_writer_leaves_a_sound_index() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return child(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("packs")).unwrap();
    for round in 0u32..16 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From in the middle of opening to in the middle of the third recycling.
        let seed = blake3::hash(&round.to_le_bytes());
        let words = usize::from(seed.as_bytes()[0]) % 24;
        let out = BufReader::new(child.stdout.take().unwrap());
        let said = out.lines().map_while(Result::ok).skip_while(|line| line != "start").take(words + 1).count();
        assert_eq!(said, words + 1, "the child ended by itself in round {round}");
        std::thread::sleep(Duration::from_micros(u64::from(seed.as_bytes()[1]) * 100));
        child.kill().unwrap();
        child.wait().unwrap();

        let store = store_in(&dir.path().join("packs"));
        let (index, report) = store.open(&dir.path().join("index")).unwrap();
        store.check(&index);
        // Being killed is no damage, except before there was a first checkpoint.
        let harmless = match &report.outcome {
            OpenOutcome::Opened => true,
            OpenOutcome::Created => round == 0,
            OpenOutcome::Rebuilt { reason, .. } => round == 0 && *reason == RebuildReason::NoCheckpoint,
        };
        assert!(harmless, "round {round}, killed after {words} words: {report:?}");
        index.close().unwrap();
    }
}
