//! `cargo xtask setup`: installs what a purpose needs and the machine lacks.

use std::path::Path;

use crate::error::{Error, Result};
use crate::proc::{self, Cmd};

/// Something that has to be there, and the Debian package that brings it.
struct Need {
    /// A program, or an absolute path.
    what: &'static str,
    package: &'static str,
}

const fn need(what: &'static str, package: &'static str) -> Need {
    Need { what, package }
}

/// A C compiler builds the zstd library; fusermount3 mounts for users who are not root; Python
/// compresses the demo's layers.
const DEMO: &[Need] = &[
    need("cc", "gcc"),
    need("/usr/include/errno.h", "libc6-dev"),
    need("fusermount3", "fuse3"),
    need("python3", "python3"),
];

const TEST: &[Need] = &[
    need("umoci", "umoci"),
    need("skopeo", "skopeo"),
    need("debootstrap", "debootstrap"),
    need("containerd", "containerd"),
    need("ctr", "containerd"),
    need("runc", "runc"),
    need("/bin/busybox", "busybox-static"),
    need("rsync", "rsync"),
    need("getfattr", "attr"),
    need("getfacl", "acl"),
    need("pigz", "pigz"),
    need("gzip", "gzip"),
    need("zstd", "zstd"),
    need("jq", "jq"),
    need("mkfs.ext4", "e2fsprogs"),
    need("losetup", "mount"),
    need("fsck.erofs", "erofs-utils"),
    need("/etc/ssl/certs/ca-certificates.crt", "ca-certificates"),
];

const BENCH: &[Need] =
    &[need("restic", "restic"), need("borg", "borgbackup"), need("rclone", "rclone"), need("/usr/bin/time", "time")];

/// Installs what is missing for `demo`, `test` or `bench`; each includes those before it. Tests run on SeaweedFS, too, which is no
/// Debian package.
///
/// # Errors
/// The purpose is unknown; something is missing and this is not root on a machine with apt-get; apt-get fails.
pub fn run(purpose: &str) -> Result<()> {
    let lists: &[&[Need]] = match purpose {
        "demo" => &[DEMO],
        "test" => &[DEMO, TEST],
        "bench" => &[DEMO, TEST, BENCH],
        other => return Err(Error::Usage(format!("setup --for takes demo, test or bench, not `{other}`"))),
    };
    packages(purpose, lists)?;
    if purpose == "demo" { Ok(()) } else { crate::weed::install() }
}

fn packages(purpose: &str, lists: &[&[Need]]) -> Result<()> {
    let missing = missing(lists);
    if missing.is_empty() {
        println!("setup: everything for {purpose} is here");
        return Ok(());
    }
    let line = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    if !proc::exists("apt-get") {
        return Err(Error::Usage(format!("missing here: {}; on Debian it would be `{line}`", missing.join(" "))));
    }
    if !proc::is_root() {
        return Err(Error::Usage(format!("missing here: {}; run as root: {line}", missing.join(" "))));
    }
    println!("setup: installing {}", missing.join(" "));
    let apt = |words: &[&str]| Cmd::words(&["apt-get", "-q"]).args(words).env("DEBIAN_FRONTEND", "noninteractive");
    apt(&["update"]).run()?;
    apt(&["install", "-y", "--no-install-recommends"]).args(&missing).run()?;
    let still = self::missing(lists);
    if still.is_empty() {
        Ok(())
    } else {
        Err(Error::Check(format!("installed, and still missing: {}", still.join(" "))))
    }
}

fn missing(lists: &[&[Need]]) -> Vec<&'static str> {
    let mut packages: Vec<&'static str> = Vec::new();
    for need in lists.iter().copied().flatten() {
        let there = if need.what.starts_with('/') { Path::new(need.what).exists() } else { proc::exists(need.what) };
        if !there && !packages.contains(&need.package) {
            packages.push(need.package);
        }
    }
    // A module, not a program: only asking Python tells.
    let wants_pip = lists.iter().copied().flatten().any(|n| n.what == "umoci");
    if wants_pip && Cmd::words(&["python3", "-m", "pip", "--version"]).run().is_err() {
        packages.push("python3-pip");
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_once_by_its_package() {
        let list: &[Need] =
            &[need("sh", "dash"), need("no-such-program", "p"), need("/no/such/file", "p"), need("/", "base")];
        assert_eq!(missing(&[list]), ["p"]);
    }

    #[test]
    fn an_unknown_purpose_is_refused() {
        assert!(matches!(run("fun"), Err(Error::Usage(_))));
    }
}
