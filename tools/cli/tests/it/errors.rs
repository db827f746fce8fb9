//! Errors name the thing, say why and what to do, and have documented exit codes.

use std::fs;

use crate::layout::{GZIP_LAYER, gzip};
use crate::tarball::Tar;
use crate::world::{World, noise};

#[test]
fn exit_codes_are_as_documented() {
    let world = World::new();
    let code = |words: &[&str]| world.firn(words).code;
    assert_eq!(code(&["no-such-command"]), 2);
    assert_eq!(code(&["archive", "http://example/app"]), 2);
    assert_eq!(code(&["show", "other"]), 3);
    assert_eq!(code(&["--archive", "nowhere", "ls"]), 3);
    assert_eq!(code(&["archive", "oci:nowhere:x"]), 4);
    assert_eq!(code(&["init"]), 2, "it is there already");
    assert_eq!(code(&["restore", "app:1", "docker-archive:x.tar:NO"]), 2);
    assert_eq!(code(&["restore", "app:1", "dir:layout"]), 2, "it is not empty");
    assert_eq!(code(&["restore", "app:1", "tar:x.tar", "--platform", "linux/s390x"]), 2);
    assert_eq!(code(&["restore", "app:1", "oci:x", "--platform", "linux/amd64"]), 2);
    assert_eq!(code(&["diff", "app:1", "other"]), 3);
    assert_eq!(code(&["diff", "app:1", "app:1", "--ignore", "weather"]), 2);
    let help = world.firn(&["--help"]).out;
    for line in ["3    not found", "5    the archive is damaged", "8    a limit"] {
        assert!(help.contains(line), "{help}");
    }
}

#[test]
fn a_typo_is_met_with_a_suggestion_and_json_has_it_too() {
    let world = World::new();
    let text = world.firn(&["show", "app"]).err;
    assert!(text.contains("no image 'app'") && text.contains("did you mean app:1?"), "{text}");
    let report: serde_json::Value = serde_json::from_str(&world.firn(&["show", "app", "--json"]).err).unwrap();
    assert_eq!(report["error"]["kind"], "not_found");
    assert_eq!(report["error"]["exit_code"], 3);
    assert!(report["error"]["hint"].as_str().unwrap().contains("app:1"));
}

#[test]
fn damage_is_reported_with_its_own_code_and_the_pack_that_has_it() {
    let world = World::new();
    let mut packs = Vec::new();
    for fan in fs::read_dir(world.archive().join("packs")).unwrap() {
        packs.extend(fs::read_dir(fan.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    let pack = packs.first().unwrap();
    let mut bytes = fs::read(pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(pack, bytes).unwrap();
    let ran = world.firn(&["verify", "app:1"]);
    assert_eq!(ran.code, 5);
    assert!(
        ran.out.contains("DAMAGED") && ran.out.contains(pack.file_name().unwrap().to_str().unwrap()),
        "{}",
        ran.out
    );
    let restore = world.firn(&["restore", "app:1", "oci:out:app"]);
    assert_eq!(restore.code, 5);
    assert!(!world.path("out/index.json").exists(), "nothing is listed that is not whole");
}

#[test]
fn limits_name_the_flag_that_raises_them() {
    let mut world = World::new();
    let bomb = gzip(&Tar::default().file("zeros", &vec![0; 3_000_000]).finish());
    let layer = world.layout.blob(GZIP_LAYER, &bomb);
    let manifest = world.layout.manifest(&[layer]);
    world.layout.tag("bomb", manifest);
    let source = world.layout.reference("bomb");
    let ran = world.firn(&["archive", &source, "--max-layer-size", "1M"]);
    assert_eq!(ran.code, 8);
    assert!(ran.err.contains("--max-layer-size"), "{}", ran.err);
    assert_eq!(world.firn(&["archive", &source]).code, 0);
    assert_eq!(world.firn(&["verify", "--all"]).code, 0);
}

#[test]
fn a_second_writer_is_told_to_wait_and_readers_go_on() {
    let world = World::new();
    let lock = fs::File::options().append(true).open(world.archive().join("lock")).unwrap();
    lock.lock().unwrap();
    let ran = world.firn(&["archive", &world.layout.reference("app")]);
    assert_eq!(ran.code, 6, "{}", ran.err);
    assert_eq!(world.firn(&["verify", "app:1"]).code, 0);
}

#[test]
fn a_failing_image_does_not_take_the_ones_before_it_along() {
    let mut world = World::empty();
    world.layout.image("good", &[Tar::default().file("a", &noise(5, 50_000)).finish()]);
    assert_eq!(world.firn(&["init"]).code, 0);
    let ran = world.firn(&["archive", &world.layout.reference("good"), "oci:nowhere:bad"]);
    assert_eq!(ran.code, 4);
    assert_eq!(world.firn(&["verify", "good"]).code, 0);
}
