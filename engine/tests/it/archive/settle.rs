//! Deferred layers: kept first, re-created later, and safe at every moment in between.

use firn_engine::format::{BlobBody, PackClass, Wrapper};
use firn_engine::ingest::{Comeback, IngestOptions, Meter, Originals};
use firn_engine::restore::verify_image;
use firn_engine::settle::{Outcome, SettleOptions, Settled, settle};
use firn_engine::stats::archive_stats;
use firn_engine::store::Fault;
use firn_engine::{Archive, Error};

use crate::common::layout::{GZIP_LAYER, Layout, foreign_gzip, gzip};
use crate::common::tarball::Tar;
use crate::common::{archive_in_memory, data_packs, ingest, ingest_with, noise, scratch, small_archive};

fn archived_as(originals: Originals) -> IngestOptions {
    IngestOptions { threads: 2, originals, ..IngestOptions::default() }
}

fn settle_all(archive: &Archive, retry: bool) -> Result<Settled, Error> {
    let lock = archive.lock()?;
    settle(archive, &lock, &SettleOptions { threads: 2, retry, ..SettleOptions::default() }, &Meter::default())
}

fn assert_good(archive: &Archive) {
    for image in archive.images().unwrap() {
        let record = archive.image(&image).unwrap();
        let report =
            verify_image(&archive.reader(1 << 20), &record, &Default::default(), 2, &Meter::default()).unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        // Every pack that is named is there: nothing falls back on a search through all packs.
        let packs: Vec<_> = archive.packs().unwrap().into_keys().map(|(_, id)| id).collect();
        assert!(record.all_packs().iter().all(|pack| packs.contains(pack)));
    }
}

/// Two images over one base; the second has a layer that no encoder re-creates.
fn two_images(dir: &std::path::Path) -> Layout {
    let mut layout = Layout::new(dir);
    let tar = |name: &str, seed, len| Tar::default().file(name, &noise(seed, len)).finish();
    let base = tar("base", 1, 1_500_000);
    layout.image("one", &[base.clone(), tar("a", 2, 400_000)]);
    let foreign = layout.blob(GZIP_LAYER, &foreign_gzip(&tar("b", 3, 150_000)));
    let base = layout.blob(GZIP_LAYER, &gzip(&base));
    let beside = layout.blob(GZIP_LAYER, &gzip(&tar("c", 4, 400_000)));
    let manifest = layout.manifest(&[base, beside, foreign]);
    layout.tag("two", manifest);
    layout
}

fn wrappers(archive: &Archive, name: &str) -> Vec<&'static str> {
    let name_of = |wrapper: &Wrapper| match wrapper {
        Wrapper::Recipe(_) => "recipe",
        Wrapper::Kept(_) => "kept",
        Wrapper::Deferred(_) => "deferred",
        Wrapper::Dropped => "dropped",
    };
    archive.resolve(name).unwrap().layers().map(|(_, layer)| name_of(&layer.wrapper)).collect()
}

#[test]
fn deferred_layers_are_kept_until_they_are_settled() {
    let dir = scratch();
    let layout = two_images(&dir.path().join("layout"));
    let archive = small_archive(&dir.path().join("archive"));
    let done = ingest_with(&archive, &layout.reference("one"), archived_as(Originals::Defer)).unwrap();
    assert!(done[0].layers.iter().all(|layer| layer.comeback == Comeback::OriginalForNow && layer.detection.is_none()));
    ingest_with(&archive, &layout.reference("two"), archived_as(Originals::Defer)).unwrap();
    assert_eq!(wrappers(&archive, "two"), ["deferred", "deferred", "deferred"]);
    assert_good(&archive);
    let before = archive_stats(&archive).unwrap();
    assert_eq!((before.deferred_layers.number, before.recoded_layers.number), (4, 0));

    let settled = settle_all(&archive, false).unwrap();
    assert_eq!((settled.layers.len(), settled.images), (4, 2));
    let recreated = settled.layers.iter().filter(|layer| matches!(layer.outcome, Outcome::Recreated { .. })).count();
    assert_eq!(recreated, 3);
    assert_eq!(wrappers(&archive, "one"), ["recipe", "recipe"]);
    assert_eq!(wrappers(&archive, "two"), ["recipe", "recipe", "kept"]);
    assert_good(&archive);
    let after = archive_stats(&archive).unwrap();
    // What had to stay was moved out of the pack that it shared with what went.
    assert!(after.original_packs.bytes < 160_000, "{}", after.original_packs.bytes);
    assert!(settled.packs_removed >= 2 && settled.bytes_moved > 150_000, "{settled:?}");
    assert_eq!(after.content_packs, before.content_packs);
    let removed = before.original_packs.bytes + settled.bytes_moved - after.original_packs.bytes;
    assert_eq!(settled.bytes_removed, removed);
    assert_eq!(
        before.footers.number - after.footers.number,
        before.original_packs.number - after.original_packs.number
    );

    let again = settle_all(&archive, false).unwrap();
    assert!(again.layers.is_empty() && again.packs_removed == 0);
    // Asked again, the one that was kept is still nobody's.
    let retried = settle_all(&archive, true).unwrap();
    assert!(matches!(retried.layers.as_slice(), [layer] if matches!(layer.outcome, Outcome::Kept)));
    assert_good(&archive);
}

#[test]
fn readers_that_hold_an_old_record_get_the_new_one() {
    let dir = scratch();
    let layout = two_images(&dir.path().join("layout"));
    let archive = small_archive(&dir.path().join("archive"));
    ingest_with(&archive, &layout.reference("two"), archived_as(Originals::Defer)).unwrap();
    let old = archive.resolve("two").unwrap();
    // One reader has the old packs' footers in memory already, the other has yet to learn them.
    let (early, late) = (archive.reader(1 << 20), archive.reader(1 << 20));
    early.learn(old.all_packs()).unwrap();
    assert!(settle_all(&archive, false).unwrap().packs_removed > 0);
    for reader in [early, late] {
        let report = verify_image(&reader, &old, &Default::default(), 2, &Meter::default()).unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
    }
}

#[test]
fn settled_archives_take_the_same_layers_again() {
    let dir = scratch();
    let layout = two_images(&dir.path().join("layout"));
    let archive = small_archive(&dir.path().join("archive"));
    ingest_with(&archive, &layout.reference("one"), archived_as(Originals::Defer)).unwrap();
    settle_all(&archive, false).unwrap();
    let done = ingest(&archive, &layout.reference("two")).unwrap();
    assert_eq!(done[0].layers[0].comeback, Comeback::Encoder);
    assert!(done[0].layers[0].was_known);
    assert_good(&archive);
}

#[test]
fn a_file_that_is_a_kept_blob_keeps_its_pack() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    // Shorter than any chunk, so that blob and file are the same chunk.
    let small = gzip(&Tar::default().file("a", &noise(1, 300)).finish());
    let first = layout.blob(GZIP_LAYER, &small);
    let manifest = layout.manifest(&[first]);
    layout.tag("first", manifest);
    layout.image("second", &[Tar::default().file("blob.gz", &small).finish()]);
    let archive = small_archive(&dir.path().join("archive"));
    ingest_with(&archive, &layout.reference("first"), archived_as(Originals::Defer)).unwrap();
    ingest(&archive, &layout.reference("second")).unwrap();
    let originals = archive_stats(&archive).unwrap().original_packs;
    let settled = settle_all(&archive, false).unwrap();
    assert_eq!(wrappers(&archive, "first"), ["recipe"]);
    assert_eq!((settled.packs_removed, archive_stats(&archive).unwrap().original_packs), (0, originals));
    assert_good(&archive);
}

#[test]
fn a_settlement_cut_short_at_any_write_loses_nothing() {
    let dir = scratch();
    let layout = two_images(&dir.path().join("layout"));
    let mut interrupted = 0;
    for writes in 0..100 {
        let (store, archive) = archive_in_memory(&dir.path().join(format!("work-{writes}")));
        for name in ["one", "two"] {
            ingest_with(&archive, &layout.reference(name), archived_as(Originals::Defer)).unwrap();
        }
        store.set_fault(Some(Fault::WritesAfter(writes)));
        let result = settle_all(&archive, false);
        store.set_fault(None);
        assert_good(&archive);
        let is_done = result.is_ok();
        interrupted += usize::from(!is_done);
        settle_all(&archive, false).unwrap();
        assert_good(&archive);
        assert_eq!(wrappers(&archive, "two"), ["recipe", "recipe", "kept"]);
        let originals = archive_stats(&archive).unwrap().original_packs;
        assert!(originals.bytes < 160_000, "after {writes} writes: {originals:?}");
        if is_done {
            assert!(interrupted > 4, "records, a pack and its footer are written, packs removed: {interrupted}");
            return;
        }
    }
    panic!("the settlement never got through");
}

#[test]
fn a_damaged_original_is_named_and_left_alone() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    layout.image("app", &[Tar::default().file("a", &noise(1, 400_000)).finish()]);
    let root = dir.path().join("archive");
    let archive = small_archive(&root);
    ingest_with(&archive, &layout.reference("app"), archived_as(Originals::Defer)).unwrap();
    let header = firn_engine::format::PACK_HEADER_LEN;
    for path in data_packs(&root) {
        let mut bytes = std::fs::read(&path).unwrap();
        let class = firn_engine::format::PackHeader::decode(&bytes[..header]).unwrap().class;
        if class == PackClass::Original {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
        }
    }
    let settled = settle_all(&archive, false).unwrap();
    assert!(matches!(&settled.layers[0].outcome, Outcome::Failed(_)), "{settled:?}");
    assert_eq!((wrappers(&archive, "app"), settled.packs_removed), (vec!["deferred"], 0));
}

#[test]
fn content_fidelity_gives_up_the_blob_and_nothing_else() {
    let dir = scratch();
    let layout = two_images(&dir.path().join("layout"));
    let archive = small_archive(&dir.path().join("archive"));
    ingest_with(&archive, &layout.reference("two"), archived_as(Originals::Drop)).unwrap();
    assert_eq!(wrappers(&archive, "two"), ["dropped", "dropped", "dropped"]);
    assert_eq!(archive_stats(&archive).unwrap().original_packs.bytes, 0);
    assert_good(&archive);
    let record = archive.resolve("two").unwrap();
    let blob = record.blobs.iter().find(|blob| matches!(blob.body, BlobBody::Layer(_))).unwrap();
    let written =
        firn_engine::read::write_blob(&archive.reader(1 << 20), blob, &firn_engine::Crew::new(1), &mut std::io::sink());
    assert!(matches!(written, Err(Error::BlobDropped { digest }) if digest == blob.digest));

    // Archived again with its digest, it is whole.
    let done = ingest(&archive, &layout.reference("two")).unwrap();
    assert!(!done[0].was_known && done[0].record.added_bytes < 200_000, "{}", done[0].record.added_bytes);
    assert_eq!(wrappers(&archive, "two"), ["recipe", "recipe", "kept"]);
    assert_good(&archive);
    let known = ingest_with(&archive, &layout.reference("two"), archived_as(Originals::Drop)).unwrap();
    assert!(known[0].was_known);
}
