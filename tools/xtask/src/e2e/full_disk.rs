//! The archive's filesystem fills up in the middle of archiving.

use std::path::{Path, PathBuf};

use super::crash::intact;
use super::{Runner, Setting};
use crate::error::{Result, check_failed};
use crate::files;
use crate::firn::Firn;
use crate::proc::Cmd;

/// Room that the second image gets, as a part of what the first one took.
const ROOM_DIVISOR: u64 = 8;

/// On a filesystem of its own, in which the first image fits and the second does not.
pub fn all(setting: &Setting, runner: &mut Runner) {
    runner.check("full disk", || full_disk(setting));
}

/// A small ext4 in a file, unmounted when dropped.
struct LoopDisk {
    dir: PathBuf,
    image: PathBuf,
}

impl LoopDisk {
    fn new(scratch: &Path, bytes: u64) -> Result<Self> {
        let disk = Self { dir: scratch.join("disk"), image: scratch.join("disk.img") };
        files::make_dir(&disk.dir)?;
        Cmd::words(&["truncate", "-s", &bytes.to_string()]).arg(&disk.image).run()?;
        Cmd::words(&["mkfs.ext4", "-q", "-F", "-m", "0"]).arg(&disk.image).run()?;
        Cmd::words(&["mount", "-o", "loop"]).arg(&disk.image).arg(&disk.dir).run()?;
        Ok(disk)
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        // Nothing in it is needed any more.
        let _ = Cmd::new("umount").arg(&self.dir).outcome();
        let _ = std::fs::remove_file(&self.image);
    }
}

/// Archives into a filesystem without room for the second image, then makes room and tries again.
///
/// # Errors
/// firn does not fail, fails without naming the cause, or harms the first image.
pub fn full_disk(setting: &Setting) -> Result<String> {
    let [first, second, ..] = setting.images.as_slice() else { return check_failed("needs two images") };
    let trial = setting.firn("trial");
    trial.init()?;
    trial.archive(&first.to_string())?;
    let one = files::tree_bytes(trial.archive_dir())?;
    files::remove_dir(trial.archive_dir())?;

    // Room for both, with ext4's own tables and journal; a filler makes it scarce for a while.
    let disk = LoopDisk::new(&setting.scratch, 4 * one + (256 << 20))?;
    let firn = Firn::new(&setting.program, &disk.dir.join("archive"));
    firn.init()?;
    firn.archive(&first.to_string())?;
    let filler = fill(&disk.dir, one / ROOM_DIVISOR)?;
    let output = firn.archive_cmd(&second.to_string()).outcome()?;
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    if output.status.success() {
        return check_failed("archiving succeeded although the disk is too small");
    }
    if !said.contains("space") {
        return check_failed(format!("the message does not name the full disk: {said}"));
    }
    if firn.names()?.iter().any(|n| n.rsplit(':').next() == Some(second.tag.as_str())) {
        return check_failed("the image is listed although archiving failed");
    }
    intact(&firn, first, setting)?;
    files::remove_file(&filler)?;
    firn.archive(&second.to_string())?;
    intact(&firn, second, setting)?;
    Ok(format!("refused with {} MB free, archived once there was room", one / ROOM_DIVISOR / 1_000_000))
}

/// Leaves only `room` bytes free and returns the file that takes the rest.
fn fill(dir: &Path, room: u64) -> Result<PathBuf> {
    let free = Cmd::words(&["df", "--output=avail", "-B1"]).arg(dir).text()?;
    let free: u64 = free.lines().last().and_then(|l| l.trim().parse().ok()).unwrap_or(0);
    let filler = dir.join("filler");
    if let Some(excess) = free.checked_sub(room) {
        Cmd::words(&["fallocate", "-l", &excess.to_string()]).arg(&filler).run()?;
    }
    Ok(filler)
}
