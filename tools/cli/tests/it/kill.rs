//! kill -9 at any moment of an ingest: a clean restart, earlier images intact, nothing half visible.

use std::time::Duration;

use crate::tarball::Tar;
use crate::world::{World, noise};

#[test]
fn an_ingest_killed_at_any_moment_leaves_nothing_half_visible() {
    let mut world = World::new();
    let tar = |seed: u64| {
        (0..12u64)
            .fold(Tar::default(), |tar, n| tar.file(&format!("f{n}.bin"), &noise(seed * 100 + n, 400_000)))
            .finish()
    };
    world.layout.image("next", &[tar(2), tar(3), tar(4)]);
    let source = world.layout.reference("next");
    let mut survivors = 0;
    for round in 0..12u64 {
        let mut child = world.command(&["archive", &source, "--quiet"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(15 + 45 * round));
        let _ = child.kill();
        survivors += u32::from(child.wait().unwrap().success());
        let verified = world.firn(&["verify", "--all"]);
        assert_eq!(verified.code, 0, "round {round}: {}{}", verified.out, verified.err);
        let images = world.json(&["ls", "--all"]).as_array().unwrap().len();
        assert!((1..=2).contains(&images), "round {round}: {images} images");
        if survivors > 0 {
            break;
        }
    }
    assert_eq!(world.firn(&["archive", &source]).code, 0);
    assert_eq!(world.firn(&["verify", "next"]).code, 0);
    assert_eq!(world.firn(&["restore", "next", "oci:out:next"]).code, 0);
    let leftovers = world.archive().join("tmp");
    assert!(!leftovers.exists() || leftovers.read_dir().unwrap().next().is_none(), "temporary files are swept up");
}
