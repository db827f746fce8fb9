//! Streams that other programs wrote, against what Go's `archive/tar` reads in them (`testdata/tar/make.sh`).

use std::path::Path;

use serde_json::{Value, json};

use super::run::{Run, feed, feed_whole};
use crate::tar::{DataRun, Entry, EntryKind};

const GOLDEN: [&str; 16] = [
    "bsd-gnutar",
    "bsd-libarchive",
    "bsd-pax",
    "bsd-ustar",
    "gnu",
    "gognu",
    "gopax",
    "goustar",
    "posix-0.0",
    "posix-0.1",
    "posix-1.0",
    "pygnu",
    "pypax",
    "pyustar",
    "ustar",
    "v7",
];

fn read(name: &str) -> Vec<u8> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tar");
    std::fs::read(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A string with one character for each byte.
fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// CRC-32 as of IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

fn expand(entry: &Entry, stored: &[u8]) -> Vec<u8> {
    let whole = [DataRun { offset: 0, len: entry.size }];
    let mut content = vec![0; usize::try_from(entry.size).unwrap()];
    let mut rest = stored;
    for run in entry.sparse.as_deref().unwrap_or(&whole) {
        let (data, after) = rest.split_at(usize::try_from(run.len).unwrap());
        let at = usize::try_from(run.offset).unwrap();
        content[at..][..data.len()].copy_from_slice(data);
        rest = after;
    }
    content
}

fn describe((entry, stored): (&Entry, &[u8])) -> Value {
    let kind = match entry.kind {
        EntryKind::File => "file",
        EntryKind::HardLink => "hard link",
        EntryKind::Symlink => "symlink",
        EntryKind::CharDevice => "char device",
        EntryKind::BlockDevice => "block device",
        EntryKind::Directory => "directory",
        EntryKind::Fifo => "fifo",
    };
    let mut xattrs: Vec<_> = entry.xattrs.iter().map(|(name, value)| (text(name), text(value))).collect();
    xattrs.sort();
    json!({
        "path": text(&entry.path), "link": text(&entry.link), "kind": kind, "mode": entry.mode,
        "uid": entry.uid, "gid": entry.gid, "secs": entry.mtime.secs, "nanos": entry.mtime.nanos,
        "size": entry.size, "major": entry.dev_major, "minor": entry.dev_minor, "xattrs": xattrs,
        "crc32": crc32(&expand(entry, stored)),
    })
}

fn listed(name: &str) -> (Vec<u8>, Run, Vec<Value>) {
    let stream = read(&format!("{name}.tar"));
    let run = feed_whole(&stream);
    let listing: Value = serde_json::from_slice(&read(&format!("{name}.json"))).unwrap();
    let entries = listing["entries"].as_array().unwrap().clone();
    assert!(run.result.is_ok() && !entries.is_empty(), "{name}: {:?}", run.result);
    (stream, run, entries)
}

#[test]
fn entries_are_what_go_reads() {
    for name in GOLDEN {
        let (_, run, mut expected) = listed(name);
        if name == "bsd-libarchive" {
            // Go does not know these attributes; they were set with setfattr before bsdtar ran.
            assert_eq!(expected[0]["xattrs"], json!([]));
            expected[0]["xattrs"] = json!([["user.binary", "\0\u{ff}\n="], ["user.text", "a value"]]);
        }
        let entries: Vec<Value> = run.entries().map(describe).collect();
        assert_eq!(entries, expected, "{name}");
    }
}

#[test]
fn slicing_changes_nothing() {
    for name in GOLDEN {
        let (stream, run, _) = listed(name);
        for step in [1, 100, 511, 512, 513, 4096] {
            assert!(feed(stream.chunks(step)) == run, "{name} in pieces of {step}");
        }
    }
}

#[test]
fn no_golden_stream_is_forgotten() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tar");
    let names = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name());
    let names = names.filter_map(|name| Some(name.to_str()?.strip_suffix(".tar")?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, GOLDEN);
}

#[test]
fn sparse_formats_describe_the_same_file() {
    let sparse = |archive: &str, file: &str| {
        let (_, run, _) = listed(archive);
        let (entry, stored) = run
            .entries()
            .find(|(entry, _)| entry.path.ends_with(file.as_bytes()))
            .unwrap_or_else(|| panic!("{archive}: {file}"));
        (entry.size, entry.sparse.clone().expect("sparse"), stored.to_vec())
    };
    let (size, runs, stored) = sparse("gnu", "d/sparse");
    // Eight runs of one block: more than the four that an old GNU header holds.
    assert_eq!((size, runs.len(), stored.len()), (700_000, 8, 8 * 512));
    for archive in ["posix-0.0", "posix-0.1", "posix-1.0"] {
        assert_eq!(sparse(archive, "d/sparse"), (size, runs.clone(), stored.clone()), "{archive}");
        assert_eq!(sparse(archive, "d/hole"), (100_000, vec![], vec![]), "{archive}");
    }
    let (size, runs, stored) = sparse("bsd-pax", "d/hole");
    assert_eq!((size, stored.ends_with(b"tail")), (100_004, true));
    assert!(runs[0].offset > 0);
}
