//! The merged tree as a tar stream: it goes in again as the same tree.

use firn_engine::Archive;
use firn_engine::diff::{Kinds, Summary, diff};
use firn_engine::ingest::Meter;
use firn_engine::read::OpenImage;
use firn_engine::restore::restore_tar;
use firn_engine::tar::{Entry, EntryKind, Event, Splitter, TarError};
use proptest::prelude::*;

use crate::common::layout::Layout;
use crate::common::tarball::{Member, Tar};
use crate::common::{ingest, noise, scratch, small_archive};

/// An image with one of everything.
pub fn everything() -> Vec<Vec<u8>> {
    let deep = "d/".repeat(300);
    let base = Tar::default()
        .member(Member { path: "./", kind: b'5', mode: 0o751, mtime: 5, ..Member::default() })
        .dir("usr/")
        .file("usr/noise", &noise(1, 200_000))
        .file("usr/zeros", &vec![0; 100_000])
        .file("usr/empty", b"")
        .member(Member { path: "usr/su", mode: 0o4755, uid: 12, data: b"#!", ..Member::default() })
        .member(Member { path: "usr/locked/", kind: b'5', mode: 0o000, mtime: 7, ..Member::default() })
        .file("usr/locked/file", b"inside")
        .pax(&[("mtime", b"-1.25"), ("uid", b"3000000000"), ("SCHILY.xattr.user.note", b"\0\xff\n=")])
        .file("usr/old", b"before the epoch")
        .pax(&[("mtime", b"1700000000.123456789"), ("SCHILY.xattr.user.overlay.opaque", b"y")])
        .dir("usr/dir")
        .pax(&[("path", deep.as_bytes())])
        .dir("x")
        .pax(&[("path", format!("{deep}bottom").as_bytes())])
        .file("x", b"far down")
        .pax(&[("linkpath", format!("{deep}bottom").as_bytes())])
        .hardlink("a-link", "x")
        .hardlink("usr/other", "usr/locked/file")
        .pax(&[("linkpath", "../t".repeat(60).as_bytes())])
        .symlink("usr/long-target", "x")
        .symlink("usr/outside", "/tmp")
        .member(Member { path: "usr/fifo", kind: b'6', mode: 0o620, ..Member::default() });
    let sparse = |name: &'static str, map: &'static str, data: &'static [u8], size: &'static [u8]| {
        let mut text = map.as_bytes().to_vec();
        text.resize(512, 0);
        text.extend_from_slice(data);
        move |tar: Tar| {
            tar.pax(&[
                ("GNU.sparse.major", b"1"),
                ("GNU.sparse.minor", b"0"),
                ("GNU.sparse.name", name.as_bytes()),
                ("GNU.sparse.realsize", size),
            ])
            .file("s", &text)
        }
    };
    let base = sparse("usr/sparse", "2\n4096\n3\n70000\n2\n", b"abcde", b"90000")(base);
    let base = sparse("usr/hole", "1\n1000000\n0\n", b"", b"1000000")(base);
    let top = Tar::default()
        .file("usr/.wh.empty", b"")
        .file("usr/\u{e9}-name", b"not ascii")
        .file("-rf", b"no option")
        .finish();
    vec![base.finish(), top]
}

pub fn open(archive: &Archive, name: &str) -> OpenImage {
    let record = archive.resolve(name).unwrap();
    archive.open_image(&record, &record.filesystems[0], 1 << 20).unwrap()
}

/// What differs, by path and kind.
pub fn differences(archive: &Archive, a: &str, b: &str) -> (Summary, Vec<String>) {
    let mut found = Vec::new();
    let summary = diff(&open(archive, a), &open(archive, b), Kinds::default(), &mut |path, change| {
        found.push(format!("{} {change:?}", path.escape_ascii()));
        Ok(())
    });
    (summary.unwrap(), found)
}

fn tar_of(archive: &Archive, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let meter = Meter::default();
    let restored = restore_tar(&open(archive, name), &mut bytes, &meter).unwrap();
    assert_eq!(meter.done(), meter.total(), "progress ends at the end");
    assert!(restored.entries > 0);
    bytes
}

fn entries(tar: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut splitter = Splitter::new(Default::default());
    let mut sink = |event: Event<'_>| {
        if let Event::Entry(entry) = event {
            entries.push(entry);
        }
        Ok::<(), TarError>(())
    };
    splitter.feed(tar, &mut sink).unwrap();
    splitter.finish().unwrap();
    entries
}

#[test]
fn the_tar_of_a_tree_goes_in_again_as_the_same_tree() {
    let dir = scratch();
    let archive = small_archive(&dir.path().join("archive"));
    let mut layout = Layout::new(&dir.path().join("layout"));
    layout.image("first", &everything());
    ingest(&archive, &layout.reference("first")).unwrap();
    let tar = tar_of(&archive, "first");
    assert_eq!(tar, tar_of(&archive, "first"), "the same bytes every time");
    layout.image("again", std::slice::from_ref(&tar));
    ingest(&archive, &layout.reference("again")).unwrap();
    let (summary, found) = differences(&archive, "first", "again");
    // Only the one attribute that would reach overlayfs comes back under another name.
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("/usr/dir "), "{found:#?}");
    assert_eq!((summary.only_first_bytes, summary.only_second_bytes), (0, 0));

    let entries = entries(&tar);
    assert!(entries.iter().all(|entry| entry.path.starts_with(b"./")), "nothing absolute, no options");
    assert!(entries.iter().all(|entry| !entry.path.split(|byte| *byte == b'/').any(|part| part == b"..")));
    let links = entries.iter().filter(|entry| entry.kind == EntryKind::HardLink);
    assert!(links.clone().count() == 2 && links.clone().all(|entry| entry.link.starts_with(b"./")));
    let sparse = entries.iter().find(|entry| entry.path == b"./usr/hole").unwrap();
    assert!((sparse.size, sparse.stored) == (1_000_000, 0), "{sparse:?}");
}

#[test]
fn a_path_that_no_tar_program_extracts_is_refused() {
    let dir = scratch();
    let archive = small_archive(&dir.path().join("archive"));
    let mut layout = Layout::new(&dir.path().join("layout"));
    let far = format!("{}/", "n".repeat(200)).repeat(20);
    // A link on the way makes a path longer than any member's.
    let tar = Tar::default().pax(&[("path", far.as_bytes())]).dir("x");
    let tar = tar.pax(&[("linkpath", far.as_bytes())]).symlink("short", "x");
    let tar = tar.pax(&[("path", format!("short/{}", "m".repeat(200)).as_bytes())]).file("x", b"too far");
    layout.image("far", &[tar.finish()]);
    ingest(&archive, &layout.reference("far")).unwrap();
    let refused = restore_tar(&open(&archive, "far"), &mut std::io::sink(), &Meter::default()).unwrap_err();
    assert_eq!(refused.kind(), firn_engine::ErrorKind::Usage, "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_goes_in_again(
        members in proptest::collection::vec(("[a-c]{1,3}", 0usize..30_000, any::<u32>(), 0u32..0o10000, 0u8..5), 1..20),
    ) {
        let dir = scratch();
        let archive = small_archive(&dir.path().join("archive"));
        let mut layout = Layout::new(&dir.path().join("layout"));
        let mut tar = Tar::default().dir("./").file("0", b"first");
        for (name, len, seed, mode, kind) in &members {
            let path = name.chars().map(String::from).collect::<Vec<_>>().join("/");
            // Members on the way that are no directories are in the way: names of files have an ending.
            let file = format!("{path}.f");
            let time = format!("{}.{seed:09}", i64::from(*seed) - 1_000_000_000);
            let time = time.get(..time.len().min(20)).unwrap();
            tar = tar.pax(&[("mtime", time.as_bytes())]);
            let data = noise(u64::from(*seed), *len);
            tar = match kind {
                0 => tar.member(Member { path: &format!("{path}/"), kind: b'5', mode: *mode, ..Member::default() }),
                1 => tar.symlink(&format!("{path}.l"), &file),
                2 => tar.hardlink(&format!("{path}.h"), "0"),
                3 => tar.member(Member { path: &format!("{path}.p"), kind: b'6', mode: *mode, ..Member::default() }),
                _ => tar.member(Member { path: &file, mode: *mode, uid: seed >> 11, data: &data, ..Member::default() }),
            };
        }
        layout.image("any", &[tar.finish()]);
        ingest(&archive, &layout.reference("any")).unwrap();
        layout.image("again", &[tar_of(&archive, "any")]);
        ingest(&archive, &layout.reference("again")).unwrap();
        let (_, found) = differences(&archive, "any", "again");
        prop_assert!(found.is_empty(), "{:#?}", found);
    }
}
