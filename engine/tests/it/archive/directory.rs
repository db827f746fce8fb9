//! The merged tree in a directory: every attribute, and never a byte elsewhere.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use firn_engine::ingest::Meter;
use firn_engine::restore::{DirRestored, EmptyDir, restore_dir};
use firn_engine::tree::{Ino, NodeKind, Tree};
use firn_engine::{Archive, Error, ErrorKind};

use super::trees::{everything, open};
use crate::common::layout::Layout;
use crate::common::tarball::{Member, Tar};
use crate::common::{ingest, noise, scratch, small_archive};

fn archived(dir: &Path, tars: &[Vec<u8>]) -> Archive {
    let archive = small_archive(&dir.join("archive"));
    let mut layout = Layout::new(&dir.join("layout"));
    layout.image("app", tars);
    ingest(&archive, &layout.reference("app")).unwrap();
    archive
}

fn restored(archive: &Archive, to: &Path) -> Result<DirRestored, Error> {
    let meter = Meter::default();
    let done = restore_dir(&open(archive, "app"), EmptyDir::open(to)?, &meter)?;
    assert_eq!(meter.done(), meter.total(), "progress ends at the end");
    Ok(done)
}

/// Compares what is on disk with the tree, entry by entry, and returns how many there are.
fn compare(tree: &Tree, ino: Ino, path: &Path, is_root: bool) -> u64 {
    let (node, meta) = (tree.node(ino).unwrap(), fs::symlink_metadata(path).unwrap());
    let shown = path.display();
    assert_eq!(meta.mode() & 0o7777, node.mode, "mode of {shown}");
    assert_eq!((meta.mtime(), meta.mtime_nsec()), (node.mtime.secs, node.mtime.nanos.into()), "time of {shown}");
    if is_root {
        assert_eq!((meta.uid(), meta.gid()), (node.uid, node.gid), "owner of {shown}");
    }
    for xattr in tree.xattrs(ino).unwrap() {
        let (name, value) = xattr.unwrap();
        let name = String::from_utf8(name.to_vec()).unwrap().replace("user.overlay.", "user.overlay.overlay.");
        let mut found = [0; 100];
        let len = rustix::fs::lgetxattr(path, &*name, &mut found[..]).unwrap();
        assert_eq!(&found[..len], value, "{name} of {shown}");
    }
    let mut entries = 1;
    match node.kind {
        NodeKind::Directory => {
            let listed = fs::read_dir(path).unwrap().count();
            assert_eq!(listed, tree.entry_count(ino).unwrap() as usize, "names in {shown}");
            for index in 0..tree.entry_count(ino).unwrap() {
                let (name, child, _) = tree.entry(ino, index).unwrap().unwrap();
                entries += compare(tree, child, &path.join(std::ffi::OsStr::from_bytes(name)), is_root);
            }
        }
        NodeKind::Symlink => {
            assert_eq!(fs::read_link(path).unwrap().as_os_str().as_bytes(), tree.link_target(ino).unwrap());
        }
        _ => assert_eq!((meta.nlink(), meta.len()), (node.nlink.into(), node.size), "links and size of {shown}"),
    }
    entries
}

#[test]
fn a_tree_is_restored_with_every_attribute() {
    let dir = scratch();
    let mut tars = everything();
    let is_root = rustix::process::geteuid().is_root();
    let device = Member { path: "null", kind: b'3', device: (1, 3), mode: 0o666, ..Member::default() };
    if is_root {
        tars.push(Tar::default().member(device).hardlink("null-too", "null").finish());
    } else {
        // A directory that its owner may not enter can't be looked into again.
        tars.push(Tar::default().file("usr/.wh.locked", b"").finish());
    }
    let archive = archived(dir.path(), &tars);
    let out = dir.path().join("out");
    let done = restored(&archive, &out).unwrap();
    assert_eq!(done.skipped.is_empty(), is_root, "{:?}", done.skipped);
    let image = open(&archive, "app");
    assert_eq!(compare(image.tree(), Ino::ROOT, &out, is_root), done.tree.entries);
    assert_eq!(fs::read(out.join("usr/noise")).unwrap(), noise(1, 200_000));
    let mut sparse = vec![0; 90_000];
    sparse[4096..4099].copy_from_slice(b"abc");
    sparse[70_000..70_002].copy_from_slice(b"de");
    assert_eq!(fs::read(out.join("usr/sparse")).unwrap(), sparse);
    assert_eq!(fs::metadata(out.join("usr/hole")).unwrap().blocks(), 0, "a hole takes no room");
    let far = out.join("d/".repeat(300)).join("bottom");
    assert_eq!(fs::metadata(far).unwrap().ino(), fs::metadata(out.join("a-link")).unwrap().ino());
    unlock(&out);
}

/// Lets a scratch directory be removed by whoever made it.
fn unlock(out: &Path) {
    let _ = rustix::fs::chmod(out.join("usr/locked"), rustix::fs::Mode::RWXU);
}

#[test]
fn a_directory_that_is_not_empty_or_none_is_refused() {
    let dir = scratch();
    let archive = archived(dir.path(), &[Tar::default().file("a", b"a").finish()]);
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("mine"), b"mine").unwrap();
    for path in [&out, &out.join("mine")] {
        let refused = restored(&archive, path).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Usage, "{refused}");
    }
    assert_eq!(fs::read(out.join("mine")).unwrap(), b"mine");
    fs::remove_file(out.join("mine")).unwrap();
    // The user's own link may be followed.
    symlink(&out, dir.path().join("to-out")).unwrap();
    restored(&archive, &dir.path().join("to-out")).unwrap();
    assert_eq!(fs::read(out.join("a")).unwrap(), b"a");
}

#[test]
fn links_in_an_image_lead_nowhere_while_it_is_restored() {
    let dir = scratch();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let target = outside.to_str().unwrap();
    let first = Tar::default().pax(&[("linkpath", target.as_bytes())]).symlink("way-out", "x").finish();
    let up = "../".repeat(30) + target;
    let second = Tar::default()
        .pax(&[("linkpath", up.as_bytes())])
        .symlink("up", "x")
        .file("way-out/a", b"a")
        .file("up/b", b"b")
        .file("../../c", b"c")
        .finish();
    let archive = archived(dir.path(), &[first, second]);
    let out = dir.path().join("out");
    restored(&archive, &out).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    // They lead to what they name inside the image, as in a container.
    let inside = out.join(target.trim_start_matches('/'));
    assert_eq!(fs::read(inside.join("a")).unwrap(), b"a");
    assert_eq!(fs::read(inside.join("b")).unwrap(), b"b");
    assert_eq!(fs::read(out.join("c")).unwrap(), b"c");
}

#[test]
fn a_failed_restore_says_what_is_left() {
    let dir = scratch();
    let tar = Tar::default().file("a", b"a").file("b", &noise(9, 500_000)).finish();
    let archive = archived(dir.path(), &[tar]);
    for pack in packs(&dir.path().join("archive/packs")) {
        let file = fs::File::options().write(true).open(pack).unwrap();
        file.write_all_at(&[0; 64], 300_000).unwrap();
    }
    let out = dir.path().join("out");
    let failed = restored(&archive, &out).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Damaged);
    let Error::Incomplete { path, entries, .. } = &failed else { panic!("{failed}") };
    assert_eq!((path.as_path(), *entries), (out.as_path(), 2), "the root and the first file are whole");
    assert!(failed.to_string().contains("only a part of the image, 2 entries"), "{failed}");
}

fn packs(dir: &Path) -> Vec<PathBuf> {
    let fans = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    fans.flat_map(|fan| fs::read_dir(fan).unwrap().map(|entry| entry.unwrap().path())).collect()
}
