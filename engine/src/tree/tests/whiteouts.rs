use super::*;
use proptest::prelude::*;

fn lower() -> Vec<Entry> {
    vec![dir("d"), file("d/a", 1), file("d/b", 2), dir("d/s"), file("d/s/x", 3), file("top", 4)]
}

fn over(upper: Vec<Entry>) -> Tree {
    build(&[lower(), upper])
}

#[test]
fn a_whiteout_hides_a_file_or_a_whole_directory_of_lower_layers() {
    assert_eq!(listing(&over(vec![whiteout("d/.wh.a")])), "d/ d/b=2 d/s/ d/s/x=3 top=4");
    assert_eq!(listing(&over(vec![whiteout(".wh.d")])), "top=4");
    assert_eq!(listing(&build(&[lower(), vec![], vec![whiteout("d/s/.wh.x")]])), "d/ d/a=1 d/b=2 d/s/ top=4");
}

#[test]
fn a_whiteout_of_nothing_changes_nothing() {
    let upper =
        vec![whiteout("d/.wh.none"), whiteout("none/.wh.x"), whiteout("top/.wh.x"), whiteout("no/.wh..wh..opq")];
    assert_eq!(listing(&over(upper)), listing(&build(&[lower()])));
}

#[test]
fn the_type_of_a_whiteout_member_does_not_matter() {
    assert_eq!(listing(&over(vec![dir("./.wh.d/")])), "top=4");
    assert_eq!(listing(&over(vec![symlink(".wh.top", "x")])), "d/ d/a=1 d/b=2 d/s/ d/s/x=3");
}

#[test]
fn what_the_same_layer_brings_survives_in_either_order() {
    for upper in [vec![whiteout("d/.wh.a"), file("d/a", 9)], vec![file("d/a", 9), whiteout("d/.wh.a")]] {
        assert_eq!(listing(&over(upper)), "d/ d/a=9 d/b=2 d/s/ d/s/x=3 top=4");
    }
    for upper in [vec![whiteout(".wh.d"), file("d/s/n", 9)], vec![file("d/s/n", 9), whiteout(".wh.d")]] {
        let tree = over(upper);
        assert_eq!(listing(&tree), "d/ d/s/ d/s/n=9 top=4");
        assert!(is_bare(&tree, "d") && is_bare(&tree, "d/s"), "metadata of hidden directories must not show");
    }
    for upper in [vec![whiteout(".wh.d"), dir("d")], vec![dir("d"), whiteout(".wh.d")]] {
        let tree = over(upper);
        assert_eq!(listing(&tree), "d/ top=4");
        assert_eq!(node(&tree, "d").mode, 0o750);
    }
}

#[test]
fn an_opaque_directory_hides_lower_children_in_either_order_and_keeps_itself() {
    let opaque = || whiteout("d/.wh..wh..opq");
    let changed = || Entry { mode: 0o711, ..dir("d") };
    for upper in [vec![opaque(), changed(), file("d/n", 9)], vec![changed(), file("d/n", 9), opaque()]] {
        let tree = over(upper);
        assert_eq!(listing(&tree), "d/ d/n=9 top=4");
        assert_eq!(node(&tree, "d").mode, 0o711);
    }
    let tree = over(vec![opaque()]);
    assert_eq!(listing(&tree), "d/ top=4");
    assert_eq!(node(&tree, "d").mode, 0o750);
    assert_eq!(listing(&over(vec![file("n", 9), whiteout(".wh..wh..opq")])), "n=9");
}

#[test]
fn a_second_opaque_marker_in_the_same_layer_spares_what_came_between() {
    let upper = vec![whiteout("d/.wh..wh..opq"), file("d/n", 9), whiteout("d/.wh..wh..opq"), whiteout(".wh.d")];
    assert_eq!(listing(&over(upper)), "d/ d/n=9 top=4");
}

#[test]
fn other_aufs_names_are_ignored_but_what_lies_below_them_is_not() {
    let upper = vec![
        dir(".wh..wh.plnk"),
        whiteout(".wh..wh.aufs"),
        whiteout("d/.wh..wh.orph"),
        file(".wh..wh.plnk/7", 9),
        hard("l", ".wh..wh.plnk/7"),
    ];
    let expected = ".wh..wh.plnk/ .wh..wh.plnk/7=9 d/ d/a=1 d/b=2 d/s/ d/s/x=3 l=9 top=4";
    assert_eq!(listing(&over(upper)), expected);
}

#[test]
fn a_whiteout_that_names_no_sibling_is_refused() {
    for path in ["d/.wh.", "d/.wh..", "d/s/.wh..."] {
        assert_eq!(build_error(&[lower(), vec![whiteout(path)]]), BuildError::BadWhiteout { path: path.into() });
    }
}

#[test]
fn whiteouts_work_through_symbolic_links_and_hide_the_link_itself() {
    let mut lower = lower();
    lower.push(symlink("l", "d"));
    let through = build(&[lower.clone(), vec![whiteout("l/.wh.a"), file("l/n", 9)]]);
    assert_eq!(listing(&through), "d/ d/b=2 d/n=9 d/s/ d/s/x=3 l->d top=4");
    let itself = build(&[lower, vec![file("l/n", 9), whiteout(".wh.l")]]);
    assert_eq!(listing(&itself), "d/ d/a=1 d/b=2 d/n=9 d/s/ d/s/x=3 top=4");
}

#[test]
fn many_opaque_markers_cost_one_walk() {
    // 20,000 children times 20,000 markers would be 400 million steps.
    let mut upper: Vec<Entry> = (0..20_000).map(|i| file(&format!("d/{i}"), 0)).collect();
    upper.extend((0..20_000).map(|_| whiteout("d/.wh..wh..opq")));
    assert_eq!(over(upper).entry_count(Ino(2)).unwrap(), 20_000);
}

/// Files and directories never share a name here, so that whiteouts cannot change what a path means on the way.
fn layer() -> impl Strategy<Value = (Vec<Entry>, Vec<Entry>)> {
    let parent = prop::sample::select(vec!["", "d/", "e/", "d/e/", "d/d/", "d/e/d/"]);
    let file_name = prop::sample::select(vec!["f", "g"]);
    let dir_name = prop::sample::select(vec!["d", "e"]);
    let any_name = prop::sample::select(vec!["d", "e", "f", "g", ".wh..opq"]);
    let files = (parent.clone(), file_name, 1..9u64).prop_map(|(p, n, size)| file(&format!("{p}{n}"), size));
    let dirs =
        (parent.clone(), dir_name, 0..0o777u32).prop_map(|(p, n, mode)| Entry { mode, ..dir(&format!("{p}{n}")) });
    let whiteouts = (parent, any_name).prop_map(|(p, n)| whiteout(&format!("{p}.wh.{n}")));
    (prop::collection::vec(prop_oneof![files, dirs], 0..8), prop::collection::vec(whiteouts, 0..5))
}

proptest! {
    #[test]
    fn whiteouts_give_the_same_bytes_wherever_they_stand_in_their_layer(layers in prop::collection::vec(layer(), 1..5)) {
        let build_in = |order: fn(&[Entry], &[Entry]) -> Vec<Entry>| {
            let mut builder = TreeBuilder::new(Limits::default());
            for (entries, whiteouts) in &layers {
                builder.begin_layer();
                for entry in order(entries, whiteouts) {
                    let content = ContentRef { layer: 0, first: entry.size, count: 1 };
                    builder.apply(&entry, Some(content).filter(|_| entry.size > 0)).unwrap();
                }
            }
            builder.finish().unwrap()
        };
        let first = build_in(|entries, whiteouts| [whiteouts, entries].concat());
        prop_assert_eq!(&first, &build_in(|entries, whiteouts| [entries, whiteouts].concat()));
        let middle = build_in(|entries, whiteouts| {
            let (a, b) = entries.split_at(entries.len() / 2);
            [a, whiteouts, b].concat()
        });
        prop_assert_eq!(&first, &middle);
    }
}
