//! Nothing is stored twice, and everything derived can be made again.

use std::fs;

use firn_engine::ingest::{Comeback, Meter};
use firn_engine::restore::verify_image;
use firn_engine::stats::archive_stats;

use crate::common::layout::{GZIP_LAYER, Layout, ZSTD_LAYER, foreign_gzip};
use crate::common::tarball::Tar;
use crate::common::{ingest, noise, scratch, small_archive};

#[test]
fn a_known_layer_costs_nothing_and_a_known_image_less() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    let base = Tar::default().file("base/a", &noise(1, 300_000)).finish();
    let more = |seed| Tar::default().file("app/b", &noise(seed, 50_000)).finish();
    layout.image("one", &[base.clone(), more(2)]);
    layout.image("two", &[base, more(3)]);
    let archive = small_archive(&dir.path().join("archive"));
    let one = ingest(&archive, &layout.reference("one")).unwrap();
    let two = ingest(&archive, &layout.reference("two")).unwrap();
    let known =
        |done: &firn_engine::ingest::Ingested| done.layers.iter().map(|layer| layer.was_known).collect::<Vec<_>>();
    assert_eq!(known(&one[0]), [false, false]);
    assert_eq!(known(&two[0]), [true, false]);
    assert!(two[0].record.added_bytes < 100_000, "{}", two[0].record.added_bytes);

    let before = archive.packs().unwrap();
    let again = ingest(&archive, &layout.reference("two")).unwrap();
    assert!(again[0].was_known);
    assert_eq!(archive.packs().unwrap(), before);
    let stats = archive_stats(&archive).unwrap();
    assert_eq!(stats.layer_tars.number, 3);
    // The base layer; the configs list different diff ids.
    assert_eq!(stats.redundant_blob_saves, 1);
}

#[test]
fn the_same_content_under_another_compression_is_stored_once() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    let tar = Tar::default().file("a", &noise(7, 400_000)).finish();
    layout.image("zlib", std::slice::from_ref(&tar));
    let foreign = layout.blob(GZIP_LAYER, &foreign_gzip(&tar));
    let manifest = layout.manifest(&[foreign]);
    layout.tag("foreign", manifest);
    let archive = small_archive(&dir.path().join("archive"));
    ingest(&archive, &layout.reference("zlib")).unwrap();
    let content = archive_stats(&archive).unwrap().content_packs;
    let done = ingest(&archive, &layout.reference("foreign")).unwrap();
    let stats = archive_stats(&archive).unwrap();
    assert_eq!(stats.content_packs, content);
    assert!(done[0].layers[0].comeback == Comeback::Original && stats.original_packs.bytes > 400_000);
    assert_eq!((stats.recoded_layers.number, stats.kept_layers.number), (1, 1));
}

#[test]
fn a_zstd_layer_is_made_again_from_its_content() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    let tar = Tar::default().file("a", &noise(8, 700_000)).file("b", &[7; 1_500_000]).finish();
    let blob = zstd::encode_all(tar.as_slice(), 1).unwrap();
    let layer = layout.blob(ZSTD_LAYER, &blob);
    let manifest = layout.manifest(&[layer]);
    layout.tag("zstd", manifest);
    let archive = small_archive(&dir.path().join("archive"));
    let done = ingest(&archive, &layout.reference("zstd")).unwrap();
    assert_eq!(done[0].layers[0].comeback, Comeback::Encoder);
    let stats = archive_stats(&archive).unwrap();
    assert_eq!((stats.recoded_layers.number, stats.kept_layers.number, stats.original_packs.bytes), (1, 0, 0));
}

#[test]
fn the_same_input_makes_the_same_packs() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    let file = |name: &str, seed| (name.to_owned(), noise(seed, 70_000));
    let files = [file("a.py", 1), file("b.so.1", 2), file("c.py", 3), file("d", 4)];
    let tar = files.iter().fold(Tar::default(), |tar, (name, data)| tar.file(name, data)).finish();
    layout.image("app", &[tar]);
    let root = dir.path().join("archive");
    let archive = small_archive(&root);
    ingest(&archive, &layout.reference("app")).unwrap();
    let packs = archive.packs().unwrap();
    // An archive of the same identity: what is left of this one when everything but its config is lost.
    for lost in ["packs", "meta", "footers", "images", "names", "index"] {
        fs::remove_dir_all(root.join(lost)).unwrap();
    }
    ingest(&archive, &layout.reference("app")).unwrap();
    assert_eq!(archive.packs().unwrap(), packs);
}

#[test]
fn the_index_is_made_again_from_packs_alone() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    let tar = |seed| Tar::default().file("a", &noise(1, 300_000)).file("b", &noise(seed, 30_000)).finish();
    layout.image("one", &[tar(2)]);
    layout.image("two", &[tar(3)]);
    let root = dir.path().join("archive");
    let archive = small_archive(&root);
    ingest(&archive, &layout.reference("one")).unwrap();
    let packs = archive.packs().unwrap().len();
    fs::remove_dir_all(root.join("index")).unwrap();
    fs::remove_dir_all(root.join("footers")).unwrap();
    let lock = archive.lock().unwrap();
    assert_eq!(archive.rebuild_index(&lock).unwrap().packs_loaded, packs);
    drop(lock);
    let done = ingest(&archive, &layout.reference("two")).unwrap();
    assert!(done[0].record.added_bytes < 60_000, "the shared file was found: {}", done[0].record.added_bytes);
    let record = archive.resolve("two").unwrap();
    let report = verify_image(&archive.reader(1 << 20), &record, &Default::default(), 2, &Meter::default()).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[test]
fn a_record_whose_pack_hints_are_out_of_date_still_reads() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    layout.image("app", &[Tar::default().file("a", &noise(1, 300_000)).finish()]);
    let archive = small_archive(&dir.path().join("archive"));
    ingest(&archive, &layout.reference("app")).unwrap();
    let mut record = archive.resolve("app").unwrap();
    record.packs.clear();
    for blob in &mut record.blobs {
        if let firn_engine::format::BlobBody::Layer(layer) = &mut blob.body {
            layer.packs = vec![firn_engine::id::PackId::from_bytes([9; 32])];
        }
    }
    let report = verify_image(&archive.reader(1 << 20), &record, &Default::default(), 2, &Meter::default()).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}
