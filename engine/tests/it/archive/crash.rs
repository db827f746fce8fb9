//! What fails in the middle leaves everything before it intact and nothing half visible.

use firn_engine::ingest::Meter;
use firn_engine::restore::verify_image;
use firn_engine::store::Fault;
use firn_engine::{Archive, Error};

use crate::common::layout::Layout;
use crate::common::tarball::Tar;
use crate::common::{archive_in_memory, data_packs, ingest, noise, scratch, small_archive};

fn is_good(archive: &Archive, name: &str) -> bool {
    let record = archive.resolve(name).unwrap();
    let report = verify_image(&archive.reader(1 << 20), &record, &Default::default(), 2, &Meter::default()).unwrap();
    report.findings.is_empty()
}

#[test]
fn a_disk_that_fills_up_at_any_write_loses_nothing() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    let tar = |seed| Tar::default().file("a", &noise(seed, 1_500_000)).finish();
    layout.image("first", &[tar(1)]);
    layout.image("second", &[tar(2), tar(3)]);
    for writes in 0..100 {
        let (store, archive) = archive_in_memory(&dir.path().join(format!("work-{writes}")));
        ingest(&archive, &layout.reference("first")).unwrap();
        store.set_fault(Some(Fault::WritesAfter(writes)));
        let result = ingest(&archive, &layout.reference("second"));
        store.set_fault(None);
        assert!(is_good(&archive, "first"));
        if result.is_ok() {
            assert!(is_good(&archive, "second"));
            assert!(writes > 5, "several packs, footers, a record and a name are written: {writes}");
            return;
        }
        // Either the commit was reached or the image is not there; never anything in between.
        for image in archive.images().unwrap() {
            let record = archive.image(&image).unwrap();
            let report =
                verify_image(&archive.reader(1 << 20), &record, &Default::default(), 2, &Meter::default()).unwrap();
            assert!(report.findings.is_empty(), "after {writes} writes: {:?}", report.findings);
        }
        ingest(&archive, &layout.reference("second")).unwrap();
        assert!(is_good(&archive, "second"));
    }
    panic!("the ingest never got through");
}

#[test]
fn only_one_writer_at_a_time_and_readers_are_never_kept_out() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    layout.image("app", &[Tar::default().file("a", &noise(1, 10_000)).finish()]);
    let archive = small_archive(&dir.path().join("archive"));
    ingest(&archive, &layout.reference("app")).unwrap();
    let lock = archive.lock().unwrap();
    assert!(matches!(archive.lock(), Err(Error::Locked { .. })));
    assert!(is_good(&archive, "app"));
    drop(lock);
    assert!(archive.lock().is_ok());
}

#[test]
fn damage_is_found_and_named() {
    let dir = scratch();
    let mut layout = Layout::new(&dir.path().join("layout"));
    layout.image("app", &[Tar::default().file("a", &noise(1, 400_000)).finish()]);
    let root = dir.path().join("archive");
    let archive = small_archive(&root);
    ingest(&archive, &layout.reference("app")).unwrap();
    let record = archive.resolve("app").unwrap();
    let pack = data_packs(&root).pop().unwrap();
    let good = std::fs::read(&pack).unwrap();
    for position in [200, good.len() / 2, good.len() / 3] {
        let mut damaged = good.clone();
        damaged[position] ^= 0x40;
        std::fs::write(&pack, &damaged).unwrap();
        let report =
            verify_image(&archive.reader(1 << 20), &record, &Default::default(), 2, &Meter::default()).unwrap();
        let texts: Vec<String> = report.findings.iter().map(|finding| finding.error.to_string()).collect();
        let name = pack.file_name().unwrap().to_str().unwrap();
        assert!(texts.iter().any(|text| text.contains(name)), "byte {position}: {texts:?}");
    }
    std::fs::remove_file(&pack).unwrap();
    let report = verify_image(&archive.reader(1 << 20), &record, &Default::default(), 2, &Meter::default()).unwrap();
    assert!(!report.findings.is_empty());
}
