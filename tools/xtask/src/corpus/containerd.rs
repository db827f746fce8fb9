//! Go's standard gzip encoder, reached through containerd's image import.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::json;

use super::compress::one_layer_config;
use crate::error::{IoContext, Result, check_failed};
use crate::files;
use crate::proc::Cmd;

/// How long containerd may take to answer.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A private containerd that ends with this value.
struct Daemon {
    child: Child,
    sockets: PathBuf,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It was only started for one import: nothing in it has to survive.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = files::remove_dir(&self.sockets);
    }
}

/// Compresses one layer as containerd does when it imports an image with plain layers.
///
/// # Errors
/// containerd does not start, or does not import the image.
pub fn compress(tar: &Path, diff_id: &str, scratch: &Path, out: &Path) -> Result<()> {
    let image = docker_archive(tar, diff_id, scratch)?;
    let home = scratch.join("containerd");
    files::make_dir(&home)?;
    let (daemon, socket) = start(&home)?;
    Cmd::words(&["ctr", "-a", &socket, "image", "import", "--compress-blobs", "--no-unpack"]).arg(&image).run()?;
    drop(daemon);
    let blobs = files::list(&home.join("root/io.containerd.content.v1.content/blobs/sha256"))?;
    for blob in blobs {
        if files::read_prefix(&blob, 2)? == [0x1f, 0x8b] {
            return fs::rename(&blob, out).at("cannot move", &blob);
        }
    }
    check_failed("containerd imported an image and left no gzip blob")
}

fn start(home: &Path) -> Result<(Daemon, String)> {
    let home = files::absolute(home)?;
    let at = home.display();
    // A socket's path may have 107 bytes: too few for a deep target directory.
    let sockets = std::env::temp_dir().join(format!("firn-containerd-{}", std::process::id()));
    files::fresh_dir(&sockets)?;
    let (socket, ttrpc) = (sockets.join("s"), sockets.join("t"));
    let off = [
        "snapshotter.v1.btrfs",
        "snapshotter.v1.devmapper",
        "snapshotter.v1.zfs",
        "snapshotter.v1.aufs",
        "grpc.v1.cri",
    ];
    let off: Vec<String> = off.iter().map(|p| format!("\"io.containerd.{p}\"")).collect();
    let config = format!(
        "version = 2\nroot = \"{at}/root\"\nstate = \"{at}/state\"\ndisabled_plugins = [{}]\n[grpc]\naddress = {socket:?}\n[ttrpc]\naddress = {ttrpc:?}\n",
        off.join(", ")
    );
    files::write(&home.join("config.toml"), config)?;
    let log = home.join("log");
    let mut command = std::process::Command::new("containerd");
    command.arg("-c").arg(home.join("config.toml")).stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::null()).stderr(fs::File::create(&log).at("cannot create", &log)?);
    let child =
        command.spawn().map_err(|source| crate::error::Error::Start { program: "containerd".into(), source })?;
    let daemon = Daemon { child, sockets };
    let socket = socket.display().to_string();
    let begun = Instant::now();
    while Cmd::words(&["ctr", "-a", &socket, "--connect-timeout", "1s", "version"]).run().is_err() {
        if begun.elapsed() > START_LIMIT {
            return check_failed(format!("containerd did not start; its log: {}", log.display()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok((daemon, socket))
}

/// A `docker save` archive with one uncompressed layer.
fn docker_archive(tar: &Path, diff_id: &str, scratch: &Path) -> Result<PathBuf> {
    let dir = scratch.join("docker");
    files::make_dir(&dir)?;
    files::write(&dir.join("config.json"), one_layer_config(diff_id).to_string())?;
    let manifest = json!([{ "Config": "config.json", "RepoTags": ["local/one:1"], "Layers": ["layer.tar"] }]);
    files::write(&dir.join("manifest.json"), manifest.to_string())?;
    files::link_or_copy(tar, &dir.join("layer.tar"))?;
    let image = scratch.join("image.tar");
    Cmd::new("tar")
        .arg("-C")
        .arg(&dir)
        .arg("-cf")
        .arg(&image)
        .args(["manifest.json", "config.json", "layer.tar"])
        .run()?;
    files::remove_dir(&dir)?;
    Ok(image)
}
