//! Images as Linux and erofs-utils see them. That the kernel shows what the tree has is for the integration tests.

use std::path::Path;
use std::process::Command;

use super::*;
use crate::engine::{DataRun, Timestamp};
use crate::sample::Sample;
use firn_engine::tar::EntryKind;
use proptest::prelude::*;

const UUID: [u8; 16] = *b"\x10\x32\x54\x76\x98\xba\xdc\xfe\x01\x23\x45\x67\x89\xab\xcd\xef";

fn image(sample: Sample) -> Result<Vec<u8>, ErofsError> {
    let (tree, _) = sample.build();
    let objects = |ino: Ino| Ok(format!("{:02x}/{:062x}", ino.0 % 256, ino.0));
    let mut out = Vec::new();
    write(&tree, UUID, &objects, &mut out)?;
    Ok(out)
}

/// Everything that a tree can have.
fn full() -> Sample {
    let mut sample = Sample::new();
    sample.file("file", b"contents").mtime = Timestamp { secs: 1_700_000_000, nanos: 123_456_789 };
    sample.file("empty", b"").mtime = Timestamp { secs: -5, nanos: 999_999_999 };
    sample.file("owned", b"x").uid = 4_000_000_000;
    sample.hard_link("another", "file");
    sample.sparse("sparse", 1 << 40, &[DataRun { offset: 4096, len: 3 }], b"abc");
    sample.sparse("hole", 12_345, &[], b"");
    sample.symlink("link", b"file");
    sample.symlink("long", &[b'l'; 4095]);
    sample.device("char", EntryKind::CharDevice, 5, 1);
    sample.device("block", EntryKind::BlockDevice, 259, 70_000);
    sample.device("pipe", EntryKind::Fifo, 0, 0);
    sample.dir("-before the dots");
    sample.dir("many");
    for n in 0..500 {
        sample.dir(&format!("many/{n}-{}", "n".repeat(n % 200)));
    }
    sample.xattr("file", b"user.note", b"text");
    sample.xattr("file", b"security.capability", &[1, 0, 0, 2]);
    sample.xattr("many", b"trusted.overlay.opaque", b"y");
    sample.xattr("link", b"trusted.large", &[7; 60_000]);
    sample
}

fn checked_by_erofs_utils(bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    std::fs::write(&path, bytes).unwrap();
    // It is silent about everything but errors unless asked.
    let check = Command::new("fsck.erofs").arg("-d3").arg(&path).output().expect("fsck.erofs (erofs-utils) is needed");
    let said = String::from_utf8_lossy(&check.stdout) + String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success() && said.contains("No errors found"), "{said}");
    assert!(is_whole(&std::fs::File::open(&path).unwrap()));
    std::fs::write(&path, bytes.get(..bytes.len() - 1).unwrap()).unwrap();
    assert!(!is_whole(&std::fs::File::open(&path).unwrap()));
}

#[test]
fn erofs_utils_find_nothing_wrong() {
    checked_by_erofs_utils(&image(full()).unwrap());
    checked_by_erofs_utils(&image(Sample::new()).unwrap());
}

#[test]
fn the_bytes_are_what_they_were() {
    let mut sample = Sample::new();
    sample.file("file", b"contents").mtime = Timestamp { secs: 1_700_000_000, nanos: 5 };
    sample.hard_link("name", "file");
    sample.symlink("link", b"file");
    sample.dir("dir");
    sample.device("null", EntryKind::CharDevice, 1, 3);
    sample.xattr("dir", b"user.note", b"text");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/small.erofs");
    let bytes = image(sample).unwrap();
    if std::env::var_os("FIRN_WRITE_GOLDEN").is_some() {
        std::fs::write(&golden, &bytes).unwrap();
    }
    assert!(
        bytes == std::fs::read(&golden).unwrap(),
        "other bytes for the same tree: raise the version of what is kept"
    );
}

#[test]
fn what_the_format_cannot_hold_is_refused_by_name() {
    let refused = |name: &[u8], value: &[u8]| {
        let mut sample = Sample::new();
        sample.file("f", b"");
        sample.xattr("f", name, value);
        image(sample).unwrap_err().to_string()
    };
    assert!(refused(b"user.x", &[0; 65_536]).contains("user.x: its value is larger"));
    assert!(refused(b"btrfs.compression", b"zstd").contains("does not know its namespace"));
    assert!(refused(b"user.", b"").contains("namespace"));
    let mut sample = Sample::new();
    sample.file("f", b"");
    for n in 0..5 {
        sample.xattr("f", format!("user.{n}").as_bytes(), &[0; 60_000]);
    }
    assert!(image(sample).unwrap_err().to_string().contains("more than 262,140 bytes"));
    let mut sample = Sample::new();
    sample.sparse("huge", 1 << 62, &[], b"");
    assert!(image(sample).unwrap_err().to_string().contains("a file of 4611686018427387904 bytes"));
}

#[test]
fn a_name_that_cannot_be_found_out_ends_it() {
    let (tree, _) = full().build();
    let failing = |_| Err("no such layer".into());
    let error = write(&tree, UUID, &failing, Vec::new()).unwrap_err();
    assert!(matches!(error, ErofsError::Name { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Sizes of directories, links and attributes that meet the ends of blocks in all ways.
    #[test]
    fn any_shape_is_sound(
        shapes in prop::collection::vec((0usize..200, 1usize..150, 0usize..3000, 0usize..4096), 1..6),
    ) {
        let mut sample = Sample::new();
        for (n, (entries, name_len, value_len, target_len)) in shapes.into_iter().enumerate() {
            let dir = format!("d{n}");
            sample.dir(&dir);
            if value_len > 0 {
                sample.xattr(&dir, b"user.v", &vec![1; value_len]);
            }
            for entry in 0..entries {
                sample.file(&format!("{dir}/{entry:03}{}", "x".repeat(name_len)), b"z");
            }
            if target_len > 0 {
                sample.symlink(&format!("l{n}"), &vec![b't'; target_len]);
            }
        }
        checked_by_erofs_utils(&image(sample).unwrap());
    }
}
