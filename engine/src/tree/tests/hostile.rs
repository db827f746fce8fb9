//! Damaged trees: an error or an answer, never a panic, never an endless walk.

use proptest::prelude::*;

use super::format::golden_layers;
use super::*;

/// Asks everything there is to ask; gives whether all of it was answered.
fn explore(tree: &Tree) -> bool {
    let entries = tree.header.counts.entries;
    let mut sound = true;
    for number in 0..u64::from(entries) + 2 {
        let ino = Ino(number);
        let node = tree.node(ino);
        sound &= node.is_ok() || matches!(node, Err(TreeError::NoSuchInode { .. }));
        let Ok(node) = node else { continue };
        match node.kind {
            NodeKind::Directory => sound &= tree.parent(ino).is_ok() && tree.entry_count(ino).is_ok(),
            NodeKind::Symlink => sound &= tree.link_target(ino).is_ok(),
            _ => {}
        }
        sound &= tree.sparse_runs(ino).is_ok();
        sound &= tree.xattrs(ino).is_ok_and(|mut xattrs| xattrs.all(|pair| pair.is_ok()));
        let _ = (tree.lookup(ino, b"usr"), tree.entry(ino, 0), tree.link_target(ino), tree.parent(ino));
        // Upwards the root is never far.
        let mut at = ino;
        for _ in 0..=entries {
            match tree.parent(at) {
                Ok(parent) if parent != at => {
                    assert!(parent < at);
                    at = parent;
                }
                _ => break,
            }
        }
        assert!(tree.parent(at).is_err() || at == Ino::ROOT);
    }
    for path in ["usr/share/69", "etc/su", "sbin/../bin/./su", "dev/null/x"] {
        let _ = tree.resolve(path.as_bytes());
    }
    sound & walk(tree)
}

/// Walks down from the root, as a reader without memory of where it was would.
fn walk(tree: &Tree) -> bool {
    let entries = tree.header.counts.entries as usize;
    let mut stack = vec![Ino::ROOT];
    let (mut sound, mut directories) = (true, 0);
    while let Some(dir) = stack.pop() {
        directories += 1;
        assert!(directories <= entries, "a directory was entered twice");
        let Ok(count) = tree.entry_count(dir) else {
            sound = false;
            continue;
        };
        assert!(count as usize <= entries);
        for index in 0..count {
            match tree.entry(dir, index) {
                Ok(Some((name, ino, kind))) => {
                    sound &= tree.lookup(dir, name).is_ok_and(|found| found == Some(ino));
                    sound &= tree.node(ino).is_ok_and(|node| node.kind == kind);
                    if kind == NodeKind::Directory {
                        stack.push(ino);
                    }
                }
                _ => sound = false,
            }
        }
    }
    sound
}

/// The golden tree with fewer of a kind, still over more than one sample: every byte of it is damaged below.
fn golden() -> Vec<u8> {
    let mut layers = golden_layers();
    let many =
        |entry: &Entry| entry.path.starts_with(b"usr/share/") && entry.path.as_slice() > b"usr/share/55".as_slice();
    layers[0].retain(|entry| !many(entry) && (!entry.path.starts_with(b"usr/links") || entry.path.ends_with(b"0")));
    build_with(Limits::default(), &layers).unwrap()
}

#[test]
fn every_damaged_byte_is_found_by_open_and_harmless_without() {
    let golden = golden();
    assert!(explore(&Tree::open(golden.clone().into()).unwrap()));
    for at in 0..golden.len() {
        for flip in [0x01, 0x10, 0x80, 0xff] {
            let mut bytes = golden.clone();
            bytes[at] ^= flip;
            assert!(Tree::open(bytes.clone().into()).is_err(), "byte {at} ^ {flip:#x}");
            if let Ok(tree) = Tree::open_trusted(bytes.into()) {
                let sound = explore(&tree);
                assert!(sound || tree.check().is_err(), "byte {at} ^ {flip:#x} passed the check");
            }
        }
    }
}

#[test]
fn truncated_trees_do_not_open() {
    let golden = golden();
    for len in 0..golden.len() {
        assert!(Tree::open_trusted(golden[..len].to_vec().into()).is_err(), "{len}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn many_damaged_fields_are_harmless(
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![0..4u32, any::<u32>()]), 1..12)
    ) {
        let mut bytes = golden();
        for (at, value) in changes {
            let at = 288 + at.index(bytes.len() - 292);
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        let tree = Tree::open_trusted(bytes.into()).unwrap();
        prop_assert!(explore(&tree) || tree.check().is_err());
    }

    #[test]
    fn random_bytes_do_not_open(mut bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if bytes.len() > 10 {
            bytes[..10].copy_from_slice(b"FIRNTREE\x01\0");
        }
        prop_assert!(Tree::open_trusted(bytes.into()).is_err());
    }
}
