use super::*;

#[test]
fn metadata_arrives_as_declared() {
    let time = |secs, nanos| Timestamp { secs, nanos };
    let layer = vec![
        Entry { mode: 0o4755, uid: 1, gid: u32::MAX, mtime: time(-5, 999_999_999), ..file("setuid", 7) },
        Entry { mode: 0o1777, ..dir("sticky") },
        Entry { mode: 0o7000, ..file("bits", 0) },
        Entry { uid: 3, mtime: time(i64::MIN, 0), ..symlink("l", "t/../u") },
        Entry { dev_major: 259, dev_minor: 70_000, ..entry(EntryKind::BlockDevice, "b") },
        Entry { dev_major: u32::MAX, dev_minor: u32::MAX, ..entry(EntryKind::CharDevice, "c") },
        entry(EntryKind::Fifo, "p"),
    ];
    let tree = build(&[layer]);
    let setuid = node(&tree, "setuid");
    assert_eq!((setuid.mode, setuid.uid, setuid.gid, setuid.mtime), (0o4755, 1, u32::MAX, time(-5, 999_999_999)));
    assert_eq!((setuid.size, setuid.nlink), (7, 1));
    assert_eq!(setuid.content, Some(ContentRef { layer: 0, first: 0, count: 1 }));
    assert_eq!((node(&tree, "sticky").mode, node(&tree, "bits").mode), (0o1777, 0o7000));
    assert_eq!(node(&tree, "bits").content, None);
    let link = node(&tree, "l");
    assert_eq!((link.kind, link.mode, link.uid, link.size), (NodeKind::Symlink, 0o777, 3, 6));
    assert_eq!(link.mtime, time(i64::MIN, 0));
    let block = node(&tree, "b");
    assert_eq!((block.kind, block.rdev_major, block.rdev_minor), (NodeKind::BlockDevice, 259, 70_000));
    let char_device = node(&tree, "c");
    assert_eq!((char_device.rdev_major, char_device.rdev_minor), (u32::MAX, u32::MAX));
    assert_eq!(node(&tree, "p").kind, NodeKind::Fifo);
    assert_eq!((node(&tree, "sticky").size, node(&tree, "sticky").nlink), (4096, 2));
}

#[test]
fn the_root_is_bare_until_declared_and_the_last_declaration_counts() {
    assert!(is_bare(&build(&[]), "/") && is_bare(&build(&[vec![file("a", 1)]]), "/"));
    let changed = Entry { mode: 0o1777, xattrs: vec![xattr("user.r", b"1")], ..dir("/") };
    let tree = build(&[vec![dir("./"), file("a", 1)], vec![changed], vec![file("b", 1)]]);
    assert_eq!((node(&tree, "/").mode, node(&tree, "/").has_xattrs), (0o1777, true));
    let refused = BuildError::RootNotDirectory { path: "./".into() };
    assert_eq!(build_error(&[vec![file("./", 0)]]), refused);
}

#[test]
fn a_directory_keeps_its_declared_time_whatever_happens_in_it() {
    let layers = [vec![dir("d"), file("d/a", 1), dir("d/s")], vec![file("d/n", 2), whiteout("d/.wh.a"), dir("d/s/t")]];
    let tree = build(&layers);
    assert_eq!(node(&tree, "d").mtime, Timestamp { secs: 1000, nanos: 5 });
    assert_eq!((node(&tree, "d").nlink, node(&tree, "d/s").nlink, node(&tree, "/").nlink), (3, 3, 3));
}

#[test]
fn a_directory_over_a_directory_replaces_all_metadata() {
    let lower = vec![Entry { xattrs: vec![xattr("user.a", b"1")], ..dir("d") }, file("d/x", 1)];
    let upper = vec![Entry { uid: 9, mtime: Timestamp { secs: 7, nanos: 7 }, ..dir("d") }];
    let tree = build(&[lower, upper]);
    let seen = node(&tree, "d");
    assert_eq!((seen.uid, seen.mtime.secs, seen.has_xattrs), (9, 7, false));
    assert!(!tree.totals().any_xattrs);
}

#[test]
fn xattrs_are_kept_sorted_shared_and_complete() {
    let all = vec![
        xattr("user.z", b"\xff\0"),
        xattr("trusted.overlay.opaque", b"y"),
        xattr("security.capability", b"\x01\0\0\x02"),
        xattr("user.empty", b""),
        xattr("user.overlay.origin", b"o"),
    ];
    let mut reversed = all.clone();
    reversed.reverse();
    let layer = vec![
        Entry { xattrs: all.clone(), ..file("f", 1) },
        Entry { xattrs: reversed, ..symlink("l", "f") },
        Entry { xattrs: vec![xattr("user.z", b"1"), xattr("user.z", b"2")], ..dir("d") },
        file("none", 1),
    ];
    let tree = build(&[layer]);
    let xattrs = |path: &str| {
        let ino = tree.resolve(path.as_bytes()).unwrap().unwrap();
        let pairs = tree.xattrs(ino).unwrap().map(Result::unwrap);
        pairs.map(|(name, value)| (name.to_vec(), value.to_vec())).collect::<Vec<_>>()
    };
    let mut sorted = all;
    sorted.sort();
    assert_eq!(xattrs("f"), sorted);
    assert_eq!(xattrs("l"), sorted);
    assert_eq!(xattrs("d"), [xattr("user.z", b"2")]);
    assert!(xattrs("none").is_empty() && !node(&tree, "none").has_xattrs && tree.totals().any_xattrs);
    assert_eq!(tree.header.counts.xattr_sets, 2);
}

#[test]
fn sparse_files_keep_their_size_and_runs() {
    let sparse = |path: &str, size, stored, pairs: &[(u64, u64)]| Entry {
        size,
        stored,
        sparse: Some(runs(pairs)),
        ..file(path, 0)
    };
    let layer = vec![
        sparse("a", 1 << 40, 30, &[(0, 10), (4096, 20)]),
        sparse("hole", 1 << 50, 0, &[]),
        file("plain", 5),
        sparse("z", 100, 1, &[(99, 1)]),
    ];
    let tree = build(&[layer]);
    let runs_of = |path: &str| tree.sparse_runs(tree.resolve(path.as_bytes()).unwrap().unwrap()).unwrap();
    assert_eq!((node(&tree, "a").size, node(&tree, "a").is_sparse), (1 << 40, true));
    assert_eq!(node(&tree, "a").content.map(|content| content.count), Some(1));
    assert_eq!(runs_of("a"), runs(&[(0, 10), (4096, 20)]));
    assert_eq!((node(&tree, "hole").is_sparse, node(&tree, "hole").content), (true, None));
    assert!(runs_of("hole").is_empty() && runs_of("plain").is_empty() && !node(&tree, "plain").is_sparse);
    assert_eq!(runs_of("z"), runs(&[(99, 1)]));
    for bad in [
        sparse("x", 10, 4, &[(0, 2), (1, 2)]),
        sparse("x", 10, 4, &[(8, 4)]),
        sparse("x", 10, 4, &[(0, 3)]),
        sparse("x", 10, 4, &[(u64::MAX, 4)]),
        Entry { stored: 4, ..sparse("x", 10, 4, &[(4, 2), (0, 2)]) },
    ] {
        assert!(matches!(build_error(&[vec![bad]]), BuildError::BadEntry { .. }));
    }
}

#[test]
fn members_that_no_filesystem_could_hold_are_refused() {
    let long = "x".repeat(256);
    let refused = BuildError::NameTooLong { path: long.clone(), len: 256 };
    assert_eq!(build_error(&[vec![file(&long, 0)]]), refused);
    for bad in [
        symlink("l", ""),
        symlink("l", &"t".repeat(4096)),
        symlink("l", "a\0b"),
        file("a\0b", 0),
        Entry { mode: 0o10_000, ..file("a", 0) },
        Entry { mtime: Timestamp { secs: 0, nanos: 1_000_000_000 }, ..file("a", 0) },
        Entry { stored: 3, ..file("a", 4) },
        Entry { xattrs: vec![xattr("", b"")], ..file("a", 0) },
        Entry { xattrs: vec![xattr("user.a", &[0; 65_537])], ..file("a", 0) },
    ] {
        assert!(matches!(build_error(&[vec![bad.clone()]]), BuildError::BadEntry { .. }), "{bad:?}");
    }
    assert_eq!(listing(&build(&[vec![symlink("l", &"t".repeat(4095))]])).len(), 3 + 4095);
}

#[test]
fn content_must_match_what_is_stored() {
    let apply = |entry: &Entry, content| {
        let mut builder = TreeBuilder::new(Limits::default());
        builder.begin_layer();
        builder.apply(entry, content)
    };
    let at = |layer, count| Some(ContentRef { layer, first: u64::MAX, count });
    assert!(apply(&file("a", 0), at(0, 0)).is_ok() && apply(&file("a", 1), at(65_535, u64::from(u32::MAX))).is_ok());
    assert!(apply(&dir("a"), at(0, 1)).is_ok());
    for (size, content) in [(1, None), (1, at(0, 0)), (0, at(0, 1)), (1, at(65_536, 1)), (1, at(0, 1 << 32))] {
        assert!(matches!(apply(&file("a", size), content), Err(BuildError::BadEntry { .. })), "{size} {content:?}");
    }
}
