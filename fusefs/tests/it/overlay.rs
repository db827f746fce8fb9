//! A mount as the lower directory of a real overlayfs, with upper and work directories on a disk.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use firn_engine::tar::EntryKind;

use crate::os;
use crate::sample::Sample;
use crate::semantics::quote;
use crate::world::{Overlay, World, errno, ok};

fn overlay(world: &World, extra: &str) -> Overlay {
    let scratch = world.scratch.path();
    for name in ["upper", "work", "merged"] {
        fs::create_dir_all(scratch.join(name)).unwrap();
    }
    let on = os::statfs(scratch).unwrap().f_type;
    assert!(on != libc::TMPFS_MAGIC && on != libc::OVERLAYFS_SUPER_MAGIC, "the build directory must be on a disk");
    let options = format!(
        "lowerdir={},upperdir={},workdir={}{extra}",
        world.root().display(),
        scratch.join("upper").display(),
        scratch.join("work").display()
    );
    let merged = scratch.join("merged");
    ok("mount", &[&"-t", &"overlay", &"overlay", &"-o", &options, &merged]);
    Overlay(merged)
}

fn sample() -> Sample {
    let mut sample = Sample::new();
    sample.dir("etc");
    sample.file("etc/passwd", b"root:x:0:0\n");
    sample.file("etc/mode", b"chmod me");
    sample.file("etc/gone", b"delete me");
    sample.file("etc/moved", b"rename me");
    sample.file("etc/replaced", b"old");
    sample.file("etc/appended", &[b'a'; 300_000]);
    sample.dir("dir");
    sample.file("dir/kept", b"kept");
    sample.dir("dir/sub");
    sample.dir("opaque");
    sample.file("opaque/old", b"old");
    sample.file("linked", b"two names");
    sample.hard_link("linked-too", "linked");
    sample.symlink("link", b"etc/passwd");
    sample.file("capable", b"#!").mode = 0o755;
    sample
}

/// Path, mode and content of everything, sorted.
fn snapshot(root: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let (mut all, mut dirs) = (Vec::new(), vec![root.to_owned()]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = match meta.file_type() {
                kind if kind.is_file() => fs::read(&path).unwrap(),
                kind if kind.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                kind => {
                    if kind.is_dir() {
                        dirs.push(path.clone());
                    }
                    Vec::new()
                }
            };
            all.push((path.strip_prefix(root).unwrap().to_owned(), meta.mode(), content));
        }
    }
    all.sort();
    all
}

#[test]
fn a_mount_is_a_lower_directory() {
    quote(
        "O1",
        "A mount is a valid lower directory of overlayfs: its files can be created beside, renamed, changed, \
         linked, replaced and deleted, and the result survives a remount of both.",
    );
    let mut world = World::of(sample());
    let lower = snapshot(world.root());
    let merged = overlay(&world, ",redirect_dir=on");
    let at = |name: &str| merged.0.join(name);
    assert_eq!(snapshot(&merged.0), lower, "an untouched overlay shows the lower tree");

    fs::write(at("etc/new"), b"created").unwrap();
    fs::create_dir_all(at("dir/deeper/still")).unwrap();
    fs::rename(at("etc/moved"), at("dir/renamed")).unwrap();
    fs::set_permissions(at("etc/mode"), PermissionsExt::from_mode(0o4711)).unwrap();
    os::lchown(&at("etc/passwd"), 33, 44).unwrap();
    fs::hard_link(at("linked"), at("linked-third")).unwrap();
    fs::remove_file(at("etc/gone")).unwrap();
    fs::write(at("etc/replacement"), b"new").unwrap();
    fs::rename(at("etc/replacement"), at("etc/replaced")).unwrap();
    OpenOptions::new().append(true).open(at("etc/appended")).unwrap().write_all(b"end").unwrap();
    fs::remove_file(at("opaque/old")).unwrap();
    fs::remove_dir(at("opaque")).unwrap();
    fs::create_dir(at("opaque")).unwrap();
    fs::write(at("opaque/fresh"), b"fresh").unwrap();
    fs::rename(at("dir"), at("directory")).unwrap();
    os::setxattr(&at("capable"), "user.note", b"copied up").unwrap();

    let after = snapshot(&merged.0);
    let content = |name: &str| fs::read(at(name)).unwrap();
    assert_eq!(content("etc/new"), b"created");
    assert_eq!(content("directory/renamed"), b"rename me");
    assert_eq!(content("directory/kept"), b"kept");
    assert_eq!(content("etc/replaced"), b"new");
    assert_eq!(content("link"), b"root:x:0:0\n");
    assert_eq!(content("linked-third"), b"two names");
    let appended = content("etc/appended");
    assert_eq!((appended.len(), &appended[299_998..]), (300_003, &b"aaend"[..]));
    assert_eq!(fs::metadata(at("etc/mode")).unwrap().mode() & 0o7777, 0o4711);
    let passwd = fs::metadata(at("etc/passwd")).unwrap();
    assert_eq!((passwd.uid(), passwd.gid()), (33, 44));
    assert!(!at("etc/gone").exists() && !at("dir").exists() && !at("opaque/old").exists());
    assert_eq!(snapshot(world.root()), lower, "the image itself must not change");

    // A new process would see the same tree under the same inode numbers.
    drop(merged);
    world.mounted.unmount().unwrap();
    let again = std::sync::Arc::new(sample().fs());
    world.mounted =
        firn_fusefs::mount::mount(again, &world.scratch.path().join("mnt"), &crate::world::parsed("allow_other"))
            .unwrap();
    let merged = overlay(&world, ",redirect_dir=on");
    assert_eq!(snapshot(&merged.0), after);
    assert_eq!(os::xattr(&merged.0.join("capable"), "user.note").unwrap(), b"copied up");
}

#[test]
fn layers_agree_on_inode_numbers_when_asked_to() {
    let world = World::of(sample());
    let merged = overlay(&world, ",xino=on");
    let ino = |name: &str| fs::metadata(merged.0.join(name)).unwrap().ino();
    let before = ino("etc/passwd");
    os::lchown(&merged.0.join("etc/passwd"), 1, 1).unwrap();
    assert_eq!(ino("etc/passwd"), before, "copying up must not change the number");
    assert_eq!(ino("linked"), ino("linked-too"));
}

#[test]
fn no_image_reaches_into_the_overlay_above_it() {
    quote(
        "X2",
        "An image's own `trusted.overlay.*` and `user.overlay.*` are shown as `trusted.overlay.overlay.*` and \
         `user.overlay.overlay.*`: no image can plant whiteouts or redirects into an overlay above it.",
    );
    for (extra, marks) in [("", "trusted.overlay."), (",userxattr", "user.overlay.")] {
        let mut sample = sample();
        let mut set = |path: &str, mark: &str, value: &[u8]| {
            sample.xattr(path, format!("{marks}{mark}").as_bytes(), value);
        };
        set(".", "opaque", b"x");
        set("dir", "opaque", b"x");
        set("dir", "redirect", b"/etc");
        set("dir/kept", "whiteout", b"");
        set("etc/passwd", "metacopy", b"");
        set("etc/passwd", "redirect", b"/etc/gone");
        let world = World::of(sample);
        assert_eq!(errno(os::xattr(&world.path("dir"), &format!("{marks}redirect"))), libc::ENODATA);
        let shown = format!("{marks}overlay.redirect");
        assert_eq!(os::xattr(&world.path("dir"), &shown).unwrap(), b"/etc");
        assert!(os::listxattr(&world.path("dir"), 1000).unwrap().1.contains(&shown));

        let merged = overlay(&world, extra);
        assert_eq!(fs::read(merged.0.join("dir/kept")).unwrap(), b"kept");
        assert_eq!(fs::read(merged.0.join("etc/passwd")).unwrap(), b"root:x:0:0\n");
        assert_eq!(fs::read_dir(merged.0.join("dir")).unwrap().count(), 2);
        // The overlay takes one level of escaping away again.
        let through = os::xattr(&merged.0.join("dir"), &format!("{marks}redirect"));
        assert_eq!(through.unwrap(), b"/etc");
    }
}

#[test]
fn a_device_0_0_is_shown_and_hides_its_name_in_an_overlay() {
    quote(
        "O2",
        "A character device 0:0 that the image itself holds is shown as what it is, and overlayfs takes it for a whiteout.",
    );
    let mut sample = sample();
    sample.device("zero", EntryKind::CharDevice, 0, 0);
    sample.device("one", EntryKind::CharDevice, 0, 1);
    let world = World::of(sample);
    let zero = fs::symlink_metadata(world.path("zero")).unwrap();
    assert_eq!((zero.mode() & libc::S_IFMT, zero.rdev()), (libc::S_IFCHR, 0));
    let merged = overlay(&world, "");
    assert_eq!(errno(fs::symlink_metadata(merged.0.join("zero"))), libc::ENOENT);
    assert!(fs::symlink_metadata(merged.0.join("one")).is_ok());
}

#[test]
fn an_image_without_attributes_is_a_lower_directory_too() {
    let world = World::of(sample());
    assert_eq!(errno(os::xattr(world.root(), "user.any")), libc::EOPNOTSUPP);
    let merged = overlay(&world, "");
    fs::write(merged.0.join("etc/passwd"), b"changed").unwrap();
    fs::remove_file(merged.0.join("dir/kept")).unwrap();
    fs::hard_link(merged.0.join("linked"), merged.0.join("third")).unwrap();
    assert_eq!(fs::read(merged.0.join("etc/passwd")).unwrap(), b"changed");
    assert_eq!(fs::read(world.path("etc/passwd")).unwrap(), b"root:x:0:0\n");
    assert!(!merged.0.join("dir/kept").exists());
}
