//! What goes in comes out, whatever it is.

use firn_engine::format::MountTree;
use firn_engine::ingest::Meter;
use firn_engine::restore::{OciArchiveWriter, OciLayoutWriter, restore, verify_image};
use proptest::prelude::*;
use serde_json::json;

use crate::common::layout::{GZIP_LAYER, Layout, PLAIN_LAYER, ZSTD_LAYER, blobs, foreign_gzip, gzip};
use crate::common::tarball::{Member, Tar};
use crate::common::{ingest, noise, scratch, small_archive};

/// Archives an image, verifies it, restores it and compares every blob.
fn check(layout: &Layout, name: &str) {
    let dir = scratch();
    let archive = small_archive(&dir.path().join("archive"));
    let done = ingest(&archive, &layout.reference(name)).unwrap();
    let record = archive.resolve(name).unwrap();
    assert_eq!(done[0].image, record.root);
    let report = verify_image(&archive.reader(1 << 20), &record, &Default::default(), 2, &Meter::default()).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let out = dir.path().join("out");
    let mut writer = OciLayoutWriter::open(&out).unwrap();
    restore(&archive.reader(1 << 20), &record, Some(name), &mut writer, 2, &Meter::default()).unwrap();
    let (original, restored) = (blobs(&layout.root), blobs(&out));
    for blob in &record.blobs {
        let hex = blob.digest.hex();
        assert_eq!(restored.get(&hex), original.get(&hex), "{hex}");
    }
    assert_eq!(restored.len(), record.blobs.len());
}

fn odd_tar() -> Vec<u8> {
    Tar::default()
        .dir("./")
        .dir("usr/")
        .file("usr/empty", b"")
        .file("usr/one", b"x")
        .file("usr/zeros", &vec![0; 300_000])
        .file("usr/noise", &noise(1, 200_000))
        .pax(&[("path", "a/path/that/is/long".repeat(20).as_bytes()), ("mtime", b"-1.25")])
        .file("short", b"pax")
        .pax(&[
            ("SCHILY.xattr.user.note", b"\0\xff binary"),
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.realsize", b"5000"),
        ])
        .file("sparse", &[b"1\n4096\n3\n".to_vec(), vec![0; 512 - 9], b"abc".to_vec()].concat())
        .symlink("usr/link", "/etc/../usr/one")
        .hardlink("usr/hard", "usr/one")
        .member(Member { path: "dev/null", kind: b'3', device: (1, 3), mode: 0o666, ..Member::default() })
        .member(Member { path: "run/fifo", kind: b'6', ..Member::default() })
        .file("usr/one", b"a duplicate member")
        .file("name-\u{e9}", b"non-ascii")
        .raw(&[0; 1024])
        .raw(&[0; 10_240])
        .raw(b"trailing garbage, which tools ignore")
        .unfinished()
}

#[test]
fn odd_members_padding_and_garbage_come_back() {
    let dir = scratch();
    let mut layout = Layout::new(dir.path());
    let plain = layout.blob(PLAIN_LAYER, &odd_tar());
    let recoded = layout.blob(GZIP_LAYER, &gzip(&Tar::default().file("a", &noise(2, 5000)).finish()));
    let kept = layout.blob(GZIP_LAYER, &foreign_gzip(&Tar::default().file("b", &noise(3, 90_000)).finish()));
    let empty = layout.blob(GZIP_LAYER, &gzip(&Tar::default().finish()));
    let tar = Tar::default().file("c", &noise(4, 300_000)).finish();
    let zstd = layout.blob(ZSTD_LAYER, &zstd::encode_all(tar.as_slice(), 3).unwrap());
    let manifest = layout.manifest(&[plain, recoded, kept, empty.clone(), zstd, empty]);
    layout.tag("odd", manifest);
    check(&layout, "odd");
}

#[test]
fn an_image_without_layers_comes_back() {
    let dir = scratch();
    let mut layout = Layout::new(dir.path());
    let manifest = layout.manifest(&[]);
    layout.tag("scratch", manifest);
    check(&layout, "scratch");
}

#[test]
fn indexes_attestations_and_unknown_types_are_blobs_like_any_other() {
    let dir = scratch();
    let mut layout = Layout::new(dir.path());
    let layer = layout.blob(GZIP_LAYER, &gzip(&Tar::default().file("bin/a", &noise(4, 40_000)).finish()));
    let mut amd64 = layout.manifest(&[layer]);
    amd64["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    let statement =
        layout.blob("application/vnd.in-toto+json", br#"{"predicateType":"https://slsa.dev/provenance/v1"}"#);
    let mut attestation = layout.manifest(&[statement]);
    attestation["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
    let large = layout.blob("application/vnd.example.model", &noise(5, 5_000_000));
    let artifact = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.example",
        "config": layout.blob("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [large],
    });
    let artifact = layout.blob("application/vnd.oci.image.manifest.v1+json", artifact.to_string().as_bytes());
    let absent = json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": format!("sha256:{}", "ab".repeat(32)),
        "size": 500,
        "platform": { "architecture": "arm64", "os": "linux" },
    });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [amd64, attestation, artifact, absent],
    });
    let index = layout.blob("application/vnd.oci.image.index.v1+json", index.to_string().as_bytes());
    layout.tag("multi", index);
    check(&layout, "multi");

    let archive = small_archive(&dir.path().join("archive"));
    let record = ingest(&archive, &layout.reference("multi")).unwrap().remove(0).record;
    assert_eq!(record.absent.len(), 1);
    let platforms: Vec<&str> = record.filesystems.iter().map(|filesystem| filesystem.platform.as_str()).collect();
    assert_eq!(platforms, ["linux/amd64"]);
    assert!(matches!(record.filesystems[0].tree, MountTree::Stored(_)));
}

#[test]
fn an_oci_archive_goes_in_as_it_came_out() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    layout.image("app", &[odd_tar()]);
    let first = small_archive(&dir.path().join("first"));
    ingest(&first, &layout.reference("app")).unwrap();
    let record = first.resolve("app").unwrap();
    let file = dir.path().join("app.tar");
    let mut writer = OciArchiveWriter::create(&file).unwrap();
    restore(&first.reader(1 << 20), &record, Some("app"), &mut writer, 2, &Meter::default()).unwrap();
    let second = small_archive(&dir.path().join("second"));
    let done = ingest(&second, &format!("oci-archive:{}:app", file.display())).unwrap();
    assert_eq!(done[0].image, record.root);
    assert!(OciArchiveWriter::create(&file).is_err(), "an existing file is not overwritten");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_files_come_back(
        files in proptest::collection::vec((1usize..200_000, any::<u64>(), any::<bool>()), 0..8),
        plain: bool,
    ) {
        let dir = scratch();
        let mut layout = Layout::new(dir.path());
        let mut tar = Tar::default();
        for (number, (len, seed, is_noise)) in files.iter().enumerate() {
            let data = if *is_noise { noise(*seed, *len) } else { vec![u8::try_from(seed % 251).unwrap(); *len] };
            tar = tar.file(&format!("dir-{}/file-{number}.bin", number % 3), &data);
        }
        let tar = tar.finish();
        let layer = if plain { layout.blob(PLAIN_LAYER, &tar) } else { layout.blob(GZIP_LAYER, &gzip(&tar)) };
        let manifest = layout.manifest(&[layer]);
        layout.tag("any", manifest);
        check(&layout, "any");
    }
}
