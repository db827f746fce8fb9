//! A mount as the lower directory of a real overlay filesystem, used as a root filesystem.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Runner, Setting};
use crate::error::{IoContext, Result, check_failed};
use crate::files;
use crate::firn::{Firn, Mount};
use crate::oci::ImageRef;
use crate::overlayfs::Overlayfs;
use crate::proc::Cmd;
use crate::trees::compare;
use crate::trees::snapshot::{self, Tree};

/// Checks on the first image that has `apt-get`.
pub fn all(setting: &Setting, runner: &mut Runner) {
    let Some(source) = setting.images.first() else { return };
    let firn = setting.firn("archive");
    let mut overlay = None;
    runner.check("overlay: mount", || {
        super::holding(&firn, &[source])?;
        overlay = Some(Overlay::new(&firn, source, &setting.scratch.join("overlay"))?);
        Ok(format!("{} below, a directory above", source.tag))
    });
    let Some(overlay) = overlay else { return };
    let root = overlay.root();
    runner.check("overlay: change lower files", || change(&root));
    runner.check("overlay: chroot", || chroot(&root));
    if root.join("usr/bin/apt-get").exists() {
        runner.check("overlay: apt-get install", || install(&root));
    }
    runner.check("overlay: the mount is untouched", || untouched(&overlay));
    runner.check("overlay: unmount", || overlay.unmount());
}

/// An overlay whose lower directory is a firn mount; taken apart when dropped, from above.
#[derive(Debug)]
pub struct Overlay {
    merged: Overlayfs,
    lower: Mount,
    dir: PathBuf,
    before: Tree,
}

impl Overlay {
    /// Mounts the image and the overlay below `dir`.
    ///
    /// # Errors
    /// A mount fails.
    pub fn new(firn: &Firn, source: &ImageRef, dir: &Path) -> Result<Self> {
        let lower = firn.mount(&source.tag, &dir.join("lower"))?;
        let before = snapshot::take(lower.dir(), true)?;
        let merged = Overlayfs::over(lower.dir(), dir, &[])?;
        Ok(Self { merged, lower, dir: dir.to_owned(), before })
    }

    /// The merged root.
    pub fn root(&self) -> PathBuf {
        self.merged.root().to_owned()
    }

    fn unmount(self) -> Result<String> {
        self.merged.unmount()?;
        self.lower.unmount()?;
        files::remove_dir(&self.dir)?;
        Ok("both".to_owned())
    }
}

/// chmod, chown, append, rename, hard link, delete, replace, and a directory made anew.
pub(super) fn change(root: &Path) -> Result<String> {
    let at = |path: &str| root.join(path);
    let passwd = at("etc/passwd");
    let before = files::read(&passwd)?;
    fs::set_permissions(&passwd, fs::Permissions::from_mode(0o600)).at("cannot chmod", &passwd)?;
    std::os::unix::fs::chown(&passwd, Some(7), Some(8)).at("cannot chown", &passwd)?;
    let meta = fs::metadata(&passwd).at("cannot stat", &passwd)?;
    expect("mode and owner", (meta.mode() & 0o7777, meta.uid(), meta.gid()), (0o600, 7, 8))?;
    expect("content after the copy up", files::read(&passwd)?, before.clone())?;

    let renamed = at("etc/passwd.renamed");
    files::rename(&passwd, &renamed)?;
    expect("old name", passwd.exists(), false)?;
    fs::hard_link(&renamed, &passwd).at("cannot link", &renamed)?;
    expect("names", fs::metadata(&passwd).at("cannot stat", &passwd)?.nlink(), 2)?;
    files::write(&renamed, "through one name")?;
    expect("the other name", files::read(&passwd)?, b"through one name".to_vec())?;
    files::write(&passwd, &before)?;
    fs::remove_file(&renamed).at("cannot remove", &renamed)?;

    let release = at("usr/lib/os-release");
    fs::remove_file(&release).at("cannot remove", &release)?;
    expect("deleted file", release.exists(), false)?;
    files::write(&release, "ID=replaced\n")?;
    expect("replaced file", files::read(&release)?, b"ID=replaced\n".to_vec())?;

    let dir = at("usr/share/common-licenses");
    files::remove_dir(&dir)?;
    files::make_dir(&dir)?;
    expect("directory made anew", files::list(&dir)?.len(), 0)?;
    Ok("chmod, chown, rename, link, write, delete, replace".to_owned())
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<()> {
    if found == expected { Ok(()) } else { check_failed(format!("{what}: expected {expected:?}, found {found:?}")) }
}

pub(super) fn chroot(root: &Path) -> Result<String> {
    let seen = Cmd::in_chroot(root, "/bin/sh").args(["-c", "ls /usr/bin | wc -l && cat /etc/os-release"]).text()?;
    if !seen.contains("ID=replaced") {
        return check_failed(format!("/etc/os-release in the chroot: {seen}"));
    }
    Ok(format!("{} programs seen", seen.lines().next().unwrap_or_default().trim()))
}

/// Installs a package that the image does not have, with the host's name resolution, and runs it.
pub(super) fn install(root: &Path) -> Result<String> {
    let resolv = root.join("etc/resolv.conf");
    files::write(&resolv, files::read(Path::new("/etc/resolv.conf"))?)?;
    Cmd::in_chroot(root, "apt-get").args(["-q", "update"]).run()?;
    Cmd::in_chroot(root, "apt-get")
        .args(["-q", "-y", "--no-install-recommends", "install", "hello", "iputils-ping"])
        .run()?;
    let said = Cmd::in_chroot(root, "hello").text()?;
    let audit = Cmd::in_chroot(root, "dpkg").args(["--audit"]).text()?;
    if !audit.is_empty() {
        return check_failed(format!("dpkg finds fault: {audit}"));
    }
    Ok(said)
}

/// After all that the lower mount is what it was.
fn untouched(overlay: &Overlay) -> Result<String> {
    let differences = compare::compare(&overlay.before, &snapshot::take(overlay.lower.dir(), true)?);
    compare::none(&overlay.before, &differences)
}
