//! Every format, byte by byte.

use super::build::{Build, padded, pax};
use super::run::{Run, Seen, feed_whole};
use crate::tar::{DataRun, Entry, EntryKind, Timestamp};

const END: [u8; 1024] = [0; 1024];

fn split(parts: &[&[u8]]) -> Run {
    feed_whole(&parts.concat())
}

fn extended(records: &[(&[u8], &[u8])]) -> Vec<u8> {
    Build::ustar("PaxHeaders/x", b'x').with(&pax(records))
}

fn file(path: &[u8], size: u64) -> Entry {
    Entry { mode: 0o644, size, stored: size, ..Entry::bare(path, EntryKind::File) }
}

#[test]
fn a_plain_file_is_split_at_its_edges() {
    let header = Build::ustar("a", b'0').size(5).block();
    let run = split(&[&header, b"hello", &[0; 507], &END, b"junk"]);
    let expected = [
        Seen::Skeleton(header.to_vec()),
        Seen::Entry(Box::new(file(b"a", 5))),
        Seen::Content(b"hello".to_vec()),
        Seen::EndEntry,
        Seen::Skeleton([&[0; 507][..], &END, b"junk"].concat()),
    ];
    assert_eq!(run.events, expected);
    let summary = run.result.unwrap();
    assert_eq!((summary.entries, summary.skeleton, summary.content), (1, 512 + 507 + 1024 + 4, 5));
    assert!(summary.ended_by_marker);
}

#[test]
fn fields_of_v7_and_ustar() {
    let block = Build::v7("dir/f", 0).octal(100, 8, 0o104_755).octal(108, 8, 1000).octal(116, 8, 100);
    let run = split(&[&block.octal(136, 12, 1_234_567_890).block()]);
    let mtime = Timestamp { secs: 1_234_567_890, nanos: 0 };
    let expected = Entry { mode: 0o4755, uid: 1000, gid: 100, mtime, ..file(b"dir/f", 0) };
    assert_eq!(run.only().0, &expected);

    let run = split(&[&Build::ustar("name", b'0').bytes(345, b"pre/fix").with(b"x"), &END]);
    assert_eq!(run.only(), (&file(b"pre/fix/name", 1), &b"x"[..]));
}

#[test]
fn kinds() {
    for (flag, kind) in [
        (0, EntryKind::File),
        (b'0', EntryKind::File),
        (b'7', EntryKind::File),
        (b'1', EntryKind::HardLink),
        (b'2', EntryKind::Symlink),
        (b'3', EntryKind::CharDevice),
        (b'4', EntryKind::BlockDevice),
        (b'5', EntryKind::Directory),
        (b'6', EntryKind::Fifo),
    ] {
        let block = Build::ustar("name", flag).link("target").octal(329, 8, 8).octal(337, 8, 1);
        // Whatever size a member without data announces, the next header follows at once.
        let size = if kind == EntryKind::File { 0 } else { 1 << 20 };
        let run = split(&[&block.size(size).block(), &END]);
        let is_link = matches!(kind, EntryKind::HardLink | EntryKind::Symlink);
        let is_device = matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice);
        let link = if is_link { b"target".to_vec() } else { vec![] };
        let (dev_major, dev_minor) = if is_device { (8, 1) } else { (0, 0) };
        assert_eq!(run.only().0, &Entry { kind, link, dev_major, dev_minor, ..file(b"name", 0) });
    }
}

#[test]
fn a_v7_name_with_a_slash_is_a_directory() {
    let run = split(&[&Build::v7("dir/", 0).size(512).block()]);
    assert_eq!((run.only().0.kind, run.only().0.size), (EntryKind::Directory, 0));
    let run = split(&[&Build::ustar("dir/", b'0').with(b"x")]);
    assert_eq!(run.only().0, &file(b"dir/", 1));
    // The whole name counts, not what the header holds of it.
    let run = split(&[&extended(&[(b"path", b"long/")]), &Build::v7("lo", 0).block()]);
    assert_eq!(run.only().0.kind, EntryKind::Directory);
}

#[test]
fn gnu_long_names_and_binary_numbers() {
    let (name, link) = (format!("{}\u{e9}", "n/".repeat(300)), "t".repeat(700));
    let block = Build::gnu("n", b'2').link("t").binary(108, 8, 1 << 31).binary(116, 8, 4_294_967_295);
    let run = split(&[
        &Build::gnu("././@LongLink", b'K').with(format!("{link}\0").as_bytes()),
        &Build::gnu("././@LongLink", b'L').with(format!("{name}\0junk").as_bytes()),
        &block.binary(136, 12, -86_400).block(),
        &END,
    ]);
    let entry = run.only().0;
    assert_eq!((&entry.path[..], &entry.link[..]), (name.as_bytes(), link.as_bytes()));
    assert_eq!((entry.uid, entry.gid), (1 << 31, u32::MAX));
    assert_eq!(entry.mtime, Timestamp { secs: -86_400, nanos: 0 });
}

#[test]
fn pax_records_go_before_the_header() {
    let run = split(&[
        &extended(&[
            (b"path", b"caf\xe9/long"),
            (b"size", b"3"),
            (b"uid", b"4294967295"),
            (b"gid", b"100000"),
            (b"mtime", b"-1.25"),
            (b"atime", b"1.5"),
            (b"hdrcharset", b"BINARY"),
            (b"SCHILY.xattr.user.k", b"v\0\n"),
            (b"LIBARCHIVE.xattr.user.l", b"AAE"),
            (b"SCHILY.acl.access", b"user::rw-"),
        ]),
        &Build::ustar("short", b'0').size(700).octal(108, 8, 7).octal(136, 12, 9).block(),
        &padded(b"abc".to_vec()),
        &Build::ustar("next", b'0').with(b"d"),
    ]);
    let entries: Vec<_> = run.entries().collect();
    let expected = Entry {
        uid: u32::MAX,
        gid: 100_000,
        mtime: Timestamp { secs: -2, nanos: 750_000_000 },
        xattrs: vec![(b"user.k".to_vec(), b"v\0\n".to_vec()), (b"user.l".to_vec(), vec![0, 1])],
        ..file(b"caf\xe9/long", 3)
    };
    assert_eq!(entries, [(&expected, &b"abc"[..]), (&file(b"next", 1), b"d")]);
    assert!(run.result.is_ok());
}

#[test]
fn which_name_wins() {
    let long = Build::gnu("L", b'L').with(b"gnu\0");
    let pax = extended(&[(b"path", b"pax")]);
    let header = Build::ustar("header", b'0').block();
    for (parts, path) in [
        (vec![&header[..]], "header"),
        (vec![&pax, &header], "pax"),
        (vec![&pax, &long, &header], "gnu"),
        (vec![&long, &pax, &header], "gnu"),
        (vec![&extended(&[(b"path", b"")]), &header], "header"),
        // A second extended header replaces the first as a whole.
        (vec![&pax, &extended(&[(b"uid", b"1")]), &header], "header"),
        (vec![&long, &Build::gnu("L", b'L').with(b""), &header], "header"),
        // A global header says nothing, and ends what came before it.
        (vec![&pax, &long, &Build::ustar("g", b'g').with(b"10 path=g\n"), &header], "header"),
    ] {
        assert_eq!(split(&parts).only().0.path, path.as_bytes());
    }
}

#[test]
fn an_empty_path_is_the_root() {
    assert_eq!(split(&[&Build::ustar("", b'5').block()]).only().0.path, b".");
}

#[test]
fn unknown_types_stay_in_the_skeleton() {
    let label = Build::gnu("volume", b'V').with(&[7; 600]);
    let run = split(&[&extended(&[(b"path", b"p")]), &label, &Build::ustar("f", b'0').with(b"x"), &END]);
    assert_eq!(run.only(), (&file(b"f", 1), &b"x"[..]));
    assert_eq!(run.result.unwrap().unknown, 1);
}

#[test]
fn old_gnu_sparse() {
    let map = |runs: &[(u64, u64)]| -> Vec<u8> {
        runs.iter().flat_map(|(offset, len)| format!("{offset:011o}\0{len:011o}\0").into_bytes()).collect()
    };
    let first = map(&[(512, 3), (2048, 2), (4096, 1), (5000, 1)]);
    let header = Build::gnu("s", b'S').size(8).bytes(386, &first).bytes(482, &[1]).octal(483, 12, 9000);
    let mut extension = map(&[(6000, 1)]);
    extension.resize(512, 0);
    let run = split(&[&header.block(), &extension, &padded(b"abcdefgh".to_vec()), &END]);
    let runs = [(512, 3), (2048, 2), (4096, 1), (5000, 1), (6000, 1)];
    let sparse = Some(runs.map(|(offset, len)| DataRun { offset, len }).to_vec());
    assert_eq!(run.only(), (&Entry { size: 9000, stored: 8, sparse, ..file(b"s", 8) }, &b"abcdefgh"[..]));
    assert!(matches!(&run.events[0], Seen::Skeleton(bytes) if bytes.len() == 1024));
}

#[test]
fn pax_sparse() {
    let name = (&b"GNU.sparse.name"[..], &b"real"[..]);
    let sparse = Some(vec![DataRun { offset: 10, len: 2 }, DataRun { offset: 50, len: 3 }]);
    let expected = Entry { size: 100, stored: 5, sparse, ..file(b"real", 5) };
    let v0_0 = extended(&[
        name,
        (b"GNU.sparse.size", b"100"),
        (b"GNU.sparse.numblocks", b"2"),
        (b"GNU.sparse.offset", b"10"),
        (b"GNU.sparse.numbytes", b"2"),
        (b"GNU.sparse.offset", b"50"),
        (b"GNU.sparse.numbytes", b"3"),
    ]);
    let v0_1 = extended(&[
        name,
        (b"GNU.sparse.size", b"100"),
        (b"GNU.sparse.numblocks", b"2"),
        (b"GNU.sparse.map", b"10,2,50,3"),
    ]);
    for header in [v0_0, v0_1] {
        let run = split(&[&header, &Build::ustar("GNUSparseFile.0/real", b'0').with(b"abcde"), &END]);
        assert_eq!(run.only(), (&expected, &b"abcde"[..]));
    }
    let v1_0 =
        extended(&[name, (b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"100")]);
    let data = [&padded(b"2\n10\n2\n50\n3\n".to_vec())[..], b"abcde"].concat();
    let run = split(&[&v1_0, &Build::ustar("GNUSparseFile.0/real", b'0').with(&data), &END]);
    assert_eq!(run.only(), (&expected, &b"abcde"[..]));
    // The map is skeleton: extended header, header, map.
    assert!(matches!(&run.events[0], Seen::Skeleton(bytes) if bytes.len() == 2 * 512 + 2 * 512));
}

#[test]
fn ends_that_are_accepted() {
    let member = Build::ustar("f", b'0').with(b"x");
    for end in [&[][..], &END[..512], &END, &[&END[..], &member, b"x"].concat(), &extended(&[(b"path", b"p")])] {
        assert_eq!(split(&[&member, end]).only(), (&file(b"f", 1), &b"x"[..]));
    }
    // Padding may be missing, that of an extended header as well.
    assert!(split(&[&member[..513]]).result.is_ok());
    assert!(split(&[&Build::ustar("x", b'x').size(9).block(), b"9 uid=10\n"]).result.is_ok());
    assert!(!split(&[]).result.unwrap().ended_by_marker);
}

#[test]
fn whiteouts_may_be_of_any_type() {
    assert_eq!(split(&[&Build::ustar("d/.wh.x", b'1').block()]).only().0.path, b"d/.wh.x");
    assert!(split(&[&Build::ustar("d/wh.x", b'1').block()]).result.is_err());
}
