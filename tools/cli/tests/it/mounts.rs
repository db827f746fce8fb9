//! `firn mount` in the background and in the foreground, with the real kernel.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::world::{World, is_mounted, noise, wait_until};

#[test]
fn an_image_mounts_in_the_background_and_unmounts() {
    let world = World::new();
    let mounted = world.mount_point("mnt");
    let dir = mounted.0.clone();
    let ran = world.firn(&["mount", "app:1", "mnt"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(is_mounted(&dir));
    assert_eq!(fs::read(dir.join("etc/os-release")).unwrap(), b"NAME=test\n");
    assert_eq!(fs::read(dir.join("big")).unwrap(), noise(1, 700_000));
    let (one, two) = (fs::metadata(dir.join("big")).unwrap(), fs::metadata(dir.join("big-too")).unwrap());
    assert_eq!((one.ino(), one.nlink()), (two.ino(), 2));
    assert_eq!(fs::metadata(dir.join("bin/su")).unwrap().permissions().mode() & 0o7777, 0o4755);
    assert!(!dir.join("etc/link").exists());
    assert!(fs::write(dir.join("new"), b"x").is_err());
    let again = world.firn(&["mount", "app:1", "mnt"]);
    assert_eq!(again.code, 7);
    assert!(again.err.contains("already is a firn mount"), "{}", again.err);
    assert_eq!(world.firn(&["umount", "mnt"]).code, 0);
    assert!(!is_mounted(&dir));
    drop(mounted);
    assert_ne!(world.firn(&["umount", "mnt"]).code, 0);
}

#[test]
fn errors_reach_the_one_who_asked_for_the_mount() {
    let world = World::new();
    assert_eq!(world.firn(&["mount", "nothing", "mnt"]).code, 3);
    let ran = world.firn(&["mount", "app:1", "no-such-dir"]);
    assert_eq!(ran.code, 7);
    assert!(ran.err.contains("does not exist"), "{}", ran.err);
    fs::create_dir(world.path("mnt")).unwrap();
    let ran = world.firn(&["mount", "app:1", "mnt", "-o", "sideways"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("sideways"), "{}", ran.err);
}

#[test]
fn a_foreground_mount_ends_cleanly_on_sigterm() {
    let world = World::new();
    let mounted = world.mount_point("mnt");
    let dir = &mounted.0;
    let mut child = world.command(&["mount", "--foreground", "app:1", "mnt"]).spawn().unwrap();
    wait_until("the mount", || is_mounted(dir) && dir.join("big").exists());
    // SAFETY: the process is our child and has not been waited for.
    #[allow(unsafe_code)]
    let killed = unsafe { libc::kill(child.id().try_into().unwrap(), libc::SIGTERM) };
    assert_eq!(killed, 0);
    assert!(child.wait().unwrap().success());
    assert!(!is_mounted(dir));
}

#[test]
fn a_killed_mount_process_leaves_a_mount_that_umount_removes() {
    let world = World::new();
    let mounted = world.mount_point("mnt");
    let dir = &mounted.0;
    let mut child = world.command(&["mount", "--foreground", "app:1", "mnt"]).spawn().unwrap();
    wait_until("the mount", || is_mounted(dir) && dir.join("big").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let stale = world.firn(&["mount", "app:1", "mnt"]);
    assert!(stale.err.contains("process is gone"), "{}", stale.err);
    assert_eq!(world.firn(&["umount", "mnt"]).code, 0);
    assert_eq!(world.firn(&["mount", "app:1", "mnt"]).code, 0);
    assert_eq!(world.firn(&["umount", "mnt"]).code, 0);
}
