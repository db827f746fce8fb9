//! Random operations, compared with the store after each.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// To the store and the index, as an archiver does.
    Add {
        number: u32,
        first: u32,
        count: u32,
    },
    /// From the index and the store, as the garbage collector does.
    Remove {
        number: u32,
    },
    /// To the store alone, followed by `Reopen`.
    AddBehindItsBack {
        number: u32,
        first: u32,
        count: u32,
    },
    /// From the store alone, followed by `Reopen`.
    RemoveBehindItsBack {
        number: u32,
    },
    Flush,
    /// Closed in order, or dropped.
    Reopen {
        close: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let pack = || (0u32..12, 0u32..300, prop_oneof![0u32..5, 5u32..200]);
    prop_oneof![
        8 => pack().prop_map(|(number, first, count)| Step::Add { number, first, count }),
        3 => (0u32..12).prop_map(|number| Step::Remove { number }),
        2 => pack().prop_map(|(number, first, count)| Step::AddBehindItsBack { number, first, count }),
        2 => (0u32..12).prop_map(|number| Step::RemoveBehindItsBack { number }),
        2 => Just(Step::Flush),
        1 => any::<bool>().prop_map(|close| Step::Reopen { close }),
    ]
}

fn reopen(store: &Store, dir: &Path, index: ChunkIndex, close: bool) -> ChunkIndex {
    if close {
        index.close().unwrap();
    } else {
        drop(index);
    }
    let (index, report) = store.open(dir).unwrap();
    assert_eq!(report.outcome, OpenOutcome::Opened);
    index
}

fn run(store: &Store, dir: &Path, mut index: ChunkIndex, step: &Step) -> ChunkIndex {
    match *step {
        Step::Add { number, first, count } => {
            // A pack never changes: what has its id has its content.
            if store.get(number).is_none() {
                store.add(number, first..first + count);
            }
            index.add_pack(pack(number), &store.get(number).unwrap()).unwrap();
        }
        Step::Remove { number } => {
            index.remove_pack(&pack(number)).unwrap();
            store.remove(number);
        }
        Step::AddBehindItsBack { number, first, count } => {
            if store.get(number).is_none() {
                store.add(number, first..first + count);
            }
            index = reopen(store, dir, index, true);
        }
        Step::RemoveBehindItsBack { number } => {
            store.remove(number);
            index = reopen(store, dir, index, false);
        }
        Step::Flush => index.flush().unwrap(),
        Step::Reopen { close } => index = reopen(store, dir, index, close),
    }
    index
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 100, failure_persistence: None, ..Default::default() })]

    #[test]
    fn answers_are_those_of_the_store(steps in prop::collection::vec(step(), 1..30)) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::default();
        let (mut index, _) = store.open(dir.path()).unwrap();
        for step in &steps {
            index = run(&store, dir.path(), index, step);
            store.check(&index);
        }
        let index = reopen(&store, dir.path(), index, true);
        store.check(&index);
        prop_assert_eq!(index.stats().rebuilds, 0);
    }
}

#[test]
fn recycling_goes_unnoticed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::default();
    let (mut index, _) = store.open(dir.path()).unwrap();
    // 40 packs of 200 chunks are ten times what sled may hold before it is opened anew.
    for number in 0..40 {
        store.add(number, number * 190..number * 190 + 200);
        index.add_pack(pack(number), &store.get(number).unwrap()).unwrap();
    }
    store.check(&index);
    for number in (0..40).step_by(2) {
        index.remove_pack(&pack(number)).unwrap();
        store.remove(number);
    }
    store.check(&index);
    let index = reopen(&store, dir.path(), index, false);
    store.check(&index);
}
