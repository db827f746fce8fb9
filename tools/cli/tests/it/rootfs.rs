//! `firn run-overlay`, `firn hydrate` and `firn cache`, with the real kernel.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::kept::{keeper, kill, server_of};
use crate::world::{Mounted, World, is_mounted, noise, wait_until};

/// An archive with a directory to mount on.
fn world() -> (World, Mounted) {
    let world = World::new();
    let mounted = world.mount_point("root");
    (world, mounted)
}

fn check(root: &Path) {
    assert_eq!(fs::read(root.join("etc/os-release")).unwrap(), b"NAME=test\n");
    assert_eq!(fs::read(root.join("big")).unwrap(), noise(1, 700_000));
}

#[test]
fn an_image_gets_a_writable_layer_and_goes_without_a_trace() {
    let (world, mounted) = world();
    let said = world.json(&["run-overlay", "app:1", "root"]);
    assert_eq!((&said["mode"], &said["because"]), (&Value::from("rootfs"), &Value::Null));
    check(&mounted.0);
    fs::write(mounted.0.join("etc/new"), b"x").unwrap();
    fs::remove_file(mounted.0.join("big")).unwrap();
    let again = world.firn(&["run-overlay", "app:1", "root"]);
    assert_eq!(again.code, 7);
    assert!(again.err.contains("already is a firn mount"), "{}", again.err);
    assert_eq!(world.firn(&["umount", "root"]).code, 0);
    assert!(!is_mounted(&mounted.0));
    // In memory: it is all as it was.
    world.json(&["run-overlay", "app:1", "root"]);
    check(&mounted.0);
    assert!(!mounted.0.join("etc/new").exists());
    assert_eq!(world.firn(&["umount", "root"]).code, 0);
}

#[test]
fn each_mode_can_be_had_and_changes_can_be_kept() {
    let (world, mounted) = world();
    let root = &mounted.0;
    for (mode, name) in [("fuse", "first"), ("rootfs", "second")] {
        let said = world.json(&["run-overlay", "app:1", "root", "--mode", mode, "--upper", "changes"]);
        assert_eq!(said["mode"], mode);
        check(root);
        fs::write(root.join(name), name).unwrap();
        assert_eq!(world.firn(&["umount", "root"]).code, 0);
    }
    let said = world.firn(&["run-overlay", "app:1", "root", "--upper", "changes"]);
    assert_eq!((said.code, said.out.as_str()), (0, "mounted app:1 on root (mode rootfs)\n"));
    assert_eq!(fs::read(root.join("first")).unwrap(), b"first");
    assert_eq!(fs::read(world.path("changes/upper/second")).unwrap(), b"second");
    assert_eq!(world.firn(&["umount", "root"]).code, 0);
    world.json(&["run-overlay", "app:1", "root", "--read-only"]);
    check(root);
    assert!(fs::write(root.join("new"), b"x").is_err() && !root.join("first").exists());
    assert_eq!(world.firn(&["umount", "root"]).code, 0);
    assert_eq!(world.firn(&["run-overlay", "app:1", "root", "--read-only", "--tmpfs"]).code, 2);
}

#[test]
fn whole_files_are_brought_counted_and_removed() {
    let (world, mounted) = world();
    assert_eq!(world.json(&["cache", "stats"])["files"], 0);
    let first = world.json(&["hydrate", "app:1"]);
    let files = first["files"].as_u64().unwrap();
    assert!(files >= 2, "{first}");
    assert_eq!((&first["brought"], &first["present"]), (&first["files"], &Value::from(0)));
    let again = world.json(&["hydrate", "app:1"]);
    assert_eq!((&again["brought"], &again["present"]), (&Value::from(0), &first["files"]));
    assert_eq!(world.json(&["cache", "stats"])["files"], files);
    world.json(&["run-overlay", "app:1", "root"]);
    check(&mounted.0);
    let trimmed = world.json(&["cache", "trim", "--to", "0"]);
    assert_eq!((&trimmed["removed"]["files"], &trimmed["left"]["files"]), (&Value::from(0), &Value::from(files)));
    check(&mounted.0);
    assert_eq!(world.firn(&["umount", "root"]).code, 0);
    wait_until("the end of its use", || world.json(&["cache", "trim", "--to", "0"])["left"]["files"] == 0);
}

#[test]
fn a_mount_unpacks_files_by_itself_and_only_so_much() {
    let (world, mounted) = world();
    let files = || world.json(&["cache", "stats"])["files"].as_u64().unwrap();
    let run = |options: &[&str]| world.json(&[&["run-overlay", "app:1", "root"], options].concat());
    let all = world.json(&["hydrate", "app:1"])["files"].as_u64().unwrap();
    world.json(&["cache", "trim", "--to", "0"]);
    run(&["--fill", "none"]);
    assert_eq!(world.firn(&["umount", "root"]).code, 0);
    assert_eq!(files(), 0);
    run(&["--fill-limit", "600K"]);
    wait_until("some file", || files() > 0);
    check(&mounted.0);
    assert_eq!(world.firn(&["umount", "root"]).code, 0);
    let some = files();
    run(&[]);
    wait_until("all files", || files() == all);
    assert!(all > some, "{some}");
    check(&mounted.0);
    assert_eq!(world.firn(&["umount", "root"]).code, 0);
}

/// What the kernel has in hand does not need the processes behind it.
#[test]
fn files_that_are_here_outlive_the_processes() {
    let (world, mounted) = world();
    world.json(&["hydrate", "app:1"]);
    let keeper = keeper(&world.json(&["run-overlay", "app:1", "root"]));
    let server = server_of(keeper).unwrap();
    // The keeper first, or it would start another one.
    kill("-9", keeper);
    kill("-9", server);
    check(&mounted.0);
    fs::write(mounted.0.join("new"), b"x").unwrap();
    assert_eq!(world.firn(&["umount", "root"]).code, 0);
    assert!(!is_mounted(&mounted.0));
}
