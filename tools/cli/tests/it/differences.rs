//! `firn diff`, as users of git expect it.

use crate::tarball::{Member, Tar};
use crate::world::World;

/// The world's image, and one with four changes.
fn world() -> World {
    let mut world = World::new();
    let base = Tar::default()
        .dir("./")
        .dir("etc/")
        .file("etc/os-release", b"NAME=other\n")
        .file("big", &crate::world::noise(1, 700_000))
        .member(Member { path: "bin/su", mode: 0o755, data: b"#!", ..Member::default() })
        .finish();
    let top = Tar::default().hardlink("big-too", "big").file("etc/new\n", b"new").finish();
    world.layout.image("two", &[base, top]);
    let ran = world.firn(&["archive", &world.layout.reference("two"), "--name", "app:2"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    world
}

#[test]
fn differences_are_listed_summed_and_told_by_the_exit_code() {
    let world = world();
    let ran = world.firn(&["diff", "app:1", "app:2"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("M  /bin/su  [mode]\n"), "{}", ran.out);
    assert!(ran.out.contains("M  /etc/os-release  [content] (10 B -> 11 B)\n"), "{}", ran.out);
    assert!(ran.out.contains("A  /etc/new\\n  (3 B)\n"), "{}", ran.out);
    assert!(ran.out.contains("1 added, 0 removed, 2 changed (content 1, mode 1), 5 the same\n"), "{}", ran.out);
    assert!(ran.out.contains("683.60 KiB in both"), "{}", ran.out);
    assert_eq!(world.firn(&["diff", "app:1", "app:2", "--exit-code"]).code, 1);
    assert_eq!(world.firn(&["diff", "app:1", "app:1", "--exit-code"]).code, 0);
    let ignoring = world.firn(&["diff", "app:1", "app:2", "--ignore", "mode,content", "--name-only"]);
    assert_eq!(ignoring.out, "/etc/new\\n\n");
    assert_eq!(world.firn(&["diff", "app:2", "app:1", "--name-status"]).out.lines().nth(1), Some("D\t/etc/new\\n"));
    let stat = world.firn(&["diff", "app:1", "app:2", "--stat"]).out;
    assert_eq!(stat.lines().count(), 2, "{stat}");
}

#[test]
fn json_has_every_change_and_the_bytes_shared() {
    let world = world();
    let json = world.json(&["diff", "app:1", "app:2"]);
    let status: Vec<&str> =
        json["changes"].as_array().unwrap().iter().map(|change| change["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["M", "A", "M"]);
    assert_eq!(json["changes"][0]["path"], "/bin/su");
    assert_eq!(json["changes"][0]["kinds"][0], "mode");
    assert_eq!(json["changes"][0]["before"]["mode"], "4755");
    assert_eq!(json["changes"][1]["before"], serde_json::Value::Null);
    assert_eq!(json["changes"][1]["after"]["size"], 3);
    // The large file and the two bytes of `su`.
    assert_eq!(json["bytes"]["shared"], 700_002);
    assert_eq!(json["bytes"]["only_first"], 10);
    assert_eq!(json["bytes"]["only_second"], 14);
    assert_eq!(world.json(&["diff", "app:1", "app:2", "--stat"])["changes"], serde_json::Value::Null);
}
