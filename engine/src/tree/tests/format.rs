use super::*;
use crate::tree::format::{HEADER_LEN, Section};

/// One of everything, twice hard-linked, over more than one sample.
pub(super) fn golden_layers() -> Vec<Vec<Entry>> {
    let mut base = vec![
        Entry { mode: 0o755, uid: 0, gid: 0, ..dir("./") },
        dir("bin"),
        Entry { mode: 0o4755, xattrs: vec![xattr("security.capability", b"\x01\0\0\x02")], ..file("bin/su", 70_000) },
        symlink("sbin", "bin"),
        file("sbin/init", 3),
        hard("bin/telinit", "bin/init"),
        Entry { dev_major: 1, dev_minor: 3, ..entry(EntryKind::CharDevice, "dev/null") },
        Entry { dev_major: 8, dev_minor: 1, ..entry(EntryKind::BlockDevice, "dev/sda1") },
        entry(EntryKind::Fifo, "run/pipe"),
        Entry { size: 1 << 33, stored: 4100, sparse: Some(runs(&[(0, 4096), (1 << 32, 4)])), ..file("var/image", 0) },
        file("etc/gone", 1),
    ];
    base.extend((0..70).map(|i| file(&format!("usr/share/{i:02}"), i)));
    base.extend((0..70).map(|i| symlink(&format!("usr/links/{i:02}"), &format!("../share/{i:02}"))));
    let upper = vec![
        whiteout("etc/.wh.gone"),
        Entry { xattrs: vec![xattr("user.b", b""), xattr("user.a", b"\0\xff")], ..dir("etc") },
        Entry { path: b"etc/\xff\xfe".to_vec(), ..file("", 9) },
        hard("etc/su", "sbin/su"),
    ];
    vec![base, upper]
}

#[test]
fn the_golden_tree_has_not_changed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/tree/small.tree");
    let bytes = build_with(Limits::default(), &golden_layers()).unwrap();
    if std::env::var_os("FIRN_BLESS").is_some() {
        std::fs::write(path, &bytes).unwrap();
    }
    let golden = std::fs::read(path).unwrap();
    assert!(
        golden == bytes,
        "tree bytes changed: that takes a new version in FORMAT.md, then FIRN_BLESS=1 rewrites {path}"
    );
    let tree = Tree::open(golden.into()).unwrap();
    tree.check().unwrap();
    let totals = tree.totals();
    let logical_bytes = 70_000 + 3 + (1 << 33) + (0..70).sum::<u64>() + 9;
    assert_eq!((totals.entries, totals.inodes, totals.files), (158, 157, 74));
    assert_eq!((totals.logical_bytes, totals.any_xattrs), (logical_bytes, true));
    assert_eq!((node(&tree, "etc/su").nlink, node(&tree, "bin/init").nlink), (2, 2));
    assert_eq!(node(&tree, "usr/share/69").content, Some(ContentRef { layer: 0, first: 80, count: 1 }));
    let last_link = tree.resolve(b"usr/links/69").unwrap().unwrap();
    assert_eq!(tree.link_target(last_link), Ok(&b"../share/69"[..]));
}

#[test]
fn a_mapped_file_reads_like_memory() {
    let bytes = build_with(Limits::default(), &golden_layers()).unwrap();
    let mut map = memmap2::MmapMut::map_anon(bytes.len()).unwrap();
    map.copy_from_slice(&bytes);
    let mapped = Tree::open(map.make_read_only().unwrap().into()).unwrap();
    assert_eq!(listing(&mapped), listing(&Tree::open(bytes.into()).unwrap()));
}

#[test]
fn bytes_depend_on_the_merged_content_alone() {
    let metadata = |uid| Entry { uid, ..dir("d") };
    let direct = build_with(Limits::default(), &[vec![metadata(1), file("d/a", 0), symlink("l", "d"), file("d/b", 0)]]);
    let wound = build_with(
        Limits::default(),
        &[
            vec![file("x", 0), symlink("l", "elsewhere"), file("d", 0), file("y", 0), hard("z", "x")],
            vec![Entry { xattrs: vec![xattr("user.gone", b"1")], ..metadata(7) }, file("d/c", 0), whiteout(".wh.x")],
            vec![file("d/b", 0), whiteout(".wh.z"), whiteout(".wh.y"), whiteout("d/.wh.c")],
            vec![metadata(1), symlink("l", "d"), file("l/a", 0)],
        ],
    );
    assert_eq!(direct.unwrap(), wound.unwrap());
}

#[test]
fn an_insertion_leaves_what_comes_after_it_as_it_was() {
    // What makes trees of similar images share long runs of bytes.
    let base: Vec<Entry> = (0..2000).map(|i| file(&format!("{:02}/{i:04}", i / 50), i + 1)).collect();
    let mut more = base.clone();
    more.insert(0, file("00/!new", 1));
    let trees = [build(&[base]), build(&[more])];
    for section in Section::ALL {
        let [old, new] = trees.each_ref().map(|tree| &tree.bytes()[tree.layout[section as usize].clone()]);
        let same_start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let same_end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
        // Samples hold sums; where a directory's names lie moves for its later siblings alone (all 40 here).
        if !matches!(section, Section::Samples | Section::DirFirsts) {
            assert!(same_start + same_end + 120 >= old.len(), "{section:?}: {same_start} {same_end} of {}", old.len());
        }
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let golden = build_with(Limits::default(), &golden_layers()).unwrap();
    let open = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = golden.clone();
        change(&mut bytes);
        Tree::open_trusted(bytes.into()).unwrap_err()
    };
    assert_eq!(open(&|bytes| bytes[0] = b'X'), TreeError::BadMagic);
    assert_eq!(open(&|bytes| bytes.truncate(4)), TreeError::BadMagic);
    assert_eq!(open(&|bytes| bytes[8] = 2), TreeError::UnsupportedVersion { found: 2, known: 1 });
    let corrupt = |error| matches!(error, TreeError::Corrupt { .. });
    assert!(corrupt(open(&|bytes| bytes[10] = 1)));
    assert!(corrupt(open(&|bytes| bytes[13] = 1)));
    assert!(corrupt(open(&|bytes| bytes[16..20].fill(0))));
    assert!(corrupt(open(&|bytes| bytes[16..20].fill(0xff))));
    assert!(corrupt(open(&|bytes| bytes.push(0))));
    assert!(corrupt(open(&|bytes| bytes.truncate(bytes.len() - 1))));
    for len in 9..HEADER_LEN {
        assert!(corrupt(open(&|bytes| bytes.truncate(len))), "{len}");
    }
    for field in (64..256).step_by(8) {
        assert!(corrupt(open(&|bytes| bytes[field..field + 8].fill(0xff))), "{field}");
        assert!(corrupt(open(&|bytes| bytes[field] ^= 1)), "{field}");
    }
}
