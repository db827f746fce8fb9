//! What every store must do, run on each of them.

use super::*;
use crate::format::PackClass;
use crate::id::{Digest, PackId};

fn keys() -> Vec<Key> {
    let id = |byte| PackId::from_bytes([byte; 32]);
    vec![
        Key::Config,
        Key::pack(PackClass::Content, id(1)),
        Key::pack(PackClass::Meta, id(2)),
        Key::Footer(id(1)),
        Key::Image(Digest::from_bytes([3; 32])),
        Key::Name("app:1".parse().unwrap()),
        Key::pack(PackClass::Pinned, id(4)),
        Key::Pin(Digest::from_bytes([3; 32])),
    ]
}

fn check(store: &dyn Store) {
    for key in keys() {
        assert!(matches!(store.get(&key, 10), Err(StoreError::NotFound { .. })));
        assert!(matches!(store.read_at(&key, 0, &mut [0]), Err(StoreError::NotFound { .. })));
        assert_eq!(store.len(&key).unwrap(), None);
        store.delete(&key).unwrap();

        store.put(&key, Body::Bytes(b"first")).unwrap();
        store.put(&key, Body::Bytes(b"0123456789")).unwrap();
        assert_eq!(store.get(&key, 10).unwrap(), b"0123456789");
        assert!(matches!(store.get(&key, 9), Err(StoreError::TooLarge { len: 10, limit: 9, .. })));
        assert_eq!(store.len(&key).unwrap(), Some(10));
        let mut part = [0; 4];
        store.read_at(&key, 3, &mut part).unwrap();
        assert_eq!(&part, b"3456");
        assert!(matches!(store.read_at(&key, 7, &mut part), Err(StoreError::ShortRead { end: 11, .. })));
        assert!(store.read_at(&key, u64::MAX, &mut part).is_err());
    }
    let listed = |family| {
        let mut keys: Vec<_> = store.list(family).unwrap().into_iter().map(|item| (item.key, item.len)).collect();
        keys.sort();
        keys
    };
    let all = keys();
    assert_eq!(listed(Family::Packs(PackArea::Data)), [(all[1].clone(), 10)]);
    assert_eq!(listed(Family::Packs(PackArea::Meta)), [(all[2].clone(), 10)]);
    assert_eq!(listed(Family::Footers), [(all[3].clone(), 10)]);
    assert_eq!(listed(Family::Images), [(all[4].clone(), 10)]);
    assert_eq!(listed(Family::Names), [(all[5].clone(), 10)]);
    assert_eq!(listed(Family::Packs(PackArea::Pinned)), [(all[6].clone(), 10)]);
    assert_eq!(listed(Family::Pins), [(all[7].clone(), 10)]);

    let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let file = dir.path().join("pack");
    std::fs::write(&file, b"from a file").unwrap();
    store.put(&all[1], Body::File(&file)).unwrap();
    assert_eq!(store.get(&all[1], 100).unwrap(), b"from a file");
    assert!(!file.exists());
    for key in keys() {
        store.delete(&key).unwrap();
        assert_eq!(store.len(&key).unwrap(), None);
    }
}

#[test]
fn memory_keeps_the_contract() {
    check(&MemoryStore::default());
}

#[test]
fn a_directory_keeps_the_contract() {
    let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let store = LocalStore::new(dir.path(), &dir.path().join("tmp"));
    check(&store);
    assert_eq!(std::fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn foreign_files_are_not_listed() {
    let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    std::fs::create_dir_all(dir.path().join("packs/zz")).unwrap();
    std::fs::write(dir.path().join("packs/zz/notes.txt"), b"x").unwrap();
    std::fs::write(dir.path().join("packs/README"), b"x").unwrap();
    let store = LocalStore::new(dir.path(), &dir.path().join("tmp"));
    assert_eq!(store.list(Family::Packs(PackArea::Data)).unwrap(), []);
}

#[test]
fn a_store_told_to_fail_fails_and_heals() {
    let store = MemoryStore::default();
    store.set_fault(Some(Fault::WritesAfter(1)));
    store.put(&Key::Config, Body::Bytes(b"kept")).unwrap();
    assert!(store.put(&Key::Config, Body::Bytes(b"lost")).is_err());
    store.set_fault(Some(Fault::Reads));
    assert!(store.get(&Key::Config, 10).is_err());
    store.set_fault(None);
    assert_eq!(store.get(&Key::Config, 10).unwrap(), b"kept");
}
