//! Mounts whose server is killed again and again, under readers who must not notice.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{Advice, fadvise};
use serde_json::Value;

use crate::world::{World, is_mounted, noise, wait_until};

/// How often the server is killed.
const KILLS: usize = 12;

pub fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// The keeper of a mount, by what firn said of it.
pub fn keeper(said: &Value) -> u32 {
    u32::try_from(said["pid"].as_u64().unwrap()).unwrap()
}

/// The process that serves the mount of a keeper; `None` between two of them.
pub fn server_of(keeper: u32) -> Option<u32> {
    // The first thread starts servers.
    let children = fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children")).unwrap();
    let pid = children.split_whitespace().next()?.parse().ok()?;
    // One that was killed and not waited for yet has no memory any more.
    (!fs::read_to_string(format!("/proc/{pid}/statm")).ok()?.starts_with("0 ")).then_some(pid)
}

/// Reads a file by requests that reach the server, however often it was read before.
fn read_anew(path: &Path) -> Vec<u8> {
    let mut file = File::open(path).unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn killed_under_readers(command: &[&str]) {
    let world = World::new();
    let mounted = world.mount_point("mnt");
    let dir = &mounted.0;
    let keeper = keeper(&world.json(&[command, &["app:1", "mnt"]].concat()));
    let (stop, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    // Open all the time.
    let open = File::open(dir.join("etc/os-release")).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    assert!(read_anew(&dir.join("big")) == noise(1, 700_000));
                    assert!(fs::read_dir(dir.join("etc")).unwrap().count() > 0);
                    assert!(!dir.join(format!("missing-{}", rounds.load(Ordering::Relaxed))).exists());
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..KILLS {
            wait_until("a server", || server_of(keeper).is_some());
            let server = server_of(keeper).unwrap();
            let before = rounds.load(Ordering::Relaxed);
            kill("-9", server);
            wait_until("another server", || server_of(keeper).is_some_and(|new| new != server));
            wait_until("further reads", || rounds.load(Ordering::Relaxed) > before + 2);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(std::io::read_to_string(open).unwrap(), "NAME=test\n");
    kill("-TERM", keeper);
    wait_until("the end of the mount", || !is_mounted(dir));
    wait_until("the end of the keeper", || {
        let stat = fs::read_to_string(format!("/proc/{keeper}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    });
}

#[test]
fn an_inspection_mount_survives_its_server() {
    killed_under_readers(&["mount"]);
}

#[test]
fn a_rootfs_survives_its_server() {
    killed_under_readers(&["run-overlay", "--fill", "none"]);
}

#[test]
fn a_rootfs_by_fuse_survives_its_server() {
    killed_under_readers(&["run-overlay", "--mode", "fuse"]);
}

#[test]
fn without_its_keeper_a_mount_is_an_ordinary_one() {
    let world = World::new();
    let mounted = world.mount_point("mnt");
    let dir = &mounted.0;
    let keeper = keeper(&world.json(&["mount", "app:1", "mnt"]));
    let server = server_of(keeper).unwrap();
    kill("-9", keeper);
    assert!(read_anew(&dir.join("big")) == noise(1, 700_000));
    kill("-9", server);
    wait_until("the end of the server", || {
        File::open(dir.join("big")).is_err() || fs::read(dir.join("bin/su")).is_err()
    });
    assert_eq!(world.firn(&["umount", "mnt"]).code, 0);
}
