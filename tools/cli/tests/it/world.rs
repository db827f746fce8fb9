//! A scratch directory with an archive and an image, and the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::layout::Layout;
use crate::tarball::{Member, Tar};

pub struct World {
    pub dir: tempfile::TempDir,
    pub layout: Layout,
}

/// What a command did.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}

impl World {
    /// An archive with the image `app:1` in it.
    pub fn new() -> Self {
        let mut world = World::empty();
        let base = Tar::default()
            .dir("./")
            .dir("etc/")
            .file("etc/os-release", b"NAME=test\n")
            .symlink("etc/link", "os-release")
            .file("big", &noise(1, 700_000))
            .member(Member { path: "bin/su", mode: 0o4755, data: b"#!", ..Member::default() })
            .finish();
        let top = Tar::default().file("etc/.wh.link", b"").hardlink("big-too", "big").finish();
        // A hard link to a lower layer's file needs the file's name in this layer's view: it is there.
        world.layout.image("app", &[base, top]);
        assert_eq!(world.firn(&["init", "--pack-size", "1M", "--frame-size", "256K", "--window", "512K"]).code, 0);
        let ran = world.firn(&["archive", &world.layout.reference("app"), "--name", "app:1"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        world
    }

    pub fn empty() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let layout = Layout::new(&dir.path().join("layout"));
        World { dir, layout }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A new directory to mount on, unmounted in the end.
    pub fn mount_point(&self, name: &str) -> Mounted {
        let dir = self.path(name);
        std::fs::create_dir(&dir).unwrap();
        Mounted(dir)
    }

    pub fn archive(&self) -> PathBuf {
        self.path("archive")
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
        command.args(words).current_dir(self.dir.path());
        command.env("FIRN_ARCHIVE", self.archive()).env("XDG_CONFIG_HOME", self.path("no-config"));
        command
    }

    pub fn firn(&self, words: &[&str]) -> Ran {
        ran(self.command(words).output().unwrap())
    }

    pub fn json(&self, words: &[&str]) -> serde_json::Value {
        let ran = self.firn(&[words, &["--json"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        serde_json::from_str(&ran.out).unwrap()
    }
}

pub fn ran(output: Output) -> Ran {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// Waits for something that happens in the background.
pub fn wait_until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A mount that goes away with the test.
pub struct Mounted(pub PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

pub fn is_mounted(path: &Path) -> bool {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.lines().any(|line| line.split(' ').nth(4) == path.to_str())
}
