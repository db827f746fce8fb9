//! Streams made to do harm, and what is said of them.

use super::build::{Build, padded, pax};
use super::run::{feed, feed_whole};
use crate::tar::{Event, Limits, Problem, Splitter, TarError};

fn problem(parts: &[&[u8]]) -> Problem {
    feed_whole(&parts.concat()).error().problem.clone()
}

fn with_records(records: &[(&[u8], &[u8])], kind: u8) -> Vec<u8> {
    let header = Build::ustar("f", kind).link("t").size(4).block();
    [&Build::ustar("x", b'x').with(&pax(records))[..], &header, &padded(b"data".to_vec())].concat()
}

#[test]
fn extended_headers_are_bounded_before_they_are_read() {
    for kind in [b'x', b'g', b'L', b'K'] {
        for size in [(1 << 20) + 1, 1 << 30, 0o77_777_777_777] {
            let run = feed_whole(&Build::gnu("big", kind).size(size).block());
            assert_eq!(run.error().problem, Problem::ExtendedHeaderTooLong { size, limit: 1 << 20 });
        }
        let huge = Build::gnu("big", kind).binary(124, 12, i64::MAX).block();
        assert!(matches!(problem(&[&huge]), Problem::ExtendedHeaderTooLong { .. }));
    }
    // Exactly the limit is taken.
    let mut text = pax(&[(b"comment", &vec![b'c'; (1 << 20) - 17])]);
    assert_eq!(text.len(), 1 << 20);
    text.extend(Build::ustar("f", b'0').block());
    let stream = [&Build::ustar("x", b'x').size(1 << 20).block()[..], &text].concat();
    assert_eq!(feed_whole(&stream).only().0.path, b"f");
}

#[test]
fn extended_headers_without_end_hold_no_memory_and_no_member() {
    let one = [Build::ustar("x", b'x').with(b"9 path=p\n"), Build::gnu("L", b'L').with(b"l\0")].concat();
    let run = feed_whole(&one.repeat(2000));
    assert_eq!((run.entries().count(), run.result.is_ok()), (0, true));
}

#[test]
fn numbers_at_the_edges() {
    // Where no data follows, the number means nothing, in the header or in a record that is one.
    for kind in b'1'..=b'6' {
        let header = Build::gnu("m", kind).link("t").binary(124, 12, -1).block();
        let record = Build::ustar("x", b'x').with(&pax(&[(b"size", b"-1")]));
        assert_eq!(feed_whole(&header).only().0.size, 0);
        assert_eq!(feed_whole(&[&record[..], &header].concat()).only().0.stored, 0);
    }
    let size = |value| Build::gnu("f", b'0').binary(124, 12, value).block();
    assert_eq!(problem(&[&size(-1)]), Problem::BadNumber { field: "size" });
    assert_eq!(problem(&[&size(i64::MIN)]), Problem::BadNumber { field: "size" });
    assert_eq!(problem(&[&size(i64::MAX), b"x"]), Problem::Truncated { inside: "a member's data" });
    let beyond = Build::gnu("f", b'0').bytes(124, &[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(problem(&[&beyond.block()]), Problem::BadNumber { field: "size" });
    for text in ["18446744073709551615", "9223372036854775808", "-1", "1 ", "0x10", "\u{661}"] {
        let problem = problem(&[&with_records(&[(b"size", text.as_bytes())], b'0')]);
        assert_eq!(problem, Problem::BadNumber { field: "size" }, "{text}");
    }
    for key in ["mtime", "atime", "ctime"] {
        for text in ["9223372036854775808", "1.x", "now", "-9223372036854775808.5"] {
            let problem = problem(&[&with_records(&[(key.as_bytes(), text.as_bytes())], b'0')]);
            assert_eq!(problem, Problem::BadNumber { field: key }, "{text}");
        }
    }
    for (key, field) in [("uid", "uid"), ("gid", "gid")] {
        for value in [4_294_967_296, -1, i64::MAX] {
            let text = value.to_string();
            let problem = problem(&[&with_records(&[(key.as_bytes(), text.as_bytes())], b'0')]);
            assert_eq!(problem, Problem::OutOfRange { field, value });
        }
    }
    let device = Build::gnu("d", b'3').binary(329, 8, 1 << 40);
    assert_eq!(problem(&[&device.block()]), Problem::OutOfRange { field: "device major", value: 1 << 40 });
    assert!(feed_whole(&Build::gnu("d", b'5').binary(329, 8, 1 << 40).block()).result.is_ok());
}

#[test]
fn names_that_lead_nowhere() {
    let nul = with_records(&[(b"path", b"a\0b")], b'0');
    assert!(matches!(problem(&[&nul]), Problem::BadPaxRecord { at: 0 }));
    let map: [(&[u8], &[u8]); 4] = [
        (b"GNU.sparse.map", b"0,4"),
        (b"GNU.sparse.numblocks", b"1"),
        (b"GNU.sparse.size", b"4"),
        (b"GNU.sparse.name", b"a\0b"),
    ];
    assert_eq!(problem(&[&with_records(&map, b'0')]), Problem::Nul { field: "path" });
    let long = b"a/".repeat(2048);
    let too_long = |field| Problem::NameTooLong { field, len: 4096, limit: 4095 };
    assert!(feed_whole(&with_records(&[(b"path", &long)], b'0')).result.is_ok(), "4095 without the last slash");
    let long = [&long[2..], b"bc"].concat();
    assert_eq!(problem(&[&with_records(&[(b"path", &long)], b'0')]), too_long("path"));
    assert_eq!(problem(&[&with_records(&[(b"linkpath", &long)], b'1')]), too_long("link target"));
    assert_eq!(problem(&[&with_records(&[(b"linkpath", &long)], b'2')]), too_long("link target"));
    // A file's link target is nobody's.
    assert!(feed_whole(&with_records(&[(b"linkpath", &long)], b'0')).result.is_ok());
    // What cleaning takes away does not count.
    let winding = [&b"./x/../".repeat(10_000)[..], b"f"].concat();
    assert_eq!(feed_whole(&with_records(&[(b"path", &winding)], b'0')).only().0.path, winding);
    assert_eq!(problem(&[&Build::ustar("l", b'2').block()]), Problem::EmptyLink);
}

#[test]
fn sparse_maps_that_lie() {
    for (blocks, map, size) in [
        ("2", "0,2,1,2", "100"),
        ("2", "50,2,0,2", "100"),
        ("1", "99,4", "100"),
        ("1", "0,3", "100"),
        ("1", "0,5", "100"),
        ("1", "9223372036854775807,4", "9223372036854775807"),
        ("1", "0,9223372036854775807", "9223372036854775807"),
        ("1", "0,4", "3"),
        ("3", "0,4", "100"),
        ("1", "0,-4", "100"),
    ] {
        let map: [(&[u8], &[u8]); 3] = [
            (b"GNU.sparse.map", map.as_bytes()),
            (b"GNU.sparse.numblocks", blocks.as_bytes()),
            (b"GNU.sparse.size", size.as_bytes()),
        ];
        assert!(matches!(problem(&[&with_records(&map, b'0')]), Problem::BadSparseMap { .. }), "{map:?}");
    }
    let good: [(&[u8], &[u8]); 3] =
        [(b"GNU.sparse.map", b"0,4"), (b"GNU.sparse.numblocks", b"1"), (b"GNU.sparse.size", b"9")];
    for kind in b'1'..=b'6' {
        let why = "only a regular file can be sparse";
        assert_eq!(problem(&[&with_records(&good, kind)]), Problem::BadSparseMap { why });
    }
    let exabytes: [(&[u8], &[u8]); 3] = [good[0], good[1], (b"GNU.sparse.size", b"9223372036854775807")];
    assert_eq!(feed_whole(&with_records(&exabytes, b'0')).only().0.size, i64::MAX as u64);
    let star = Build::ustar("s", b'S').block();
    assert!(matches!(problem(&[&star]), Problem::BadSparseMap { .. }));
}

#[test]
fn sparse_maps_without_end() {
    let header = Build::gnu("s", b'S').bytes(482, &[1]).block();
    let endless = [b'1'; 512].repeat(3000);
    assert_eq!(problem(&[&header, &endless]), Problem::SparseMapTooLong { limit: 1 << 20 });
    assert_eq!(problem(&[&header, &endless[..5000]]), Problem::Truncated { inside: "a sparse map" });

    let records = pax(&[(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0")]);
    let extended = Build::ustar("x", b'x').with(&records);
    let file = |size| Build::ustar("s", b'0').size(size).block();
    let lines = b"9999999\n".repeat(200_000);
    assert_eq!(problem(&[&extended, &file(1 << 30), &lines]), Problem::SparseMapTooLong { limit: 1 << 20 });
    let why = "it does not end within the data";
    for size in [0, 100, 511, 512, 1000] {
        assert_eq!(problem(&[&extended, &file(size), &lines]), Problem::BadSparseMap { why });
    }
    assert_eq!(problem(&[&extended, &file(4096), &lines[..600]]), Problem::Truncated { inside: "a sparse map" });
}

#[test]
fn attributes_beyond_linux() {
    let value = vec![b'v'; 65_537];
    let problem = problem(&[&with_records(&[(b"SCHILY.xattr.user.big", &value)], b'0')]);
    assert!(matches!(problem, Problem::BadXattr { name, .. } if name == b"user.big"));
}

#[test]
fn damage() {
    let member = Build::ustar("f", b'0').with(&[1; 1000]);
    assert_eq!(problem(&[&member, &[1; 512]]), Problem::BadChecksum);
    assert_eq!(problem(&[&member, &[0; 512], &member]), Problem::LoneZeroBlock);
    for (len, inside) in [(1, "a header"), (511, "a header"), (512, "a member's data"), (1511, "a member's data")] {
        assert_eq!(problem(&[&member[..len]]), Problem::Truncated { inside });
    }
    assert_eq!(problem(&[&member, &[0; 700]]), Problem::Truncated { inside: "a header" });
    let extended = Build::ustar("x", b'x').with(&[b'1'; 100]);
    assert_eq!(problem(&[&extended[..600]]), Problem::Truncated { inside: "an extended header" });
}

#[test]
fn errors_name_their_member_and_place() {
    let first = Build::ustar("first", b'0').with(&[1; 700]);
    let second = with_records(&[(b"path", b"second"), (b"uid", b"-1")], b'0');
    let error = feed_whole(&[first.clone(), second].concat()).error().clone();
    // The member starts with its extended header.
    assert_eq!((error.offset, error.path.as_deref()), (1536, Some(&b"second"[..])));
    let error = feed_whole(&first[..600]).error().clone();
    assert_eq!((error.offset, error.path.as_deref()), (0, Some(&b"first"[..])));
    for partial in [&[1; 512][..], &[1; 10]] {
        let error = feed([&first[..], partial].into_iter()).error().clone();
        assert_eq!((error.offset, error.path), (1536, None));
    }
    // A global header is no part of the member after it.
    let global = Build::ustar("g", b'g').with(b"10 path=g\n");
    let bad = Build::gnu("bad", b'0').binary(124, 12, -1).block();
    assert_eq!(feed_whole(&[&global[..], &bad].concat()).error().offset, 1024);
}

#[test]
fn a_failed_stream_stays_failed() {
    let mut splitter = Splitter::new(Limits::default());
    let mut sink = |_: Event<'_>| -> Result<(), TarError> { Ok(()) };
    assert!(splitter.feed(&[1; 512], &mut sink).is_err());
    let again = splitter.feed(&Build::ustar("f", b'0').block(), &mut sink).unwrap_err();
    assert_eq!(again.problem, Problem::Stopped);
    assert_eq!(splitter.finish().unwrap_err().problem, Problem::Stopped);

    #[derive(Debug, PartialEq)]
    enum Sink {
        Full,
        Tar(Problem),
    }
    impl From<TarError> for Sink {
        fn from(error: TarError) -> Self {
            Self::Tar(error.problem)
        }
    }
    let mut splitter = Splitter::new(Limits::default());
    let block = Build::ustar("f", b'0').block();
    assert_eq!(splitter.feed(&block, &mut |_| Err(Sink::Full)), Err(Sink::Full));
    assert_eq!(splitter.feed(&block, &mut |_| Ok(())), Err(Sink::Tar(Problem::Stopped)));
}
