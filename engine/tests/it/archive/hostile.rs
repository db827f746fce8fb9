//! Images that are broken or mean harm: a clear error, earlier images intact.

use std::fs;

use firn_engine::codec::DecodeLimits;
use firn_engine::format::MountTree;
use firn_engine::ingest::IngestOptions;
use firn_engine::{Error, ErrorKind};
use serde_json::json;

use crate::common::layout::{GZIP_LAYER, Layout, PLAIN_LAYER, gzip};
use crate::common::tarball::Tar;
use crate::common::{ingest, ingest_with, noise, scratch, small_archive};

fn good_tar() -> Vec<u8> {
    Tar::default().file("a", &noise(1, 100_000)).finish()
}

/// Archives an image whose one layer is these bytes.
fn ingest_layer(media_type: &str, bytes: &[u8], options: IngestOptions) -> Result<MountTree, Error> {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    let layer = layout.blob(media_type, bytes);
    let manifest = layout.manifest(&[layer]);
    layout.tag("bad", manifest);
    let archive = small_archive(&dir.path().join("archive"));
    let result = ingest_with(&archive, &layout.reference("bad"), options);
    if result.is_err() {
        assert!(archive.images().unwrap().is_empty(), "nothing half visible");
        assert!(archive.names().unwrap().is_empty());
    }
    Ok(result?.remove(0).record.filesystems.remove(0).tree)
}

fn error_of(media_type: &str, bytes: &[u8]) -> Error {
    match ingest_layer(media_type, bytes, IngestOptions::default()) {
        Err(error) => error,
        Ok(tree) => panic!("accepted: {tree:?}"),
    }
}

#[test]
fn truncated_and_corrupt_layers_are_refused_or_kept_as_they_are() {
    let blob = gzip(&good_tar());
    let mut flipped = blob.clone();
    flipped[50_000] ^= 1;
    let mut bad_header = good_tar();
    bad_header[20] ^= 1;
    let cases = [
        (GZIP_LAYER, blob[..50_000].to_vec()),
        (GZIP_LAYER, flipped),
        (PLAIN_LAYER, bad_header),
        (PLAIN_LAYER, good_tar()[..60_000].to_vec()),
    ];
    for (media_type, bytes) in cases {
        let error = error_of(media_type, &bytes);
        assert!(matches!(error, Error::Layer { .. }), "{error}");
        assert_eq!(error.kind(), ErrorKind::BadInput);
        let options = IngestOptions { keep_unreadable: true, ..IngestOptions::default() };
        let tree = ingest_layer(media_type, &bytes, options).unwrap();
        assert!(matches!(tree, MountTree::Unmountable(_)), "{tree:?}");
    }
}

#[test]
fn blobs_that_are_not_their_digest_are_refused() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    let layer = layout.blob(GZIP_LAYER, &gzip(&good_tar()));
    let manifest = layout.manifest(std::slice::from_ref(&layer));
    layout.tag("app", manifest.clone());
    let archive = small_archive(&dir.path().join("archive"));
    let path = layout.blob_path(layer["digest"].as_str().unwrap());
    let good = fs::read(&path).unwrap();

    let mut same_length = good.clone();
    same_length[40_000] ^= 1;
    fs::write(&path, &same_length).unwrap();
    assert!(matches!(ingest(&archive, &layout.reference("app")), Err(Error::DigestMismatch { .. })));

    fs::write(&path, [good.as_slice(), b"more"].concat()).unwrap();
    assert!(matches!(ingest(&archive, &layout.reference("app")), Err(Error::SizeMismatch { .. })));

    fs::remove_file(&path).unwrap();
    assert!(matches!(ingest(&archive, &layout.reference("app")), Err(Error::Source { .. })));

    fs::write(&path, &good).unwrap();
    let path = layout.blob_path(manifest["digest"].as_str().unwrap());
    let manifest = fs::read(&path).unwrap();
    fs::write(
        &path,
        String::from_utf8(manifest.clone()).unwrap().replace("\"schemaVersion\":2", "\"schemaVersion\":3"),
    )
    .unwrap();
    assert!(matches!(ingest(&archive, &layout.reference("app")), Err(Error::DigestMismatch { .. })));

    fs::write(&path, manifest).unwrap();
    assert_eq!(ingest(&archive, &layout.reference("app")).unwrap().len(), 1);
}

#[test]
fn bombs_stop_at_their_limits() {
    let bomb = gzip(&Tar::default().file("zeros", &vec![0; 20_000_000]).finish());
    for limits in [
        DecodeLimits { max_decoded: 1_000_000, ..DecodeLimits::default() },
        DecodeLimits { max_ratio: 10, ratio_allowance: 1_000_000, ..DecodeLimits::default() },
    ] {
        let options = IngestOptions { decode_limits: limits, keep_unreadable: true, ..IngestOptions::default() };
        let error = ingest_layer(GZIP_LAYER, &bomb, options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    }
    assert!(ingest_layer(GZIP_LAYER, &bomb, IngestOptions::default()).is_ok());
}

#[test]
fn an_enormous_extended_header_is_refused_without_being_read_into_memory() {
    // The header announces a gigabyte; a megabyte of it is there.
    let mut tar = Tar::default().pax(&[("comment", &[b'x'; 1_000_000])]).unfinished();
    let size = format!("{:011o}\0", 1u64 << 30);
    tar[124..136].copy_from_slice(size.as_bytes());
    tar[148..156].copy_from_slice(b"        ");
    let sum: u32 = tar[..512].iter().map(|byte| u32::from(*byte)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let error = error_of(PLAIN_LAYER, &tar);
    assert!(matches!(error, Error::Layer { .. }), "{error}");
}

#[test]
fn names_no_filesystem_could_hold_and_links_in_circles_make_an_image_unmountable_not_lost() {
    let long = "n".repeat(300);
    let tars = [
        Tar::default().pax(&[("path", long.as_bytes())]).file("x", b"x").finish(),
        Tar::default().hardlink("a", "b").hardlink("b", "a").finish(),
        Tar::default().hardlink("a", "missing").finish(),
        Tar::default().symlink("l", "l").file("l/x", b"x").finish(),
    ];
    for (number, tar) in tars.iter().enumerate() {
        let tree = ingest_layer(GZIP_LAYER, &gzip(tar), IngestOptions::default()).unwrap();
        assert!(matches!(&tree, MountTree::Unmountable(reason) if !reason.is_empty()), "{number}: {tree:?}");
    }
}

#[test]
fn paths_can_not_leave_the_image() {
    let tar = Tar::default()
        .file("../../escape", b"1")
        .file("/absolute", b"2")
        .symlink("out", "../../../..")
        .file("out/through", b"3")
        .finish();
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    layout.image("app", &[tar]);
    let archive = small_archive(&dir.path().join("archive"));
    let record = ingest(&archive, &layout.reference("app")).unwrap().remove(0).record;
    let image = archive.open_image(&record, &record.filesystems[0], 1 << 20).unwrap();
    for path in ["/escape", "/absolute", "/through"] {
        assert!(image.tree().resolve(path.as_bytes()).unwrap().is_some(), "{path}");
    }
    let through_link = image.tree().resolve_following(b"/out/../out/absolute").unwrap();
    assert_eq!(through_link, image.tree().resolve(b"/absolute").unwrap());
}

#[test]
fn documents_that_make_no_sense_are_named() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    let archive = small_archive(&dir.path().join("archive"));
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let garbage = layout.blob(manifest, b"{ not json");
    layout.tag("garbage", garbage);
    let bad_digest = json!({ "schemaVersion": 2, "config": { "digest": "md5:00", "size": 1 }, "layers": [] });
    let bad_digest = layout.blob(manifest, bad_digest.to_string().as_bytes());
    layout.tag("bad-digest", bad_digest);
    let itself = json!({ "mediaType": manifest, "digest": format!("sha256:{}", "00".repeat(32)), "size": 1 });
    layout.tag("missing", itself);
    for name in ["garbage", "bad-digest", "missing", "no-such-tag"] {
        let error = ingest(&archive, &layout.reference(name)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadInput, "{error}");
    }
    assert!(archive.images().unwrap().is_empty());
}
