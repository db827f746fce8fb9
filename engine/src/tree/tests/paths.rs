use super::*;

#[test]
fn entries_pass_through_symbolic_links_inside_the_root() {
    let links = [("lib", "usr/lib"), ("abs", "/usr/lib"), ("chain", "./abs/."), ("out", "../../../usr/lib")];
    for (link, target) in links {
        let layer = vec![dir("usr"), dir("usr/lib"), symlink("abs", "/usr/lib"), symlink(link, target)];
        let through = build(&[layer, vec![file(&format!("{link}/x"), 1), dir(&format!("{link}/s"))]]);
        assert_eq!(node(&through, "usr/lib/x").size, 1, "{link}");
        assert_eq!(node(&through, "usr/lib/s").mode, 0o750, "{link}");
        assert_eq!(node(&through, link).kind, NodeKind::Symlink);
    }
}

#[test]
fn a_relative_target_starts_where_its_link_is() {
    let tree = build(&[vec![dir("a"), dir("a/b"), dir("c"), symlink("a/b/up", "../../c"), file("a/b/up/x", 1)]]);
    assert_eq!(listing(&tree), "a/ a/b/ a/b/up->../../c c/ c/x=1");
}

#[test]
fn a_dangling_link_names_the_place_where_its_target_is_made() {
    let tree = build(&[vec![symlink("l", "no/such"), file("l/x", 1), symlink("m", "gone/../etc"), file("m/y", 2)]]);
    assert_eq!(listing(&tree), "etc/ etc/y=2 l->no/such m->gone/../etc no/ no/such/ no/such/x=1");
    assert!(is_bare(&tree, "no") && is_bare(&tree, "no/such") && is_bare(&tree, "etc"));
}

#[test]
fn cyclic_and_endless_links_are_errors() {
    let looped = |path: &str| BuildError::SymlinkLoop { path: path.into() };
    let cycle = || vec![symlink("a", "b"), symlink("b", "a")];
    assert_eq!(build_error(&[cycle(), vec![file("a/x", 1)]]), looped("a/x"));
    assert_eq!(build_error(&[cycle(), vec![whiteout("a/.wh.x")]]), looped("a/.wh.x"));
    assert_eq!(build_error(&[cycle(), vec![hard("x", "a/x")]]), looped("a/x"));
    assert_eq!(build_error(&[vec![symlink("s", "s/s"), file("s/x", 1)]]), looped("s/x"));
    // Each link doubles the way: 2^30 components without a bound.
    let mut layer = vec![dir("l0")];
    layer.extend((1..30).map(|i| symlink(&format!("l{i}"), &format!("l{0}/../l{0}", i - 1))));
    layer.push(file("l29/x", 1));
    assert_eq!(build_error(&[layer]), looped("l29/x"));
    let chain = |length| {
        let mut layer = vec![dir("c0")];
        layer.extend((1..=length).map(|i| symlink(&format!("c{i}"), &format!("c{}", i - 1))));
        layer.push(file(&format!("c{length}/x"), 1));
        layer
    };
    assert_eq!(node(&build(&[chain(255)]), "c0/x").size, 1);
    assert_eq!(build_error(&[chain(256)]), looped("c256/x"));
}

#[test]
fn long_ways_through_links_are_bounded_over_all_members_together() {
    let layer = |members| {
        let mut layer = vec![dir("d"), symlink("l", &"d/../".repeat(800))];
        layer.extend((0..members).map(|i| file(&format!("l/{i}"), 0)));
        layer
    };
    assert!(build_with(Limits::default(), &[layer(600)]).is_ok());
    assert!(matches!(build_error(&[layer(2000)]), BuildError::SymlinkLoop { .. }));
    let mut usual = vec![dir("usr"), dir("usr/lib"), symlink("lib", "usr/lib")];
    usual.extend((0..20_000).map(|i| file(&format!("lib/{i}"), 0)));
    assert_eq!(node(&build(&[usual]), "usr/lib").nlink, 2);
}

#[test]
fn dots_and_absolute_paths_stay_inside_the_root() {
    let layer = vec![dir("a"), file("a/../b", 1), file("../../c", 2), file("/d", 3), file("a/./e", 4), file("a//f", 5)];
    assert_eq!(listing(&build(&[layer])), "a/ a/e=4 a/f=5 b=1 c=2 d=3");
    // Lexical, so that a link on the way plays no part.
    let layer = vec![dir("x"), dir("x/y"), symlink("s", "x/y"), file("s/../z", 1)];
    assert_eq!(listing(&build(&[layer])), "s->x/y x/ x/y/ z=1");
}

#[test]
fn missing_parents_are_made_bare_and_may_be_declared_later() {
    let tree = build(&[vec![file("p/q/f", 1)]]);
    assert!(is_bare(&tree, "p") && is_bare(&tree, "p/q"));
    let tree = build(&[vec![file("p/q/f", 1), dir("p/q")], vec![dir("p")]]);
    assert_eq!((node(&tree, "p").mode, node(&tree, "p/q").mode), (0o750, 0o750));
    assert_eq!(listing(&tree), "p/ p/q/ p/q/f=1");
}

#[test]
fn a_path_through_a_file_is_an_error() {
    let expected = BuildError::NotADirectory { path: "f/x".into(), component: "f".into() };
    assert_eq!(build_error(&[vec![file("f", 1)], vec![file("f/x", 1)]]), expected);
    let expected = BuildError::NotADirectory { path: "l/x".into(), component: "f".into() };
    assert_eq!(build_error(&[vec![file("f", 1), symlink("l", "f"), file("l/x", 1)]]), expected);
}

#[test]
fn the_last_of_several_members_for_a_path_wins() {
    let layer = vec![file("a", 1), file("a", 2), symlink("a", "b"), file("a", 3)];
    assert_eq!(listing(&build(&[layer])), "a=3");
    let layer = vec![dir("d"), file("d/x", 1), Entry { mode: 0o711, ..dir("d") }];
    let tree = build(&[layer]);
    assert_eq!((listing(&tree).as_str(), node(&tree, "d").mode), ("d/ d/x=1", 0o711));
}

#[test]
fn types_replace_each_other() {
    let lower = || vec![dir("d"), dir("d/e"), file("d/e/x", 1), file("f", 2), symlink("l", "d")];
    let over = |entry| listing(&build(&[lower(), vec![entry]]));
    assert_eq!(over(file("d", 9)), "d=9 f=2 l->d");
    assert_eq!(over(symlink("d", "f")), "d->f f=2 l->d");
    assert_eq!(over(hard("d", "f")), "d=2 f=2 l->d");
    assert_eq!(over(dir("f")), "d/ d/e/ d/e/x=1 f/ l->d");
    assert_eq!(over(file("l", 9)), "d/ d/e/ d/e/x=1 f=2 l=9");
    assert_eq!(over(dir("l")), "d/ d/e/ d/e/x=1 f=2 l/");
    assert_eq!(over(dir("d")), "d/ d/e/ d/e/x=1 f=2 l->d");
}

#[test]
fn limits_are_errors_that_name_the_field() {
    let small = Limits {
        max_entries: 4,
        max_depth: 3,
        max_name_bytes: 12,
        max_target_bytes: 4,
        max_xattr_bytes: 20,
        max_sparse_runs: 2,
    };
    let field = |layer: Vec<Entry>| match build_with(small, &[layer]) {
        Err(BuildError::Limit { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(vec![file("a", 0), file("b", 0), file("c", 0), file("d", 0)]), "max_entries");
    assert_eq!(field(vec![file("a/b/c/d", 0)]), "max_depth");
    assert_eq!(field(vec![file("123456789abcd", 0)]), "max_name_bytes");
    assert_eq!(field(vec![symlink("a", "12"), symlink("a", "345")]), "max_target_bytes");
    let with = |path: &str, value: &[u8]| Entry { xattrs: vec![xattr("user.a", value)], ..file(path, 0) };
    assert_eq!(field(vec![with("a", b"1"), with("a", b"2")]), "max_xattr_bytes");
    let sparse = |path: &str| Entry { sparse: Some(runs(&[(0, 1), (5, 1)])), size: 9, stored: 2, ..file(path, 0) };
    assert_eq!(field(vec![sparse("a"), sparse("b")]), "max_sparse_runs");
    assert!(build_with(small, &[vec![file("a/b/c", 0)]]).is_ok());
    assert!(build_with(small, &[vec![file("a", 0), file("b", 0), file("c", 0), file("c", 1)]]).is_ok());
}

#[test]
fn a_builder_that_failed_stays_failed() {
    let mut builder = TreeBuilder::new(Limits::default());
    assert_eq!(builder.apply(&file("a", 0), None), Err(BuildError::NoLayer));
    assert_eq!(builder.apply(&file("a", 0), None), Err(BuildError::Failed));
    assert_eq!(builder.finish(), Err(BuildError::Failed));
}
