//! Pinned working sets: read while everything else sleeps, shared, given up, and never what an image is made of.
#![allow(clippy::single_range_in_vec_init, reason = "one range is what is meant")]

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use firn_engine::bucket::{Published, Pulled, Tally, older_than, plan_spill, publish, pull, spill};
use firn_engine::format::PinOrigin;
use firn_engine::pin::{Pinned, all_pinned, pin, pinned, select, unpin};
use firn_engine::read::OpenImage;
use firn_engine::remote::{Class, MemoryRemote, Remote};
use firn_engine::restore::verify_image;
use firn_engine::store::{Family, Key, PackArea};
use firn_engine::tree::ContentRef;
use firn_engine::{Archive, ErrorKind};

use super::far::{NOW, attached};
use crate::common::layout::Layout;
use crate::common::tarball::Tar;
use crate::common::{ingest, noise, scratch, small_archive};

const BIN: usize = 700_000;

/// An image with a program that is its own, a library that all have, and much that is never read at a start.
fn put_in(archive: &Archive, dir: &Path, name: &str, seed: u64) {
    let mut layout = Layout::new(&dir.join(name));
    let base = Tar::default().dir("lib/").file("lib/libc.so", &noise(1, 600_000)).file("lib/other", &noise(2, 900_000));
    let app = Tar::default().file("app", &noise(seed, BIN)).file("doc", &noise(seed + 1, 2_000_000));
    layout.image(name, &[base.finish(), app.finish()]);
    ingest(archive, &layout.reference(name)).unwrap();
}

fn open(archive: &Archive, name: &str) -> OpenImage {
    let record = archive.resolve(name).unwrap();
    archive.open_image(&record, &record.filesystems[0], 1 << 20).unwrap()
}

fn content(image: &OpenImage, path: &str) -> (ContentRef, usize) {
    let node = image.tree().node(image.tree().resolve(path.as_bytes()).unwrap().unwrap()).unwrap();
    (node.content.unwrap(), usize::try_from(node.size).unwrap())
}

fn read(image: &OpenImage, path: &str, range: Range<usize>) -> Result<Vec<u8>, firn_engine::Error> {
    let mut bytes = vec![0; range.len()];
    image.read_stored(content(image, path).0, range.start as u64, &mut bytes).map(|()| bytes)
}

fn sleeps(image: &OpenImage, path: &str) -> bool {
    matches!(read(image, path, 0..1), Err(error) if error.kind() == ErrorKind::Frozen)
}

fn pin_files(archive: &Archive, name: &str, paths: &[&str]) -> Pinned {
    let image = open(archive, name);
    let wanted: Vec<_> = paths.iter().map(|path| (content(&image, path).0, vec![0..u64::MAX])).collect();
    let set = select(&image, wanted).unwrap();
    pin(archive, &image, PinOrigin::Files, &set, &|_| {}).unwrap()
}

fn spill_all(archive: &Archive) {
    let remote = archive.remote().unwrap().as_ref();
    let (_, plan) =
        plan_spill(archive, remote, &older_than(i64::MAX, Class::DeepArchive), None, &Tally::default()).unwrap();
    let written: u64 = plan.beside.written.iter().sum();
    let before: u64 = standard_bytes(remote);
    spill(archive, remote, &plan, &Tally::default()).unwrap();
    // What the plan says is written to Standard is what is there afterwards.
    assert_eq!(standard_bytes(remote) - before, written);
}

fn standard_bytes(remote: &dyn Remote) -> u64 {
    let mut sum = 0;
    let families = [Family::Packs(PackArea::Meta), Family::Packs(PackArea::Pinned), Family::Footers];
    for family in families.into_iter().chain([Family::Images, Family::Names, Family::Pins]) {
        remote.list(family, &mut |page| sum += page.iter().map(|object| object.len).sum::<u64>()).unwrap();
    }
    sum
}

fn sync(archive: &Archive) -> (Pulled, Published) {
    publish(archive, archive.remote().unwrap().as_ref(), Class::DeepArchive, &Tally::default()).unwrap()
}

fn pinned_in_bucket(remote: &dyn Remote) -> usize {
    let mut count = 0;
    remote.list(Family::Packs(PackArea::Pinned), &mut |page| count += page.len()).unwrap();
    count
}

fn pinned_here(archive: &Archive) -> usize {
    archive.store().list(Family::Packs(PackArea::Pinned)).unwrap().len()
}

#[test]
fn what_is_pinned_is_read_while_the_rest_sleeps_here_and_elsewhere() {
    let dir = scratch();
    let remote = Arc::new(MemoryRemote::new(NOW));
    let here = dir.path().join("here");
    let archive = small_archive(&here);
    put_in(&archive, dir.path(), "one", 10);
    let archive = attached(&here, &remote);
    let done = pin_files(&archive, "one", &["app", "lib/libc.so"]);
    assert_eq!((done.record.files, done.shared), (2, 0));
    assert_eq!(done.record.bytes, 1_300_000);
    assert_eq!(done.record.image_bytes, 1_300_000 + 2_900_000);
    assert!(done.stored > 1_300_000, "noise does not compress");
    spill_all(&archive);
    let image = open(&archive, "one");
    assert_eq!(read(&image, "app", 0..BIN).unwrap(), noise(10, BIN));
    assert!(sleeps(&image, "doc") && sleeps(&image, "lib/other"));
    assert!(image.frames(content(&image, "app").0).unwrap().iter().all(|places| {
        places.first().is_some_and(|place| archive.store().is_here(&place.key(), place.offset, place.len))
    }));

    let there = attached(&dir.path().join("there"), &remote);
    let image = open(&there, "one");
    assert_eq!(read(&image, "lib/libc.so", 5..600_000).unwrap(), noise(1, 600_000)[5..]);
    assert!(sleeps(&image, "doc"));
    assert_eq!(all_pinned(&there).unwrap(), [done.record]);
}

#[test]
fn a_mount_from_before_learns_of_it() {
    let dir = scratch();
    let remote = Arc::new(MemoryRemote::new(NOW));
    let root = dir.path().join("archive");
    put_in(&small_archive(&root), dir.path(), "one", 10);
    let archive = attached(&root, &remote);
    let image = open(&archive, "one");
    pin_files(&archive, "one", &["app"]);
    spill_all(&archive);
    // At most every two seconds.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while sleeps(&image, "app") {
        assert!(std::time::Instant::now() < until, "it never finds out");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(read(&image, "app", 0..BIN).unwrap(), noise(10, BIN));
}

#[test]
fn what_was_read_is_known_by_chunks() {
    let dir = scratch();
    let archive = small_archive(&dir.path().join("archive"));
    put_in(&archive, dir.path(), "one", 10);
    let image = open(&archive, "one");
    let (app, len) = content(&image, "app");
    assert_eq!(image.touched(app), []);
    read(&image, "app", 300_000..300_010).unwrap();
    let touched = image.touched(app);
    assert_eq!(touched.len(), 1);
    assert!(touched[0].start <= 300_000 && touched[0].end >= 300_010 && touched[0].end - touched[0].start < 140_000);
    assert_eq!(image.touched(content(&image, "doc").0), []);
    read(&image, "app", 0..len).unwrap();
    assert_eq!(image.touched(app), [0..len as u64]);
    // A range becomes the blocks around it, and of a small file the whole.
    let doc = content(&image, "doc").0;
    let set = select(&image, [(doc, vec![300_000..300_001])]).unwrap();
    assert_eq!(set.files, 1);
    assert!((128 << 10..260 << 10).contains(&set.bytes), "{}", set.bytes);
    assert_eq!(select(&image, [(app, vec![300_000..300_001])]).unwrap().bytes, BIN as u64);
    let both = [(app, vec![0..u64::MAX]), (app, vec![5..6])];
    let set = select(&image, both).unwrap();
    assert_eq!((set.bytes, set.files), (BIN as u64, 1), "every chunk and every file once");
}

#[test]
fn images_share_what_is_pinned_and_the_last_one_takes_it_along() {
    let dir = scratch();
    let remote = Arc::new(MemoryRemote::new(NOW));
    let here = dir.path().join("here");
    let archive = small_archive(&here);
    put_in(&archive, dir.path(), "one", 10);
    put_in(&archive, dir.path(), "two", 20);
    let archive = attached(&here, &remote);
    pin_files(&archive, "one", &["lib/libc.so"]);
    let second = pin_files(&archive, "two", &["lib/libc.so", "app"]);
    assert_eq!(second.shared, 600_000);
    assert!((BIN as u64..BIN as u64 + 50_000).contains(&second.stored), "{}", second.stored);
    let (_, published) = sync(&archive);
    assert_eq!(published.pins, 2);
    let there = attached(&dir.path().join("there"), &remote);
    assert_eq!((pinned_here(&there), pinned_in_bucket(remote.as_ref())), (2, 2));

    let one = archive.resolve("one").unwrap().root;
    assert!(unpin(&archive, &one).unwrap().is_some());
    assert_eq!(unpin(&archive, &one).unwrap(), None);
    assert_eq!(pinned_here(&archive), 2, "the other image needs both");
    assert_eq!(sync(&archive).1.pins, 1);
    let remote_there = there.remote().unwrap().as_ref();
    assert_eq!(pull(&there, remote_there, &Tally::default()).unwrap().pins, 1);
    assert_eq!((pinned(&there, &one).unwrap(), pinned_here(&there)), (None, 2));

    // Given up on the other machine, gone on all.
    let two = there.resolve("two").unwrap().root;
    unpin(&there, &two).unwrap();
    assert_eq!(pinned_here(&there), 0);
    sync(&there);
    assert_eq!(pinned_in_bucket(remote.as_ref()), 0);
    sync(&archive);
    assert_eq!((pinned_here(&archive), pinned_in_bucket(remote.as_ref())), (0, 0));
    assert_eq!(all_pinned(&archive).unwrap(), []);
}

#[test]
fn pinned_anew_it_replaces_what_was_there() {
    let dir = scratch();
    let archive = small_archive(&dir.path().join("archive"));
    put_in(&archive, dir.path(), "one", 10);
    let first = pin_files(&archive, "one", &["app"]);
    let second = pin_files(&archive, "one", &["lib/other"]);
    assert!(second.record.pinned_at > first.record.pinned_at);
    assert_eq!(second.record.released, first.record.packs);
    assert_eq!(archive.store().len(&Key::Pack(PackArea::Pinned, first.record.packs[0])).unwrap(), None);
    // And with what was there, if that is wanted.
    let image = open(&archive, "one");
    let mut set = select(&image, [(content(&image, "app").0, vec![0..u64::MAX])]).unwrap();
    let root = archive.resolve("one").unwrap().root;
    set.extend_by(&archive, &root).unwrap();
    let both = pin(&archive, &image, PinOrigin::Files, &set, &|_| {}).unwrap();
    assert_eq!((both.record.bytes, both.shared), (BIN as u64 + 900_000, 900_000));
}

#[test]
fn it_is_a_copy_and_no_part_of_an_image() {
    let dir = scratch();
    let root = dir.path().join("archive");
    let archive = small_archive(&root);
    put_in(&archive, dir.path(), "one", 10);
    let done = pin_files(&archive, "one", &["app"]);
    let path = root.join(Key::Pack(PackArea::Pinned, done.record.packs[0]).to_string());
    // Damaged: what is read comes from where it came from.
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle - 5000..middle + 5000].fill(0);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(read(&open(&archive, "one"), "app", 0..BIN).unwrap(), noise(10, BIN));
    // New content is never taken to be here because a pinned copy is, and nobody misses the copy.
    archive.rebuild_index(&archive.lock().unwrap()).unwrap();
    put_in(&archive, dir.path(), "two", 10);
    std::fs::remove_dir_all(root.join("pinned")).unwrap();
    for name in ["one", "two"] {
        let record = archive.resolve(name).unwrap();
        let reader = archive.auditor(1 << 20);
        let report = verify_image(&reader, &record, &Default::default(), 2, &Default::default()).unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        assert_eq!(read(&open(&archive, name), "app", 0..BIN).unwrap(), noise(10, BIN));
    }
    // A record that makes no sense is in nobody's way who reads.
    let root_digest = archive.resolve("one").unwrap().root;
    std::fs::write(root.join(Key::Pin(root_digest).to_string()), b"nonsense").unwrap();
    assert_eq!(read(&open(&archive, "one"), "app", 0..BIN).unwrap(), noise(10, BIN));
    assert!(all_pinned(&archive).is_err());
    // And in nobody's who pins: what was left over goes.
    put_in(&archive, dir.path(), "three", 30);
    let left = small_pack_of(&archive);
    assert_eq!(pinned_here(&archive), 1);
    let again = pin_files(&archive, "three", &["doc"]);
    assert_eq!(pinned_here(&archive), again.record.packs.len());
    assert!(!again.record.packs.contains(&left));
    assert!(unpin(&archive, &root_digest).unwrap().is_some(), "the way out");
    assert_eq!(all_pinned(&archive).unwrap(), [again.record]);
}

/// A pinned pack that nobody names, as somebody leaves who is stopped.
fn small_pack_of(archive: &Archive) -> firn_engine::id::PackId {
    let pinned = pin_files(archive, "one", &["app"]);
    let record = archive.root().join(Key::Pin(pinned.record.image).to_string());
    std::fs::write(record, b"nonsense").unwrap();
    pinned.record.packs[0]
}

#[test]
fn frozen_content_is_not_pinned_and_what_was_pinned_stays() {
    let dir = scratch();
    let remote = Arc::new(MemoryRemote::new(NOW));
    let root = dir.path().join("archive");
    put_in(&small_archive(&root), dir.path(), "one", 10);
    let archive = attached(&root, &remote);
    let before = pin_files(&archive, "one", &["app"]);
    spill_all(&archive);
    let image = open(&archive, "one");
    let set = select(&image, [(content(&image, "doc").0, vec![0..u64::MAX])]).unwrap();
    let error = pin(&archive, &image, PinOrigin::Files, &set, &|_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Frozen);
    assert_eq!(all_pinned(&archive).unwrap(), [before.record]);
    assert_eq!(read(&open(&archive, "one"), "app", 0..BIN).unwrap(), noise(10, BIN));
}
