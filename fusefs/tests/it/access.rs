//! Who may do what: permissions, owners, changes.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use firn_engine::tar::EntryKind;

use crate::os;
use crate::sample::Sample;
use crate::semantics::quote;
use crate::view::everything;
use crate::world::{World, cat_as, errno, ok};

/// `u::rw-,u:12345:r--,g::---,m::r--,o::---` as the kernel stores it.
fn acl_for_12345() -> Vec<u8> {
    let none = u32::MAX;
    let entries = [(1_u16, 6_u16, none), (2, 4, 12_345), (4, 0, none), (0x10, 4, none), (0x20, 0, none)];
    let mut acl = 2_u32.to_le_bytes().to_vec();
    for (tag, perm, id) in entries {
        acl.extend([&tag.to_le_bytes()[..], &perm.to_le_bytes(), &id.to_le_bytes()].concat());
    }
    acl
}

#[test]
fn the_kernel_checks_modes_owners_and_acls() {
    quote("P1", "The kernel checks every access against the image's modes, owners and ACLs.");
    let mut sample = Sample::new();
    sample.file("private", b"secret").mode = 0o600;
    let owned = sample.file("owned", b"mine");
    (owned.mode, owned.uid) = (0o400, 54_321);
    sample.file("public", b"all").mode = 0o644;
    sample.dir("closed").mode = 0o700;
    sample.file("closed/inside", b"hidden").mode = 0o644;
    sample.file("granted", b"by acl").mode = 0o640;
    sample.xattr("granted", b"system.posix_acl_access", &acl_for_12345());
    let world = World::of(sample);
    for (uid, name, text) in [
        (12_345, "private", None),
        (12_345, "owned", None),
        (54_321, "owned", Some("mine")),
        (12_345, "public", Some("all")),
        (12_345, "closed/inside", None),
        (12_345, "granted", Some("by acl")),
        (54_321, "granted", None),
        (0, "private", Some("secret")),
    ] {
        let output = cat_as(uid, &world.path(name));
        let said = String::from_utf8_lossy(&output.stderr);
        match text {
            Some(text) => assert_eq!(output.stdout, text.as_bytes(), "{uid} {name}: {said}"),
            None => assert!(!output.status.success() && said.contains("Permission denied"), "{uid} {name}: {said}"),
        }
    }
}

#[test]
fn others_stay_out_unless_let_in() {
    quote("P2", "Only the user who mounted gets in, unless `allow_other` is given.");
    for (options, let_in) in [("", false), ("allow_other", true)] {
        let mut sample = Sample::new();
        sample.file("public", b"all");
        let world = World::with(sample.fs(), options);
        assert_eq!(fs::read(world.path("public")).unwrap(), b"all");
        let output = cat_as(12_345, &world.path("public"));
        assert_eq!(output.status.success(), let_in, "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn set_user_id_and_devices_are_inert_by_default() {
    quote(
        "P3",
        "Set-user-id bits and device nodes have no effect on the mount itself unless `suid` and `dev` are \
         given; they are always shown.",
    );
    // A statically known program that prints who it is: a copy of `id`.
    let id = fs::read(ok("sh", &[&"-c", &"command -v id"]).trim()).unwrap();
    for (options, live) in [("allow_other", false), ("allow_other,suid,dev", true)] {
        let mut sample = Sample::new();
        let program = sample.file("id", &id);
        (program.mode, program.uid) = (0o4755, 4242);
        sample.device("null", EntryKind::CharDevice, 1, 3).mode = 0o666;
        let world = World::with(sample.fs(), options);
        assert_eq!(fs::metadata(world.path("id")).unwrap().permissions().mode() & 0o7777, 0o4755);
        let uid = ok("setpriv", &[&"--reuid", &"12345", &"--clear-groups", &world.path("id"), &"-u"]);
        assert_eq!(uid.trim(), if live { "4242" } else { "12345" }, "{options}");
        let null = File::open(world.path("null"));
        match live {
            true => assert_eq!(null.unwrap().read(&mut [0]).unwrap(), 0),
            false => assert_eq!(errno(null), libc::EACCES),
        }
    }
    let mut sample = Sample::new();
    sample.file("id", &id).mode = 0o755;
    let world = World::with(sample.fs(), "noexec");
    assert_eq!(errno(Command::new(world.path("id")).status()), libc::EACCES);
}

#[test]
fn fifos_connect_local_processes() {
    quote("P4", "FIFOs can be opened and carry data between local processes.");
    let world = World::of(everything().0);
    let pipe = world.path("pipe");
    let mut reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    OpenOptions::new().write(true).open(&pipe).unwrap().write_all(b"through").unwrap();
    let mut text = String::new();
    reader.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(reader.wait().unwrap().success());
    assert_eq!(text, "through");
}

/// Every change that can be tried; what each of them gives.
fn tried(world: &World) -> Vec<(&'static str, i32)> {
    let path = |name: &str| world.path(name);
    let open = |options: &mut OpenOptions, name: &str| errno(options.open(path(name)));
    let mut tried = vec![
        ("create", errno(File::create(path("new")))),
        ("truncate", open(OpenOptions::new().write(true).truncate(true), "one")),
        ("mkdir", errno(fs::create_dir(path("new")))),
        ("symlink", errno(symlink("x", path("new")))),
        ("link", errno(fs::hard_link(path("one"), path("new")))),
        ("mknod", errno(os::mknod(&path("new"), libc::S_IFIFO | 0o600, 0))),
        ("unlink", errno(fs::remove_file(path("one")))),
        ("rmdir", errno(fs::remove_dir(path("void")))),
        ("rename", errno(fs::rename(path("one"), path("new")))),
        ("chmod", errno(fs::set_permissions(path("one"), PermissionsExt::from_mode(0o600)))),
        ("chown", errno(os::lchown(&path("one"), 1, 1))),
        ("setxattr", errno(os::setxattr(&path("one"), "user.new", b"1"))),
        ("removexattr", errno(os::removexattr(&path("one"), "user.old"))),
    ];
    // Opening for writing may pass while the mount is read-write; then the writing itself must not.
    let last = match OpenOptions::new().write(true).open(path("one")) {
        Err(error) => ("open", error.raw_os_error().unwrap()),
        Ok(file) => {
            tried.push(("fallocate", errno(os::fallocate(&file, 10))));
            tried.push(("write", errno((&file).write(b"x"))));
            ("ftruncate", errno(file.set_len(0)))
        }
    };
    tried.push(last);
    tried
}

#[test]
fn nothing_can_be_changed() {
    quote(
        "C1",
        "Everything that would change the tree gives `EROFS`, also after somebody has remounted it read-write.",
    );
    let (mut sample, _) = everything();
    sample.xattr("one", b"user.old", b"1");
    let world = World::of(sample);
    for remounted in [false, true] {
        if remounted {
            // `-i`: without the helper program that `mount` has for FUSE.
            ok("mount", &[&"-i", &"-o", &"remount,rw", &world.root()]);
        }
        let results = tried(&world);
        assert!(results.len() >= if remounted { 16 } else { 14 });
        for (what, errno) in results {
            assert_eq!(errno, libc::EROFS, "{what}, remounted: {remounted}");
        }
        assert_eq!(fs::read(world.path("one")).unwrap(), b"three names");
        assert_eq!(os::xattr(&world.path("one"), "user.old").unwrap(), b"1");
    }
}
