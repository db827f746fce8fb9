//! What differs between two images, and what they share.

use firn_engine::diff::{Change, Kind, Kinds, diff};

use super::trees::{differences, everything, open};
use crate::common::layout::Layout;
use crate::common::tarball::{Member, Tar};
use crate::common::{ingest, noise, scratch, small_archive};

fn shown(change: &Change) -> String {
    match change {
        Change::Added(_) => "A".to_owned(),
        Change::Removed(_) => "D".to_owned(),
        Change::Changed { kinds, .. } => kinds.to_string(),
    }
}

#[test]
fn every_kind_of_change_is_named() {
    let dir = scratch();
    let archive = small_archive(&dir.path().join("archive"));
    let mut layout = Layout::new(&dir.path().join("layout"));
    let (shared, old, new) = (noise(1, 100_000), noise(2, 50_000), noise(3, 70_000));
    // Called with the tar to begin with, it would be given the first call's, freed, on the second: rustc 1.95 optimises that wrongly.
    let base = || Tar::default().dir("./").file("same", &shared).dir("d/");
    let member = |path| Member { path, data: b"x", ..Member::default() };
    let one = base()
        .file("d/content", &old)
        .member(member("d/mode"))
        .member(member("d/owner"))
        .member(member("d/time"))
        .file("d/xattr", b"x")
        .file("d/removed", b"x")
        .symlink("d/target", "one")
        .file("d/type", b"x")
        .dir("gone/")
        .file("gone/inside", b"x")
        .file("link-1", b"linked")
        .hardlink("link-2", "link-1")
        .member(Member { path: "null", kind: b'3', device: (1, 3), ..Member::default() })
        .pax(&[("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.realsize", b"9000")])
        .file("sparse", &[b"1\n100\n3\n".to_vec(), vec![0; 512 - 8], b"abc".to_vec()].concat());
    let other = base()
        .file("d/content", &new)
        .member(Member { mode: 0o755, ..member("d/mode") })
        .member(Member { uid: 5, ..member("d/owner") })
        .member(Member { mtime: 5, ..member("d/time") })
        .pax(&[("SCHILY.xattr.user.note", b"y")])
        .file("d/xattr", b"x")
        .symlink("d/target", "two")
        .symlink("d/type", "x")
        .file("d/added", b"x")
        .file("gone", b"a file in place of a directory")
        .file("link-1", b"linked")
        .file("link-2", b"linked")
        .member(Member { path: "null", kind: b'3', device: (1, 5), ..Member::default() })
        .pax(&[("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.realsize", b"9000")])
        .file("sparse", &[b"1\n200\n3\n".to_vec(), vec![0; 512 - 8], b"abc".to_vec()].concat());
    layout.image("one", &[one.finish()]);
    layout.image("other", &[other.finish()]);
    for name in ["one", "other"] {
        ingest(&archive, &layout.reference(name)).unwrap();
    }
    let (first, second) = (open(&archive, "one"), open(&archive, "other"));
    let mut found = Vec::new();
    let summary = diff(&first, &second, Kinds::default(), &mut |path, change| {
        found.push(format!("{} {}", path.escape_ascii(), shown(change)));
        Ok(())
    })
    .unwrap();
    assert_eq!(
        found,
        [
            "/d/added A",
            "/d/content content",
            "/d/mode mode",
            "/d/owner owner",
            "/d/removed D",
            "/d/target target",
            "/d/time time",
            "/d/type type",
            "/d/xattr xattrs",
            "/gone type",
            "/gone/inside D",
            "/link-2 links",
            "/null device",
            "/sparse content",
        ]
    );
    assert_eq!((summary.added, summary.removed, summary.changed, summary.same), (1, 2, 11, 4));
    let of = |kind: Kind| summary.by_kind[Kind::ALL.iter().position(|one| *one == kind).unwrap()];
    assert_eq!((of(Kind::Content), of(Kind::Type), of(Kind::Links)), (2, 2, 1));
    let only_content = "x".len() as u64;
    assert_eq!(summary.only_first_bytes, 50_000);
    assert_eq!(summary.only_second_bytes, 70_000 + "a file in place of a directory".len() as u64);
    assert_eq!(summary.shared_bytes, 100_000 + only_content + "linked".len() as u64 + "abc".len() as u64);

    let ignored: Kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Mode).collect();
    let mut found = Vec::new();
    diff(&first, &second, ignored, &mut |path, change| {
        found.push(format!("{} {}", path.escape_ascii(), shown(change)));
        Ok(())
    })
    .unwrap();
    assert_eq!(found, ["/d/added A", "/d/mode mode", "/d/removed D", "/gone/inside D"]);
}

#[test]
fn an_image_does_not_differ_from_itself_nor_from_its_layers_cut_otherwise() {
    let dir = scratch();
    let archive = small_archive(&dir.path().join("archive"));
    let mut layout = Layout::new(&dir.path().join("layout"));
    let tars = everything();
    layout.image("one", &tars);
    layout.image("more-layers", &[tars[0].clone(), Tar::default().finish(), tars[1].clone()]);
    for name in ["one", "more-layers"] {
        ingest(&archive, &layout.reference(name)).unwrap();
    }
    for other in ["one", "more-layers"] {
        let (summary, found) = differences(&archive, "one", other);
        assert!(summary.is_same() && found.is_empty(), "{found:#?}");
        assert_eq!((summary.only_first_bytes, summary.only_second_bytes), (0, 0));
        assert!(summary.shared_bytes > 200_000);
    }
}
