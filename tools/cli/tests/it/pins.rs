//! Pinned working sets: found by names, by a mount, by a start; read on a machine where all else sleeps.

use std::io::Read as _;
use std::path::Path;

use crate::cold::{Cold, EREMOTEIO};
use crate::world::Mounted;

fn head(path: &Path) -> std::io::Result<[u8; 1]> {
    let mut byte = [0];
    std::fs::File::open(path)?.read_exact(&mut byte).map(|()| byte)
}

fn sleeps(path: &Path) -> bool {
    head(path).is_err_and(|error| error.raw_os_error() == Some(EREMOTEIO))
}

/// `app:1` with everything in Deep Archive, and another machine that has attached.
fn asleep(cold: &Cold) {
    cold.attach("archive");
    cold.good(&["spill", "--class", "deep-archive", "--yes"]);
    cold.attach("there");
    std::fs::create_dir(cold.world.path("mnt")).unwrap();
}

#[test]
fn named_files_are_read_while_the_rest_sleeps() {
    let cold = Cold::new();
    std::fs::write(cold.world.path("list"), "/etc\n\nbin/su\n").unwrap();
    let pinned = cold.json(&["pin", "app:1", "--files", "list"]);
    assert_eq!((pinned["files"].as_u64(), pinned["origin"].as_str()), (Some(2), Some("files")));
    assert!(pinned["bytes"].as_u64().unwrap() < pinned["image_bytes"].as_u64().unwrap() / 2);
    asleep(&cold);
    let reads = cold.pack_reads();
    cold.good(&["-a", "there", "mount", "app:1", "mnt"]);
    let mnt = Mounted(cold.world.path("mnt"));
    assert_eq!(std::fs::read(mnt.0.join("etc/os-release")).unwrap(), b"NAME=test\n");
    assert_eq!(std::fs::read(mnt.0.join("bin/su")).unwrap(), b"#!");
    let state = |name: &str| {
        let value = crate::os::xattr(&mnt.0.join(name), "user.firn.state").unwrap();
        String::from_utf8(value).unwrap()
    };
    assert_eq!([state("etc/os-release"), state("big")], ["hot", "frozen"]);
    assert_eq!(cold.pack_reads(), reads, "nothing of it is asked for");
    assert!(sleeps(&mnt.0.join("big")));
    let status = cold.json(&["-a", "there", "status", "--offline"]);
    assert_eq!(
        (status["traffic"][0]["requests"].as_u64(), status["traffic"][0]["bytes_fetched"].as_u64()),
        (Some(1), Some(0))
    );
    assert_eq!(status["refused_reads"][0]["refused"].as_u64().map(|reads| reads > 0), Some(true));
    let listed = cold.good(&["-a", "there", "pin", "--list"]).out;
    assert!(listed.contains("app:1") && listed.contains("files"), "{listed}");
    let stats = cold.json(&["-a", "there", "stats"]);
    assert_eq!(stats["pinned"]["number"], 1);

    // Given up there, gone here.
    cold.good(&["-a", "there", "unpin", "app:1"]);
    assert_eq!(cold.json(&["-a", "there", "sync"])["published"]["pins"], 1);
    assert_eq!(cold.json(&["sync"])["pulled"]["pins"], 1);
    assert_eq!(cold.json(&["pin", "--list"]).as_array().unwrap().len(), 0);
    assert_eq!(cold.firn(&["unpin", "app:1"]).code, 2);
}

#[test]
fn what_was_read_through_a_mount_is_pinned() {
    let cold = Cold::new();
    std::fs::create_dir(cold.world.path("first")).unwrap();
    let unmounted = cold.firn(&["pin", "app:1", "--from-mount"]);
    assert!(unmounted.code == 2 && unmounted.err.contains("not mounted"), "{}", unmounted.err);
    cold.good(&["mount", "app:1", "first", "-o", "xattr=always"]);
    let first = Mounted(cold.world.path("first"));
    let unread = cold.firn(&["pin", "app:1", "--from-mount"]);
    assert!(unread.code == 2 && unread.err.contains("nothing was read"), "{}", unread.err);
    head(&first.0.join("big")).unwrap();
    let touched = crate::os::xattr(&first.0.join("big-too"), "user.firn.touched").unwrap();
    assert!(touched.starts_with(b"0+"), "a hard link is the same file");
    let pinned = cold.json(&["pin", "app:1", "--from-mount"]);
    assert_eq!(
        (pinned["files"].as_u64(), pinned["bytes"].as_u64()),
        (Some(1), Some(700_000)),
        "small files are pinned whole"
    );
    // And one more, beside it.
    std::fs::write(cold.world.path("list"), "etc/os-release\n").unwrap();
    let more = cold.json(&["pin", "app:1", "--files", "list", "--add"]);
    assert_eq!((more["bytes"].as_u64(), more["shared_bytes"].as_u64()), (Some(700_010), Some(700_000)));
    asleep(&cold);
    cold.good(&["-a", "there", "mount", "app:1", "mnt"]);
    let mnt = Mounted(cold.world.path("mnt"));
    assert!(head(&mnt.0.join("big")).is_ok() && head(&mnt.0.join("etc/os-release")).is_ok());
    assert!(sleeps(&mnt.0.join("bin/su")));
}

#[test]
fn what_makes_no_sense_is_refused_and_pins_nothing() {
    let cold = Cold::new();
    std::fs::write(cold.world.path("list"), "etc/os-release\nno/such\n").unwrap();
    let refused = |words: &[&str], code, what: &str| {
        let ran = cold.firn(words);
        assert!(ran.code == code && ran.err.contains(what), "{words:?}: {} {}", ran.code, ran.err);
    };
    refused(&["pin", "app:1"], 2, "--startup");
    refused(&["pin", "nobody", "--startup"], 3, "nobody");
    refused(&["pin", "app:1", "--files", "list"], 2, "no/such");
    refused(&["pin", "app:1", "--files", "nolist"], 7, "nolist");
    refused(&["pin", "app:1", "--startup"], 2, "names no program");
    refused(&["pin", "app:1", "--startup", "--", "/bin/nothing"], 2, "nothing was pinned");
    refused(&["pin", "app:1", "--files", "list", "--", "sh"], 2, "cannot be used with");
    assert_eq!(cold.json(&["pin", "--list"]).as_array().unwrap().len(), 0);
    assert!(!cold.world.path("archive/startup.tmp").exists(), "nothing is left behind");
}

#[test]
fn a_start_is_tried_out_in_a_container() {
    let cold = Cold::new();
    // A shell that needs nothing else is put into an image of its own.
    let shell = std::fs::read("/bin/busybox").expect("busybox-static, which cargo xtask setup --for test installs");
    let mut layout = crate::layout::Layout::new(&cold.world.path("shell"));
    let program = crate::tarball::Member { path: "bin/sh", mode: 0o755, data: &shell, ..Default::default() };
    let tar = crate::tarball::Tar::default()
        .dir("bin/")
        .dir("proc/")
        .dir("dev/")
        .dir("sys/")
        .dir("tmp/")
        .member(program)
        .file("asked", b"for")
        .file("unasked", &crate::world::noise(9, 300_000));
    layout.image("shell", &[tar.finish()]);
    cold.good(&["archive", &layout.reference("shell"), "--name", "shell:1"]);
    let script = "while read line; do :; done < /asked; echo changed > /tmp/new; test ! -e /proc/1/nothing";
    let words = ["--json", "pin", "shell:1", "--startup", "--", "/bin/sh", "-c", script];
    let pinned: serde_json::Value = serde_json::from_str(&cold.good(&words).out).unwrap();
    assert_eq!((pinned["origin"].as_str(), pinned["files"].as_u64()), (Some("startup"), Some(2)));
    assert_eq!(pinned["bytes"].as_u64().unwrap(), shell.len() as u64 + 3);
    // One that goes on is stopped; what failed is said.
    let words = ["--json", "pin", "shell:1", "--startup", "--for", "1s", "--", "/bin/sh", "-c", "while :; do :; done"];
    cold.good(&words);
    let failed = cold.firn(&["pin", "shell:1", "--startup", "--", "/bin/sh", "-c", "echo broken; exit 3"]);
    assert!(failed.code == 2 && failed.err.contains("exit code 3") && failed.err.contains("broken"), "{}", failed.err);
    // Whoever gives up waiting leaves no container behind.
    let words = [
        "pin",
        "shell:1",
        "--startup",
        "--for",
        "10m",
        "--",
        "/bin/sh",
        "-c",
        "echo in > /tmp/in; while :; do :; done",
    ];
    let mut waiting = cold.command(&words).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let place = cold.world.path("archive/startup.tmp").join(waiting.id().to_string());
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !place.join("runtime/firn-startup").exists() {
        assert!(std::time::Instant::now() < until, "it never starts");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    crate::os::kill(waiting.id(), 15);
    assert_eq!(waiting.wait().unwrap().code(), Some(2));
    assert!(!cold.world.path("archive/startup.tmp").exists());
    // What sleeps can't be started from, and the way out is named.
    cold.good(&["unpin", "shell:1"]);
    asleep(&cold);
    let frozen = cold.firn(&["-a", "there", "pin", "shell:1", "--startup", "--", "/bin/sh", "-c", ":"]);
    assert!(frozen.code == 9 && frozen.err.contains("firn thaw"), "{}", frozen.err);
    assert!(!cold.world.path("there/startup.tmp").exists());
}
