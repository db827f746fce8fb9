//! File contents through the kernel.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex};

use firn_engine::tar::DataRun;
use firn_engine::tree::ContentRef;
use firn_fusefs::content::{Content, ContentError};
use firn_fusefs::fs::Fs;

use crate::os;
use crate::sample::{Bytes, Damage, Sample};
use crate::semantics::quote;
use crate::world::{World, errno, ok};

/// Bytes that tell every offset apart.
fn pattern(len: usize) -> Vec<u8> {
    (0_u64..).flat_map(|i| (i ^ 0x5eed_0000).to_le_bytes()).take(len).collect()
}

#[test]
fn reads_give_the_bytes_of_the_image() {
    quote(
        "D1",
        "A read at any offset and of any length gives the image's bytes, and nothing past the end of the file.",
    );
    let data = pattern(3_000_001);
    let mut sample = Sample::new();
    sample.file("big", &data);
    sample.file("page", &data[..4096]);
    let world = World::of(sample);
    // First in pieces and backwards, while nothing is cached.
    let file = File::open(world.path("big")).unwrap();
    for (offset, len) in [(2_999_999, 10), (1_048_575, 131_074), (4095, 2), (0, 1), (2_000_000, 65_537)] {
        let mut buf = vec![0; len];
        let got = file.read_at(&mut buf, offset).unwrap();
        let offset = usize::try_from(offset).unwrap();
        let want = &data[offset..data.len().min(offset + len)];
        assert_eq!(&buf[..got], want, "{len} bytes at {offset}");
    }
    assert_eq!(file.read_at(&mut [0; 10], 3_000_001).unwrap(), 0);
    assert_eq!(file.read_at(&mut [0; 10], 1 << 40).unwrap(), 0);
    assert_eq!(fs::read(world.path("big")).unwrap(), data);
    assert_eq!(fs::read(world.path("page")).unwrap(), &data[..4096]);
}

#[test]
fn many_readers_get_the_same_bytes() {
    let data = pattern(4 << 20);
    let mut sample = Sample::new();
    for i in 0..16 {
        sample.file(&format!("f{i}"), &data[i << 16..]);
    }
    let world = World::of(sample);
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for reader in 0..8 {
            let (world, data, start) = (&world, &data, &start);
            scope.spawn(move || {
                start.wait();
                for i in 0..16 {
                    let i = (i + reader * 2) % 16;
                    assert_eq!(fs::read(world.path(format!("f{i}"))).unwrap(), &data[i << 16..], "f{i}");
                }
            });
        }
    });
}

#[test]
fn holes_are_zeros_and_cost_nothing() {
    quote(
        "D2",
        "Holes of sparse files read as zeros, are found by `SEEK_DATA` and `SEEK_HOLE`, and take no space when \
         an archiver or overlayfs copies the file.",
    );
    const MIB: u64 = 1 << 20;
    let data = pattern(10_000);
    let runs = [DataRun { offset: 3 * MIB, len: 6000 }, DataRun { offset: 20 * MIB + 17, len: 4000 }];
    let mut sample = Sample::new();
    sample.sparse("sparse", 64 * MIB, &runs, &data);
    sample.sparse("hole", 12_345, &[], b"");
    let world = World::of(sample);
    let path = world.path("sparse");

    let mut want = vec![0; 64 << 20];
    want[3 << 20..][..6000].copy_from_slice(&data[..6000]);
    want[(20 << 20) + 17..][..4000].copy_from_slice(&data[6000..]);
    assert!(fs::read(&path).unwrap() == want, "the expanded file differs");
    assert_eq!(fs::read(world.path("hole")).unwrap(), vec![0; 12_345]);

    let file = File::open(&path).unwrap();
    let seek = |offset: u64, whence| os::lseek(&file, i64::try_from(offset).unwrap(), whence);
    let at = |offset: u64, whence| u64::try_from(seek(offset, whence).unwrap()).unwrap();
    assert_eq!(at(0, libc::SEEK_DATA), 3 * MIB);
    assert_eq!(at(0, libc::SEEK_HOLE), 0);
    assert_eq!(at(3 * MIB + 1, libc::SEEK_DATA), 3 * MIB + 1);
    assert_eq!(at(3 * MIB + 1, libc::SEEK_HOLE), 3 * MIB + 6000);
    assert_eq!(at(4 * MIB, libc::SEEK_DATA), 20 * MIB + 17);
    assert_eq!(errno(seek(21 * MIB, libc::SEEK_DATA)), libc::ENXIO);

    let copy = world.scratch.path().join("copy");
    ok("cp", &[&"--sparse=auto", &path, &copy]);
    assert!(fs::metadata(&copy).unwrap().blocks() < 100, "cp wrote the holes");
    let archive = ok("sh", &[&"-c", &"tar -cSf - -C \"$0\" sparse | wc -c", &world.root()]);
    assert!(archive.trim().parse::<u64>().unwrap() < 100_000, "tar wrote the holes: {archive}");
}

#[test]
fn damage_is_an_error_and_stays_where_it_is() {
    quote(
        "D3",
        "A read of damaged or missing content gives `EIO` and none of the content; every other file is unaffected.",
    );
    let mut sample = Sample::new();
    for (name, damage) in [
        ("corrupt", Some(Damage::Corrupt)),
        ("missing", Some(Damage::Missing)),
        ("disk", Some(Damage::Io)),
        ("defect", Some(Damage::Panic)),
        ("fine", None),
    ] {
        sample.file(name, &pattern(200_000));
        if let Some(damage) = damage {
            sample.damage(name, damage);
        }
    }
    let world = World::of(sample);
    // More often than there are threads, so that a lost one would show.
    for round in 0..10 {
        for name in ["corrupt", "missing", "disk", "defect"] {
            let mut file = File::open(world.path(name)).unwrap();
            let mut got = Vec::new();
            assert_eq!(errno(file.read_to_end(&mut got)), libc::EIO, "{name}, round {round}");
            assert!(got.is_empty(), "{name} gave {} bytes", got.len());
        }
        assert_eq!(fs::read(world.path("fine")).unwrap(), pattern(200_000));
    }
}

#[test]
fn frozen_content_is_told_from_damage() {
    quote(
        "D4",
        "A read of content that sleeps in cold storage gives `EREMOTEIO` at once, unless the mount was told to wait (D7).",
    );
    let mut sample = Sample::new();
    sample.file("frozen", &pattern(10_000));
    sample.damage("frozen", Damage::Frozen);
    let world = World::of(sample);
    assert_eq!(fs::metadata(world.path("frozen")).unwrap().len(), 10_000, "metadata is always there");
    assert_eq!(errno(fs::read(world.path("frozen"))), libc::EREMOTEIO);
}

/// Content that can be switched off, and reads of which can be held.
struct Switch {
    bytes: Bytes,
    off: AtomicBool,
    /// Reads of more than this many stored bytes' worth of references wait until it is opened.
    gate: Mutex<bool>,
    opened: Condvar,
    waiting: Mutex<usize>,
}

impl Content for Switch {
    fn read_stored(&self, content: ContentRef, offset: u64, buf: &mut [u8]) -> Result<(), ContentError> {
        if self.off.load(Ordering::SeqCst) {
            return Err(ContentError::Missing { what: "everything".into() });
        }
        // Big files are the slow ones.
        if content.count > 10 {
            *self.waiting.lock().unwrap() += 1;
            drop(self.opened.wait_while(self.gate.lock().unwrap(), |open| !*open).unwrap());
        }
        self.bytes.read_stored(content, offset, buf)
    }

    fn is_hot(&self, content: ContentRef, _: u64, _: u64) -> bool {
        content.count <= 10
    }
}

fn switched(sample: Sample, open: bool) -> (World, Arc<Switch>) {
    let (tree, bytes) = sample.build();
    let switch = Arc::new(Switch {
        bytes,
        off: AtomicBool::new(false),
        gate: Mutex::new(open),
        opened: Condvar::new(),
        waiting: Mutex::new(0),
    });
    let content: Arc<dyn Content> = switch.clone();
    (World::with(Fs::new(tree, content), "threads=2,readers=4"), switch)
}

#[test]
fn a_failed_read_is_tried_again() {
    quote("D5", "Failures are not remembered: the next read of the same bytes tries anew.");
    let mut sample = Sample::new();
    sample.file("f", &pattern(100_000));
    let (world, switch) = switched(sample, true);
    switch.off.store(true, Ordering::SeqCst);
    let file = File::open(world.path("f")).unwrap();
    for _ in 0..3 {
        assert_eq!(errno(file.read_at(&mut [0; 4], 50_000)), libc::EIO);
    }
    switch.off.store(false, Ordering::SeqCst);
    let mut buf = [0; 4];
    assert_eq!(file.read_at(&mut buf, 50_000).unwrap(), 4);
    assert_eq!(buf, pattern(100_000)[50_000..50_004]);
}

#[test]
fn slow_reads_hold_up_nothing_else() {
    quote(
        "D6",
        "Reads that wait for a disk or the network hold up nothing else: names, attributes and content in \
         memory are served meanwhile.",
    );
    let mut sample = Sample::new();
    for i in 0..8 {
        sample.file(&format!("slow{i}"), &pattern(100_000));
        sample.file(&format!("fast{i}"), &pattern(10_000));
        sample.symlink(&format!("link{i}"), b"target");
    }
    let (world, switch) = switched(sample, false);
    std::thread::scope(|scope| {
        // Opens the gate even if the body panics: the slow readers could not end otherwise.
        struct Open<'a>(&'a Switch);
        impl Drop for Open<'_> {
            fn drop(&mut self) {
                *self.0.gate.lock().unwrap() = true;
                self.0.opened.notify_all();
            }
        }
        let open = Open(&switch);
        // Twice as many slow reads as there are threads that take requests, all readers busy.
        let slow: Vec<_> = (0..8)
            .map(|i| {
                let path = world.path(format!("slow{i}"));
                scope.spawn(move || fs::read(path).unwrap())
            })
            .collect();
        crate::world::until("four waiting reads", || *switch.waiting.lock().unwrap() >= 4);
        for i in 0..8 {
            assert_eq!(fs::read(world.path(format!("fast{i}"))).unwrap(), pattern(10_000));
            assert_eq!(fs::read_link(world.path(format!("link{i}"))).unwrap().as_os_str(), "target");
        }
        assert_eq!(fs::read_dir(world.root()).unwrap().count(), 24);
        assert!(slow.iter().all(|reader| !reader.is_finished()), "the slow reads did not wait");
        drop(open);
        for reader in slow {
            assert_eq!(reader.join().unwrap(), pattern(100_000));
        }
    });
}
