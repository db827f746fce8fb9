//! Rootfs mode on the real kernel: EROFS metadata, files by content, an overlay over both.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use firn_engine::id::{FilesId, ObjectId};
use firn_engine::tree::{Ino, NodeKind, Tree};
use firn_fusefs::content::Content as _;
use firn_fusefs::fs::{Fs, Xattr};
use firn_fusefs::hydrate::{self, ObjectDir, Pacer, Progress, Report, Wanted};
use firn_fusefs::mount::{self, Manner, MountOptions, Mounted, ROOTFS_SOURCE};
use firn_fusefs::rootfs::{self, Layers, Parts, Upper};

use crate::os;
use crate::sample::{Bytes, Damage, Sample};
use crate::semantics::quote;
use crate::view::everything;
use crate::world::{Scratch, errno, is_mounted, need_fuse, until};

/// A rootfs over a sample, and what it is made of.
struct Rootfs {
    // Unmounted before the directory goes.
    mounted: Mounted,
    parts: Parts,
    tree: Arc<Tree>,
    bytes: Bytes,
    scratch: Scratch,
}

/// Equal contents have equal names.
fn named(
    tree: &Tree,
    bytes: &Bytes,
) -> impl Fn(Ino) -> Result<Option<ObjectId>, Box<dyn std::error::Error + Send + Sync>> + use<> {
    let names: BTreeMap<u64, Option<ObjectId>> = (1..=tree.totals().entries + 1)
        .filter_map(|ino| Some((ino, tree.node(Ino(ino)).ok()?)))
        .map(|(ino, node)| {
            let whole = |content| {
                let runs = tree.sparse_runs(Ino(ino)).unwrap();
                let len = if node.is_sparse { runs.iter().map(|run| run.len).sum() } else { node.size };
                let mut stored = vec![0; usize::try_from(len).unwrap()];
                // What is damaged has a name as well as everything else.
                let _ = bytes.read_stored(content, 0, &mut stored);
                let mut name = [0; 32];
                for (part, word) in name.chunks_exact_mut(8).enumerate() {
                    let mut hasher = DefaultHasher::new();
                    (part, node.size, format!("{runs:?}"), &stored).hash(&mut hasher);
                    word.copy_from_slice(&hasher.finish().to_le_bytes());
                }
                ObjectId::from_bytes(name)
            };
            (ino, node.content.map(whole))
        })
        .collect();
    move |ino| Ok(names[&ino.0])
}

/// Compares everything below `root` with what `fs` has, and counts what was compared.
fn compare(fs: &Fs, root: &Path) -> usize {
    let (mut count, mut dirs) = (0, vec![(Ino::ROOT, root.to_owned())]);
    while let Some((dir, path)) = dirs.pop() {
        let mut expected = Vec::new();
        fs.readdir(dir, 0, |entry| {
            expected.push((entry.name.to_vec(), entry.ino));
            false
        })
        .unwrap();
        expected.retain(|(name, _)| name != b"." && name != b"..");
        let found = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name());
        let mut found: Vec<_> = found.map(|name| name.as_bytes().to_vec()).collect();
        found.sort();
        assert_eq!(found, expected.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), "{}", path.display());
        for (name, ino) in expected {
            let path = path.join(OsStr::from_bytes(&name));
            compare_inode(fs, ino, &path);
            if path.is_dir() && !path.is_symlink() {
                dirs.push((ino, path));
            }
            count += 1;
        }
    }
    count
}

fn compare_inode(fs: &Fs, ino: Ino, path: &Path) {
    let (attr, meta) = (fs.getattr(ino).unwrap(), fs::symlink_metadata(path).unwrap());
    let at = path.display();
    assert_eq!(meta.mode() & 0o7777, u32::from(attr.mode), "{at}");
    assert_eq!((meta.uid(), meta.gid(), meta.rdev()), (attr.uid, attr.gid, u64::from(attr.rdev)), "{at}");
    assert_eq!((meta.mtime(), meta.mtime_nsec()), (attr.mtime.secs, i64::from(attr.mtime.nanos)), "{at}");
    let (_, names) = os::listxattr(path, 4096).unwrap();
    for name in &names {
        let Xattr::Data(value) = fs.getxattr(ino, name.as_bytes(), u32::MAX).unwrap() else { panic!("{at}") };
        assert_eq!(os::xattr(path, name).unwrap(), value.into_owned(), "{at} {name}");
    }
    let Xattr::Data(list) = fs.listxattr(ino, u32::MAX).unwrap() else { panic!("{at}") };
    assert_eq!(list.iter().filter(|byte| **byte == 0).count(), names.len(), "{at} {names:?}");
    match attr.kind {
        NodeKind::Directory => assert!(meta.is_dir(), "{at}"),
        NodeKind::Symlink => assert_eq!(fs::read_link(path).unwrap().as_os_str().as_bytes(), fs.readlink(ino).unwrap()),
        NodeKind::File => {
            assert_eq!((meta.len(), meta.nlink(), meta.is_file()), (attr.size, u64::from(attr.nlink), true), "{at}");
            let file = fs::File::open(path).unwrap();
            // Of the largest, their ends and what is around the first megabyte.
            for offset in [0, (1 << 20) - 4096, attr.size.saturating_sub(8192)] {
                let (mut found, mut expected) = (vec![0; 8192], vec![0; 8192]);
                let len = fs.read(ino, offset, &mut expected).unwrap();
                assert_eq!(file.read_at(&mut found, offset).unwrap(), len, "{at}");
                assert!(found == expected, "{at} at {offset}");
            }
        }
        _ => assert!(!meta.is_file() && !meta.is_dir() && !meta.is_symlink(), "{at}"),
    }
}

fn options() -> MountOptions {
    MountOptions { fsname: format!("{ROOTFS_SOURCE}sample"), ..MountOptions::default() }
}

impl Rootfs {
    fn of(sample: Sample, upper: impl FnOnce(&Path) -> Upper) -> Rootfs {
        need_fuse();
        let scratch = Scratch::new();
        let (tree, bytes) = sample.build();
        let object = named(&tree, &bytes);
        let files = FilesId::from_bytes([1; 32]);
        let parts = rootfs::prepare(&scratch.path().join("trees"), &files, &tree, &object).unwrap();
        bytes.forget();
        let at = scratch.path();
        fs::create_dir(at.join("objects")).unwrap();
        let layers = Layers::Tiered {
            parts: parts.clone(),
            hydrated: at.join("objects"),
            objects: Arc::new(Fs::new(Arc::clone(&parts.objects), Arc::new(bytes.clone()))),
        };
        let upper = upper(at);
        let point = scratch.dir("root");
        let mounted = rootfs::mount(&tree, layers, &upper, &point, &at.join("mounts"), &options()).unwrap();
        Rootfs { mounted, parts, tree, bytes, scratch }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.mounted.point().join(name)
    }

    fn objects(&self) -> ObjectDir {
        ObjectDir::at(self.scratch.path().join("objects"))
    }

    fn hydrate(&self, which: impl Fn(&Wanted) -> bool) -> Report {
        let wanted: Vec<_> = hydrate::wanted(&self.parts.objects).unwrap().into_iter().filter(which).collect();
        let fs = Fs::new(Arc::clone(&self.parts.objects), Arc::new(self.bytes.clone()));
        let (progress, never) = (Progress::default(), AtomicBool::new(false));
        let manner = hydrate::Manner { pacer: &Pacer::new(0), stop: &never, progress: &progress };
        let report = hydrate::hydrate(&fs, &self.parts.objects, &wanted, &self.objects(), manner).unwrap();
        assert_eq!(progress.files.load(Ordering::Relaxed), wanted.len() as u64);
        report
    }
}

#[test]
fn a_rootfs_shows_what_the_tree_has() {
    quote(
        "R1",
        "A rootfs shows the same names, kinds, owners, modes, times, links, devices, attributes and contents as a mount of the same \
         image; only numbers of inodes and sizes of directories are its own.",
    );
    let (mut sample, members) = everything();
    sample.xattr("etc", b"user.note", b"of a directory");
    sample.xattr("su", b"security.capability", &[1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let rootfs = Rootfs::of(sample, |_| Upper::None);
    let fs = Fs::new(Arc::clone(&rootfs.tree), Arc::new(rootfs.bytes.clone()));
    let compared = compare(&fs, rootfs.mounted.point());
    assert_eq!(compared, members.len() - 1, "all but the root");
    assert_eq!(errno(fs::write(rootfs.at("new"), b"x")), libc::EROFS);
}

#[test]
fn metadata_and_changes_of_it_read_no_file() {
    quote("R3", "Listing, `stat`, and changes of owner, mode, time or attributes read no byte of a file.");
    let mut sample = Sample::new();
    sample.dir("dir");
    for n in 0..50 {
        sample.file(&format!("dir/{n}"), format!("contents {n}").as_bytes());
    }
    let rootfs = Rootfs::of(sample, |_| Upper::Memory);
    for entry in fs::read_dir(rootfs.at("dir")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(fs::metadata(&path).unwrap().nlink(), 1);
        os::lchown(&path, 12, 34).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }
    assert_eq!(rootfs.bytes.asked(), 0, "no byte of a file is needed for this");
    assert_eq!(fs::read(rootfs.at("dir/7")).unwrap(), b"contents 7");
    assert_eq!(rootfs.bytes.asked(), 1);
    let changed = fs::metadata(rootfs.at("dir/7")).unwrap();
    assert_eq!((changed.uid(), changed.gid(), changed.mode() & 0o7777), (12, 34, 0o600));
}

#[test]
fn what_is_here_is_opened_by_the_kernel_and_one_copy_serves_all() {
    quote(
        "R4",
        "A file that is in the directory of whole files when it is opened for the first time since its inode came into memory is opened \
         by the kernel itself; all images share it, and its pages.",
    );
    let mut sample = Sample::new();
    sample.file("one", &[7; 300_000]);
    sample.file("same", &[7; 300_000]);
    sample.file("other", &[8; 5000]);
    let rootfs = Rootfs::of(sample, |_| Upper::None);
    assert_eq!(hydrate::wanted(&rootfs.parts.objects).unwrap().len(), 2, "equal files are one");
    let report = rootfs.hydrate(|one| one.size == 300_000);
    assert_eq!(report, Report { brought: 1, bytes: 300_000, present: 0, asleep: 0 });
    assert_eq!(rootfs.objects().stats().unwrap().files, 1);
    rootfs.bytes.forget();
    assert_eq!(fs::read(rootfs.at("one")).unwrap(), [7; 300_000]);
    assert_eq!(fs::read(rootfs.at("same")).unwrap(), [7; 300_000]);
    assert_eq!(rootfs.bytes.asked(), 0, "FUSE was not asked for what is here");
    assert_eq!(fs::read(rootfs.at("other")).unwrap(), [8; 5000]);
    assert_eq!(rootfs.bytes.asked(), 1);
    let again = rootfs.hydrate(|_| true);
    assert_eq!((again.brought, again.present), (1, 1));
    // What a mounted tree has is kept if that is wanted.
    let in_use = rootfs::objects_in_use(&rootfs.scratch.path().join("trees")).unwrap();
    assert_eq!(in_use.len(), 2);
    assert_eq!(rootfs.objects().trim(0, &|object| in_use.contains(object)).unwrap().removed.files, 0);
    // Room is made under the eyes of a reader, who goes on.
    let open = fs::File::open(rootfs.at("one")).unwrap();
    let trimmed = rootfs.objects().trim(0, &|_| false).unwrap();
    assert_eq!((trimmed.removed.files, trimmed.left.files, trimmed.left.on_disk), (2, 0, 0));
    let mut byte = [0];
    open.read_exact_at(&mut byte, 299_999).unwrap();
    assert_eq!((byte, fs::read(rootfs.at("one")).unwrap()), ([7], vec![7; 300_000]));
}

#[test]
fn nothing_is_brought_while_somebody_reads() {
    let mut sample = Sample::new();
    for n in 0..20u8 {
        sample.file(&format!("{n}"), &[n; 10_000]);
    }
    let rootfs = Rootfs::of(sample, |_| Upper::None);
    let wanted = hydrate::wanted(&rootfs.parts.objects).unwrap();
    let fs = Fs::new(Arc::clone(&rootfs.parts.objects), Arc::new(rootfs.bytes.clone()));
    let (progress, stop, pacer) = (Progress::default(), AtomicBool::new(false), Pacer::new(0));
    let manner = hydrate::Manner { pacer: &pacer, stop: &stop, progress: &progress };
    let done = || progress.files.load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        let reading = pacer.reading();
        let work = scope.spawn(|| hydrate::hydrate(&fs, &rootfs.parts.objects, &wanted, &rootfs.objects(), manner));
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(done(), 0);
        drop(reading);
        until("the first file", || done() > 0);
        assert_eq!(work.join().unwrap().unwrap().brought, 20);
    });
    rootfs.objects().trim(0, &|_| false).unwrap();
    stop.store(true, Ordering::Relaxed);
    let _reading = pacer.reading();
    let report = hydrate::hydrate(&fs, &rootfs.parts.objects, &wanted, &rootfs.objects(), manner).unwrap();
    assert_eq!(report.brought, 0, "it was stopped, and waited for nobody");
}

#[test]
fn holes_stay_holes_and_what_sleeps_is_left_out() {
    let mut sample = Sample::new();
    let runs = [firn_engine::tar::DataRun { offset: 1 << 20, len: 5 }];
    sample.sparse("sparse", 3 << 20, &runs, b"data!");
    sample.sparse("hole", 1 << 20, &[], b"");
    sample.file("asleep", b"far away");
    sample.damage("asleep", Damage::Frozen);
    let rootfs = Rootfs::of(sample, |_| Upper::None);
    let report = rootfs.hydrate(|_| true);
    assert_eq!((report.brought, report.asleep), (1, 1));
    assert!(rootfs.objects().stats().unwrap().on_disk < 1 << 20, "the holes are not written");
    let sparse = fs::read(rootfs.at("sparse")).unwrap();
    assert_eq!((sparse.len(), &sparse[1 << 20..(1 << 20) + 6]), (3 << 20, &b"data!\0"[..]));
    assert_eq!(fs::read(rootfs.at("hole")).unwrap(), vec![0; 1 << 20]);
    assert_eq!(errno(fs::read(rootfs.at("asleep"))), libc::EREMOTEIO);
}

#[test]
fn a_writable_layer_is_kept_where_it_was_said_and_found_again() {
    let mut sample = Sample::new();
    sample.root().mode = 0o1750;
    sample.root().uid = 7;
    sample.file("kept", b"as it was");
    sample.file("gone", b"to go");
    let rootfs = Rootfs::of(sample, |at| Upper::Directory(at.join("changes")));
    let root = fs::metadata(rootfs.mounted.point()).unwrap();
    assert_eq!((root.mode() & 0o7777, root.uid()), (0o1750, 7), "a new layer is like the image's root");
    fs::write(rootfs.at("new"), b"created").unwrap();
    fs::remove_file(rootfs.at("gone")).unwrap();
    fs::write(rootfs.at("kept"), b"changed").unwrap();
    let Rootfs { mut mounted, parts, tree, bytes, scratch } = rootfs;
    let point = mounted.point().to_owned();
    mounted.unmount().unwrap();
    assert!(!is_mounted(&point));
    let layers = Layers::Tiered {
        parts: parts.clone(),
        hydrated: scratch.path().join("objects"),
        objects: Arc::new(Fs::new(parts.objects, Arc::new(bytes))),
    };
    let upper = Upper::Directory(scratch.path().join("changes"));
    let _again = rootfs::mount(&tree, layers, &upper, &point, &scratch.path().join("mounts"), &options()).unwrap();
    assert_eq!(fs::read(point.join("new")).unwrap(), b"created");
    assert_eq!(fs::read(point.join("kept")).unwrap(), b"changed");
    assert!(!point.join("gone").exists());
}

#[test]
fn nothing_but_the_overlay_is_left_and_all_goes_with_it() {
    quote(
        "R2",
        "Of a rootfs only the overlay is seen in the mount table. Unmounting it, by whatever program, ends everything behind it.",
    );
    let mut sample = Sample::new();
    sample.file("f", b"x");
    let rootfs = Rootfs::of(sample, |_| Upper::Memory);
    let inside = || {
        let mounts = mount::mounts().unwrap().into_iter();
        mounts.filter(|mount| mount.point.starts_with(rootfs.scratch.path())).collect::<Vec<_>>()
    };
    let mounts = inside();
    assert_eq!(mounts.len(), 1, "{mounts:?}");
    assert!(mounts[0].is_firn() && mounts[0].is_rootfs());
    assert_eq!(fs::read_dir(rootfs.scratch.path().join("mounts")).unwrap().count(), 0);
    let held = fs::File::open(rootfs.at("f")).unwrap();
    assert!(mount::unmount(rootfs.mounted.point(), Manner::Now).unwrap_err().to_string().contains("in use"));
    drop(held);
    mount::unmount(rootfs.mounted.point(), Manner::Now).unwrap();
    assert_eq!(inside().len(), 0);
    until("the end of the session", || rootfs.mounted.has_ended());
}

#[test]
fn a_plain_layer_does_where_the_kernel_has_no_more() {
    need_fuse();
    let (mut sample, _) = everything();
    sample.xattr("su", b"user.note", b"so that attributes are asked for");
    let (tree, bytes) = sample.build();
    let scratch = Scratch::new();
    let point = scratch.dir("root");
    let fs = || Fs::new(Arc::clone(&tree), Arc::new(bytes.clone()));
    let layers = Layers::Plain(Arc::new(fs()));
    let _mounted =
        rootfs::mount(&tree, layers, &Upper::Memory, &point, &scratch.path().join("mounts"), &options()).unwrap();
    assert!(compare(&fs(), &point) > 10);
    fs::write(point.join("new"), b"x").unwrap();
}

#[test]
fn parts_are_made_once_and_damage_is_made_good() {
    let mut sample = Sample::new();
    sample.file("f", b"contents");
    let (tree, bytes) = sample.build();
    let object = named(&tree, &bytes);
    let (scratch, files) = (Scratch::new(), FilesId::from_bytes([2; 32]));
    let first = rootfs::prepare(scratch.path(), &files, &tree, &object).unwrap();
    let image = fs::read(&first.metadata).unwrap();
    let never = |_| panic!("what is kept is not made again");
    assert_eq!(rootfs::prepare(scratch.path(), &files, &tree, &never).unwrap().metadata, first.metadata);
    for (file, len) in [("metadata.erofs", image.len() as u64 - 1), ("objects.tree", 100)] {
        let path = first.metadata.with_file_name(file);
        fs::File::options().write(true).open(&path).unwrap().set_len(len).unwrap();
        let again = rootfs::prepare(scratch.path(), &files, &tree, &object).unwrap();
        assert_eq!(fs::read(again.metadata).unwrap(), image, "{file}");
    }
    let failing = |_| Err("no such layer".into());
    let other = FilesId::from_bytes([3; 32]);
    assert!(rootfs::prepare(scratch.path(), &other, &tree, &failing).is_err());
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "nothing half made is left");
}
