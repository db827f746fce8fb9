use super::*;

#[test]
fn hard_links_share_one_inode_and_count_its_names() {
    let other = Entry { mode: 0o777, uid: 99, ..hard("b", "./a") };
    let tree = build(&[vec![file("a", 5), other, hard("e/c", "/b")]]);
    assert_eq!(listing(&tree), "a=5 b=5 e/ e/c=5");
    let paths = paths_of(&tree);
    assert_eq!((paths["a"], paths["a"]), (paths["b"], paths["e/c"]));
    let shared = node(&tree, "b");
    assert_eq!((shared.nlink, shared.mode, shared.uid), (3, 0o640, 10));
    assert_eq!(tree.totals(), Totals { inodes: 3, entries: 4, files: 1, logical_bytes: 5, any_xattrs: false });
    // The later names have no inode of their own.
    let alias = Ino(paths["a"].0 + 1);
    assert_eq!(tree.node(alias), Err(TreeError::NoSuchInode { ino: alias.0 }));
}

#[test]
fn a_link_to_a_lower_layer_shares_its_inode_and_survives_the_other_name() {
    let lower = vec![dir("d"), file("d/a", 1)];
    let linked = build(&[lower.clone(), vec![hard("keep", "d/a")]]);
    assert_eq!((listing(&linked).as_str(), node(&linked, "keep").nlink), ("d/ d/a=1 keep=1", 2));
    let replaced = build(&[lower.clone(), vec![hard("keep", "d/a"), file("d/a", 2)]]);
    assert_eq!(listing(&replaced), "d/ d/a=2 keep=1");
    assert_eq!((node(&replaced, "keep").nlink, node(&replaced, "d/a").nlink), (1, 1));
    let hidden = build(&[lower, vec![hard("keep", "d/a")], vec![whiteout(".wh.d")]]);
    assert_eq!((listing(&hidden).as_str(), node(&hidden, "keep").nlink), ("keep=1", 1));
}

#[test]
fn a_target_replaced_later_in_its_layer_leaves_the_link_with_the_old_file() {
    let tree = build(&[vec![file("a", 1), hard("b", "a"), file("a", 2), hard("c", "a")]]);
    assert_eq!(listing(&tree), "a=2 b=1 c=2");
    assert_eq!((node(&tree, "a").nlink, node(&tree, "b").nlink), (2, 1));
}

#[test]
fn symbolic_links_devices_and_pipes_can_be_hard_linked() {
    let char_device = Entry { dev_major: 1, dev_minor: 3, ..entry(EntryKind::CharDevice, "c") };
    let pipe = entry(EntryKind::Fifo, "p");
    let layer =
        vec![symlink("s", "t"), file("t", 1), hard("h", "s"), char_device, hard("c2", "c"), pipe, hard("p2", "p")];
    let tree = build(&[layer]);
    assert_eq!(listing(&tree), "c c2 h->t p p2 s->t t=1");
    assert_eq!((node(&tree, "h").kind, node(&tree, "h").nlink), (NodeKind::Symlink, 2));
    let device = node(&tree, "c2");
    assert_eq!((device.kind, device.rdev_major, device.rdev_minor, device.size), (NodeKind::CharDevice, 1, 3, 0));
    assert_eq!((node(&tree, "p2").kind, node(&tree, "t").nlink), (NodeKind::Fifo, 1));
}

#[test]
fn link_targets_are_resolved_through_directories_that_are_symbolic_links() {
    let tree = build(&[vec![dir("d"), file("d/a", 1), symlink("l", "d"), hard("h", "../l/a"), hard("l/b", "h")]]);
    assert_eq!((listing(&tree).as_str(), node(&tree, "h").nlink), ("d/ d/a=1 d/b=1 h=1 l->d", 3));
}

#[test]
fn bad_links_are_errors_that_name_both_ends() {
    let (path, target) = (|p: &str| p.to_string(), |t: &str| t.to_string());
    let missing = |p, t| BuildError::HardLinkMissing { path: path(p), target: target(t) };
    let cycle = |p, t| BuildError::HardLinkCycle { path: path(p), target: target(t) };
    let to_dir = |p, t| BuildError::HardLinkToDirectory { path: path(p), target: target(t) };
    let cases = [
        (vec![hard("a", "nope")], missing("a", "nope")),
        (vec![hard("a", "b"), hard("b", "a")], missing("a", "b")),
        (vec![hard("a", "z"), file("z", 1)], missing("a", "z")),
        (vec![file("f", 1), hard("a", "f/x")], missing("a", "f/x")),
        (vec![hard("a", "./a")], cycle("a", "./a")),
        (vec![file("a", 1), hard("a", "a")], cycle("a", "a")),
        (vec![dir("d"), file("d/a", 1), symlink("l", "d"), hard("d/a", "l/a")], cycle("d/a", "l/a")),
        (vec![dir("d"), hard("a", "d")], to_dir("a", "d")),
        (vec![hard("a", "/")], to_dir("a", "/")),
        // What the new name replaces is gone before its target is looked for.
        (vec![dir("d"), file("d/a", 1), hard("d", "d/a")], missing("d", "d/a")),
        (vec![dir("d"), file("d/a", 1), symlink("l", "d"), hard("l", "l/a")], missing("l", "l/a")),
    ];
    for (layer, expected) in cases {
        let error = build_error(&[layer]);
        assert_eq!(error, expected);
        if let BuildError::HardLinkMissing { path, target } = &error {
            assert!(error.to_string().contains(path) && error.to_string().contains(target));
        }
    }
}
