use super::*;

#[test]
fn names_are_raw_bytes_in_byte_order() {
    let raw = [&b"A"[..], b"a", b"a\n", b"ab", b"b", b"\xc3\xa9", b"\xfe\xff"];
    let layer = raw.iter().rev().map(|name| Entry { path: name.to_vec(), ..file("", 1) }).collect();
    let tree = build(&[layer]);
    for (index, name) in (0..).zip(raw) {
        let (seen, ino, kind) = tree.entry(Ino::ROOT, index).unwrap().unwrap();
        assert_eq!((seen, kind), (name, NodeKind::File));
        assert_eq!(tree.lookup(Ino::ROOT, name).unwrap(), Some(ino));
        assert_eq!(tree.resolve(name).unwrap(), Some(ino));
    }
    for absent in [&b""[..], b".", b"..", b"aa", b"\xff", b"0"] {
        assert_eq!(tree.lookup(Ino::ROOT, absent).unwrap(), None);
    }
}

#[test]
fn every_name_of_a_large_directory_is_found() {
    let layer = (0..1000).map(|i| file(&format!("d/{}", i * 7 % 1000), i)).collect();
    let tree = build(&[layer]);
    let dir = tree.resolve(b"d").unwrap().unwrap();
    assert_eq!(tree.entry_count(dir).unwrap(), 1000);
    for i in 0..1000u64 {
        let ino = tree.lookup(dir, (i * 7 % 1000).to_string().as_bytes()).unwrap().unwrap();
        let node = tree.node(ino).unwrap();
        assert_eq!((node.size, node.content.map(|content| content.first)), (i, (i > 0).then_some(i)));
    }
    assert_eq!(tree.lookup(dir, b"1000").unwrap(), None);
}

#[test]
fn resolve_stays_inside_and_follows_no_links() {
    let tree = build(&[vec![dir("a"), dir("a/b"), file("a/b/f", 1), symlink("l", "a")]]);
    let at = |path: &str| tree.resolve(path.as_bytes()).unwrap();
    let found = at("a/b/f");
    assert!(found.is_some());
    for path in ["/a/b/f", "//a/./b//f/", "../../a/b/f", "a/../a/b/../b/f"] {
        assert_eq!(at(path), found, "{path}");
    }
    for path in ["", "/", ".", "..", "a/..", "/../.."] {
        assert_eq!(at(path), Some(Ino::ROOT), "{path}");
    }
    for path in ["x", "a/x", "l/b", "a/b/f/x", "a/b/f/..", "l/.."] {
        assert_eq!(at(path), None, "{path}");
    }
}

#[test]
fn questions_of_the_wrong_kind_are_typed_errors() {
    let tree = build(&[vec![dir("d"), file("f", 1), symlink("l", "x")]]);
    let at = |path: &str| tree.resolve(path.as_bytes()).unwrap().unwrap();
    let not_dir = Err(TreeError::NotADirectory { ino: at("f").0 });
    assert_eq!(tree.entry_count(at("f")), not_dir);
    assert_eq!(tree.parent(at("l")), Err(TreeError::NotADirectory { ino: at("l").0 }));
    assert_eq!(tree.link_target(at("f")), Err(TreeError::NotASymlink { ino: at("f").0 }));
    assert_eq!(tree.link_target(at("l")), Ok(&b"x"[..]));
    for ino in [0, 5, u64::from(u32::MAX), 1 << 32, u64::MAX] {
        assert_eq!(tree.node(Ino(ino)), Err(TreeError::NoSuchInode { ino }));
    }
    assert_eq!(tree.parent(Ino::ROOT), Ok(Ino::ROOT));
}

#[test]
fn a_tree_deeper_than_any_path_is_built_read_and_removed() {
    let layer = |depth: usize| vec![file(&"d/".repeat(depth), 1)];
    let tree = build(&[layer(2048)]);
    assert_eq!(tree.totals().entries, 2048);
    assert_eq!(listing(&build(&[layer(2048), vec![file("d", 2)]])), "d=2");
}

#[test]
fn the_index_of_a_name_survives_removal_and_re_use() {
    let mut layers = vec![(0..500).map(|i| file(&format!("d{}/{i}", i % 10), i)).collect::<Vec<_>>()];
    for round in 0..10 {
        let mut layer = vec![whiteout(&format!(".wh.d{round}"))];
        layer.extend((0..30).map(|i| file(&format!("d{}/{}", (round + 1) % 10, i * 11), 1)));
        layers.push(layer);
    }
    let tree = build(&layers);
    let left = paths_of(&tree);
    // The last layer hides d9 and fills d0; what layer k put into d(k+1) was hidden by layer k+1, but for d0.
    assert_eq!(left.len(), 31);
    assert_eq!(left.keys().next().map(String::as_str), Some("d0/"));
}

#[test]
fn a_tree_is_shared_between_threads() {
    fn shared<T: Send + Sync>(value: T) -> T {
        value
    }
    let tree = shared(build(&[vec![file("a", 1)]]));
    let seen = std::thread::scope(|scope| scope.spawn(|| listing(&tree)).join().unwrap());
    assert_eq!(seen, "a=1");
}
