//! Every command does what its help says.

use std::fs;

use serde_json::json;

use crate::layout::blobs;
use crate::world::World;

#[test]
fn what_was_archived_is_listed_shown_and_counted() {
    let world = World::new();
    let listed = world.json(&["ls"]);
    assert_eq!(listed[0]["name"], "app:1");
    assert_eq!(listed[0]["layers"], 2);
    assert!(world.firn(&["ls"]).out.contains("app:1"));
    assert_eq!(world.json(&["ls", "nothing"]), json!([]));
    let shown = world.json(&["show", "app:1"]);
    assert_eq!(shown["digest"], listed[0]["digest"]);
    assert_eq!(shown["filesystems"][0]["platform"], "linux/amd64");
    let ways: Vec<&str> =
        shown["blobs"].as_array().unwrap().iter().filter_map(|blob| blob["comes_back_by"].as_str()).collect();
    assert_eq!(ways.iter().filter(|way| way.contains("zlib -6")).count(), 2, "{ways:?}");
    let stats = world.json(&["stats"]);
    assert_eq!(stats["images"]["number"], 1);
    assert_eq!(stats["recoded_layers"]["number"], 2);
    assert_eq!(stats["kept_layers"]["number"], 0);
    let encoder = &stats["encoders"][0];
    let recipes =
        shown["blobs"].as_array().unwrap().iter().filter_map(|blob| blob["recipe_bytes"].as_u64()).sum::<u64>();
    assert_eq!((encoder["layers"]["number"].as_u64(), encoder["recipe_bytes"].as_u64()), (Some(2), Some(recipes)));
    assert!(encoder["encoder"].as_str().unwrap().contains("zlib -6") && recipes > 0, "{encoder}");
    let short: String = shown["digest"].as_str().unwrap().chars().skip(7).take(8).collect();
    assert_eq!(world.json(&["show", &short])["digest"], shown["digest"], "found by its first digits");
    // What was read of its layers is known from the next time on.
    let often = |shown: &serde_json::Value| -> Vec<String> {
        let layers = shown["blobs"].as_array().unwrap().iter().filter(|blob| blob["diff_id"].is_string());
        layers.map(|blob| blob["frequency"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(often(&shown), ["never", "never"]);
    assert_eq!(world.firn(&["cat", "app:1", "etc/os-release"]).code, 0);
    let read = world.json(&["show", "app:1"]);
    let mut seen = often(&read);
    seen.sort();
    assert_eq!(seen, ["monthly", "never"], "one layer has the file");
    assert!(read["blobs"].as_array().unwrap().iter().any(|blob| blob["last_read"].is_string()));
}

#[test]
fn an_image_is_restored_bit_for_bit_beside_others() {
    let world = World::new();
    assert_eq!(world.firn(&["restore", "app:1", "oci:out:app"]).code, 0);
    assert_eq!(blobs(&world.path("out")), blobs(&world.layout.root));
    let again = world.json(&["restore", "app:1", "oci:out:second-name"]);
    assert_eq!(again["blobs"], 0, "what is there is not written again");
    let index = fs::read_to_string(world.path("out/index.json")).unwrap();
    assert!(index.contains("\"app\"") && index.contains("second-name"));
    assert_eq!(world.firn(&["restore", "app:1", "oci-archive:out.tar:app"]).code, 0);
    let source = format!("oci-archive:{}", world.path("out.tar").display());
    let known = world.json(&["archive", &source, "--no-name"]);
    assert_eq!(known["images"][0]["was_known"], true);
}

#[test]
fn a_file_is_printed_through_links_of_the_image() {
    let world = World::new();
    assert_eq!(world.firn(&["cat", "app:1", "/etc/os-release"]).out, "NAME=test\n");
    assert_eq!(world.firn(&["cat", "app:1", "etc/../etc/os-release"]).out, "NAME=test\n");
    let big = world.command(&["cat", "app:1", "/big-too"]).output().unwrap().stdout;
    assert_eq!(big, crate::world::noise(1, 700_000));
    assert_eq!(world.firn(&["cat", "app:1", "/etc/link"]).code, 3, "a whiteout hides it");
    assert_eq!(world.firn(&["cat", "app:1", "/etc"]).code, 2);
}

#[test]
fn verify_and_index_rebuild_find_everything_in_order() {
    let world = World::new();
    assert_eq!(world.json(&["verify", "--all"])[0]["good"], true);
    let twice = world.json(&["verify", "app:1", "app:1"]);
    assert_eq!((&twice[0]["shared_blobs"], &twice[1]["shared_blobs"]), (&json!(0), &twice[1]["blobs"]), "{twice}");
    assert_eq!(twice[0]["bytes"], twice[1]["bytes"]);
    fs::remove_dir_all(world.archive().join("index")).unwrap();
    assert!(world.json(&["index", "rebuild"])["packs"].as_u64().unwrap() >= 2);
    assert_eq!(world.firn(&["verify", "app:1"]).code, 0);
}

#[test]
fn a_known_image_takes_another_name() {
    let world = World::new();
    let again = world.json(&["archive", &world.layout.reference("app"), "--name", "app:latest"]);
    assert_eq!(again["images"][0]["was_known"], true);
    assert_eq!(world.json(&["ls"]).as_array().unwrap().len(), 2);
}

#[test]
fn the_archive_may_come_from_a_config_file() {
    let world = World::new();
    let config = world.path("no-config/firn");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), format!("archive = {:?}\n", world.archive())).unwrap();
    let output = world.command(&["ls"]).env_remove("FIRN_ARCHIVE").output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("app:1"));
    fs::write(config.join("config.toml"), "archiv = 1\n").unwrap();
    let output = world.command(&["ls"]).env_remove("FIRN_ARCHIVE").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("archiv") && error.contains("line 1"), "{error}");
}

#[test]
fn completions_and_man_pages_are_written() {
    let world = World::empty();
    for shell in ["bash", "zsh", "fish"] {
        assert!(world.firn(&["completions", shell]).out.contains("firn"));
    }
    assert_eq!(world.firn(&["man", "man"]).code, 0);
    let page = fs::read_to_string(world.path("man/firn.1")).unwrap();
    assert!(page.contains("Exit codes"));
    assert!(world.path("man/firn-mount.1").exists());
}
