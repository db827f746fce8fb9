//! `firn restore` to what holds files or docker's layers.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::tarball::{Member, Tar};
use crate::world::{World, noise, ran};

#[test]
fn a_docker_archive_says_what_is_lost_and_is_read_back() {
    let world = World::new();
    let restored = world.firn(&["restore", "app:1", "docker-archive:app.tar:local/app:1"]);
    assert_eq!(restored.code, 0, "{}", restored.err);
    let digest = world.json(&["show", "app:1"])["digest"].as_str().unwrap().to_owned();
    assert!(restored.out.contains(&format!("digest {digest} is lost")), "{}", restored.out);
    assert!(world.firn(&["restore", "--help"]).out.contains("manifest digest is LOST"));
    let source = format!("docker-archive:{}", world.path("app.tar").display());
    assert_eq!(world.firn(&["archive", &source, "--name", "again:1"]).code, 0);
    assert_eq!(world.firn(&["diff", "app:1", "again:1", "--exit-code"]).code, 0);
    let diff_ids = |name: &str| {
        let shown = world.json(&["show", name]);
        let blobs = shown["blobs"].as_array().unwrap().iter();
        blobs.filter_map(|blob| blob["diff_id"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(diff_ids("app:1"), diff_ids("again:1"));
    let json = world.json(&["restore", "app:1", "docker-archive:unnamed.tar"]);
    assert_eq!((&json["digest_kept"], &json["layers"]), (&false.into(), &2.into()));
    assert_eq!(world.firn(&["restore", "app:1", "docker-archive:app.tar"]).code, 2, "it is there already");
}

/// What an unpacked `app:1` looks like.
fn check_files(out: &Path) {
    assert_eq!(fs::read(out.join("etc/os-release")).unwrap(), b"NAME=test\n");
    assert_eq!(fs::read(out.join("big")).unwrap(), noise(1, 700_000));
    let (one, two) = (fs::metadata(out.join("big")).unwrap(), fs::metadata(out.join("big-too")).unwrap());
    assert_eq!((one.ino(), one.nlink(), one.mtime()), (two.ino(), 2, 1_700_000_000));
    assert!(!out.join("etc/link").exists(), "a whiteout hides it");
}

#[test]
fn a_tree_is_written_as_a_tar_file_or_stream() {
    let world = World::new();
    assert_eq!(world.firn(&["restore", "app:1", "tar:app.tar"]).code, 0);
    let stream = world.command(&["restore", "app:1", "tar:-", "--json"]).output().unwrap();
    assert_eq!(stream.stdout, fs::read(world.path("app.tar")).unwrap(), "the same bytes");
    let report: serde_json::Value = serde_json::from_slice(&stream.stderr).unwrap();
    assert_eq!(report["entries"], 7);
    fs::create_dir(world.path("out")).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["-xpf", "app.tar", "-C", "out"]).current_dir(world.dir.path());
    assert!(tar.status().unwrap().success());
    check_files(&world.path("out"));
    assert_eq!(world.firn(&["restore", "app:1", "tar:app.tar"]).code, 2, "it is there already");
    // Whoever stops reading makes the restore fail, since it was not done.
    let mut child =
        world.command(&["restore", "app:1", "tar:-"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn a_tree_is_written_to_a_directory() {
    let world = World::new();
    let ran = world.firn(&["restore", "app:1", "dir:out"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    check_files(&world.path("out"));
    assert_eq!(fs::metadata(world.path("out/bin/su")).unwrap().permissions().mode() & 0o7777, 0o4755);
    assert_eq!(world.firn(&["restore", "app:1", "dir:out"]).code, 2, "it is not empty");
}

/// Only root can become somebody else; a test run without it is that somebody already.
fn as_nobody(world: &World, command: &mut Command) {
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        let mut chown = Command::new("chown");
        assert!(chown.args(["-R", "65534:65534"]).arg(world.dir.path()).status().unwrap().success());
        command.uid(65534).gid(65534);
    }
}

#[test]
fn without_root_a_directory_gets_what_is_allowed_and_one_warning() {
    let mut world = World::new();
    let tar = Tar::default()
        .dir("./")
        .member(Member { path: "null", kind: b'3', device: (1, 3), ..Member::default() })
        .member(Member { path: "su", mode: 0o4755, uid: 12, data: b"#!", ..Member::default() })
        .member(Member { path: "mine", mode: 0o4755, uid: 65534, data: b"#!", ..Member::default() })
        .member(Member { path: "locked/", kind: b'5', mode: 0o500, ..Member::default() })
        .file("locked/file", b"inside")
        .finish();
    world.layout.image("odd", &[tar]);
    assert_eq!(world.firn(&["archive", &world.layout.reference("odd"), "--name", "odd:1"]).code, 0);
    let mut command = world.command(&["restore", "odd:1", "dir:out"]);
    as_nobody(&world, &mut command);
    let done = ran(command.output().unwrap());
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(done.err.lines().filter(|line| line.starts_with("warning: ")).count(), 1, "{}", done.err);
    assert!(done.err.contains("1 devices") && done.err.contains("owners"), "{}", done.err);
    let out = world.path("out");
    assert_eq!(fs::read(out.join("locked/file")).unwrap(), b"inside");
    let mode = |name: &str| fs::metadata(out.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("locked"), 0o500);
    assert_eq!(mode("su"), 0o755, "what was another's would give away this user's rights");
    if fs::metadata(out.join("mine")).unwrap().uid() == 65534 {
        assert_eq!(mode("mine"), 0o4755);
    }
    fs::set_permissions(out.join("locked"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_damaged_archive_leaves_no_tar_file_and_says_what_a_directory_holds() {
    let world = World::new();
    for fan in fs::read_dir(world.archive().join("packs")).unwrap() {
        for pack in fs::read_dir(fan.unwrap().path()).unwrap() {
            let pack = pack.unwrap().path();
            let mut bytes = fs::read(&pack).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(pack, bytes).unwrap();
        }
    }
    for destination in ["tar:app.tar", "docker-archive:app.tar"] {
        assert_eq!(world.firn(&["restore", "app:1", destination]).code, 5);
        assert!(!world.path("app.tar").exists(), "{destination}");
    }
    let ran = world.firn(&["restore", "app:1", "dir:out"]);
    assert_eq!(ran.code, 5);
    assert!(ran.err.contains("out holds only a part of the image"), "{}", ran.err);
    assert!(ran.err.contains("because: "), "{}", ran.err);
}
