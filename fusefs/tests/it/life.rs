//! How mounts begin and end.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use firn_fusefs::mount::background::BackgroundError;
use firn_fusefs::mount::{self, Ended, Holder, Manner, MountError, MountOptions, Tie, UnmountError};

use crate::child::{MountProcess, status};
use crate::os;
use crate::semantics::quote;
use crate::view::everything;
use crate::world::{Overlay, Scratch, World, errno, is_mounted, ok, parsed, unmount, until};

/// A directory with a mount process on it.
fn process(options: &str) -> (MountProcess, PathBuf, Scratch) {
    let scratch = Scratch::new();
    let point = scratch.dir("mnt");
    let process = MountProcess::start(&point, options).unwrap();
    (process, point, scratch)
}

fn try_mount(point: &std::path::Path) -> Result<mount::Mounted, MountError> {
    mount::mount(Arc::new(everything().0.fs()), point, &MountOptions::default())
}

#[test]
fn a_mount_answers_when_it_is_there_and_leaves_nothing_when_it_fails() {
    quote(
        "L1",
        "When mounting returns, the mount answers; when it fails, the reason is reported and nothing is left mounted.",
    );
    let (process, point, scratch) = process("fsname=an image:1");
    assert_eq!(fs::read(point.join("etc/hostname")).unwrap(), b"firn\n");
    let entry = mount::mounts().unwrap().into_iter().find(|mount| mount.point == point).unwrap();
    assert_eq!((entry.is_firn(), entry.source.to_str()), (true, Some("an image:1")));
    unmount(&point);
    assert_eq!(process.wait(), Some(status(Ended::Unmounted)));

    let file = scratch.path().join("file");
    fs::write(&file, b"").unwrap();
    let cases = [(scratch.path().join("none"), "does not exist; create the directory"), (file, "is not a directory")];
    for (bad, reason) in cases {
        match MountProcess::start(&bad, "") {
            Err(BackgroundError::Failed { message, code: 7 }) => {
                assert!(message.contains(reason), "{message}")
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{bad:?} was mounted"),
        }
        assert!(!is_mounted(&bad));
    }
    let labels = MountOptions { labels: vec!["nonsense".into()], ..MountOptions::default() };
    let refused = mount::mount(Arc::new(everything().0.fs()), &point, &labels);
    assert!(matches!(refused, Err(MountError::Refused { .. })), "{refused:?}");
    assert!(!is_mounted(&point));
}

#[test]
fn the_helper_mounts_too() {
    let mut options = parsed("via=fusermount,allow_other");
    options.fsname = "a,b\\c".into();
    let world = World::mount(everything().0.fs(), &options);
    assert_eq!(fs::read(world.path("etc/hostname")).unwrap(), b"firn\n");
    let entry = mount::mounts().unwrap().into_iter().find(|mount| mount.point == world.root()).unwrap();
    assert_eq!((entry.fs_type.as_str(), entry.source.to_str()), ("fuse.firn", Some("a,b\\c")));
    assert_eq!(errno(fs::remove_file(world.path("one"))), libc::EROFS);
    let point = world.root().to_owned();
    drop(world);
    assert!(!is_mounted(&point));
}

#[test]
fn signals_and_unmounting_end_the_process() {
    quote(
        "L2",
        "SIGTERM, SIGINT, SIGHUP, `umount` and `fusermount3 -u` all end a mount cleanly, and its process with it.",
    );
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        let (process, point, _scratch) = process("");
        os::kill(process.pid(), signal);
        assert_eq!(process.wait(), Some(status(Ended::Signalled)), "signal {signal}");
        assert!(!is_mounted(&point));
    }
    for program in [&["umount"][..], &["fusermount3", "-u"]] {
        let (process, point, _scratch) = process("");
        assert!(Command::new(program[0]).args(&program[1..]).arg(&point).status().unwrap().success());
        assert_eq!(process.wait(), Some(status(Ended::Unmounted)), "{program:?}");
    }
}

#[test]
fn a_mount_in_use_is_served_to_the_end() {
    quote(
        "L3",
        "A mount in use when the signal comes loses its name at once and is served until its last user is \
         done; a second signal cuts the users off.",
    );
    let (mut first, point, _scratch) = process("");
    let mut dir = File::open(point.join("etc/hostname")).unwrap();
    os::kill(first.pid(), libc::SIGTERM);
    until("the unmount", || !is_mounted(&point));
    assert!(first.is_running());
    let mut text = String::new();
    dir.read_to_string(&mut text).unwrap();
    assert_eq!(text, "firn\n", "nothing of it was cached before");
    drop(dir);
    assert_eq!(first.wait(), Some(status(Ended::Signalled)));

    let (second, point, _scratch) = process("");
    let file = File::open(point.join("etc/hostname")).unwrap();
    os::kill(second.pid(), libc::SIGTERM);
    until("the unmount", || !is_mounted(&point));
    os::kill(second.pid(), libc::SIGTERM);
    assert_eq!(second.wait(), Some(status(Ended::Forced)));
    assert_eq!(errno((&file).read(&mut [0])), libc::ENOTCONN);
}

#[test]
fn an_overlay_outlives_the_name_of_its_lower_directory() {
    let (mut process, point, scratch) = process("");
    for name in ["upper", "work", "merged"] {
        scratch.dir(name);
    }
    let dir = |name: &str| scratch.path().join(name);
    let options =
        format!("lowerdir={},upperdir={},workdir={}", point.display(), dir("upper").display(), dir("work").display());
    ok("mount", &[&"-t", &"overlay", &"overlay", &"-o", &options, &dir("merged")]);
    let merged = Overlay(dir("merged"));
    os::kill(process.pid(), libc::SIGTERM);
    until("the unmount", || !is_mounted(&point));
    assert_eq!(fs::read(merged.0.join("etc/hostname")).unwrap(), b"firn\n");
    assert!(process.is_running());
    drop(merged);
    assert_eq!(process.wait(), Some(status(Ended::Signalled)));
}

#[test]
fn a_killed_process_leaves_errors_not_hangs() {
    quote(
        "L4",
        "When the process is killed, reads fail with `ENOTCONN` instead of hanging; unmounting such a mount \
         succeeds, and mounting over it is refused with a message that says how to remove it.",
    );
    let (process, point, _scratch) = process("");
    let file = File::open(point.join("etc/hostname")).unwrap();
    os::kill(process.pid(), libc::SIGKILL);
    assert_eq!(process.wait(), None);
    assert_eq!(errno((&file).read(&mut [0])), libc::ENOTCONN);
    assert_eq!(errno(fs::read_dir(&point)), libc::ENOTCONN);
    drop(file);
    let error = try_mount(&point).unwrap_err();
    assert!(matches!(error, MountError::Stale { .. }), "{error}");
    assert!(error.to_string().contains(&format!("firn umount {}", point.display())), "{error}");
    unmount(&point);
    assert!(!is_mounted(&point));
    drop(try_mount(&point).unwrap());
}

#[test]
fn nothing_is_mounted_over_a_firn_mount() {
    quote("L5", "A directory that already is a firn mount is not mounted over.");
    let world = World::with(everything().0.fs(), "fsname=the first");
    let error = try_mount(world.root()).unwrap_err();
    assert!(matches!(&error, MountError::AlreadyMounted { what, .. } if what == "the first"), "{error}");
    // Inside it is another matter: that is an ordinary directory.
    drop(try_mount(&world.path("void")).unwrap());
}

#[test]
fn a_busy_mount_names_its_users() {
    quote("L6", "Unmounting a mount in use fails and names who uses it; lazily it succeeds.");
    let (process, point, _scratch) = process("");
    let mut user = Command::new("sleep").arg("600").current_dir(point.join("etc")).spawn().unwrap();
    let busy = mount::unmount(&point, Manner::Now);
    let lazily = mount::unmount(&point, Manner::Lazy);
    user.kill().unwrap();
    user.wait().unwrap();
    let error = busy.unwrap_err();
    let text = error.to_string();
    let UnmountError::Busy { holders, .. } = error else { panic!("{text}") };
    let named = |holder: &Holder| matches!(holder, Holder::Process { pid, tie: Tie::WorkingDirectory, name } if *pid == user.id() && name == "sleep");
    assert!(holders.iter().any(named), "{text}");
    assert!(text.contains(&format!("sleep (pid {}, working directory)", user.id())), "{text}");
    lazily.unwrap();
    assert!(!is_mounted(&point));
    assert_eq!(process.wait(), Some(status(Ended::Unmounted)));
}

#[test]
fn another_mount_on_the_same_place_is_left_alone() {
    let mut world = World::of(everything().0);
    let point = world.root().to_owned();
    unmount(&point);
    ok("mount", &[&"-t", &"tmpfs", &"tmpfs", &point]);
    world.mounted.unmount().unwrap();
    drop(world.mounted);
    assert!(is_mounted(&point), "the other mount was taken for ours");
    assert!(matches!(mount::unmount(&point, Manner::Now), Err(UnmountError::NotFirn { .. })));
    os::umount(&point).unwrap();
}

#[test]
fn a_covered_mount_is_not_taken_for_the_one_above_it() {
    let mut world = World::of(everything().0);
    let point = world.root().to_owned();
    ok("mount", &[&"-t", &"tmpfs", &"tmpfs", &point]);
    match world.mounted.unmount() {
        Err(MountError::Unmount(UnmountError::Busy { holders, .. })) => {
            assert_eq!(holders, [Holder::Mount(point.clone())]);
        }
        other => panic!("{other:?}"),
    }
    os::umount(&point).unwrap();
    assert_eq!(fs::read(point.join("etc/hostname")).unwrap(), b"firn\n", "it is still served");
    world.mounted.unmount().unwrap();
    assert!(!is_mounted(&point));
}

#[test]
fn thread_counts_are_honoured() {
    for options in ["threads=1,readers=1", "threads=5,readers=9"] {
        let world = World::with(everything().0.fs(), options);
        assert_eq!(fs::read(world.path("etc/hostname")).unwrap(), b"firn\n");
        assert_eq!(parsed(options).threads, if options.contains('5') { 5 } else { 1 });
    }
}
