//! What `stat`, `readlink` and the attribute calls show of every kind of inode.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use firn_engine::tar::{DataRun, Entry, EntryKind, Timestamp};

use crate::os;
use crate::sample::{Damage, Sample};
use crate::semantics::quote;
use crate::world::{World, errno};

/// One of everything, and what was put in.
pub(crate) fn everything() -> (Sample, Vec<Entry>) {
    let mut sample = Sample::new();
    let times = [(0, 1), (1_700_000_000, 123_456_789), (-1, 999_999_999), (-86_400, 0), (4_102_444_800, 5)];
    sample.dir("etc").mtime = Timestamp { secs: times[1].0, nanos: times[1].1 };
    sample.file("etc/hostname", b"firn\n").mode = 0o600;
    sample.file("etc/empty", b"");
    for (i, (secs, nanos)) in times.into_iter().enumerate() {
        let file = sample.file(&format!("etc/time{i}"), b"t");
        file.mtime = Timestamp { secs, nanos };
        (file.uid, file.gid) = (4_000_000_000, 12_345 + u32::try_from(i).unwrap());
    }
    sample.file("su", b"#!").mode = 0o4755;
    sample.file("sg", b"#!").mode = 0o2711;
    sample.dir("tmp").mode = 0o1777;
    sample.dir("void").mode = 0o700;
    sample.file("one", b"three names");
    sample.hard_link("etc/two", "one");
    sample.hard_link("tmp/three", "etc/two");
    sample.symlink("relative", b"etc/hostname");
    sample.symlink("absolute", b"/no/such/thing");
    sample.symlink("odd", b"a \xff\n b").uid = 7;
    sample.symlink("long", &[b'x'; 4095]);
    sample.device("null", EntryKind::CharDevice, 1, 3).mode = 0o666;
    sample.device("disk", EntryKind::BlockDevice, 259, 0xf_ffff);
    sample.device("pipe", EntryKind::Fifo, 0, 0);
    let runs = [DataRun { offset: 4096, len: 3 }, DataRun { offset: 1 << 20, len: 2 }];
    sample.sparse("sparse", (1 << 30) + 7, &runs, b"abcde");
    sample.sparse("hole", 12_345, &[], b"");
    let members = sample.members().cloned().collect();
    (sample, members)
}

fn kind(entry: &Entry) -> fn(&fs::FileType) -> bool {
    match entry.kind {
        EntryKind::File | EntryKind::HardLink => fs::FileType::is_file,
        EntryKind::Symlink => fs::FileType::is_symlink,
        EntryKind::CharDevice => FileTypeExt::is_char_device,
        EntryKind::BlockDevice => FileTypeExt::is_block_device,
        EntryKind::Directory => fs::FileType::is_dir,
        EntryKind::Fifo => FileTypeExt::is_fifo,
    }
}

#[test]
fn every_kind_shows_what_was_put_in() {
    quote("A1", "Type, permission bits, owner, group, size, link count and device numbers are those of the image.");
    let (sample, members) = everything();
    let world = World::of(sample);
    let links: HashMap<&str, u64> = [("one", 3), (".", 5)].into();
    for entry in members.iter().filter(|entry| entry.kind != EntryKind::HardLink) {
        let name = String::from_utf8_lossy(&entry.path);
        let meta = fs::symlink_metadata(world.path(&*name)).unwrap();
        assert!(kind(entry)(&meta.file_type()), "{name}");
        let size = match entry.kind {
            EntryKind::Directory => 4096,
            EntryKind::Symlink => entry.link.len() as u64,
            _ => entry.size,
        };
        assert_eq!(meta.mode() & 0o7777, entry.mode, "{name}");
        assert_eq!((meta.uid(), meta.gid(), meta.size()), (entry.uid, entry.gid, size), "{name}");
        assert_eq!(meta.rdev(), libc::makedev(entry.dev_major, entry.dev_minor), "{name}");
        let usual = if entry.kind == EntryKind::Directory { 2 } else { 1 };
        assert_eq!(meta.nlink(), *links.get(&*name).unwrap_or(&usual), "{name}");
        if entry.kind == EntryKind::Symlink {
            let target = fs::read_link(world.path(&*name)).unwrap();
            assert_eq!(target.as_os_str().as_bytes(), entry.link, "{name}");
        }
    }
    assert_eq!(fs::read(world.path("relative")).unwrap(), b"firn\n", "links are followed");
}

#[test]
fn times_are_exact_and_stand_still() {
    quote(
        "A2",
        "Modification times are exact to the nanosecond, before 1970 too; access and change time are equal \
         to them, and nothing moves them.",
    );
    let (sample, members) = everything();
    let world = World::of(sample);
    for _ in 0..2 {
        for entry in members.iter().filter(|entry| entry.path.starts_with(b"etc/time")) {
            let path = world.path(OsStr::from_bytes(&entry.path));
            let meta = fs::metadata(&path).unwrap();
            let want = (entry.mtime.secs, i64::from(entry.mtime.nanos));
            assert_eq!((meta.mtime(), meta.mtime_nsec()), want, "{path:?}");
            assert_eq!((meta.atime(), meta.atime_nsec()), want, "{path:?}");
            assert_eq!((meta.ctime(), meta.ctime_nsec()), want, "{path:?}");
            // The second round looks after this.
            assert_eq!(fs::read(&path).unwrap(), b"t");
        }
    }
}

#[test]
fn hard_links_share_an_inode() {
    quote(
        "N3",
        "All names of a hard-linked file share one inode number, and its link count is the number of those names.",
    );
    let world = World::of(everything().0);
    let seen = ["one", "etc/two", "tmp/three"].map(|name| {
        let meta = fs::metadata(world.path(name)).unwrap();
        (meta.ino(), meta.nlink(), fs::read(world.path(name)).unwrap())
    });
    assert_eq!(seen[0], (seen[0].0, 3, b"three names".to_vec()));
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    let dirs = ["", "etc", "void"].map(|name| fs::metadata(world.path(name)).unwrap().nlink());
    assert_eq!(dirs, [5, 2, 2], "2 plus subdirectories");
}

#[test]
fn inode_numbers_are_the_same_in_every_mount() {
    quote(
        "N4",
        "Inode numbers are a pure function of the tree: they are the same in every mount of it, on every \
         machine, and the root is 1.",
    );
    let numbers = |reverse: bool| {
        let (sample, members) = everything();
        let world = World::of(sample);
        let mut paths: Vec<_> = members.iter().map(|entry| entry.path.clone()).collect();
        if reverse {
            // Numbers do not depend on what is asked for first.
            paths.reverse();
        }
        let ino = |path: &[u8]| fs::symlink_metadata(world.path(OsStr::from_bytes(path))).unwrap().ino();
        assert_eq!(ino(b""), 1);
        let mut all: Vec<_> = paths.into_iter().map(|path| (ino(&path), path)).collect();
        all.sort();
        all
    };
    assert_eq!(numbers(false), numbers(true));
}

#[test]
fn blocks_count_data() {
    quote("A3", "The block count of a file is that of its data: holes do not count.");
    let world = World::of(everything().0);
    let blocks = |name: &str| fs::metadata(world.path(name)).unwrap().blocks();
    assert_eq!(["sparse", "hole", "etc/empty", "etc/hostname"].map(blocks), [2, 0, 0, 1]);
}

#[test]
fn totals_are_those_of_the_image() {
    quote(
        "A4",
        "`statfs` gives the image's logical size in blocks of 4096 bytes and its number of inodes, with \
         nothing free and names of up to 255 bytes.",
    );
    let (sample, members) = everything();
    let world = World::of(sample);
    let own = members.iter().filter(|entry| entry.kind != EntryKind::HardLink);
    let (inodes, bytes) = own.fold((0, 0), |(n, bytes), entry| (n + 1, bytes + entry.size));
    let stat = os::statfs(world.root()).unwrap();
    assert_eq!((stat.f_bsize, stat.f_frsize, stat.f_namelen), (4096, 4096, 255));
    assert_eq!((stat.f_blocks, stat.f_bfree, stat.f_bavail), (bytes.div_ceil(4096), 0, 0));
    assert_eq!((stat.f_files, stat.f_ffree), (inodes, 0));
}

/// `cap_net_raw+ep`, revision 2.
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn extended_attributes_are_those_of_the_image() {
    quote(
        "X1",
        "Extended attributes are shown as the image holds them, file capabilities and ACLs included; absent \
         ones give `ENODATA`, short buffers `ERANGE`.",
    );
    let (mut sample, _) = everything();
    let big = vec![b'v'; 60_000];
    sample.xattr("su", b"security.capability", &CAPABILITY);
    sample.xattr("su", b"user.big", &big);
    sample.xattr("su", b"user.empty", b"");
    sample.xattr("etc", b"trusted.of-a-directory", b"\0\xff");
    sample.xattr("relative", b"trusted.of-a-link", b"1");
    let world = World::of(sample);
    let su = world.path("su");
    let (need, names) = os::listxattr(&su, 1000).unwrap();
    assert_eq!(names, ["security.capability", "user.big", "user.empty"]);
    assert_eq!(os::listxattr(&su, 0).unwrap().0, need);
    assert_eq!(errno(os::listxattr(&su, need - 1)), libc::ERANGE);
    assert_eq!(os::xattr(&su, "security.capability").unwrap(), CAPABILITY);
    assert_eq!(os::xattr(&su, "user.big").unwrap(), big);
    assert_eq!(os::xattr(&su, "user.empty").unwrap(), b"");
    assert_eq!(os::getxattr(&su, "user.big", 0).unwrap().0, 60_000);
    assert_eq!(errno(os::getxattr(&su, "user.big", 59_999)), libc::ERANGE);
    assert_eq!(errno(os::xattr(&su, "user.none")), libc::ENODATA);
    assert_eq!(os::xattr(&world.path("etc"), "trusted.of-a-directory").unwrap(), b"\0\xff");
    assert_eq!(os::xattr(&world.path("relative"), "trusted.of-a-link").unwrap(), b"1");
    assert_eq!(os::listxattr(&world.path("one"), 100).unwrap().1, Vec::<String>::new());
}

#[test]
fn own_attributes_can_be_asked_for_and_are_not_listed() {
    quote(
        "X3",
        "Names that begin with `user.firn.` belong to firn: they can be asked for, are never listed, and an \
         image's own are not shown.",
    );
    let (mut sample, _) = everything();
    sample.xattr(".", b"user.firn.image", b"forged");
    sample.xattr(".", b"user.plain", b"p");
    sample.xattr("etc", b"user.firn.image", b"forged");
    let world = World::with(sample.fs().with_root_xattr("image", b"sha256:0123"), "");
    assert_eq!(os::xattr(world.root(), "user.firn.image").unwrap(), b"sha256:0123");
    assert_eq!(os::listxattr(world.root(), 100).unwrap().1, ["user.plain"]);
    assert_eq!(errno(os::xattr(&world.path("etc"), "user.firn.image")), libc::ENODATA);
    assert_eq!(os::listxattr(&world.path("etc"), 100).unwrap().1, Vec::<String>::new());
}

#[test]
fn files_tell_what_was_asked_of_them() {
    quote(
        "X6",
        "A regular file of which something was asked for since the mount answers `user.firn.touched`: ranges of its stored bytes as \
         `OFFSET+LENGTH`, separated by commas, ascending, rounded out to chunks; reads that failed count, too. Other files give \
         `ENODATA`.",
    );
    let (mut sample, _) = everything();
    sample.file("asked", &[1; 5000]);
    sample.file("bad", &[2; 6000]);
    sample.damage("bad", Damage::Frozen);
    sample.file("unasked", &[3; 7000]);
    let world = World::with(sample.fs(), "xattr=always");
    let touched = |name: &str| os::xattr(&world.path(name), "user.firn.touched");
    for name in ["asked", "bad", "unasked"] {
        assert_eq!(errno(touched(name)), libc::ENODATA, "{name}");
    }
    std::fs::read(world.path("asked")).unwrap();
    assert_eq!(errno(std::fs::read(world.path("bad"))), libc::EREMOTEIO);
    assert_eq!([touched("asked").unwrap(), touched("bad").unwrap()], [&b"0+5000"[..], b"0+6000"]);
    assert_eq!(errno(touched("unasked")), libc::ENODATA);
    assert_eq!(errno(touched("")), libc::ENODATA, "a directory");
    assert_eq!(os::listxattr(&world.path("asked"), 100).unwrap().1, Vec::<String>::new());
}

#[test]
fn an_image_without_attributes_says_so_once() {
    quote(
        "X4",
        "For an image without any extended attribute the kernel is told so once and asks no more: all of \
         them, `user.firn.*` included, then give `EOPNOTSUPP`.",
    );
    let fs = || everything().0.fs().with_root_xattr("image", b"sha256:0123");
    let world = World::with(fs(), "");
    for name in ["user.firn.image", "user.none", "security.capability"] {
        assert_eq!(errno(os::xattr(world.root(), name)), libc::EOPNOTSUPP, "{name}");
    }
    let listed = os::listxattr(world.root(), 100);
    assert!(listed.is_err() || listed.is_ok_and(|(_, names)| names.is_empty()));
    let world = World::with(fs(), "xattr=always");
    assert_eq!(os::xattr(world.root(), "user.firn.image").unwrap(), b"sha256:0123");
    assert_eq!(errno(os::xattr(world.root(), "user.none")), libc::ENODATA);
}

#[test]
fn file_handles_are_not_offered() {
    quote(
        "N5",
        "File handles are not offered: a mount cannot be exported over NFS, and overlayfs never reaches a file by one.",
    );
    let world = World::of(everything().0);
    for name in ["", "etc", "etc/hostname"] {
        assert_eq!(errno(os::make_handle(&world.path(name))), libc::EOPNOTSUPP, "{name}");
    }
}
